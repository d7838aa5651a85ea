# SPDX-License-Identifier: Apache-2.0
"""detect-secrets over rows, in a process of its own. Started by `compare.py`, in its environment.

Reads one JSON object from standard input (`texts`, `mode`, `rounds`, `piece`), writes one to
standard output.

All plugins and all default filters, as `detect-secrets scan` has them; no verification, so nothing
goes over the network. Mode `file` writes each text to a file `row.txt` and scans it, as the command
does over a directory: strings of high entropy count only in quotes. Mode `line` gives each line to
`scan_line`, as `detect-secrets scan --string` does: high entropy counts without quotes as well. Of
what that reports, only what the command prints as `True` counts: it also reports strings that are
below the limit of entropy.
"""

import json
import logging
import os
import sys
import tempfile

import meter

START = meter.cpu()

from detect_secrets.core import plugins, scan  # noqa: E402
from detect_secrets.settings import default_settings, get_plugins  # noqa: E402


def sure(secret):
    plugin = plugins.initialize.from_secret_type(secret.type)
    return plugin.format_scan_result(secret).startswith("True")


def main():
    job = json.load(sys.stdin)
    logging.disable(logging.WARNING)
    with default_settings(), tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "row.txt")

        def in_line(text):
            return sorted({one.type for line in text.splitlines() for one in scan.scan_line(line)
                           if sure(one)})

        def in_file(text):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            return sorted({one.type for one in scan.scan_file(path)})

        look = in_line if job["mode"] == "line" else in_file
        look("token = 1")
        start = meter.cpu() - START
        answers, cost = meter.measure(look, job["texts"], job["rounds"], job["piece"])
        count = len(get_plugins())
    json.dump({
        "answers": answers,
        "plugins": count,
        "versions": meter.versions("detect-secrets"),
        "cost": {**cost, "start_ms": start * 1e3, "rss_mib": meter.peak_mib()},
    }, sys.stdout)


main()
