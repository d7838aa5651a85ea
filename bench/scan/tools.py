# SPDX-License-Identifier: Apache-2.0
"""How each scanner is run over a set of files, and what that costs."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import shared  # noqa: E402
from worker import CLEAN, ERROR, FLAGGED  # noqa: E402

HERE = Path(__file__).resolve().parent


@dataclass
class Run:
    """What a tool said to each file, by name, and what it took: seconds and MiB."""

    results: dict = field(default_factory=dict)
    words: dict = field(default_factory=dict)
    wall: float = 0.0
    cpu: float = 0.0
    peak: float = 0.0
    timeouts: int = 0
    crashes: int = 0

    def note(self, path, result, words=""):
        self.results[os.path.basename(path)] = result
        self.words[os.path.basename(path)] = words


class Casemate:
    """`casemate model scan --format json` over the directory.

    Flagged: `refuse` or `review`. An error: `unreadable`. Its exit status is 3 for all of them.
    """

    name = "casemate"
    outcomes = {"clean": CLEAN, "review": FLAGGED, "refuse": FLAGGED, "unreadable": ERROR}

    def __init__(self, program):
        self.program = program

    def run(self, folder):
        command = [self.program, "model", "scan", folder, "--format", "json"]
        run, started = Run(), time.monotonic()
        done = subprocess.run([sys.executable, "-I", "-S", "-c", shared.LAUNCHER, *map(str, command)],
                              capture_output=True, check=True, text=True, encoding="utf-8")
        run.wall = time.monotonic() - started
        said, _, figures = done.stderr.rstrip("\n").rpartition("\n")
        figures = json.loads(figures)
        if figures["code"] not in (0, 3):
            raise SystemExit(f"error: casemate ended with {figures['code']}: {said.strip()}")
        run.cpu, run.peak = figures["cpu"], figures["rss"] / shared.MAXRSS_PER_MIB
        for line in map(json.loads, done.stdout.splitlines()):
            rules = sorted({finding["rule"] for finding in line["findings"]})
            run.note(line["path"], self.outcomes[line["outcome"]], " ".join(rules))
        return run


class Worker:
    """A scanner in Python, in one process for all files: importing it is paid once.

    A file that takes longer than the limit, or that ends the process, counts as an error; the rest
    goes to a new process.
    """

    def __init__(self, name, python, script, *arguments, limit=60, start=120):
        self.name = name
        self.command = [python, "-B", HERE / script, *arguments]
        self.limit = limit
        self.start = start

    def run(self, folder):
        run, started = Run(), time.monotonic()
        left = sorted(str(path) for path in folder.iterdir())
        while left:
            left = self.some(left, run)
        run.wall = time.monotonic() - started
        return run

    def some(self, paths, run):
        """One process, until the end or until it has to be given up; what is left then."""
        process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        held, done = b"", 0
        # The first answer waits for imports as well.
        limit = self.limit + self.start
        for path in paths:
            process.stdin.write(path.encode() + b"\n")
            process.stdin.flush()
            while b"\n" not in held:
                ready, _, _ = select.select([process.stdout], [], [], limit)
                more = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
                if not more:
                    break
                held += more
            if b"\n" not in held:
                run.note(path, ERROR, "took too long" if not ready else "ended the process")
                run.timeouts += not ready
                run.crashes += bool(ready)
                run.peak = max(run.peak, peak(process.pid))
                # Not `process.kill()`, which would take what the process cost.
                os.kill(process.pid, signal.SIGKILL)
                done += 1
                break
            line, _, held = held.partition(b"\n")
            answer = json.loads(line)
            run.note(path, answer["result"], answer["words"])
            done, limit = done + 1, self.limit
        run.peak = max(run.peak, peak(process.pid))
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        run.cpu += usage.ru_utime + usage.ru_stime
        if not run.peak:
            run.peak = usage.ru_maxrss / shared.MAXRSS_PER_MIB
        return paths[done:]


def peak(pid):
    """The most memory of a running process in MiB, or 0 where the kernel does not tell.

    What `wait4` says counts the process that started it as well.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    lines = (line.split() for line in status.splitlines())
    return next((int(line[1]) / 1024 for line in lines if line[0] == "VmHWM:"), 0.0)


def others(python, limit):
    """The scanners that Casemate is compared with."""
    return [
        Worker("picklescan, by directory", python, "run_picklescan.py", "directories", limit=limit),
        Worker("picklescan, by file", python, "run_picklescan.py", "files", limit=limit),
        Worker("modelscan", python, "run_modelscan.py", limit=limit),
        Worker("fickling", python, "run_fickling.py", limit=limit),
        Worker("modelaudit", python, "run_modelaudit.py", limit=limit),
    ]
