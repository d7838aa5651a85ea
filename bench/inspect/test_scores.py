# SPDX-License-Identifier: Apache-2.0
"""`python3 -m unittest discover -s bench/inspect`"""

import sys
import unittest

sys.dont_write_bytecode = True

import compare  # noqa: E402
import scores  # noqa: E402


class Spans(unittest.TestCase):
    def check(self, wanted, got, exact, expected):
        types = scores.by_type([wanted], [got], exact)
        self.assertEqual({t: (v["right"], v["predicted"], v["found"], v["labels"])
                          for t, v in types.items()}, expected)

    def test_exact(self):
        self.check([[0, 4, "A"]], [[0, 4, "A"]], True, {"A": (1, 1, 1, 1)})
        self.check([[0, 4, "A"]], [[0, 4, "A"], [0, 4, "A"]], True, {"A": (1, 1, 1, 1)})
        self.check([[0, 4, "A"]], [[0, 3, "A"]], True, {"A": (0, 1, 0, 1)})
        self.check([[0, 4, "A"]], [[0, 4, "B"]], True, {"A": (0, 0, 0, 1)})

    def test_overlap(self):
        self.check([[0, 4, "A"]], [[3, 9, "A"]], False, {"A": (1, 1, 1, 1)})
        self.check([[0, 4, "A"]], [[4, 9, "A"]], False, {"A": (0, 1, 0, 1)})
        self.check([[0, 9, "A"]], [[0, 2, "A"], [5, 6, "A"]], False, {"A": (2, 2, 1, 1)})
        self.check([[0, 2, "A"], [5, 6, "A"]], [[0, 9, "A"]], False, {"A": (1, 1, 2, 2)})

    def test_averages(self):
        types = scores.by_type(
            [[[0, 1, "A"], [2, 3, "A"], [4, 5, "B"]]], [[[0, 1, "A"], [2, 3, "A"]]], True)
        self.assertEqual(scores.macro(types, {"A", "B", "C"}), {"types": 2, "f1": 0.5})
        self.assertAlmostEqual(scores.micro(types, {"A", "B"})["f1"], 0.8)


class Rows(unittest.TestCase):
    def test_rates(self):
        got = scores.rows([True, True, False, False], [True, False, True, False])
        self.assertEqual((got["precision"], got["recall"], got["false_positive_rate"]),
                         (0.5, 0.5, 0.5))

    def test_auc(self):
        self.assertEqual(scores.auc([0.9, 0.8], [0.1, 0.2]), 1.0)
        self.assertEqual(scores.auc([0.5], [0.5]), 0.5)
        self.assertEqual(scores.auc([0.1, 0.9], [0.5]), 0.5)
        self.assertIsNone(scores.auc([], [0.5]))

    def test_recall_at_one_per_cent(self):
        # Of 100 ordinary rows one may be flagged, of 99 none.
        ordinary = [index / 1000 for index in range(100)]
        self.assertEqual(scores.recall_at([0.0985], ordinary, 0.01)["recall"], 1.0)
        self.assertEqual(scores.recall_at([0.0985], ordinary, 0.01)["false_positives"], 1)
        self.assertEqual(scores.recall_at([0.0985], ordinary[1:], 0.01)["recall"], 0.0)


class Presidio(unittest.TestCase):
    def test_names_are_translated(self):
        labels = [[0, 9, "STREET_ADDRESS"]]
        self.assertEqual(compare.translate([[2, 4, "LOCATION", 1.0]], labels),
                         [[2, 4, "STREET_ADDRESS"]])
        self.assertEqual(compare.translate([[12, 14, "LOCATION", 1.0]], labels), [[12, 14, "GPE"]])
        self.assertEqual(compare.translate([[2, 4, "UUID", 1.0]], labels), [[2, 4, "presidio:UUID"]])
        # A date of birth is a date: not scored as one, and not held against it.
        self.assertEqual(compare.translate([[0, 4, "DATE_TIME", 1.0]], [[0, 4, "DATE_OF_BIRTH"]]), [])

    def test_of_overlapping_findings_the_surest_stays(self):
        spans = [[0, 9, "A", 0.4], [0, 5, "B", 0.9], [20, 22, "C", 0.1]]
        self.assertEqual(compare.resolve(spans, 0.2), [[0, 5, "B", 0.9]])
        self.assertEqual(compare.resolve(spans, 0.0), [[0, 5, "B", 0.9], [20, 22, "C", 0.1]])


if __name__ == "__main__":
    unittest.main()
