# SPDX-License-Identifier: Apache-2.0
"""modelaudit, in its environment, with `[all]`. Started by `tools.py`.

Its public function for a file, default settings without cache, judged as the command's exit status:
flagged is 1 (a finding of severity warning or critical); 2 is not scanned if no scanner took the
file, else an error (an inconclusive or failed scan).

All files go through one process, as those of a directory do in the command, which says the same of
them: what the scans before have loaded changes its verdicts, and a file by itself is flagged less
often. It sends what it finds to its makers unless told not to; here it is told.
"""

import logging
import os

os.environ |= {"PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_ANALYTICS": "1", "CUDA_VISIBLE_DEVICES": ""}

from worker import CLEAN, ERROR, FLAGGED, SKIPPED, serve  # noqa: E402

from modelaudit import scan_model_directory_or_file  # noqa: E402
from modelaudit.core_results import determine_exit_code  # noqa: E402


def look(path):
    found = scan_model_directory_or_file(path, cache_enabled=False)
    status = determine_exit_code(found)
    words = next((issue.message for issue in found.issues
                  if issue.severity.name in ("WARNING", "CRITICAL")), "")
    if status == 0:
        return CLEAN, ""
    if status == 1:
        return FLAGGED, words
    unknown = not found.files_scanned or set(found.scanner_names) <= {"unknown"}
    return (SKIPPED, "no scanner for it") if unknown else (ERROR, "inconclusive")


logging.disable(logging.CRITICAL)
serve(look)
