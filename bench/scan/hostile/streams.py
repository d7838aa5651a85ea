# SPDX-License-Identifier: Apache-2.0
"""Pickles as streams: where the call stands, what is around it, and what is within constants."""

import base64
import bz2
import struct
import zlib

from .artefact import hostile, malformed
from .opcodes import (ADDITEMS, APPEND, BUILD, EMPTY_LIST, EMPTY_SET, EMPTY_TUPLE, MARK, NEWOBJ,
                      POP, REDUCE, STOP, Code, call, frame, harmless, long, made, named, payload,
                      pickle, refer, short, stacked, value)

CALL = call(stacked("os", "system"), "true")
MEGABYTE = 1 << 20


def corpus():
    yield from positions()
    yield from surroundings()
    yield from nested()
    yield from broken()


def positions():
    """The result of the call goes somewhere harmless, or nowhere."""
    table = {
        "popped": ("the result is thrown away", pickle(CALL, POP, value({"a": 1}))),
        "set": ("the call is an element of a set", pickle(EMPTY_SET, MARK, CALL, ADDITEMS)),
        "list": ("the call is an item of a list", pickle(EMPTY_LIST, CALL, APPEND)),
        "key": ("the call is a key", pickle(value({}), CALL, short("v"), b"s")),
        "value": ("the call is a value", pickle(value({"state_dict": Code(CALL)}))),
        "argument": ("the call is an argument of a harmless one",
                     pickle(call(stacked("collections", "OrderedDict"), [("w", Code(CALL))]))),
        "state": ("the call is the state of a harmless object",
                  pickle(stacked("sklearn.linear_model._logistic", "LogisticRegression"),
                         EMPTY_TUPLE, NEWOBJ, value({"C": Code(CALL)}), BUILD)),
        "array": ("the call is the state of an array",
                  pickle(call(stacked("numpy._core.multiarray", "_reconstruct"),
                              refer("numpy", "ndarray"), (0,), b"b"),
                         value((1, (1,), Code(CALL), False, [0])), BUILD)),
        "marks": ("the call stands under many marks", pickle(MARK * 5000, CALL, b"1" * 5000)),
        "deep": ("the call stands in many lists",
                 pickle(EMPTY_LIST * 2000, CALL, APPEND * 2000)),
        "frames": ("each instruction has a frame of its own",
                   pickle(*(frame(part) for part in (short("os"), short("system"), b"\x93",
                                                     long("true"), b"\x85", REDUCE)))),
        "frame-after": ("the call stands behind the frame", pickle(frame(b"N0"), CALL)),
        "protocols": ("a second protocol in the middle", pickle(b"\x80\x02N0\x80\x05", CALL)),
        "persistent": ("a persistent reference before the call", pickle(CALL, POP, short("0"), b"Q")),
        "buffers": ("a bytearray of protocol 5 before the call",
                    pickle(b"\x96", struct.pack("<Q", 4), b"abcd", POP, CALL, protocol=5)),
        "late": ("a megabyte of instructions before the call", pickle(b"N0" * (MEGABYTE // 2), CALL)),
        "long-constant": ("a megabyte of constant before the call",
                          pickle(value(bytes(MEGABYTE)), POP, CALL)),
        "many-memos": ("thousands of memos before the call",
                       pickle(*(value(number) + b"\x940" for number in range(20_000)), CALL)),
    }
    for name, (why, data) in table.items():
        yield hostile(f"pickle-position-{name}.pkl", "pickle: positions", why, data)


def surroundings():
    """Readers of several pickles in a row, and readers that stop early."""
    table = {
        "second": ("the second pickle of a stream", harmless() + payload()),
        "first": ("a harmless one behind it", payload() + harmless()),
        "tenth": ("the tenth pickle of a stream", harmless(2) * 9 + payload(2)),
        "no-stop": ("no STOP: the call has run when the reader notices", payload()[:-1]),
        "no-stop-text": ("no STOP under protocol 0", payload(0)[:-1]),
        "broken-after": ("an unknown instruction behind the call", payload()[:-1] + b"\xff."),
        "cut-after": ("cut in the middle of a constant behind the call",
                      payload()[:-1] + b"B\xff\xff\x00\x00abc"),
        "underflow-after": ("an empty stack behind the call", payload()[:-1] + b"000."),
        "padding": ("zeros behind it", payload() + bytes(4096)),
        "text-after": ("text behind it", payload() + b"\n-- weights follow --\n" * 8),
        "frame-too-long": ("a frame that is longer than the file, behind the call",
                           payload()[:-1] + b"\x95\xff\xff\xff\xff\0\0\0\0N."),
        "proto-missing": ("instructions of protocol 4 without PROTO", payload()[2:]),
        "proto-0": ("text instructions with PROTO 5", b"\x80\x05" + payload(0)),
    }
    for name, (why, data) in table.items():
        yield hostile(f"pickle-stream-{name}.pkl", "pickle: streams", why, data)


def nested():
    """Pickles in constants of pickles, given to a callable that loads them."""
    inner = payload()
    loaders = {
        "loads": stacked("pickle", "loads"),
        "c-loads": stacked("_pickle", "loads"),
        "python-loads": stacked("pickle", "_loads"),
        "torch-storage": stacked("torch.storage", "_load_from_bytes"),
        "dill": stacked("dill._dill", "loads"),
        "cloudpickle": named("cloudpickle", "loads"),
        "multiprocessing": stacked("multiprocessing.reduction", "_ForkingPickler.loads"),
    }
    for name, loader in loaders.items():
        yield hostile(f"pickle-nested-{name}.pkl", "pickle: nested", f"{name} of a constant",
                      pickle(call(loader, inner)))
    load = refer("torch.storage", "_load_from_bytes")
    deep = inner
    for _ in range(5):
        deep = pickle(call(load.code, deep))
    loads = stacked("pickle", "loads")
    table = {
        "deep": ("five loaders within one another", deep),
        "prefixed": ("the constant begins with harmless instructions",
                     pickle(call(load.code, b"K\x010" + inner))),
        "text": ("a text that becomes bytes",
                 pickle(call(load.code, made("_codecs", "encode", payload(0).decode(), "latin1")))),
        "base64": ("base64", pickle(call(loads, made("base64", "b64decode",
                                                     base64.b64encode(inner))))),
        "zlib": ("zlib", pickle(call(loads, made("zlib", "decompress", zlib.compress(inner))))),
        "bz2": ("bz2", pickle(call(loads, made("bz2", "decompress", bz2.compress(inner))))),
        "hex": ("hexadecimal", pickle(call(loads, made("binascii", "unhexlify",
                                                       inner.hex().encode())))),
        "reader": ("joblib over a file in memory",
                   pickle(call(stacked("joblib", "load"), made("io", "BytesIO", inner)))),
        "marshal": ("code of marshal, called",
                    pickle(call(stacked("types", "FunctionType"),
                                made("marshal", "loads", b"\xe3" + bytes(40)), {}), EMPTY_TUPLE,
                           REDUCE)),
    }
    for name, (why, data) in table.items():
        yield hostile(f"pickle-nested-{name}.pkl", "pickle: nested", why, data)


def broken():
    """Pickles that no reader reads, without a call in them."""
    plain = harmless()
    table = {
        "cut": ("cut in the middle", plain[:len(plain) // 2]),
        "cut-constant": ("a constant that is longer than the file", pickle(b"B\xff\xff\xff\x7fabc")),
        "cut-long": ("a text of 2^63 bytes", pickle(b"\x8d" + b"\xff" * 7 + b"\x7f")),
        "no-stop": ("no STOP", plain[:-1]),
        "unknown": ("an unknown instruction", pickle(value(1), POP, b"\xfe", value(2))),
        "underflow": ("more is taken from the stack than is on it", pickle(b"00", value(1))),
        "no-mark": ("TUPLE without a mark", pickle(value(1), b"t")),
        "memo": ("a memo that was never written", pickle(b"h\x07")),
        "protocol": ("protocol 77", b"\x80\x4d" + plain[2:]),
        "frame": ("a frame that is longer than the file",
                  b"\x80\x04\x95\xff\xff\0\0\0\0\0\0" + plain[2:]),
        "number": ("a number that is none", pickle(b"Iabc\n", protocol=2)),
        "float": ("a floating point number that is none", pickle(b"F1.2.3\n", protocol=2)),
        "encoding": ("a text that is no UTF-8", pickle(b"\x8c\x02\xff\xfe")),
        "frame-crossed": ("an instruction that crosses the end of its frame",
                          pickle(b"\x95\x03\0\0\0\0\0\0\0", b"\x8c\x09abcdefghi")),
        "setitem": ("SETITEM on a number", pickle(value(1), value(2), value(3), b"s")),
        "setitems": ("SETITEMS with texts on a list", pickle(b"](", value("a"), value("b"), b"u")),
        "append": ("APPEND to a number", pickle(value(1), value(2), b"a")),
        "additems": ("ADDITEMS to a list", pickle(b"](", value(1), b"\x90")),
        "unhashable": ("a list as an element of a set", pickle(EMPTY_SET, MARK, b"]", ADDITEMS)),
        "unhashable-key": ("a dictionary as a key", pickle(b"}}N", b"s")),
        "buffer": ("READONLY_BUFFER on a number", pickle(value(1), b"\x98", protocol=5)),
        "out-of-band": ("a buffer that is not in the file", pickle(b"\x97", protocol=5)),
        "empty": ("PROTO and STOP only", b"\x80\x04."),
    }
    for name, (why, data) in table.items():
        yield malformed(f"malformed-pickle-{name}.pkl", "malformed: pickle", why, data)
    assert plain.endswith(STOP)
