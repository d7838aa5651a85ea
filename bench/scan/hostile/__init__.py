# SPDX-License-Identifier: Apache-2.0
"""A corpus of inert model files that nobody should load, made by rule: the same bytes every time.

Bytes only: nothing in this package loads, imports or unpickles what it makes. What the files would
run is `true`, what they would fetch is port 9 of this host, what they would read or write is a path
that does not exist.
"""

import hashlib
import json

from . import (archives, bombs, configs, graphs, keras, pickles, programs, stages, streams, tensors,
               torches)
from .artefact import HOSTILE, MALFORMED, Artefact

MAKERS = [pickles, streams, torches, archives, bombs, tensors, graphs, keras, configs, programs,
          stages]

__all__ = ["HOSTILE", "MALFORMED", "Artefact", "corpus", "write"]


def corpus():
    """All artefacts. No two have the same name or the same bytes."""
    found = [artefact for maker in MAKERS for artefact in maker.corpus()]
    for what in ("name", "data"):
        seen = {}
        for artefact in found:
            key = getattr(artefact, what)
            if key in seen:
                raise ValueError(f"{artefact.name} and {seen[key]} have the same {what}")
            seen[key] = artefact.name
    return found


def write(folder):
    """Writes the corpus to a directory of its own and gives its manifest."""
    artefacts = corpus()
    folder.mkdir(parents=True)
    manifest = []
    for artefact in artefacts:
        (folder / artefact.name).write_bytes(artefact.data)
        digest = hashlib.sha256(artefact.data).hexdigest()
        manifest.append({"name": artefact.name, "family": artefact.family,
                         "expect": artefact.expect, "why": artefact.why, "sha256": digest})
    return manifest


def save(folder, manifest):
    """The files in `folder`, the list of them beside it."""
    entries = write(folder)
    manifest.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    return entries
