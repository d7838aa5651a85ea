# SPDX-License-Identifier: Apache-2.0
"""Arrays and tensors: numpy, joblib, safetensors, GGUF."""

import json
import struct

from .archives import PACKERS
from .artefact import hostile, malformed
from .opcodes import BUILD, EMPTY_TUPLE, NEWOBJ, call, harmless, payload, pickle, stacked, value
from .zips import Member, archive, plain

BAD = payload(3)
ESCAPE = "{{ ''.__class__.__mro__[1].__subclasses__() }}"


def corpus():
    yield from numpy()
    yield from joblib()
    yield from safetensors()
    yield from gguf()
    yield from broken()


# numpy.


def npy(kind, shape, rest, version=1, more=""):
    header = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, {more}}}"
    form = "<H" if version == 1 else "<I"
    space = -(6 + 2 + struct.calcsize(form) + len(header) + 1) % 64
    header = header.encode() + b" " * space + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(form, len(header)) + header + rest


def numpy():
    family = "numpy"
    for version in (1, 2, 3):
        yield hostile(f"numpy-object-{version}.npy", family, f"an array of objects, version {version}",
                      npy("|O", "(1,)", BAD, version))
    numbers = npy("<f8", "(2,)", bytes(16))
    spellings = ["|O8", "object", "i4,O", "O,O", ("|O", (1,)), [(("t", "a"), "|O")],
                 [("a", "O", (2,))]]
    for index, kind in enumerate(spellings):
        yield hostile(f"numpy-spelling-{index}.npy", family, f"objects, spelt {kind!r}",
                      npy(kind, "(1,)", BAD))
    table = {
        "object-big.npy": ("objects of another order of bytes", npy(">O", "(1,)", payload(4))),
        "object-field.npy": ("a record with a field of objects", npy([("a", "|O")], "(1,)", BAD)),
        "object-field-deep.npy": ("a record in a record with objects",
                                  npy([("a", [("b", "<f4"), ("c", "|O")])], "(1,)", BAD)),
        "behind.npy": ("a pickle behind the numbers", numbers + BAD),
        "two.npy": ("an array of objects behind an array", numbers + npy("|O", "(1,)", BAD)),
        "member.npz": ("an array of objects in an archive",
                       plain({"a.npy": numbers, "b.npy": npy("|O", "(1,)", BAD)})),
        "local-name.npz": ("members that bear another name than the directory says", archive(
            Member("a.npy", npy("|O", "(1,)", BAD), local={"name": "a.txt"}))),
        "as-npy.npy": ("a pickle under the name of an array, which numpy.load reads", BAD),
    }
    for name, (why, data) in table.items():
        yield hostile(f"numpy-{name}", family, why, data)


# joblib.


def wrapper(shape, kind="u1", more=()):
    """An array of joblib in a pickle; its bytes follow in the stream."""
    state = {"subclass": None, "shape": shape, "order": "C", **dict(more),
             "dtype": None, "allow_mmap": False}
    dtype = call(stacked("numpy", "dtype"), kind, False, True)
    return (stacked("joblib.numpy_pickle", "NumpyArrayWrapper") + EMPTY_TUPLE + NEWOBJ
            + value(state) + value("dtype") + dtype + b"s" + BUILD)


def joblib():
    family = "joblib"
    yield hostile("joblib-raw.joblib", family, "a call", pickle(call(
        stacked("os", "system"), "true"), protocol=3))
    for ending, pack in PACKERS.items():
        yield hostile(f"joblib-{ending}.joblib", family, f"a call, compressed with {ending}",
                      pack(payload(4, "exit 2")))
    array = wrapper((4,))
    table = {
        "behind-array": ("a call behind an array", pickle(array, b"abcd", b"0", payload(4)[2:-1])),
        "in-array": ("the bytes of an array are a call to whoever knows no arrays",
                     pickle(wrapper((64,)), (b"0" + payload(2)[:-1]).ljust(64, b"."))),
        "objects": ("an array of objects, which joblib unpickles",
                    pickle(wrapper((1,), "O"), payload(3))),
        "memory-map": ("a file elsewhere is mapped", pickle(
            stacked("joblib.numpy_pickle_compat", "NDArrayWrapper") + EMPTY_TUPLE + NEWOBJ
            + value({"filename": "../../../etc/passwd", "subclass": None, "allow_mmap": True})
            + BUILD)),
        "z-file": ("a compressed file elsewhere is read", pickle(
            stacked("joblib.numpy_pickle_compat", "ZNDArrayWrapper") + EMPTY_TUPLE + NEWOBJ
            + value({"filename": "/etc/passwd", "init_args": (), "state": ()}) + BUILD)),
        "memory": ("joblib.Memory writes to a directory", pickle(
            call(stacked("joblib.memory", "Memory"), "/nonexistent/casemate"))),
        "subclass": ("an array of a class of the author's choice",
                     pickle(wrapper((4,), more=[("subclass", None)])[:-1]
                            + value("subclass") + stacked("subprocess", "Popen") + b"s" + BUILD,
                            b"abcd")),
    }
    for name, (why, data) in table.items():
        yield hostile(f"joblib-{name}.joblib", family, why, data)


