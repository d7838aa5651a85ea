# SPDX-License-Identifier: Apache-2.0
"""Casemate's inspection, Presidio and detect-secrets on the same labelled rows, in one run.

Usage: python3 bench/inspect/compare.py --casemate target/release/casemate [options]

Rows are JSONL, one object a line, offsets in characters:

  --pii        id, text, spans [[start, end, type]], [source]
  --secrets    id, text, has_secret, [source]
  --injection  id, text, label (1: an attack), role (user, tool, document), [source]

Each tool runs in a process of its own and sees texts only (Casemate also the role). How spans and
rows are scored is defined in `scores.py`, how each tool is set up in `run_presidio.py` and
`run_detect_secrets.py`, how cost is measured in `meter.py`. In short:

- *exact*: start, end and type of a finding are those of a label; for structured types.
- *overlap*: a finding shares at least one character with a label of the same type; for all types.
- *macro* is the mean of F1 over types, *micro* is F1 of the sums over types.
- A type that a tool does not claim is shown as a dash and counts as 0 where all types are averaged.

Needs Python 3.11 and nothing else: what it compares with goes into an environment that it makes.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import meter  # noqa: E402
import scores  # noqa: E402
import shared  # noqa: E402
import tables  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TRAINING = ROOT / "crates" / "inspect" / "training"
DATA = {
    "pii": TRAINING / "pii" / "dev.jsonl",
    "secrets": TRAINING / "secrets" / "dev.jsonl",
    "injection": TRAINING / "injection" / "train.jsonl",
}

# Presidio's names in those of the rows. Of several, the one that the finding overlaps counts.
NAMES = {
    "ABA_ROUTING_NUMBER": ("ABA_ROUTING",),
    "CRYPTO": ("CRYPTO_BTC",),
    "EMAIL_ADDRESS": ("EMAIL",),
    "FI_PERSONAL_IDENTITY_CODE": ("FI_HETU",),
    "IBAN_CODE": ("IBAN",),
    "LOCATION": ("GPE", "STREET_ADDRESS"),
    "MEDICAL_LICENSE": ("US_DEA",),
    "PHONE_NUMBER": ("PHONE",),
    "URL": ("DOMAIN_NAME",),
    **{name: (name,) for name in (
        "AGE", "AU_ABN", "AU_TFN", "CA_SIN", "CREDIT_CARD", "DATE_TIME", "DE_TAX_ID", "ES_NIE",
        "ES_NIF", "IN_AADHAAR", "IN_PAN", "IP_ADDRESS", "IT_FISCAL_CODE", "MAC_ADDRESS", "NRP",
        "ORGANIZATION", "PERSON", "PL_PESEL", "SE_PERSONNUMMER", "UK_NHS", "UK_NINO",
        "US_DRIVER_LICENSE", "US_ITIN", "US_MBI", "US_NPI", "US_SSN",
    )},
}

# A finding that is true by its own name, though the label is narrower, is left out.
TRUE_ENOUGH = {"DATE_TIME": "DATE_OF_BIRTH"}

PIECE = 4096


def main():
    if sys.version_info < (3, 11):
        raise SystemExit("error: Python 3.11 or later is needed, as Presidio needs it")
    options = arguments()
    sets = {name: read(name, getattr(options, name)) for name in DATA}
    report = {"about": about(options, sets)}
    casemate = Casemate(options.casemate)
    python = None if options.only_casemate else environment(options.venv)
    model = python and language_model(python, options.language_model)
    report["about"]["language_model"] = model
    report["pii"] = personal(sets["pii"], casemate, python, model, options)
    report["secrets"] = secrets(sets["secrets"], casemate, python, options)
    report["injection"] = injection(sets["injection"], casemate)
    report["cost"] = costs(report, sets, casemate, options)
    print(tables.written(report))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--casemate", type=Path, default=ROOT / "target" / "release" / "casemate",
        metavar="FILE", help="the binary to measure [default: target/release/casemate]")
    for name, default in DATA.items():
        add(f"--{name}", type=Path, default=default, metavar="FILE",
            help=f"rows [default: {default.relative_to(ROOT)}]")
    add("--venv", type=Path, default=ROOT / ".xtask" / "bench-venv", metavar="FOLDER",
        help="where the environment is made [default: .xtask/bench-venv]")
    add("--language-model", metavar="NAME|WHEEL",
        help="a spaCy model for Presidio's names: one that is installed in the environment, a "
             "folder, or a wheel (file or URL) to install [default: one that is installed]")
    add("--presidio-threshold", type=float, metavar="SCORE",
        help="of Presidio with types chosen [default: what is best on these rows]")
    add("--rounds", type=int, default=3, help="how often cost is measured [default: 3]")
    add("--only-casemate", action="store_true", help="leave the other tools out")
    add("--json", type=Path, metavar="FILE", help="write all figures to this file as well")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if not options.casemate.is_file():
        parser.error("no such binary (hint: `cargo build --release -p casemate`, or --casemate FILE)")
    options.casemate = options.casemate.resolve()
    return options


def say(text):
    print(text, file=sys.stderr, flush=True)


def read(name, path):
    needed = {"pii": ("text", "spans"), "secrets": ("text", "has_secret"),
              "injection": ("text", "label", "role")}[name]
    rows = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                row = json.loads(line)
                missing = [key for key in needed if key not in row]
                if missing:
                    raise SystemExit(f"error: {path}:{number}: no `{missing[0]}`")
                row.setdefault("id", number)
                row.setdefault("source", "-")
                rows.append(row)
    if not rows:
        raise SystemExit(f"error: {path}: no rows")
    return rows


def texts(rows):
    return [row["text"] for row in rows]


def about(options, sets):
    version = subprocess.run([options.casemate, "--version"], capture_output=True, text=True,
                             check=True).stdout.strip()
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"],
                            capture_output=True, text=True).stdout.strip()
    return {
        "when": time.strftime("%Y-%m-%d %H:%M %Z"),
        "casemate": version,
        "binary_sha256": hashlib.sha256(options.casemate.read_bytes()).hexdigest(),
        "commit_of_this_script": commit or None,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "development_data": [name for name in sets if getattr(options, name) == DATA[name]],
        "rows": {name: len(rows) for name, rows in sets.items()},
        "rounds": options.rounds,
    }


# The tools.


class Casemate:
    """`casemate inspect --jsonl`. It cannot be told to look for one thing only: it always does all."""

    def __init__(self, binary):
        self.binary = binary

    def inspect(self, rows, times=1):
        """Answers, processor seconds and peak MiB for the rows, `times` over."""
        lines = [json.dumps({"id": index, "text": row["text"], "role": row.get("role", "user")})
                 + "\n" for index, row in enumerate(rows)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.jsonl"
            with open(path, "w", encoding="utf-8") as file:
                for _ in range(times):
                    file.writelines(lines)
            out, cpu, peak = meter.run(self.binary, "inspect", "--jsonl", path)
        if times > 1:
            return None, cpu, peak
        answers = [json.loads(line) for line in out.splitlines()]
        if [answer["id"] for answer in answers] != list(range(len(rows))):
            raise SystemExit("error: casemate did not answer every row in order")
        return answers, cpu, peak

    def cost(self, rows, rounds):
        pieces = [
            {"text": text, "role": role}
            for role in sorted({row.get("role", "user") for row in rows})
            for text in meter.pieces(
                texts(row for row in rows if row.get("role", "user") == role), PIECE)
        ]
        nothing = [self.inspect([{"text": ""}])[1] for _ in range(rounds)]
        return {
            "row_us_per_kb": meter.median(self.per_kb(rows) for _ in range(rounds)),
            "piece_us_per_kb": meter.median(self.per_kb(pieces) for _ in range(rounds)),
            "start_ms": meter.median(nothing) * 1e3,
            "rss_mib": self.inspect(rows)[2],
        }

    def per_kb(self, rows):
        """From two runs of different length, so that starting is in neither."""
        size = meter.size_kb(texts(rows))
        times = max(4, round(8192 / size))
        once, often = self.inspect(rows)[1], self.inspect(rows, times)[1]
        return max(often - once, 0.0) / (size * (times - 1)) * 1e6


def environment(folder):
    """The interpreter of an environment with what `requirements.txt` says, made if need be."""
    what = "Presidio and detect-secrets; this takes some minutes"
    return shared.environment(folder, [HERE / "requirements.txt"], what)


def language_model(python, asked):
    """The name of a spaCy model that Presidio can load, or none.

    A model is never looked for by its name on a package index: spaCy does not publish its models
    there, so whatever bears such a name would be somebody else's.
    """
    if asked and asked.endswith(".whl"):
        shared.install(python, asked)
        return asked.rsplit("/", 1)[-1].split("-", 1)[0]
    if asked:
        return asked
    listed = subprocess.run(
        [python, "-c", "import spacy.util; print(*spacy.util.get_installed_models())"],
        capture_output=True, text=True, check=True).stdout.split()
    by_size = [f"en_core_web_{size}" for size in ("lg", "md", "sm")]
    return next((name for name in by_size if name in listed), None)


def worker(python, script, job):
    done = subprocess.run([python, "-B", HERE / script], input=json.dumps(job),
                          stdout=subprocess.PIPE, text=True, encoding="utf-8")
    if done.returncode != 0:
        raise SystemExit(f"error: {script} ended with {done.returncode}")
    return json.loads(done.stdout)


# Personal data.


def translate(spans, labels):
    """Presidio's findings of one row in the names of the rows, without scores."""
    translated = []
    for start, end, name, _ in spans:
        touched = {label[2] for label in labels if scores.overlaps(label, (start, end))}
        if TRUE_ENOUGH.get(name) in touched:
            continue
        names = NAMES.get(name, (f"presidio:{name}",))
        translated.append([start, end, next((n for n in names if n in touched), names[0])])
    return translated


