# SPDX-License-Identifier: Apache-2.0
"""`python3 -m unittest discover -s bench/scan`"""

import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

sys.dont_write_bytecode = True

import scores  # noqa: E402
import tools  # noqa: E402
from worker import CLEAN, ERROR, FLAGGED, SKIPPED  # noqa: E402

EXPECTED = {
    "a": ("hostile", "pickle"), "b": ("hostile", "pickle"), "c": ("hostile", "pickle"),
    "d": ("hostile", "zip"), "e": ("malformed", "malformed: zip"), "f": ("malformed", "malformed: zip"),
    "g": ("harmless", ""), "h": ("harmless", ""), "i": ("harmless", ""), "j": ("harmless", ""),
}
RESULTS = {"a": FLAGGED, "b": ERROR, "c": CLEAN, "d": FLAGGED, "e": CLEAN, "f": SKIPPED,
           "g": CLEAN, "h": FLAGGED, "i": ERROR, "j": SKIPPED}


class Figures(unittest.TestCase):
    def test_rates(self):
        got = scores.figures(EXPECTED, RESULTS)
        self.assertEqual((got["recall"], got["stopped"]), (0.5, 0.75))
        self.assertAlmostEqual(got["recall_mean_over_families"], (1 / 3 + 1) / 2)
        self.assertEqual((got["false_positives"], got["harmless_refused"]), (0.25, 0.5))
        # What was not scanned was not called clean, and was not found either.
        self.assertEqual(got["malformed_called_clean"], 1)
        self.assertEqual(got["kinds"]["malformed"][SKIPPED], 1)

    def test_families_leave_harmless_files_out(self):
        got = scores.families(EXPECTED, RESULTS)
        self.assertEqual(list(got), ["malformed: zip", "pickle", "zip"])
        self.assertEqual(got["pickle"], {"files": 3, FLAGGED: 1, ERROR: 1, SKIPPED: 0, CLEAN: 1})

    def test_unexpected(self):
        self.assertEqual(scores.unexpected(EXPECTED, RESULTS),
                         {"called clean": ["c", "e"], "not clean": ["h", "i", "j"]})

    def test_no_files(self):
        self.assertIsNone(scores.figures({}, {})["recall"])

    def test_every_file_needs_a_result(self):
        with self.assertRaises(KeyError):
            scores.figures(EXPECTED, {})


SCANNER = """
    import os, sys, time
    sys.path.insert(0, sys.argv[1])
    from worker import CLEAN, FLAGGED, serve

    def look(path):
        name = os.path.basename(path)
        if name == "dies":
            os._exit(7)
        if name == "hangs":
            time.sleep(60)
        if name == "raises":
            raise ValueError("no")
        print("noise of the scanner")
        return (FLAGGED, "bad") if name == "hostile" else (CLEAN, "")

    serve(look)
"""


class Workers(unittest.TestCase):
    def test_a_file_costs_only_its_own_result(self):
        with tempfile.TemporaryDirectory() as place:
            place = Path(place)
            script = place / "scanner.py"
            script.write_text(textwrap.dedent(SCANNER))
            folder = place / "files"
            folder.mkdir()
            for name in ("a", "dies", "hangs", "hostile", "raises", "z"):
                (folder / name).write_bytes(b"x")
            worker = tools.Worker("it", sys.executable, script, str(tools.HERE), limit=0.5, start=2)
            run = worker.run(folder)
        self.assertEqual(run.results, {"a": CLEAN, "dies": ERROR, "hangs": ERROR, "hostile": FLAGGED,
                                       "raises": ERROR, "z": CLEAN})
        self.assertEqual((run.timeouts, run.crashes), (1, 1))
        self.assertEqual(run.words["raises"], "ValueError: no")
        self.assertGreater(run.cpu, 0)


if __name__ == "__main__":
    unittest.main()
