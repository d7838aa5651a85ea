# SPDX-License-Identifier: Apache-2.0
"""Where harmless files are put, and the ways in which people save one object."""

import pickle

import joblib


class Shelf:
    """A flat directory; no name is used twice."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        path = self.folder / name
        if path.exists():
            raise ValueError(f"{name} is there already")
        return str(path)

    def put(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)

    def pickle(self, name, value, *protocols):
        for protocol in protocols:
            self.put(f"{name}-{protocol}.pkl", pickle.dumps(value, protocol))

    def joblib(self, name, value, *compressions):
        """`None` is not compressed; else a name such as `gzip`, or a pair with the level."""
        for compression in compressions:
            ending = "" if compression is None else f"-{compression}".replace("'", "").strip("()")
            ending = ending.replace(", ", "-").replace("(", "")
            joblib.dump(value, self.path(f"{name}{ending}.joblib"), compress=compression or 0)
