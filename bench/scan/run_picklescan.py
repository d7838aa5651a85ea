# SPDX-License-Identifier: Apache-2.0
"""picklescan, in its environment. Started by `tools.py`.

Mode `files` is `picklescan --path FILE`, mode `directories` is `picklescan --path DIRECTORY`, where
files of other endings than its own are left out: each file is linked into a directory of its own,
so that the result is known by file. Flagged is what the command's exit status calls infected: at
least one dangerous global. An error is its status 2.
"""

import logging
import os
import sys
import tempfile

from worker import CLEAN, ERROR, FLAGGED, SKIPPED, serve

from picklescan.scanner import scan_directory_path, scan_file_path


def by_file(path):
    return judged(scan_file_path(path))


def by_directory(path):
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(path, os.path.join(folder, os.path.basename(path)))
        return judged(scan_directory_path(folder))


def judged(found):
    if found.issues_count:
        return FLAGGED, f"{found.issues_count} dangerous globals"
    if found.scan_err:
        return ERROR, "scan failed"
    return (CLEAN, "") if found.scanned_files else (SKIPPED, "no file of its own endings")


logging.disable(logging.CRITICAL)
serve({"files": by_file, "directories": by_directory}[sys.argv[1]])
