# SPDX-License-Identifier: Apache-2.0
"""The environment that makes harmless files and runs the other scanners."""

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import shared  # noqa: E402

HERE = Path(__file__).resolve().parent
LISTS = ["requirements.txt", "scanners.txt"]
SCANNERS = ["picklescan", "modelscan", "fickling", "modelaudit"]
LIBRARIES = ["catboost", "gguf", "h5py", "joblib", "keras", "lightgbm", "numpy", "onnx", "pandas",
             "safetensors", "scikit-learn", "scipy", "sentencepiece", "skl2onnx", "skops",
             "tensorflow", "tokenizers", "torch", "xgboost"]


def prepare(folder):
    """The interpreter of an environment with what both lists say, made if need be."""
    what = "four scanners and many libraries, about 9 GB; this takes a while"
    return shared.environment(folder, [HERE / name for name in LISTS], what)


def versions(python):
    """Versions of scanners and libraries."""
    program = ("import json, platform, sys; from importlib.metadata import version; "
               "print(json.dumps({'python': platform.python_version()} "
               "| {name: version(name) for name in sys.argv[1:]}))")
    said = subprocess.run([python, "-c", program, *SCANNERS, *LIBRARIES], capture_output=True,
                          text=True, check=True).stdout
    return json.loads(said)
