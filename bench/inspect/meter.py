# SPDX-License-Identifier: Apache-2.0
"""Processor time and memory of the process that imports this, and of one that it starts."""

import importlib.metadata
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import shared  # noqa: E402

KB = 1024


def cpu():
    """Seconds of processor time of this process so far, all threads."""
    return time.process_time()


def peak_mib():
    """The most memory that was ever resident in this process."""
    try:
        # The kernel's own mark of this program; `getrusage` would count what started us as well.
        with open("/proc/self/status", encoding="ascii") as status:
            line = next(line for line in status if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1024 / (1024 if sys.platform == "darwin" else 1)


def size_kb(texts):
    return sum(len(text.encode("utf-8")) for text in texts) / KB


def median(values):
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def pieces(texts, size):
    """The same text in pieces of about `size` characters, rows one below the other."""
    joined, held, length = [], [], 0
    for text in texts:
        held.append(text)
        length += len(text) + 1
        if length >= size:
            joined.append("\n".join(held))
            held, length = [], 0
    return joined + (["\n".join(held)] if held else [])


def measure(look, texts, rounds, piece):
    """What `look` says to each text, and the median cost per KB, by rows and by longer pieces."""
    longer = pieces(texts, piece)
    answers, by_row, by_piece = [], [], []
    for _ in range(rounds):
        before = cpu()
        answers = [look(text) for text in texts]
        by_row.append((cpu() - before) / size_kb(texts) * 1e6)
        before = cpu()
        for text in longer:
            look(text)
        by_piece.append((cpu() - before) / size_kb(longer) * 1e6)
    return answers, {"row_us_per_kb": median(by_row), "piece_us_per_kb": median(by_piece)}


def versions(*packages):
    return {name: importlib.metadata.version(name) for name in packages}


def run(program, *arguments):
    """Runs a program and gives its output, its processor time in seconds and its peak in MiB."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", shared.LAUNCHER, os.fspath(program), *map(os.fspath, arguments)],
        capture_output=True, check=True, text=True, encoding="utf-8",
    )
    said, _, figures = done.stderr.rstrip("\n").rpartition("\n")
    figures = json.loads(figures)
    if figures["code"] != 0:
        raise SystemExit(f"error: {os.path.basename(program)} ended with {figures['code']}: {said.strip()}")
    return done.stdout, figures["cpu"], figures["rss"] / shared.MAXRSS_PER_MIB
