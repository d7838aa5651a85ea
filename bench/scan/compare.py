# SPDX-License-Identifier: Apache-2.0
"""Casemate's scan, picklescan, modelscan, fickling and modelaudit over the same files, in one run.

Usage: python3 bench/scan/compare.py --casemate target/release/casemate [options]

Makes a corpus of hostile and malformed files by rule (`hostile/`) and harmless files with real
libraries (`harmless/`), and lets every scanner judge every file. What counts as flagged is defined
in each scanner's `run_….py` and in `tools.py`, what is counted in `scores.py`.

Needs Python 3.11; the rest goes into an environment that it makes (`requirements.txt`,
`scanners.txt`).
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

import environments  # noqa: E402
import scores  # noqa: E402
import tables  # noqa: E402
import tools  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def main():
    if sys.version_info < (3, 11):
        raise SystemExit("error: Python 3.11 or later is needed")
    options = arguments()
    python = environments.prepare(options.venv)
    with tempfile.TemporaryDirectory(dir=options.place, prefix="casemate-scan-") as place:
        place = options.keep or Path(place)
        expected = make(python, place)
        report = {"about": about(options, python), "tools": {}}
        for tool in chosen(options, python):
            report["tools"][tool.name] = measured(tool, place, expected)
    print("\n".join(tables.written(report)))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--casemate", type=Path, required=True, metavar="FILE", help="the program, of a release build")
    add("--venv", type=Path, default=ROOT / ".xtask" / "bench-scan-venv", metavar="FOLDER",
        help="where the environment is made [default: .xtask/bench-scan-venv]")
    add("--limit", type=float, default=60, metavar="SECONDS",
        help="how long a scanner may look at one file [default: 60]")
    add("--only", action="append", metavar="NAME",
        help="leave out scanners other than casemate whose name does not begin so; may be repeated")
    add("--place", metavar="FOLDER", help="where files are made [default: the system's place for "
                                          "temporary files]")
    add("--keep", type=Path, metavar="FOLDER", help="make the files there and leave them")
    add("--json", type=Path, metavar="FILE", help="write all figures and results to this file as well")
    options = parser.parse_args()
    if not options.casemate.is_file():
        parser.error("no such program (hint: `cargo build --release -p casemate`)")
    options.casemate = options.casemate.resolve()
    if options.keep and options.keep.exists():
        parser.error("--keep is there already")
    return options


def say(text):
    print(text, file=sys.stderr, flush=True)


def make(python, place):
    """Both sets of files, and what is expected of each: `{set/name: (kind, family)}`."""
    say("making files")
    place.mkdir(parents=True, exist_ok=True)
    quiet = {**os.environ, "PYTHONPATH": str(HERE), "PYTHONWARNINGS": "ignore"}
    for what in ("hostile", "harmless"):
        done = subprocess.run([python, "-B", "-m", what, place / what], env=quiet,
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"error: the {what} files cannot be made:\n{done.stderr}")
    manifest = json.loads((place / "hostile.json").read_text(encoding="utf-8"))
    expected = {f"hostile/{entry['name']}": (entry["expect"], entry["family"]) for entry in manifest}
    harmless = {f"harmless/{path.name}": (scores.HARMLESS, "")
                for path in (place / "harmless").iterdir()}
    return expected | harmless


def chosen(options, python):
    yield tools.Casemate(options.casemate)
    for tool in tools.others(python, options.limit):
        if not options.only or tool.name.startswith(tuple(options.only)):
            yield tool


def measured(tool, place, expected):
    """Every file's result, the figures, and what each set of files cost."""
    results, cost = {}, {}
    for part in ("hostile", "harmless"):
        say(f"{tool.name}: {part}")
        run = tool.run(place / part)
        results |= {f"{part}/{name}": result for name, result in run.results.items()}
        cost[part] = {"wall": run.wall, "cpu": run.cpu, "peak": run.peak, "timeouts": run.timeouts,
                      "crashes": run.crashes}
    if missing := expected.keys() - results.keys():
        raise SystemExit(f"error: {tool.name} said nothing of {len(missing)} files, such as "
                         f"{sorted(missing)[0]}")
    return {"scores": scores.figures(expected, results), "cost": cost,
            "unexpected": scores.unexpected(expected, results), "results": results}


def about(options, python):
    version = subprocess.run([options.casemate, "--version"], capture_output=True, text=True,
                             check=True).stdout.strip()
    return {
        "when": time.strftime("%Y-%m-%d %H:%M %Z"),
        "casemate": version,
        "binary_sha256": hashlib.sha256(options.casemate.read_bytes()).hexdigest(),
        "versions": environments.versions(python),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "load": os.getloadavg()[0],
    }


if __name__ == "__main__":
    main()
