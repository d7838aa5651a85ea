# SPDX-License-Identifier: Apache-2.0
"""fickling, in its environment, with torch. Started by `tools.py`.

Its functions for scanning without loading: `scan_zip_archive` for zip archives, `scan_file` for all
else, both in the mode that reports errors instead of raising them. Flagged: a severity above
`LIKELY_SAFE` in the analysis of a pickle. An error: a pickle that it cannot read.

fickling is for pickles, and takes the beginnings of other formats for broken ones. So as not to hold
that against it, other files are not scanned: those that have neither PROTO at their beginning nor
an instruction that imports, calls or stops where Python's own disassembler reads to.
"""

import pickletools
import zipfile

from worker import CLEAN, ERROR, FLAGGED, SKIPPED, serve

import fickling

TELLING = {"GLOBAL", "INST", "REDUCE", "STOP"}
SAFE = fickling.analysis.Severity.LIKELY_SAFE


def is_pickle(data):
    if data[:1] == b"\x80":
        return True
    try:
        return any(opcode.name in TELLING for opcode, _, _ in pickletools.genops(data))
    except Exception:  # It raises many kinds.
        return False


def look(path):
    if zipfile.is_zipfile(path):
        results = list(fickling.scan_zip_archive(path, graceful=True).values())
        if not results:
            return SKIPPED, "an archive without members of its endings"
    else:
        with open(path, "rb") as file:
            if not is_pickle(file.read()):
                return SKIPPED, "no pickle"
        results = [fickling.scan_file(path, graceful=True)]
    severities = [one.severity for result in results for one in result.results]
    if severities and max(severities) > SAFE:
        return FLAGGED, max(severities).name
    errors = [error for result in results for error in result.errors]
    return (ERROR, errors[0]) if errors else (CLEAN, "")


serve(look)