# safetensors.


def framed(header, rest=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + rest


def tensor(start, end, kind="F32", shape=None):
    return {"dtype": kind, "shape": [(end - start) // 4] if shape is None else shape,
            "data_offsets": [start, end]}


def safetensors():
    family = "safetensors"
    honest = framed({"w": tensor(0, 8)}, bytes(8))
    table = {
        "before": ("a pickle that a header follows", BAD + honest),
        "as-pickle": ("a pickle under the name", payload(5)),
        "as-torch": ("an archive of torch under the name", plain({"a/data.pkl": BAD})),
        "archive-behind": ("an archive with a pickle behind the tensors",
                           honest + plain({"a/data.pkl": BAD})),
    }
    for name, (why, data) in table.items():
        yield hostile(f"safetensors-{name}.safetensors", family, why, data)


# GGUF.


def gguf_text(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def gguf_pair(key, text):
    return gguf_text(key) + struct.pack("<I", 8) + gguf_text(text)


def gguf_file(*pairs, tensors=None, pair_count=None, tensor_count=1, version=3, offset=0, kind=0,
              dimensions=(32,), data=bytes(128)):
    """One tensor of 32 numbers, unless told otherwise."""
    pairs = (gguf_pair("general.architecture", "llama"), *pairs)
    if tensors is None:
        tensors = (gguf_text("w") + struct.pack("<I", len(dimensions))
                   + b"".join(struct.pack("<Q", size) for size in dimensions)
                   + struct.pack("<IQ", kind, offset))
    out = b"GGUF" + struct.pack("<IQQ", version, tensor_count,
                                len(pairs) if pair_count is None else pair_count)
    out += b"".join(pairs) + tensors
    return out + bytes(-len(out) % 32) + data


TEMPLATES = {
    "classes": ESCAPE,
    "globals": "{{ cycler.__init__.__globals__.os.popen('true').read() }}",
    "lipsum": "{{ lipsum.__globals__['os'].system('true') }}",
    "attr": "{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
    "statement": "{% set x = self._TemplateReference__context %}{{ x }}",
    "hidden": "{% for m in messages %}{{ m.content }}{% endfor %}{{ namespace.__init__.__globals__ }}",
    "format": "{{ '{0.__class__.__init__.__globals__}'.format(messages) }}",
    "joined": "{{ ()['__cla' ~ 'ss__']['__ba' ~ 'ses__'] }}",
}


def gguf():
    family = "GGUF"
    for name, template in TEMPLATES.items():
        yield hostile(f"gguf-template-{name}.gguf", family, f"the chat template is {template}",
                      gguf_file(gguf_pair("tokenizer.chat_template", template)))
    named = gguf_pair("tokenizer.chat_template.tool_use", TEMPLATES["lipsum"])
    array = (gguf_text("tokenizer.chat_templates") + struct.pack("<IIQ", 9, 8, 1)
             + gguf_text(TEMPLATES["globals"]))
    twice = (gguf_pair("tokenizer.chat_template", "{{ bos_token }}")
             + gguf_pair("tokenizer.chat_template", TEMPLATES["attr"]))
    table = {
        "named": ("a second template of another name", gguf_file(named)),
        "array": ("a template in an array", gguf_file(array)),
        "twice": ("two templates under one key", gguf_file(twice, pair_count=3)),
        "archive": ("an archive with a pickle behind the tensors",
                    gguf_file() + plain({"a/data.pkl": BAD})),
    }
    for name, (why, data) in table.items():
        yield hostile(f"gguf-{name}.gguf", family, why, data)


# Malformed.


def broken():
    yield from broken_safetensors()
    yield from broken_gguf()
    family = "malformed: arrays"
    good = npy("<f8", "(2,)", bytes(16))
    table = {
        "numpy-cut.npy": ("an array that is shorter than its header says", good[:-4]),
        "numpy-header.npy": ("a header that is longer than the file",
                             b"\x93NUMPY\1\0\xff\xff{'descr': '<f8'"),
        "numpy-expression.npy": ("an expression in the header, where only constants may be",
                                 npy("<f8", "(2,)", bytes(16), more="'x': __import__('os'), ")),
        "numpy-key.npy": ("a key in the header that arrays do not have",
                          npy("<f8", "(2,)", bytes(16), more="'x': 1, ")),
        "numpy-flipped.npy": ("a header with one bit flipped", good.replace(b"False", b"FalSe")),
        "numpy-kind-flipped.npy": ("a type with one bit flipped", good.replace(b"<f8", b"< 8")),
        "numpy-no-tuple.npy": ("a shape that is no tuple", good.replace(b"(2,)", b"(2 )")),
        "numpy-minor.npy": ("version 1.105", good[:7] + b"\x69" + good[8:]),
        "numpy-shape.npy": ("a shape of 2^70", npy("<f8", f"({1 << 70},)", bytes(16))),
        "numpy-negative.npy": ("a negative shape", npy("<f8", "(-2,)", bytes(16))),
        "numpy-version.npy": ("version 9", good[:6] + b"\x09\0" + good[8:]),
        "numpy-kind.npy": ("a type that does not exist", npy("<q99", "(2,)", bytes(16))),
        "numpy-member.npz": ("an archive with an array that is cut", plain({"a.npy": good[:-4]})),
        "joblib-cut.joblib": ("an array of joblib that is cut", pickle(wrapper((9000,)), b"abcd")),
        "joblib-zlib.joblib": ("a zlib stream that is cut", PACKERS["z"](harmless() * 9)[:-9]),
    }
    for name, (why, data) in table.items():
        yield malformed(f"malformed-{name}", family, why, data)


def broken_safetensors():
    w = tensor(0, 8)
    table = {
        "length": ("a header that is longer than the file", framed({"w": w}, bytes(8), 1 << 62)),
        "overflow": ("a header of 2^64 - 1 bytes", framed({"w": w}, bytes(8), (1 << 64) - 1)),
        "overlap": ("tensors that overlap", framed({"w": w, "v": tensor(4, 12)}, bytes(12))),
        "duplicate": ("two tensors of one name",
                      framed(b'{"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, '
                             b'"w": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}}',
                             bytes(16))),
        "outside": ("a tensor outside of the file", framed({"w": tensor(0, 800)}, bytes(8))),
        "backwards": ("a tensor that ends before it begins",
                      framed({"w": tensor(8, 0, shape=[2])}, bytes(8))),
        "shape": ("a shape that does not fit", framed({"w": tensor(0, 8, shape=[3])}, bytes(8))),
        "shape-overflow": ("a shape whose product overflows",
                           framed({"w": tensor(0, 8, shape=[1 << 62, 4, 2])}, bytes(8))),
        "kind": ("a type that does not exist", framed({"w": tensor(0, 8, "F33")}, bytes(8))),
        "json": ("a header that is no JSON", framed(b"{'w': 1}", bytes(8))),
        "zero": ("a number with a leading zero, which JSON does not have",
                 framed(json.dumps({"w": w}).encode().replace(b"[0, 8]", b"[0,08]"), bytes(8))),
        "flipped": ("a header with one bit flipped",
                    framed(json.dumps({"w": w}).encode().replace(b'"w": {', b'"w": ['), bytes(8))),
        "shape-missing": ("a tensor without a shape",
                          framed({"w": {"dtype": "F32", "data_offsets": [0, 8]}}, bytes(8))),
        "negative": ("a negative shape", framed({"w": tensor(0, 8, shape=[-2])}, bytes(8))),
        "junk": ("something behind the header's JSON",
                 framed(json.dumps({"w": w}).encode() + b"junk", bytes(8))),
        "gap": ("bytes that no tensor has",
                framed({"w": w, "v": tensor(16, 24)}, bytes(24))),
        "rest": ("bytes behind the last tensor", framed({"w": w}, bytes(12))),
        "pickle": ("a pickle behind the tensors", framed({"w": w}, bytes(8)) + BAD),
        "cut": ("fewer bytes than the tensors need", framed({"w": w}, bytes(4))),
        "tiny": ("shorter than a length", b"\x08\0\0\0"),
        "metadata": ("metadata that is no text", framed({"__metadata__": {"x": 1}, "w": w}, bytes(8))),
    }
    for name, (why, data) in table.items():
        yield malformed(f"malformed-safetensors-{name}.safetensors", "malformed: safetensors", why,
                        data)


def broken_gguf():
    table = {
        "pairs": ("2^60 keys", gguf_file(pair_count=1 << 60)),
        "tensors": ("2^60 tensors", gguf_file(tensor_count=1 << 60)),
        "text": ("a text of 2^63 bytes",
                 gguf_file(struct.pack("<Q", 1 << 63) + b"abc", pair_count=2)),
        "array": ("an array of 2^61 numbers", gguf_file(
            gguf_text("a") + struct.pack("<IIQ", 9, 10, 1 << 61))),
        "array-deep": ("arrays a thousand deep", gguf_file(
            gguf_text("a") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 1000
            + struct.pack("<IQ", 4, 0))),
        "kind": ("a value of unknown type", gguf_file(gguf_text("a") + struct.pack("<IQ", 77, 1))),
        "offset": ("a tensor outside of the file", gguf_file(offset=1 << 40)),
        "unaligned": ("a tensor that is not aligned", gguf_file(offset=7, data=bytes(256))),
        "overflow": ("dimensions whose product overflows",
                     gguf_file(dimensions=(1 << 33, 1 << 33, 4))),
        "dimensions": ("a tensor of 900 dimensions", gguf_file(dimensions=(1,) * 900)),
        "type": ("a tensor of unknown type", gguf_file(kind=999)),
        "alignment": ("an alignment of zero", gguf_file(
            gguf_text("general.alignment") + struct.pack("<II", 4, 0))),
        "version": ("version 200", gguf_file(version=200)),
        "cut": ("the tensor is cut", gguf_file()[:-50]),
        "magic": ("the beginning only", b"GGUF"),
    }
    for name, (why, data) in table.items():
        yield malformed(f"malformed-gguf-{name}.gguf", "malformed: GGUF", why, data)
