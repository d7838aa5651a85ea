# SPDX-License-Identifier: Apache-2.0
"""What `compare.py` prints: its figures as Markdown tables."""

from pathlib import Path

AVERAGES = [(how, mean) for how in ("exact", "overlap") for mean in ("macro", "micro")]


def table(head, rows):
    rows = [list(map(str, row)) for row in rows]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells):
        padded = [cell.ljust(widths[i]) if i == 0 else cell.rjust(widths[i])
                  for i, cell in enumerate(cells)]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (w + 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)]) + "\n"


def number(value, digits=3):
    return "–" if value is None else f"{value:,.{digits}f}"


def percent(value):
    return "–" if value is None else f"{value * 100:.2f} %"


def of(part, whole):
    return f"{part} of {whole}" if whole else "–"


def written(report):
    parts = [head(report), *personal_written(report["pii"]), *secrets_written(report["secrets"]),
             *injection_written(report["injection"]), cost_written(report["cost"], report["about"])]
    return "\n".join(parts)


def head(report):
    info = report["about"]
    versions = {}
    for part in (report["pii"], report["secrets"]):
        for tool in part["tools"].values():
            versions.update(tool.get("versions", {}))
    lines = [
        f"{info['casemate']} (binary {info['binary_sha256'][:12]})"
        + "".join(f", {name} {version}" for name, version in versions.items())
        + f"; Python {info['python']}; {info['system']}; {info['when']}",
        "Rows: " + ", ".join(f"{name} {count:,}" for name, count in info["rows"].items()),
    ]
    if info["development_data"]:
        lines.append(
            f"NOTE: {', '.join(info['development_data'])}: these rows are development data. "
            "Casemate's rules and model were made on them, the others were not; Casemate's "
            "figures are an upper bound and say nothing about other texts.")
    if "Presidio, installed" in report["pii"]["tools"]:
        lines.append(
            f"Presidio finds names with the spaCy model `{Path(info['language_model']).name}`."
            if info["language_model"] else
            "NOTE: no spaCy language model is installed, so Presidio runs with its pattern "
            "recognisers only and claims no names, places or organisations (hint: "
            "--language-model).")
    return "\n".join(lines) + "\n"


def personal_written(part):
    tools = part["tools"]
    yield "## Personal data: averages of F1\n"
    yield table(
        ["types", "tool", *(f"{how} {mean}" for how, mean in AVERAGES)],
        [[f"{scope}: {len(set(types) & set(part['types']['structured']))} structured, "
          f"{len(types)} in all", name,
          *(number(tool["averages"][scope][how][mean]["f1"]) for how, mean in AVERAGES)]
         for scope, types in part["scopes"].items() for name, tool in tools.items()])
    yield "## Personal data: false findings\n"
    yield table(
        ["", *tools],
        [["clean rows flagged, by any type",
          *(clean(tool["clean_any"]) for tool in tools.values())],
         ["clean rows flagged, by types that the rows have",
          *(clean(tool["clean_known"]) for tool in tools.values())],
         ["clean rows flagged, by structured types that the rows have",
          *(clean(tool["clean_structured"]) for tool in tools.values())],
         ["findings of types that the rows do not have, in all rows",
          *(tool["other_types"] for tool in tools.values())],
         ["score threshold", *(number(tool.get("threshold"), 2) for tool in tools.values())]])
    yield (f"Clean rows in which any detector of Casemate found something, also secrets or an "
           f"injection: {clean(part['any_detector_on_clean_rows'])}.\n")
    for how, title, types in (
        ("exact", "exact, structured types", part["types"]["structured"]),
        ("overlap", "overlap, all types", part["types"]["structured"] + part["types"]["free"]),
    ):
        yield f"## Personal data by type: {title} (precision / recall / F1)\n"
        yield table(["type", "labels", *tools],
                    [[name, tools["Casemate"]["overlap"][name]["labels"],
                      *(triple(tool, how, name) for tool in tools.values())] for name in types])
    yield "## Personal data by source (exact micro F1 / overlap micro F1 / clean rows flagged)\n"
    yield table(["source", "rows", *tools],
                [[source, tools["Casemate"]["sources"][source]["rows"],
                  *(" / ".join((rated(tool["sources"][source]["exact"]),
                                rated(tool["sources"][source]["overlap"]),
                                clean(tool["sources"][source]["clean"])))
                    for tool in tools.values())]
                 for source in tools["Casemate"]["sources"]])


