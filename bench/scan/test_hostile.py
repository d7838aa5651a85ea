# SPDX-License-Identifier: Apache-2.0
"""`.xtask/bench-scan-venv/bin/python -m unittest discover -s bench/scan`

That the corpus is what it says it is. Pickles are followed by Python's own unpickler with every
name replaced by a recorder: nothing is imported, and nothing but recorders is called.
"""

import io
import json
import pickle
import sys
import tarfile
import unittest
import zipfile

sys.dont_write_bytecode = True

try:
    import h5py  # noqa: F401
except ImportError:
    raise unittest.SkipTest("the corpus is made with h5py (see requirements.txt)") from None

import hostile  # noqa: E402


class Recorder:
    """Stands for whatever a pickle names; notes what is done to it."""

    def __init__(self, events, name):
        self.__dict__.update(events=events, name=name,
                             __new__=lambda cls, *_a, **_k: cls("made"))

    def __call__(self, *_arguments, **_options):
        self.events.append(f"calls {self.name}")
        return Recorder(self.events, f"result of {self.name}")

    def __setitem__(self, *_item):
        self.events.append(f"sets an item of {self.name}")

    def __setattr__(self, *_attribute):
        self.events.append(f"sets an attribute of {self.name}")

    def extend(self, _values):
        self.events.append(f"extends {self.name}")

    append = add = extend


class Follower(pickle._Unpickler):
    """The unpickler of the standard library in Python, without its imports."""

    def __init__(self, stream, events):
        super().__init__(stream)
        self.events = events

    def find_class(self, module, name):
        return Recorder(self.events, f"{module}.{name}")

    def get_extension(self, code):
        self.events.append(f"takes extension {code}")
        self.append(Recorder(self.events, f"extension {code}"))

    def persistent_load(self, _pid):
        return None


def follow(data):
    """What is done to names by the pickles in a row, and what the last of them breaks with."""
    stream, events = io.BytesIO(data), []
    while stream.tell() < len(data):
        follower = Follower(stream, events)
        try:
            follower.load()
        except Exception as error:
            return events, error
    return events, None


CORPUS = hostile.corpus()


class Corpus(unittest.TestCase):
    def of(self, prefix):
        found = [one for one in CORPUS if one.family.startswith(prefix)]
        self.assertTrue(found)
        return found

    def test_it_is_the_same_every_time(self):
        again = {one.name: one.data for one in hostile.corpus()}
        self.assertEqual([one.name for one in CORPUS if again[one.name] != one.data], [])

    def test_it_is_broad(self):
        self.assertGreaterEqual(sum(one.expect == hostile.HOSTILE for one in CORPUS), 250)
        self.assertGreaterEqual(sum(one.expect == hostile.MALFORMED for one in CORPUS), 40)
        for one in CORPUS:
            self.assertEqual(one.expect == hostile.MALFORMED, one.family.startswith("malformed"))

    def test_hostile_pickles_do_something_to_a_name(self):
        for one in self.of("pickle"):
            events, _ = follow(one.data)
            self.assertTrue(events, one.name)

    def test_calls_reach_what_they_name(self):
        for one in self.of("pickle: "):
            if one.why.startswith("calls "):
                events, _ = follow(one.data)
                wanted = one.why.removeprefix("calls ")
                # Names of Python 2 are translated by the unpickler.
                self.assertTrue(events, one.name)
                self.assertIn(wanted.rsplit(".", 1)[-1][:3], events[0], one.name)

    def test_malformed_pickles_break_and_do_nothing(self):
        for one in self.of("malformed: pickle"):
            events, error = follow(one.data)
            self.assertEqual(events, [], one.name)
            # Python's own reading takes a frame that is too long; the one in C does not.
            self.assertTrue(error or one.name == "malformed-pickle-frame.pkl", one.name)

    def test_archives_are_archives(self):
        for one in self.of("tar"):
            if one.name.endswith(".tar"):
                tarfile.open(fileobj=io.BytesIO(one.data)).getmembers()
        for one in self.of("zip"):
            zipfile.ZipFile(io.BytesIO(one.data)).infolist()

    def test_configurations_are_json(self):
        for one in self.of("JSON"):
            json.loads(one.data)


if __name__ == "__main__":
    unittest.main()
