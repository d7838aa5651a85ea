# SPDX-License-Identifier: Apache-2.0
"""What the scripts that compare Casemate with others have in common."""

import os
import shutil
import subprocess
import sys

# Starts the program that is named after it and says what it cost. It is small, because a process
# counts what started it among its own peak of memory.
LAUNCHER = """
import os, sys
pid = os.fork()
if pid == 0:
    try:
        os.execv(sys.argv[1], sys.argv[1:])
    finally:
        os._exit(127)
_, status, usage = os.wait4(pid, 0)
code = os.waitstatus_to_exitcode(status)
sys.stderr.write('\\n{"code": %d, "cpu": %.6f, "rss": %d}\\n'
                 % (code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss))
"""
MAXRSS_PER_MIB = 1 << (20 if sys.platform == "darwin" else 10)


def environment(folder, lists, what):
    """The interpreter of an environment with what lists of requirements say, made if need be; `what`
    tells people what is being made."""
    wanted = "".join(path.read_text(encoding="utf-8") for path in lists)
    python = folder.absolute() / ("Scripts" if os.name == "nt" else "bin") / "python"
    # Written last: its presence says that the environment is complete.
    stamp = folder / "requirements.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted and python.exists():
        return python
    print(f"making an environment with {what}", file=sys.stderr, flush=True)
    if folder.exists():
        if not (folder / "pyvenv.cfg").is_file() and any(folder.iterdir()):
            raise SystemExit("error: --venv is a folder with something else in it")
        shutil.rmtree(folder)
    if subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True).returncode != 0:
        # Debian cuts `ensurepip` out of Python: an empty environment, filled by the system's pip.
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder],
                       check=True)
    install(python, *(word for path in lists for word in ("-r", path)))
    stamp.write_text(wanted, encoding="utf-8")
    return python


def install(python, *what):
    """Installs packages, by the environment's own pip or by ours."""
    own = subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0
    front = [python, "-m", "pip"] if own else [sys.executable, "-m", "pip", "--python", python]
    command = [*front, "install", "--quiet", "--disable-pip-version-check", *what]
    if subprocess.run(command).returncode != 0:
        raise SystemExit("error: the packages cannot be had (hint: `--help` says how to do without)")
