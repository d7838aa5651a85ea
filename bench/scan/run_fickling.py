# SPDX-License-Identifier: Apache-2.0
"""fickling, in its environment, with torch. Started by `tools.py`.

Its functions for scanning without loading: `scan_zip_archive` for zip archives, `scan_file` for all
else, both in the mode that reports errors instead of raising them. Flagged: a severity above
`LIKELY_SAFE` in the analysis of a pickle. An error: a pickle that it cannot read. fickling reads
pickles only; what does not begin with an instruction of pickles is not scanned.
"""

import pickletools
import zipfile

from worker import CLEAN, ERROR, FLAGGED, SKIPPED, serve

import fickling

OPCODES = {ord(opcode.code) for opcode in pickletools.opcodes}
SAFE = fickling.analysis.Severity.LIKELY_SAFE


def look(path):
    if zipfile.is_zipfile(path):
        results = list(fickling.scan_zip_archive(path, graceful=True).values())
        if not results:
            return SKIPPED, "an archive without members of its endings"
    else:
        with open(path, "rb") as file:
            first = file.read(1)
        if not first or first[0] not in OPCODES:
            return SKIPPED, "does not begin as a pickle"
        results = [fickling.scan_file(path, graceful=True)]
    severities = [one.severity for result in results for one in result.results]
    if severities and max(severities) > SAFE:
        return FLAGGED, max(severities).name
    errors = [error for result in results for error in result.errors]
    return (ERROR, errors[0]) if errors else (CLEAN, "")


serve(look)
