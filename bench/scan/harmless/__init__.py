# SPDX-License-Identifier: Apache-2.0
"""Harmless files from real libraries, in the ways in which people save models.

Seeds are fixed. Files of some libraries hold times or names of machines all the same, so two runs
need not give the same bytes. Objects of code of one's own (cloudpickle, own classes) are not among
them: whether such a file is harmless nobody can see.
"""

import importlib

from .shelf import Shelf

# Each is imported when its turn comes: together they are large.
MAKERS = ["plain", "arrays", "estimators", "boosters", "texts", "networks", "layers"]


def write(folder, makers=None):
    """Writes the files to a directory of its own and gives their number."""
    folder.mkdir(parents=True)
    shelf = Shelf(folder)
    for name in makers or MAKERS:
        importlib.import_module(f"{__name__}.{name}").make(shelf)
    return sum(1 for _ in folder.iterdir())
