# SPDX-License-Identifier: Apache-2.0
"""Compares `casemate model convert` with torch and safetensors from PyPI, byte by byte.

    compare.py CASEMATE

Needs torch, numpy and safetensors in the environment it runs in. Every case is saved by torch in every
format that it writes, converted, and compared with what `safetensors.torch.save_file` writes of what
`torch.load` reads. Not part of CI, where small files that torch wrote are kept
(`crates/artifact/tests/data/convert`, made by `--fixtures DIR`).
"""

import argparse
import collections
import os
import pickle
import shutil
import subprocess
import sys
import tempfile

import numpy
import torch
from safetensors.torch import save_file
from torch import nn

KINDS = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
         "complex64"]
# Those that torch has no storages of: only its zip archives can hold them.
NEW_KINDS = ["uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu",
             "float8_e4m3fnuz", "float8_e5m2fnuz"]


def cases():
    """Names, values, and the options to convert them with."""
    torch.manual_seed(0)
    wide = torch.randn(6, 5, 4)
    yield "kinds", {kind: (wide * 50).to(getattr(torch, kind)) for kind in KINDS}, []
    yield "new-kinds", {kind: (wide * 50).to(getattr(torch, kind)) for kind in NEW_KINDS}, []
    yield "views", {"whole": wide, "rows": wide[2:], "turned": wide.transpose(0, 2), "steps": wide[::2, 1::3],
                    "column": wide[:, 0, 0], "wide": wide[0, 0, 0].expand(3, 4), "one": wide[1, 2, 3],
                    "again": wide, "parts": wide.permute(1, 2, 0)[1:, :, ::2],
                    "last": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)}, []
    yield "empty", {"none": torch.empty(0), "rows": torch.empty(0, 3), "columns": torch.empty(3, 0, 2),
                    "scalar": torch.tensor(3.5), "number": torch.tensor(7)}, []
    model = nn.Sequential(collections.OrderedDict(
        first=nn.Linear(4, 8), norm=nn.BatchNorm1d(8), recurrent=nn.LSTM(8, 3), last=nn.Embedding(5, 2)))
    model.first.register_buffer("hidden", torch.ones(2), persistent=False)
    yield "state", model.state_dict(), []
    yield "module", model, []
    yield "parameters", dict(model.named_parameters()), []
    optimizer = torch.optim.AdamW(model.parameters())
    sum(parameter.sum() for parameter in model.parameters()).backward()
    optimizer.step()
    checkpoint = {"epoch": 3, "note": "words", "state_dict": model.state_dict(), "numbers": [1, 2.5, None],
                  "optimizer": optimizer.state_dict(), "nested": {"a": [wide[0], (wide[1],)], 7: wide[2]}}
    yield "checkpoint", checkpoint, []
    yield "part", checkpoint, ["--key", "state_dict"]
    yield "odd", {"a.b": wide[0].clone(), "": torch.ones(1), "é\"\\\n\x7f\u2028": torch.zeros(2)}, []
    yield "alone", wide[1:, 2], []
    yield "arrays", {"a": numpy.arange(24, dtype="<f4").reshape(2, 3, 4), "turned": numpy.arange(6.0).reshape(2, 3).T,
                     "big": numpy.arange(5, dtype=">i4"), "half": numpy.ones((2, 2), "f2"), "truth": numpy.array([True]),
                     "unsigned": numpy.arange(3, dtype="u8"), "none": numpy.zeros((0, 4), "i2")}, []
    tied = torch.randn(3, 3)
    yield "tied", {"one": tied, "other": tied, "third": nn.Parameter(tied)}, []


def flat(value, name=None):
    """Tensors by the keys that lead to them."""
    if isinstance(value, nn.Module):
        value = value.state_dict()
    if isinstance(value, numpy.ndarray):
        value = torch.from_numpy(value.astype(value.dtype.newbyteorder("=")))
    if isinstance(value, torch.Tensor):
        return {"tensor" if name is None else name: value.detach()}
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    else:
        return {}
    found = {}
    for key, inner in items:
        found.update(flat(inner, str(key) if name is None else f"{name}.{key}"))
    return found


def saved(value, directory):
    """Files that torch writes of a value."""
    paths = {name: os.path.join(directory, name) for name in ("zip", "big", "legacy", "pickle2", "pickle4")}
    torch.save(value, paths["zip"])
    torch.save(value, paths["legacy"], _use_new_zipfile_serialization=False)
    for protocol in (2, 4):
        with open(paths[f"pickle{protocol}"], "wb") as file:
            pickle.dump(value, file, protocol=protocol)
    big(paths["zip"], paths["big"])
    return paths


def big(source, target):
    """The same archive as a machine with the other order of bytes would have written it."""
    from torch.serialization import LoadEndianness, set_default_load_endianness
    import zipfile

    class Sizes(pickle.Unpickler):
        def persistent_load(self, pid):
            sizes[pid[2]] = torch._utils._element_size(getattr(pid[1], "dtype", torch.uint8))
            parts[pid[2]] = 2 if getattr(pid[1], "dtype", None) in (torch.complex64,) else 1
            return torch.storage.TypedStorage(wrap_storage=torch.UntypedStorage(pid[4] * sizes[pid[2]]),
                                              dtype=getattr(pid[1], "dtype", torch.uint8), _internal=True)

    sizes, parts = {}, {}
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        root = old.namelist()[0].split("/")[0]
        try:
            Sizes(old.open(f"{root}/data.pkl")).load()
        except Exception:
            pass
        for name in old.namelist():
            raw = old.read(name)
            key = name.split("/data/")[-1]
            if name.endswith("/byteorder"):
                raw = b"big"
            elif "/data/" in name:
                width = sizes.get(key, 1) // parts.get(key, 1)
                raw = numpy.frombuffer(raw, f"V{max(width, 1)}").view("u1").reshape(-1, max(width, 1))[:, ::-1].tobytes()
            new.writestr(name, raw)


def expected(path, options, target):
    if os.path.basename(path).startswith("pickle"):
        with open(path, "rb") as file:
            value = pickle.load(file)
    else:
        value = torch.load(path, weights_only=False)
    for key in options[1:2]:
        value = value[key]
    tensors = {name: tensor.clone().contiguous() for name, tensor in flat(value).items()}
    save_file(tensors, target, metadata={"format": "pt"})


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("casemate")
    arguments.add_argument("--fixtures")
    arguments = arguments.parse_args()
    failed = done = 0
    for name, value, options in cases():
        with tempfile.TemporaryDirectory() as directory:
            for kind, path in saved(value, directory).items():
                if name == "new-kinds" and kind not in ("zip", "big"):
                    continue
                ours, theirs = (os.path.join(directory, which) for which in ("ours", "theirs"))
                expected(path, options, theirs)
                run = subprocess.run([arguments.casemate, "model", "convert", "--force", path, ours, *options],
                                     capture_output=True, text=True)
                done += 1
                if run.returncode or open(ours, "rb").read() != open(theirs, "rb").read():
                    failed += 1
                    print(f"{name} as {kind}: differs, {run.returncode} {run.stderr.strip()}")
                if arguments.fixtures:
                    os.makedirs(arguments.fixtures, exist_ok=True)
                    shutil.copy(path, os.path.join(arguments.fixtures, f"{name}-{kind}"))
                    shutil.copy(theirs, os.path.join(arguments.fixtures, f"{name}.safetensors"))
    print(f"{done - failed} of {done} are the same, byte by byte")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
