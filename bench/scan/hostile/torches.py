# SPDX-License-Identifier: Apache-2.0
"""PyTorch: zip archives and what their readers disagree on, the format before 1.6, TorchScript."""

from .artefact import hostile, malformed
from .opcodes import call, harmless, payload, pickle, refer, stacked, value
from .zips import DEFLATED, Member, archive, plain

BAD, GOOD = payload(2), harmless(2)
VERSION = {"archive/version": b"3\n"}
MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def corpus():
    yield from archives()
    yield from disagreements()
    yield from legacy()
    yield from scripts()
    yield from broken()


def torch(data, **more):
    """The members of a model whose `data.pkl` is `data`."""
    return {"archive/data.pkl": data, **VERSION, "archive/data/0": bytes(64), **more}


def archives():
    """Honest archives with a call in them."""
    tensor = pickle(call(stacked("torch._utils", "_rebuild_tensor_v2"),
                         refer("os", "getcwd"), 0, (1,), (1,), False, {}), protocol=2)
    table = {
        "data": ("data.pkl", "pt", plain(torch(BAD))),
        "deflated": ("data.pkl, deflated", "pt",
                     archive(Member("archive/data.pkl", BAD, DEFLATED),
                             Member("archive/version", b"3\n"))),
        "aligned": ("data.pkl, aligned by an extra field as torch does", "bin",
                    archive(Member("archive/data.pkl", BAD, padding=20),
                            Member("archive/version", b"3\n"))),
        "constants": ("constants.pkl", "pt", plain(torch(GOOD, **{"archive/constants.pkl": BAD}))),
        "deeper": ("data.pkl of a second model", "pt",
                   plain(torch(GOOD) | {"other/data.pkl": BAD})),
        "upper-case": ("DATA.PKL, which is data.pkl on some systems", "pt",
                       plain({"archive/DATA.PKL": BAD, **VERSION})),
        "flat": ("data.pkl without a directory", "pt", plain({"data.pkl": BAD, "version": b"3\n"})),
        "code-in-tensor": ("a tensor is rebuilt over a function instead of a storage", "pt",
                           plain(torch(tensor))),
        "package": ("torch.package: pickles under .data/ and source", "pt",
                    plain({"p/.data/version": b"6\n", "p/model/model.pkl": BAD,
                           "p/.data/extern_modules": b"os\n", "p/own.py": b"import os\n"})),
        "bytecode": ("bytecode.pkl of a mobile model", "ptl",
                     plain(torch(GOOD, **{"archive/bytecode.pkl": BAD}))),
        "second-pickle": ("a second pickle behind the one in data.pkl", "pt",
                          plain(torch(GOOD + BAD))),
    }
    for name, (why, ending, data) in table.items():
        yield hostile(f"torch-{name}.{ending}", "torch: archives", why, data)


def disagreements():
    """Archives that readers see differently: torch's goes by the directory and is lenient."""
    good, version = Member("archive/data.pkl", GOOD), Member("archive/version", b"3\n")

    def bad(**options):
        return Member("archive/data.pkl", BAD, **options)

    both = plain(torch(GOOD)), plain(torch(BAD))
    member = plain({"archive/data.pkl": BAD}).partition(b"PK\1\2")[0]
    table = {
        "local-name": ("members bear another name than the directory says",
                       archive(bad(local={"name": "archive/data.txt"}), version)),
        "central-name": ("the directory bears another name than the member",
                         archive(bad(central={"name": "archive/notes.pkl"}), version)),
        "flag-encrypted": ("the flag for encryption on bytes in clear",
                           archive(bad(local={"flags": 1}, central={"flags": 1}), version)),
        "flag-encrypted-local": ("the same in the member only",
                                 archive(bad(local={"flags": 1}), version)),
        "flag-strong": ("the flag for strong encryption",
                        archive(bad(central={"flags": 0x40}), version)),
        "flag-masked": ("the flag for a masked directory",
                        archive(bad(local={"flags": 0x2000}, central={"flags": 0x2000}), version)),
        "flag-patched": ("the flag for patched data", archive(bad(central={"flags": 0x20}), version)),
        "flag-descriptor": ("sizes of zero in the member and no descriptor behind it",
                            archive(bad(local={"flags": 8, "crc": 0, "packed": 0, "unpacked": 0},
                                        central={"flags": 8}), version)),
        "checksum": ("a wrong checksum in both",
                     archive(bad(local={"crc": 1}, central={"crc": 1}), version)),
        "checksum-central": ("a wrong checksum in the directory",
                             archive(bad(central={"crc": 1}), version)),
        "method": ("another method in the directory",
                   archive(bad(local={"method": 8}), version)),
        "method-unknown": ("a method that nobody knows",
                           archive(bad(local={"method": 99}, central={"method": 99}), version)),
        "size": ("another size in the member",
                 archive(bad(local={"packed": 1, "unpacked": 1}), version)),
        "size-unpacked": ("another unpacked size in the directory",
                          archive(bad(central={"unpacked": 3}), version)),
        "duplicate": ("two members of one name, the harmless one last", archive(bad(), version, good)),
        "duplicate-first": ("two members of one name, the harmless one first",
                            archive(good, version, bad())),
        "duplicate-case": ("two names that are one on some systems",
                           archive(good, version, Member("archive/Data.pkl", BAD))),
        "orphan": ("a member that the directory does not name",
                   archive(bad(listed=False), version, good)),
        "ghost": ("the directory names the harmless bytes, a sequential reader meets the others",
                  archive(bad(listed=False), good, version)),
        "shared": ("two entries of the directory over the same bytes",
                   archive(bad(), Member("archive/notes.txt", BAD, written=False,
                                         central={"offset": 0}), version)),
        "two-ends": ("a second end of directory in the comment",
                     archive(good, version, comment=plain(torch(BAD)))),
        "appended": ("a whole archive behind a harmless one", both[0] + both[1]),
        "prepended": ("a whole archive before a harmless one", both[1] + both[0]),
        "prefix": ("text before the archive", archive(bad(), version, start=b"harmless\n" * 9)),
        "prefix-pickle": ("a pickle before the archive", archive(good, version, start=BAD)),
        "between": ("a member between the last one and the directory",
                    archive(good, version, between=member)),
        "gap": ("a member that only a sequential reader meets, between two others",
                archive(good, Member("archive/version", b"3\n", before=member))),
        "count": ("the directory says fewer members than it has",
                  archive(good, version, Member("archive/extra.pkl", BAD), count=2)),
        "trailing": ("bytes behind the end of the directory", archive(bad(), version, end=b"x" * 99)),
        "zero-name": ("a zero byte in the name",
                      archive(Member("archive/data.pkl\0.txt", BAD), version, good)),
        "backslash": ("a name with backslashes",
                      archive(Member("archive\\data.pkl", BAD), version)),
    }
    for name, (why, data) in table.items():
        yield hostile(f"torch-zip-{name}.pt", "torch: readers disagree", why, data)