def resolve(spans, threshold):
    """Of findings that overlap the one with the highest score, then the longest, is kept."""
    kept = []
    for span in sorted(spans, key=lambda s: (-s[3], s[0] - s[1], s[0], s[2])):
        if span[3] >= threshold and not any(scores.overlaps(span, other) for other in kept):
            kept.append(span)
    return sorted(kept)


def personal(rows, casemate, python, model, options):
    labels = [row["spans"] for row in rows]
    labelled = {span[2] for spans in labels for span in spans}
    structured = labelled - scores.FREE
    say("Casemate: personal data")
    answers = casemate.inspect(rows)[0]
    tools = {"Casemate": {"findings": [a["personal"] for a in answers], "claims": None}}
    any_detector = [bool(a["personal"] or a["secrets"] or a["injection"]["flag"]) for a in answers]
    result = {"any_detector_on_clean_rows": scores.clean_rows(labels, any_detector)}
    if python:
        job = {"texts": texts(rows), "model": model, "rounds": options.rounds, "piece": PIECE,
               "entities": [name for name, types in NAMES.items() if labelled & set(types)]}
        for mode in ("installed", "chosen"):
            say(f"Presidio: personal data, {mode}")
            got = worker(python, "run_presidio.py", {**job, "mode": mode})
            claims = {name for entity in got["claims"] for name in NAMES.get(entity, ())} & labelled
            raw, threshold = got["answers"], None
            if mode == "chosen":
                threshold = options.presidio_threshold
                if threshold is None:
                    threshold = best_threshold(raw, labels, claims & structured)
                raw = [resolve(spans, threshold) for spans in raw]
            tools[f"Presidio, {mode}"] = {
                "findings": [translate(s, l) for s, l in zip(raw, labels, strict=True)],
                "claims": claims, "threshold": threshold,
                **{key: got[key] for key in ("cost", "versions", "recognizers")},
            }
    scopes = {"all": labelled}
    scopes.update({f"claimed by {name}": tool["claims"] for name, tool in tools.items()
                   if tool["claims"] is not None})
    result["types"] = {"structured": sorted(structured), "free": sorted(labelled - structured)}
    result["scopes"] = {name: sorted(types) for name, types in scopes.items()}
    result["tools"] = {
        name: personal_scores(rows, labels, tool, structured, scopes) for name, tool in tools.items()
    }
    return result


