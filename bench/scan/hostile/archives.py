# SPDX-License-Identifier: Apache-2.0
"""Archives and compressed streams around a payload, and archives that attack who unpacks them."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zlib

from .artefact import hostile, malformed
from .opcodes import harmless, payload
from .zips import DEFLATED, Member, archive, plain

BAD, GOOD = payload(4), harmless(4)


def corpus():
    yield from streams()
    yield from tars()
    yield from zips()
    yield from packages()
    yield from broken()


def zstd(data):
    """A frame of one raw block: no checksum, one segment, a size of four bytes."""
    assert len(data) < 1 << 17
    block = struct.pack("<I", len(data) << 3 | 1)[:3]
    return b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(data)) + block + data


def lz4(data):
    """A frame of one block that is not compressed, in the frame that joblib writes."""
    return (b"\x04\x22\x4d\x18\x60\x40\x82" + struct.pack("<I", len(data) | 1 << 31) + data
            + bytes(4))


def raw_lzma(data):
    return lzma.compress(data, format=lzma.FORMAT_ALONE)


PACKERS = {"gz": lambda data: gzip.compress(data, mtime=0), "bz2": bz2.compress,
           "xz": lzma.compress, "lzma": raw_lzma, "z": zlib.compress, "zst": zstd, "lz4": lz4}


def streams():
    family = "compressed"
    for name, pack in PACKERS.items():
        yield hostile(f"compressed.pkl.{name}", family, f"a pickle in {name}", pack(BAD))
        yield hostile(f"compressed-twice-{name}.bin", family, f"{name} in gzip, of unknown ending",
                      PACKERS["gz"](pack(payload(4, "exit 1"))))
    yield hostile("compressed-members.pkl.gz", family, "the second member of a gzip stream",
                  PACKERS["gz"](GOOD) + PACKERS["gz"](BAD))
    yield hostile("compressed-trailing.pkl.gz", family, "a pickle behind a gzip stream",
                  PACKERS["gz"](GOOD) + BAD)
    yield hostile("compressed-trailing.pkl.xz", family, "a pickle behind an xz stream",
                  PACKERS["xz"](GOOD) + BAD)
    yield hostile("compressed-skippable.zst", family, "a skippable frame before the frame",
                  b"\x50\x2a\x4d\x18" + struct.pack("<I", 9) + b"skip this" + zstd(BAD))


def tar(entries, form=tarfile.GNU_FORMAT, headers=None):
    """A tar archive of `(name, bytes or (type, target))`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as made:
        for name, what in entries:
            info = tarfile.TarInfo(name)
            info.pax_headers = headers or {}
            if isinstance(what, bytes):
                info.size = len(what)
                made.addfile(info, io.BytesIO(what))
            else:
                info.type, info.linkname = what
                made.addfile(info)
    return out.getvalue()


def tars():
    good = ("weights.txt", b"1 2 3\n")
    table = {
        "pickle": ("a pickle", tar([good, ("model.pkl", BAD)])),
        "unnamed": ("a pickle without an ending", tar([good, ("model", BAD)])),
        "ustar": ("a pickle in the format of POSIX", tar([("model.pkl", BAD)], tarfile.USTAR_FORMAT)),
        "pax": ("a pickle in the format with extended headers",
                tar([("m/" * 60 + "model.pkl", BAD)], tarfile.PAX_FORMAT)),
        "pax-path": ("an extended header that leads upwards",
                     tar([("model.txt", b"x")], tarfile.PAX_FORMAT, {"path": "../../evil"})),
        "pax-link": ("an extended header that names a target",
                     tar([("model", (tarfile.SYMTYPE, "x"))], tarfile.PAX_FORMAT,
                         {"linkpath": "/etc/passwd"})),
        "upwards": ("a path that leads upwards", tar([("../../evil.txt", b"x")])),
        "absolute": ("an absolute path", tar([("/nonexistent/casemate", b"x")])),
        "symlink": ("a symbolic link", tar([("model.pkl", (tarfile.SYMTYPE, "/etc/passwd"))])),
        "symlink-through": ("a file that is written through a link",
                            tar([("dir", (tarfile.SYMTYPE, "/nonexistent")), ("dir/evil", b"x")])),
        "hardlink": ("a hard link", tar([good, ("model", (tarfile.LNKTYPE, "/etc/passwd"))])),
        "device": ("a device", tar([("null", (tarfile.CHRTYPE, ""))])),
        "fifo": ("a pipe", tar([("pipe", (tarfile.FIFOTYPE, ""))])),
        "duplicate": ("two members of one name", tar([("model.txt", b"x"), ("model.txt", BAD)])),
        "behind": ("a pickle behind the end", tar([good]) + BAD),
        "nested": ("tar in tar", tar([("inner.tar", tar([("model.pkl", BAD)]))])),
        "long-name": ("a name of 300 bytes in GNU's own way", tar([("n" * 300, BAD)])),
    }
    for name, (why, data) in table.items():
        yield hostile(f"tar-{name}.tar", "tar", why, data)
    for ending in ("gz", "bz2", "xz", "zst"):
        yield hostile(f"tar-packed.tar.{ending}", "tar", f"a pickle in tar in {ending}",
                      PACKERS[ending](tar([("model.pkl", BAD)])))


