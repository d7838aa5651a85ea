# SPDX-License-Identifier: Apache-2.0
"""Programs, files that are several things at once, and pickles under the names of others."""

import struct

from .archives import tar
from .artefact import hostile, malformed
from .opcodes import payload
from .tensors import framed, gguf_file, tensor
from .zips import plain

ELF = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHI", 2, 62, 1) + bytes(40)
PE = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<HH", 0x8664, 0) + bytes(240)
MACH_O = b"\xcf\xfa\xed\xfe" + struct.pack("<6I", 0x01000007, 3, 2, 0, 0, 0) + bytes(8)

# Endings that scanners route by, or skip.
ENDINGS = ["bin", "dat", "data", "pt", "pth", "ckpt", "model", "h5", "keras", "onnx", "pb", "tflite",
           "npy", "safetensors", "gguf", "json", "txt", "md", "png", "config", "cfg", "p", "pickle",
           "PKL", "pkl.bak", "msgpack", "zip", "tar", "so", "html", "yaml"]


def corpus():
    yield from programs()
    yield from endings()
    yield from polyglots()
    yield from carriers()
    yield malformed("malformed-random.bin", "malformed: unknown", "bytes of no format",
                    bytes(n * 197 + n // 7 & 0xff for n in range(1, 4000)))


def programs():
    family = "programs"
    weights = plain({"model.gguf": gguf_file()})
    table = {
        "elf.so": ("a library of Linux", ELF),
        "pe.dll": ("a library of Windows", PE),
        "mach-o.dylib": ("a library of macOS", MACH_O),
        "mach-o-fat.dylib": ("a library of macOS for two processors",
                             b"\xca\xfe\xba\xbe\0\0\0\2" + bytes(40)),
        "wasm.wasm": ("WebAssembly", b"\0asm\1\0\0\0" + b"\x01\x04\x01\x60\0\0"),
        "archive.a": ("a static library", b"!<arch>\n" + b"x/".ljust(16) + b"0".ljust(12)
                      + b"0     0     644     4         `\nabcd"),
        "bytecode.pyc": ("bytecode of Python", b"\xa7\x0d\x0d\x0a" + bytes(12) + b"\xe3" + bytes(60)),
        "script.model": ("a script under the name of a model", b"#!/usr/bin/env python3\nprint(1)\n"),
        "elf.bin": ("a program under the name of weights", ELF + bytes(64)),
        "llamafile.llamafile": ("a llamafile", b"MZqFpD='\n#'\"" + b"\n" * 50 + ELF + weights),
        "elf-gguf.gguf": ("a program with an archive of weights behind it", ELF + weights + b""),
        "class.bin": ("bytecode of Java", b"\xca\xfe\xba\xbe\0\0\0\x3d" + bytes(60)),
    }
    for name, (why, data) in table.items():
        yield hostile(f"program-{name}", family, why, data)


def endings():
    for index, ending in enumerate(ENDINGS):
        yield hostile(f"ending.{ending}", "endings", f"a pickle that ends in .{ending}",
                      payload(index % 4 + 2, f"exit {100 + index}"))
    yield hostile("ending", "endings", "a pickle without an ending", payload(0, "exit 0"))
    yield hostile(".ending", "endings", "a pickle in a hidden file", payload(1, "exit 0"))
    archive = {"archive/data.pkl": payload(2), "archive/version": b"3\n"}
    for index, ending in enumerate(("pkl", "h5", "joblib", "json", "safetensors", "onnx", "dat")):
        yield hostile(f"ending-torch.{ending}", "endings",
                      f"an archive of torch that ends in .{ending}",
                      plain({**archive, "archive/data/0": bytes(index)}))


def polyglots():
    family = "polyglots"
    archive = plain({"archive/data.pkl": payload(2), "archive/version": b"3\n"})
    header = framed({"w": tensor(0, 8)}, bytes(8))
    table = {
        "pickle-zip.pt": ("a pickle that is an archive as well",
                          payload(2) + plain({"a.txt": b"harmless"})),
        "text-zip.txt": ("a text that is an archive as well", b"harmless text\n" * 9 + archive),
        "json-zip.json": ("JSON that is an archive as well", b'{"a": 1}\n' + archive),
        "safetensors-zip.safetensors": ("safetensors that is an archive as well", header + archive),
        "gguf-zip.gguf": ("GGUF that is an archive as well", gguf_file() + archive + b""),
        "png-zip.png": ("an image that is an archive as well",
                        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(17) + archive),
        "pdf-zip.pdf": ("a document that an archive follows", b"%PDF-1.4\n%%EOF\n" + archive),
        "tar-zip.tar": ("tar that is an archive of zip as well",
                        tar([("a.txt", b"x")]) + archive),
        "pickle-tar.tar": ("tar whose first name is a pickle",
                           tar([("cos\nsystem\n(S'true'\ntR.", b"x")])),
        "pickle-text.txt": ("a text that is a pickle of protocol 0", payload(0)),
        "pickle-python.py": ("Python source that is a pickle as well",
                             b"cos\nsystem\n(S'true'\ntR.#\nimport os\n"),
        "pickle-gguf.gguf": ("a pickle that GGUF follows", payload(4, "exit 5") + gguf_file()),
        "elf-pickle.pkl": ("a pickle that a program follows", payload(4, "exit 6") + ELF),
    }
    for name, (why, data) in table.items():
        yield hostile(f"polyglot-{name}", family, why, data)


def carriers():
    """Models of boosting libraries: their own formats run nothing, what is put into them does."""
    family = "boosting"
    tree = b"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=0\n"
    xgboost = b'{"learner": {"attributes": {%s}, "learner_model_param": {}}, "version": [3, 0, 0]}'
    table = {
        "xgboost-pickle.model": ("a pickle under the name", payload(4, "exit 7")),
        "xgboost-attribute.json": ("an attribute that makes an object of jsonpickle",
                                   xgboost % b'"x": {"py/object": "subprocess.Popen"}'),
        "lightgbm-pickle.txt": ("a pickle under the name", payload(3, "exit 8")),
        "lightgbm-behind.txt": ("an archive behind a model",
                                tree + plain({"a/data.pkl": payload(2)})),
        "catboost-pickle.cbm": ("a pickle under the name", payload(5, "exit 9")),
        "catboost-behind.cbm": ("an archive behind a model", b"CBM1" + struct.pack("<I", 16)
                                + bytes(16) + plain({"a/data.pkl": payload(3)})),
        "sentencepiece.model": ("a pickle under the name of a tokenizer", payload(2, "exit 9")),
    }
    for name, (why, data) in table.items():
        yield hostile(f"boosting-{name}", family, why, data)