def best_threshold(raw, labels, asked):
    def quality(threshold):
        got = [translate(resolve(spans, threshold), wanted)
               for spans, wanted in zip(raw, labels, strict=True)]
        return scores.macro(scores.by_type(labels, got, True), asked)["f1"] or 0.0
    return max((step / 20 for step in range(21)), key=quality)


def personal_scores(rows, labels, tool, structured, scopes):
    findings = tool.pop("findings")
    labelled = scopes["all"]
    known = [[span for span in spans if span[2] in labelled] for spans in findings]
    exact = scores.by_type(labels, findings, True)
    loose = scores.by_type(labels, findings, False)

    def averages(scope):
        return {
            "exact": {"macro": scores.macro(exact, scope & structured),
                      "micro": scores.micro(exact, scope & structured)},
            "overlap": {"macro": scores.macro(loose, scope), "micro": scores.micro(loose, scope)},
        }

    sources = {}
    for source in sorted({row["source"] for row in rows}):
        at = [index for index, row in enumerate(rows) if row["source"] == source]
        mine, got = [labels[i] for i in at], [findings[i] for i in at]
        sources[source] = {
            "rows": len(at),
            "exact": scores.micro(scores.by_type(mine, got, True), structured),
            "overlap": scores.micro(scores.by_type(mine, got, False), labelled),
            "clean": scores.clean_rows(mine, got),
        }
    return {
        **{key: sorted(value) if isinstance(value, set) else value for key, value in tool.items()},
        "averages": {name: averages(scope) for name, scope in scopes.items()},
        "exact": {name: exact[name] for name in exact if name in structured},
        "overlap": loose,
        "other_types": sum(len(a) - len(b) for a, b in zip(findings, known, strict=True)),
        "clean_any": scores.clean_rows(labels, findings),
        "clean_known": scores.clean_rows(labels, known),
        "clean_structured": scores.clean_rows(
            labels, [[span for span in spans if span[2] in structured] for spans in findings]),
        "sources": sources,
    }


