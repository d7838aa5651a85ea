# SPDX-License-Identifier: Apache-2.0
"""The report as tables in Markdown."""

from worker import ERROR, FLAGGED, SKIPPED


def percent(value):
    return "–" if value is None else f"{100 * value:.1f} %"


def table(heading, rows):
    lines = [heading, ["---", *["--:"] * (len(heading) - 1)], *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def written(report):
    about = report["about"]
    yield (f"{about['when']}, {about['casemate']} (SHA-256 {about['binary_sha256'][:12]}…), Python "
           f"{about['versions']['python']}, {about['system']}, load {about['load']:.1f}\n")
    yield ", ".join(f"{name} {version}" for name, version in about["versions"].items()
                    if name != "python") + "\n"
    yield verdicts(report)
    yield by_family(report)
    yield cost(report)
    yield misses(report)


def verdicts(report):
    files = {kind: one["files"] for kind, one in
             next(iter(report["tools"].values()))["scores"]["kinds"].items()}
    heading = ["", "recall", "flagged or error", "mean over families", "not scanned",
               "malformed called clean (not scanned)", "harmless flagged", "flagged or error",
               "not scanned"]
    rows = []
    for name, tool in report["tools"].items():
        scores = tool["scores"]
        hostile, harmless = scores["kinds"]["hostile"], scores["kinds"]["harmless"]
        rows.append([
            name, f"{percent(scores['recall'])} ({hostile[FLAGGED]})", percent(scores["stopped"]),
            percent(scores["recall_mean_over_families"]), hostile[SKIPPED],
            f"{scores['malformed_called_clean']} ({scores['kinds']['malformed'][SKIPPED]})",
            f"{percent(scores['false_positives'])} ({harmless[FLAGGED]})",
            percent(scores["harmless_refused"]), harmless[SKIPPED]])
    return (f"## Verdicts: {files['hostile']} hostile, {files['malformed']} malformed, "
            f"{files['harmless']} harmless files\n\n" + table(heading, rows))


def by_family(report):
    """Families of one format, `pickle: names` and the like, are one row; `--json` has them all."""
    tools = report["tools"]
    formats = {}
    for family in next(iter(tools.values()))["scores"]["families"]:
        formats.setdefault(family.partition(":")[0], []).append(family)

    def total(tool, families, *results):
        return sum(tool["scores"]["families"][family][result]
                   for family in families for result in results)

    def cell(tool, name, families):
        good = total(tool, families, FLAGGED, *([ERROR] if name == "malformed" else []))
        skipped = total(tool, families, SKIPPED)
        return f"{good} ({skipped})" if skipped else good

    rows = [[name, total(next(iter(tools.values())), families, "files"),
             *(cell(tool, name, families) for tool in tools.values())]
            for name, families in formats.items()]
    return ("## Flagged by format; of malformed files, flagged or error; in brackets: not scanned\n\n"
            + table(["", "files", *tools], rows))


def cost(report):
    rows = []
    for name, tool in report["tools"].items():
        for part in ("hostile", "harmless"):
            spent = tool["cost"][part]
            rows.append([f"{name}, {part}", f"{spent['wall']:.2f}", f"{spent['cpu']:.2f}",
                         f"{spent['peak']:.0f}", spent["timeouts"], spent["crashes"]])
    return "## Cost\n\n" + table(["", "s", "CPU s", "peak MiB", "too slow", "crashed"], rows)


def misses(report):
    name, tool = next(iter(report["tools"].items()))
    lines = [f"- {what}: {', '.join(names) or 'none'}\n" for what, names in tool["unexpected"].items()]
    return f"## What {name} got wrong\n\n" + "".join(lines)