def clean(counts):
    return of(counts["flagged"], counts["clean"])


def rated(sums):
    return number(sums["f1"]) if sums["labels"] or sums["predicted"] else "–"


def triple(tool, how, name):
    got = tool[how][name]
    claims = tool["claims"]
    if got["predicted"] == 0 and (claims is None or name not in claims):
        return "–"
    return " / ".join(number(got[key]) for key in ("precision", "recall", "f1"))


def secrets_written(part):
    tools = part["tools"]
    yield "## Secrets, by row\n"
    yield table(
        ["tool", "F1", "precision", "recall", "false positive rate"],
        [[name, number(tool["rows"]["f1"]), number(tool["rows"]["precision"]),
          number(tool["rows"]["recall"]),
          f"{percent(tool['rows']['false_positive_rate'])} "
          f"({of(tool['rows']['false'], tool['rows']['negative'])})"]
         for name, tool in tools.items()])
    yield "## Secrets by source (found / falsely flagged)\n"
    yield table(
        ["source", *tools],
        [[source, *(f"{of(got['right'], got['positive'])} / {of(got['false'], got['negative'])}"
                    for got in (tool["sources"][source] for tool in tools.values()))]
         for source in tools["Casemate"]["sources"]])
    if tools["Casemate"]["kinds"]:
        yield "## Secrets by kind (recall by row)\n"
        yield table(
            ["kind", "rows", *tools],
            [[kind, got["rows"], *(number(tool["kinds"][kind]["recall"]) for tool in tools.values())]
             for kind, got in tools["Casemate"]["kinds"].items()])


def injection_written(part):
    columns = ["attacks", "ordinary", "AUC", "recall at 1 % false positives",
               "flagged attacks", "flagged ordinary"]

    def cells(got):
        at = got["at_1_percent"]
        return [got["attacks"], got["ordinary"], number(got["auc"]),
                number(at and at["recall"]), percent(got["recall"]),
                percent(got["false_positive_rate"])]

    yield "## Injections (Casemate only; the others do not look for them)\n"
    mean = part["mean_over_roles"]
    yield table(["role", *columns],
                [*([role, *cells(got)] for role, got in part["roles"].items()),
                 ["mean over roles", "", "", number(mean["auc"]),
                  number(mean["recall_at_1_percent"]), "", ""]])
    yield "## Injections by source\n"
    yield table(["source", *columns],
                [[source, *cells(got)] for source, got in part["sources"].items()])


def cost_written(cost, info):
    rows = []
    for name, tools in cost.items():
        for tool, got in tools.items():
            if tool != "size_kb":
                rows.append([f"{tool}, rows of {name} ({tools['size_kb']:,.0f} KB)",
                             number(got["row_us_per_kb"], 1), number(got["piece_us_per_kb"], 1),
                             number(got["start_ms"], 0), number(got["rss_mib"], 0)])
    return (
        "## Cost\n\n"
        + table(["tool", "µs of CPU per KB, row by row", "in texts of 4 KB", "start, ms of CPU",
                 "peak memory, MiB"], rows)
        + f"\nMedians of {info['rounds']}. CPU is processor time of all threads. Casemate runs all of "
          "its detectors on everything and includes reading and writing JSON; Presidio runs those "
          "for personal data, detect-secrets those for secrets, each as calls inside a running "
          "interpreter.\n")
