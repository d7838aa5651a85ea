# SPDX-License-Identifier: Apache-2.0
"""modelscan, in its environment, with TensorFlow and h5py. Started by `tools.py`.

The command's own class with default settings, one scan per file. Flagged: at least one issue of any
severity (exit status 1). An error: status 2. Not scanned: none of its scanners took the file (3).
"""

import logging
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

from worker import CLEAN, ERROR, FLAGGED, SKIPPED, serve  # noqa: E402

from modelscan.modelscan import ModelScan  # noqa: E402

logging.disable(logging.CRITICAL)
SCANNER = ModelScan()


def look(path):
    SCANNER.scan(path)
    if SCANNER.issues.all_issues:
        return FLAGGED, f"{len(SCANNER.issues.all_issues)} issues"
    if SCANNER.errors:
        return ERROR, SCANNER.errors[0]
    return (CLEAN, "") if SCANNER.scanned else (SKIPPED, "no scanner for it")


serve(look)
