# SPDX-License-Identifier: Apache-2.0
"""Objects of Python itself, as training scripts put them beside weights."""

import argparse
import collections
import datetime
import decimal
import fractions
import pathlib
import random
import types
import uuid


def make(shelf):
    for name, value in objects().items():
        shelf.pickle(f"plain-{name}", value, *range(6))


def objects():
    counts = collections.Counter("an ordinary text about models")
    tree = collections.defaultdict(list)
    tree["layers"].extend(["embedding", "attention", "output"])
    circular = ["a list that holds itself"]
    circular.append(circular)
    return {
        "vocabulary": {f"token{number}": number for number in range(500)},
        "nested": {"a": [1, 2.5, None, True, ("x", b"bytes", {"y": {1, 2}})], "b": frozenset([3])},
        "long": [2**70, -2**40, 1e300, float("inf"), 3 + 4j, "x" * 70_000, bytes(70_000)],
        "unicode": ["Grüße", "日本語", "emoji 🙂", "os.system", "eval(", "\n.\0"],
        "ordered": collections.OrderedDict(zip("cab", range(3))),
        "collections": [counts, tree, collections.deque([1, 2], maxlen=5)],
        "circular": circular,
        "times": [datetime.datetime(2026, 11, 22, 9, 30), datetime.date(2026, 1, 1),
                  datetime.timedelta(seconds=3),
                  datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)],
        "numbers": [decimal.Decimal("1.10"), fractions.Fraction(1, 3), range(3), slice(1, 2, 3)],
        "namespace": argparse.Namespace(epochs=3, rate=1e-3, data=pathlib.PurePosixPath("data/train")),
        "simple": types.SimpleNamespace(name="run", step=7),
        "random": random.Random(0).getstate(),
        "uuid": uuid.UUID(int=7),
        "bytearray": [bytearray(b"mutable"), b"\x80\x04\x95", complex(0, 1)],
    }
