# SPDX-License-Identifier: Apache-2.0
"""A small assembler of pickle instructions. It writes bytes; nothing here can read them."""

import struct

MARK, STOP, POP, REDUCE, BUILD, TUPLE = b"(", b".", b"0", b"R", b"b", b"t"
EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, EMPTY_SET = b"}", b"]", b")", b"\x8f"
NONE, SETITEM, SETITEMS, APPEND, APPENDS, ADDITEMS = b"N", b"s", b"u", b"a", b"e", b"\x90"
NEWOBJ, NEWOBJ_EX, STACK_GLOBAL, MEMOIZE, OBJ = b"\x81", b"\x92", b"\x93", b"\x94", b"o"


def short(text):
    """A text of less than 256 bytes, as protocol 4 writes it."""
    data = text.encode()
    return b"\x8c" + bytes([len(data)]) + data


def long(text):
    """A text with a length of four bytes, as protocols 1 to 3 write it."""
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def line(text):
    """A text as protocol 0 writes it."""
    return b"V" + text.encode("raw_unicode_escape") + b"\n"


def constant(data):
    """Bytes, with a length of four bytes."""
    return b"B" + struct.pack("<I", len(data)) + data


def value(what, text=long):
    """A constant, or instructions (`Code`) that make one."""
    match what:
        case Code():
            return what.code
        case None:
            return NONE
        case True:
            return b"\x88"
        case False:
            return b"\x89"
        case int():
            return b"J" + struct.pack("<i", what)
        case str():
            return text(what)
        case bytes():
            return constant(what)
        case tuple():
            return MARK + b"".join(value(one, text) for one in what) + TUPLE
        case list():
            return EMPTY_LIST + MARK + b"".join(value(one, text) for one in what) + APPENDS
        case dict():
            pairs = b"".join(value(one, text) for pair in what.items() for one in pair)
            return EMPTY_DICT + MARK + pairs + SETITEMS
    raise TypeError(what)


class Code:
    """Instructions that leave one value on the stack."""

    def __init__(self, code):
        self.code = code


def named(module, name):
    """GLOBAL: a name in the instruction itself."""
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def stacked(module, name, text=short):
    """STACK_GLOBAL: a name from the stack, as protocol 4 writes it."""
    return text(module) + text(name) + STACK_GLOBAL


def call(callee, *arguments, text=long):
    return callee + value(arguments, text) + REDUCE


def made(module, name, *arguments):
    """A call as a value, to be an argument of another one."""
    return Code(call(stacked(module, name), *arguments))


def refer(module, name):
    return Code(stacked(module, name))


def pickle(*parts, protocol=4):
    """A whole pickle."""
    start = b"" if protocol < 2 else b"\x80" + bytes([protocol])
    return start + b"".join(parts) + STOP


def frame(code):
    return b"\x95" + struct.pack("<Q", len(code)) + code


def payload(protocol=4, command="true"):
    """What most of the corpus carries: a pickle that would run `true`."""
    target = stacked("os", "system") if protocol >= 4 else named("posix", "system")
    return pickle(call(target, command, text=line if protocol == 0 else long), protocol=protocol)


def harmless(protocol=4):
    """A pickle of plain values, to stand beside a payload."""
    return pickle(value({"weights": [1, 2, 3], "name": "harmless"}), protocol=protocol)
