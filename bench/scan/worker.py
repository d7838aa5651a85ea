# SPDX-License-Identifier: Apache-2.0
"""The part that all scanners' processes share: paths come in, one line of JSON a file goes out.

What the scanners print themselves goes to standard error, so that it does not mix with results.
"""

import json
import os
import sys
import traceback

FLAGGED, ERROR, SKIPPED, CLEAN = "flagged", "error", "not scanned", "clean"


def serve(look):
    """Answers every path on standard input with what `look` says: a result and a few words."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        path = line.rstrip("\n")
        try:
            result, words = look(path)
        except Exception as error:
            result, words = ERROR, traceback.format_exception_only(error)[-1].strip()
        print(json.dumps({"path": path, "result": result, "words": str(words)[:200]}), file=out,
              flush=True)
