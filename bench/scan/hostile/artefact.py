# SPDX-License-Identifier: Apache-2.0
"""What the corpus consists of: bytes, with a name, a family, and why nobody should load them."""

from dataclasses import dataclass

HOSTILE = "hostile"
MALFORMED = "malformed"


@dataclass(frozen=True)
class Artefact:
    """One file. `expect` says what a scanner has to see in it.

    *hostile*: whoever loads or uses it in the usual way runs, fetches, reads or writes what the
    author chose, or has a reader of the same bytes that does. *malformed*: no reader can read it to
    its end, or readers disagree on what it holds, so nobody may call it clean.
    """

    name: str
    family: str
    expect: str
    why: str
    data: bytes


def hostile(name, family, why, data):
    return Artefact(name, family, HOSTILE, why, bytes(data))


def malformed(name, family, why, data):
    return Artefact(name, family, MALFORMED, why, bytes(data))