def zips():
    family = "zip"
    inner = plain({"model.pkl": BAD})
    deep = inner
    for _ in range(4):
        deep = plain({"inner.zip": deep})
    table = {
        "pickle": ("a pickle", inner),
        "unnamed": ("a pickle without an ending", plain({"model": BAD})),
        "nested": ("zip in zip", plain({"inner.zip": inner, "x.txt": b"x"})),
        "nested-deep": ("five archives within one another", deep),
        "nested-tar": ("tar in gzip in zip",
                       plain({"a.tgz": PACKERS["gz"](tar([("model.pkl", BAD)]))})),
        "upwards": ("a path that leads upwards", plain({"../../evil.txt": b"x"})),
        "upwards-backslash": ("a path that leads upwards with backslashes",
                              plain({"..\\..\\evil.txt": b"x"})),
        "absolute": ("an absolute path", plain({"/nonexistent/casemate": b"x"})),
        "drive": ("a path with a drive", plain({"C:\\evil.txt": b"x"})),
        "encrypted": ("an encrypted member",
                      archive(Member("model.pkl", bytes(range(60)), local={"flags": 1},
                                     central={"flags": 1}))),
        "library": ("a native library", plain({"lib.so": b"\x7fELF\2\1\1" + bytes(57)})),
    }
    for name, (why, data) in table.items():
        yield hostile(f"zip-{name}.zip", family, why, data)


def packages():
    """Archives that are models of their own kind."""
    manifest = b'{"model": {"modelName": "m", "serializedFile": "model.pt", "handler": "handler.py"}}'
    handler = b"import os\n\ndef handle(data, context):\n    return os.system('true')\n"
    deep = b"optim:\n  sched:\n    - {_target_: subprocess.Popen, args: x}\n"
    nemo = b"target: nemo.collections.asr.models.EncDecCTCModel\n"
    table = {
        "pickle.mar": ("MAR", "a MAR with a pickle", plain({
            "MAR-INF/MANIFEST.json": manifest, "model.pt": BAD})),
        "handler.mar": ("MAR", "a MAR with a handler, which is run", plain({
            "MAR-INF/MANIFEST.json": manifest, "handler.py": handler})),
        "requirements.mar": ("MAR", "a MAR that installs from elsewhere", plain({
            "MAR-INF/MANIFEST.json": manifest,
            "requirements.txt": b"evil @ git+https://127.0.0.1/x.git\n"})),
        "checkpoint.nemo": ("NeMo", "NeMo with a hostile checkpoint", tar([
            ("model_config.yaml", nemo), ("model_weights.ckpt", plain({"a/data.pkl": BAD}))])),
        "target.nemo": ("NeMo", "NeMo whose configuration calls something else", tar([
            ("model_config.yaml", b"target: os.system\n_target_: os.system\n"),
            ("model_weights.ckpt", plain({"a/data.pkl": GOOD}))])),
        "target-deep.nemo": ("NeMo", "the same, deep in the configuration", tar([
            ("./model_config.yaml", nemo + deep),
            ("./model_weights.ckpt", plain({"a/data.pkl": GOOD}))])),
        "upwards.nemo": ("NeMo", "NeMo that writes outside of its directory",
                         PACKERS["gz"](tar([("model_config.yaml", nemo),
                                            ("../evil.py", b"x = 1\n")]))),
    }
    for name, (family, why, data) in table.items():
        yield hostile(f"package-{name}", family, why, data)


def broken():
    family = "malformed: archives"
    for name, pack in PACKERS.items():
        if name not in ("z", "lzma"):
            data = pack(harmless() * 20)
            yield malformed(f"malformed-{name}-cut.{name}", family, f"{name}, cut",
                            data[:len(data) * 2 // 3])
    gz = bytearray(PACKERS["gz"](GOOD))
    gz[-6] ^= 0x40
    yield malformed("malformed-gz-checksum.gz", family, "a wrong checksum", gz)
    text = tar([("model.txt", b"1 2 3\n" * 200)])
    yield malformed("malformed-tar-cut.tar", family, "tar, cut in the middle of a member",
                    text[:1000])
    long = bytearray(tar([("model.pkl", GOOD)]))
    long[124:136] = b"77777777777\0"
    long[148:156] = b"        "
    long[148:156] = b"%06o\0 " % sum(long[:512])
    yield malformed("malformed-tar-size.tar", family, "a member that is longer than the archive",
                    long)
    good = plain({"model.pkl": GOOD})
    yield malformed("malformed-zip-cut.zip", family, "zip, cut", good[:-30])
    yield malformed("malformed-zip-deflate.zip", family, "a deflated member that is none",
                    archive(Member("a.txt", b"not deflated", local={"method": 8},
                                   central={"method": 8})))
    yield malformed("malformed-zip-offset.zip", family, "a directory that points outside",
                    archive(Member("a.txt", b"text", central={"offset": 1 << 20})))
