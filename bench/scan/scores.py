# SPDX-License-Identifier: Apache-2.0
"""What is counted. Every file has one result by each tool: flagged, error, not scanned, or clean.

- *recall*: hostile files that are flagged.
- *stopped*: hostile files that are flagged or end in an error. Who takes only what passes a scanner
  without complaint is safe from these.
- *mean over families*: the mean of the families' recall, so that families of many names count no
  more than those of few tricks.
- *called clean*: files that were scanned, without a finding or an error.
- *false positives*: harmless files that are flagged; *refused*: flagged or in error.
"""

from collections import Counter

from worker import CLEAN, ERROR, FLAGGED, SKIPPED

HOSTILE, MALFORMED, HARMLESS = "hostile", "malformed", "harmless"


def tally(expected, results):
    """Numbers of each result by kind of file. `expected` is `{name: (kind, family)}`."""
    counts = {kind: Counter() for kind in (HOSTILE, MALFORMED, HARMLESS)}
    for name, (kind, _) in expected.items():
        counts[kind][results[name]] += 1
    return {kind: {"files": count.total(), **{what: count[what] for what in (
        FLAGGED, ERROR, SKIPPED, CLEAN)}} for kind, count in counts.items()}


def families(expected, results):
    """The same by family, for files that are not harmless."""
    counts = {}
    for name, (kind, family) in expected.items():
        if kind != HARMLESS:
            counts.setdefault(family, Counter())[results[name]] += 1
    return {family: {"files": count.total(), FLAGGED: count[FLAGGED], ERROR: count[ERROR],
                     SKIPPED: count[SKIPPED], CLEAN: count[CLEAN]}
            for family, count in sorted(counts.items())}


def share(part, whole):
    return part / whole if whole else None


def figures(expected, results):
    """All figures of one tool."""
    by_kind, by_family = tally(expected, results), families(expected, results)
    hostile, malformed, harmless = (by_kind[kind] for kind in (HOSTILE, MALFORMED, HARMLESS))
    wicked = {family for kind, family in expected.values() if kind == HOSTILE}
    recalls = [share(by_family[family][FLAGGED], by_family[family]["files"]) for family in wicked]
    return {
        "kinds": by_kind,
        "families": by_family,
        "recall": share(hostile[FLAGGED], hostile["files"]),
        "stopped": share(hostile[FLAGGED] + hostile[ERROR], hostile["files"]),
        "recall_mean_over_families": share(sum(recalls), len(recalls)),
        "malformed_called_clean": malformed[CLEAN],
        "false_positives": share(harmless[FLAGGED], harmless["files"]),
        "harmless_refused": share(harmless[FLAGGED] + harmless[ERROR], harmless["files"]),
    }


def unexpected(expected, results):
    """Names by what is wrong with their results: what a maker of the tool wants to look at."""
    return {
        "called clean": sorted(name for name, (kind, _) in expected.items()
                               if kind != HARMLESS and results[name] == CLEAN),
        "not clean": sorted(name for name, (kind, _) in expected.items()
                            if kind == HARMLESS and results[name] != CLEAN),
    }
