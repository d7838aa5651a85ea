# SPDX-License-Identifier: Apache-2.0
"""How findings are scored against labelled rows. Nothing here knows a tool.

A span is `(start, end, type)`, in characters, end exclusive. Predictions and labels are lists of
spans, one list a row.

Exact: a prediction is right when a label of the same row has the same start, end and type. A label
is found when a prediction is right about it. So each counts once on either side.

Overlap: a prediction is right when it shares at least one character with a label of the same type.
A label is found when at least one prediction of its type shares a character with it. Several
predictions over one label are all right, and one prediction over two labels finds both; so
precision counts predictions and recall counts labels.

Precision = right predictions / predictions, recall = found labels / labels, F1 = their harmonic
mean, 0 when both are 0. Micro: of the sums over types. Macro: the mean of F1 over the types asked
for that have at least one label; a type without a prediction has F1 0.

Predictions of types that the labels do not have count in no figure by type; how many there are is
reported apart. A clean row is one without any label; it is flagged when there is any prediction
in it.
"""

from collections import Counter

# Types that no form and no check digit tells, or that the rows hold too few of. They are scored by
# overlap only; everything else is structured and scored exactly as well.
FREE = {
    "AGE", "DATE_OF_BIRTH", "DATE_TIME", "DOMAIN_NAME", "GPE", "NRP", "ORGANIZATION", "PERSON",
    "STREET_ADDRESS", "TITLE", "US_DRIVER_LICENSE", "ZIP_CODE",
}


def ratio(part, whole):
    return part / whole if whole else None


def f1(precision, recall):
    precision, recall = precision or 0.0, recall or 0.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def overlaps(one, other):
    return one[0] < other[1] and other[0] < one[1]


def by_type(labels, predictions, exact):
    """`{type: {labels, predicted, right, found, precision, recall, f1}}` for all types labelled."""
    counts = {name: Counter() for name in ("labels", "predicted", "right", "found")}
    for wanted, got in zip(labels, predictions, strict=True):
        # One finding may be reported twice; it counts once.
        got = set(map(tuple, got))
        wanted = set(map(tuple, wanted))
        for span in wanted:
            hit = span in got if exact else any(s[2] == span[2] and overlaps(s, span) for s in got)
            counts["labels"][span[2]] += 1
            counts["found"][span[2]] += hit
        for span in got:
            hit = span in wanted if exact else any(
                s[2] == span[2] and overlaps(s, span) for s in wanted
            )
            counts["predicted"][span[2]] += 1
            counts["right"][span[2]] += hit
    return {
        name: with_rates({key: counts[key][name] for key in counts})
        for name in sorted(counts["labels"])
    }


def with_rates(sums):
    precision = ratio(sums["right"], sums["predicted"])
    recall = ratio(sums["found"], sums["labels"])
    return {**sums, "precision": precision, "recall": recall, "f1": f1(precision, recall)}


def micro(types, asked):
    keys = ("labels", "predicted", "right", "found")
    return with_rates({key: sum(types[name][key] for name in types if name in asked) for key in keys})


def macro(types, asked):
    """The mean F1 of the asked types that have labels, and how many those are."""
    values = [types[name]["f1"] for name in types if name in asked]
    return {"types": len(values), "f1": ratio(sum(values), len(values))}


def clean_rows(labels, flagged):
    clean = [bool(found) for wanted, found in zip(labels, flagged, strict=True) if not wanted]
    return {"clean": len(clean), "flagged": sum(clean), "share": ratio(sum(clean), len(clean))}


def rows(truth, flagged):
    """Whole rows, yes or no: `truth` and `flagged` are lists of booleans."""
    pairs = Counter(zip(map(bool, truth), map(bool, flagged), strict=True))
    right, missed = pairs[True, True], pairs[True, False]
    false, quiet = pairs[False, True], pairs[False, False]
    precision, recall = ratio(right, right + false), ratio(right, right + missed)
    return {
        "positive": right + missed, "negative": false + quiet, "right": right, "false": false,
        "precision": precision, "recall": recall, "f1": f1(precision, recall),
        "false_positive_rate": ratio(false, false + quiet),
    }


def auc(positive, negative):
    """The chance that a positive scores higher than a negative, a tie counting half."""
    if not positive or not negative:
        return None
    ranked = sorted([(score, True) for score in positive] + [(score, False) for score in negative])
    below = wins = at = 0
    while at < len(ranked):
        same = at
        while same < len(ranked) and ranked[same][0] == ranked[at][0]:
            same += 1
        attacks = sum(label for _, label in ranked[at:same])
        ordinary = same - at - attacks
        wins += attacks * (below + ordinary / 2)
        below += ordinary
        at = same
    return wins / (len(positive) * len(negative))


def recall_at(positive, negative, share):
    """Recall at the lowest threshold above which at most `share` of the negatives score.

    A row is flagged when it scores strictly more than the threshold.
    """
    if not positive or not negative:
        return None
    allowed = int(share * len(negative) + 1e-9)
    threshold = sorted(negative, reverse=True)[allowed]
    return {
        "recall": sum(score > threshold for score in positive) / len(positive),
        "false_positives": sum(score > threshold for score in negative),
        "threshold": threshold,
    }