def legacy():
    """Five pickles in a row: a number, a protocol, what the system was like, the object, its keys."""
    system = pickle(value({"protocol_version": 1001, "little_endian": True}), protocol=2)
    start = [MAGIC, b"\x80\x02M\xe9\x03.", system]
    keys = pickle(value([]), protocol=2)
    table = {
        "object": ("the object", [*start, BAD, keys]),
        "keys": ("the keys", [*start, GOOD, BAD]),
        "system": ("what the system was like", [*start[:2], BAD, GOOD, keys]),
        "magic": ("instead of the number", [BAD, *start[1:], GOOD, keys]),
        "protocol": ("instead of the protocol", [MAGIC, BAD, system, GOOD, keys]),
        "computed-magic": ("the number is computed by the call",
                           [BAD[:-1] + b"0" + MAGIC[2:], *start[1:], GOOD, keys]),
        "sixth": ("a sixth pickle behind the keys", [*start, GOOD, keys, BAD]),
    }
    for name, (why, parts) in table.items():
        yield hostile(f"torch-legacy-{name}.pt", "torch: before 1.6", why, b"".join(parts))


def scripts():
    """TorchScript: a program in the archive. Some of its operations reach files."""
    source = "class Model(Module):\n  def forward(self, x: Tensor) -> Tensor:\n    {}\n    return x\n"
    table = {
        "from-file": "_0 = torch.from_file(\"/nonexistent/casemate\", True, 1)",
        "from-file-aten": "_0 = ops.aten.from_file(\"/nonexistent/casemate\", True, 1)",
        "save": "_0 = ops.aten.save(x, \"/nonexistent/casemate\")",
    }
    common = {**VERSION, "archive/data.pkl": GOOD, "archive/constants.pkl": b"\x80\x02)."}
    for name, statement in table.items():
        code = source.format(statement).encode()
        yield hostile(f"torchscript-{name}.pt", "torch: scripts", f"calls {statement}",
                      plain({**common, "archive/code/__torch__.py": code}))
    yield hostile("torchscript-pickle.pt", "torch: scripts", "a call in the script's data.pkl",
                  plain({**common, "archive/data.pkl": BAD,
                         "archive/code/__torch__.py": source.format("pass").encode()}))
    yield hostile("torchscript-debug.pt", "torch: scripts", "a call in the debug information",
                  plain({**common, "archive/code/__torch__.py": source.format("pass").encode(),
                         "archive/code/__torch__.py.debug_pkl": BAD}))


def broken():
    good = plain(torch(GOOD))
    table = {
        "cut": ("cut in the middle", good[:len(good) // 2]),
        "no-end": ("no end of directory", good[:good.rindex(b"PK\5\6")]),
        "directory-shift": ("a directory that is not where it is said to be",
                            plain(torch(GOOD), directory_shift=9000)),
        "count": ("more members than there are", plain(torch(GOOD), count=999)),
        "bad-pickle": ("data.pkl is cut", plain(torch(GOOD[:9]))),
        "checksum": ("a wrong checksum",
                     archive(Member("archive/data.pkl", GOOD, local={"crc": 1}, central={"crc": 1}),
                             Member("archive/version", b"3\n"))),
        "flipped": ("one bit of the first header is flipped", b"PK\3\5" + good[4:]),
        "legacy-cut": ("the format before 1.6, cut after two pickles",
                       MAGIC + b"\x80\x02M\xe9\x03."),
    }
    for name, (why, data) in table.items():
        yield malformed(f"malformed-torch-{name}.pt", "malformed: torch", why, data)
