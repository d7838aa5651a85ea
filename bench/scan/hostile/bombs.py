# SPDX-License-Identifier: Apache-2.0
"""Small files that take all memory or all time of whoever loads them. None runs anything."""

import bz2
import json

from .archives import PACKERS
from .artefact import hostile
from .opcodes import (ADDITEMS, EMPTY_DICT, EMPTY_SET, EMPTY_TUPLE, MARK, NONE, SETITEM, Code, call,
                      harmless, made, pickle, stacked)
from .zips import DEFLATED, Member, archive, plain

SIZE = 80 << 20


def corpus():
    for name, (why, data) in (archives() | pickles() | templates()).items():
        yield hostile(f"bomb-{name}", "bombs", why, data)


def archives():
    zeros = bytes(SIZE)
    layer = plain({"a": harmless()})
    for _ in range(40):
        layer = plain({"a.zip": layer})
    claimed = {"offset": 0, "packed": 9 << 10, "unpacked": 9 << 10}
    shared = [Member(f"m{number}", b"", written=False, central=claimed) for number in range(1, 200)]
    return {
        "gzip.pkl.gz": ("80 MiB of zeros in gzip", PACKERS["gz"](zeros)),
        "bzip2.pkl.bz2": ("80 MiB of zeros in bzip2", bz2.compress(zeros)),
        "deflate.zip": ("80 MiB of zeros, deflated", archive(Member("zeros.bin", zeros, DEFLATED))),
        "depth.zip": ("forty archives within one another", layer),
        "overlap.zip": ("two hundred members over the same bytes",
                        archive(Member("m0", bytes(9 << 10)), *shared)),
    }


def pickles():
    # Each tuple holds the one before twice. Tuples do not remember their hash.
    doubled = EMPTY_TUPLE + b"2\x86" * 60
    huge = Code(b"\x8a\x06" + (10**12).to_bytes(6, "little"))
    return {
        "hash.pkl": ("a key whose hash takes 2^60 steps", pickle(EMPTY_DICT, doubled, NONE, SETITEM)),
        "hash-set.pkl": ("an element of a set whose hash takes 2^60 steps",
                         pickle(EMPTY_SET, MARK, doubled, ADDITEMS)),
        "list.pkl": ("a list of 10^12 numbers",
                     pickle(call(stacked("builtins", "list"), made("builtins", "range", huge)))),
    }


def templates():
    loops = "".join(f"{{% for {name} in range(99999) %}}" for name in "abc")
    return {
        "multiply.json": ("a template that writes 10 GB",
                          json.dumps({"chat_template": "{{ 'x' * 10**10 }}"}).encode()),
        "loops.json": ("a template that writes 10^15 letters",
                       json.dumps({"chat_template": loops + "x" + "{% endfor %}" * 3}).encode()),
    }
