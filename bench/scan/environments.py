# SPDX-License-Identifier: Apache-2.0
"""The environment that makes harmless files and runs the other scanners."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LISTS = ["requirements.txt", "scanners.txt"]
SCANNERS = ["picklescan", "modelscan", "fickling", "modelaudit"]
LIBRARIES = ["catboost", "gguf", "h5py", "joblib", "keras", "lightgbm", "numpy", "onnx", "pandas",
             "safetensors", "scikit-learn", "scipy", "sentencepiece", "skl2onnx", "skops",
             "tensorflow", "tokenizers", "torch", "xgboost"]


def prepare(folder):
    """The interpreter of an environment with what both lists say, made if need be."""
    wanted = "".join((HERE / name).read_text(encoding="utf-8") for name in LISTS)
    python = folder.absolute() / ("Scripts" if os.name == "nt" else "bin") / "python"
    # Written last: its presence says that the environment is complete.
    stamp = folder / "requirements.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted and python.exists():
        return python
    print("making an environment with four scanners and many libraries, about 9 GB; this takes a "
          "while", file=sys.stderr, flush=True)
    if folder.exists():
        if not (folder / "pyvenv.cfg").is_file() and any(folder.iterdir()):
            raise SystemExit("error: --venv is a folder with something else in it")
        shutil.rmtree(folder)
    if subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True).returncode != 0:
        # Debian cuts `ensurepip` out of Python: an empty environment, filled by the system's pip.
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder],
                       check=True)
    install(python)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def install(python):
    own = subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0
    front = [python, "-m", "pip"] if own else [sys.executable, "-m", "pip", "--python", python]
    lists = [word for name in LISTS for word in ("-r", HERE / name)]
    command = [*front, "install", "--quiet", "--disable-pip-version-check", *lists]
    if subprocess.run(command).returncode != 0:
        raise SystemExit("error: the packages cannot be had (hint: --venv names an environment that "
                         "has them)")


def versions(python):
    """Versions of scanners and libraries."""
    program = ("import json, platform, sys; from importlib.metadata import version; "
               "print(json.dumps({'python': platform.python_version()} "
               "| {name: version(name) for name in sys.argv[1:]}))")
    said = subprocess.run([python, "-c", program, *SCANNERS, *LIBRARIES], capture_output=True,
                          text=True, check=True).stdout
    return json.loads(said)