# Secrets and injections.


def secrets(rows, casemate, python, options):
    say("Casemate: secrets")
    tools = {"Casemate": {"flagged": [bool(a["secrets"]) for a in casemate.inspect(rows)[0]]}}
    if python:
        for mode in ("file", "line"):
            say(f"detect-secrets: secrets, by {mode}")
            job = {"texts": texts(rows), "mode": mode, "rounds": options.rounds, "piece": PIECE}
            got = worker(python, "run_detect_secrets.py", job)
            tools[f"detect-secrets, by {mode}"] = {"flagged": list(map(bool, got.pop("answers"))),
                                                   **got}
    truth = [row["has_secret"] for row in rows]
    result = {}
    for name, tool in tools.items():
        flagged = tool.pop("flagged")
        sources = {}
        for source in sorted({row["source"] for row in rows}):
            at = [index for index, row in enumerate(rows) if row["source"] == source]
            sources[source] = scores.rows([truth[i] for i in at], [flagged[i] for i in at])
        kinds = {}
        for row, flag in zip(rows, flagged, strict=True):
            for kind in {span[2] for span in row.get("spans", [])}:
                seen = kinds.setdefault(kind, [0, 0])
                seen[0] += 1
                seen[1] += flag
        result[name] = {**tool, "rows": scores.rows(truth, flagged), "sources": sources,
                        "kinds": {kind: {"rows": n, "recall": hit / n}
                                  for kind, (n, hit) in sorted(kinds.items())}}
    return {"tools": result}


def injection(rows, casemate):
    say("Casemate: injections")
    judged = [(row, answer["injection"]) for row, answer
              in zip(rows, casemate.inspect(rows)[0], strict=True)]

    def figures(chosen):
        attacks = [one for row, one in chosen if row["label"]]
        ordinary = [one for row, one in chosen if not row["label"]]
        high, low = [one["score"] for one in attacks], [one["score"] for one in ordinary]
        return {
            "attacks": len(attacks), "ordinary": len(ordinary), "auc": scores.auc(high, low),
            "at_1_percent": scores.recall_at(high, low, 0.01),
            "recall": scores.ratio(sum(one["flag"] for one in attacks), len(attacks)),
            "false_positive_rate": scores.ratio(sum(one["flag"] for one in ordinary), len(ordinary)),
        }

    def grouped(key):
        return {name: figures([pair for pair in judged if pair[0][key] == name])
                for name in sorted({row[key] for row in rows})}

    roles = grouped("role")
    both = [role for role in roles.values() if role["auc"] is not None]
    mean = {
        "auc": scores.ratio(sum(role["auc"] for role in both), len(both)),
        "recall_at_1_percent":
            scores.ratio(sum(role["at_1_percent"]["recall"] for role in both), len(both)),
    }
    return {"roles": roles, "mean_over_roles": mean, "sources": grouped("source")}


def costs(report, sets, casemate, options):
    cost = {}
    for name, rows in sets.items():
        say(f"Casemate: cost on the rows of {name}")
        cost[name] = {"size_kb": meter.size_kb(texts(rows)),
                      "Casemate": casemate.cost(rows, options.rounds)}
        for tool, figures in report[name].get("tools", {}).items():
            if "cost" in figures:
                cost[name][tool] = figures["cost"]
    return cost


if __name__ == "__main__":
    main()
