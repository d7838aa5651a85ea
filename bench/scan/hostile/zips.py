# SPDX-License-Identifier: Apache-2.0
"""A writer of zip archives that can say one thing in the directory and another in the members."""

import struct
import zlib
from dataclasses import dataclass, field

STORED, DEFLATED = 0, 8


@dataclass
class Member:
    """One member; what is set in `local` or `central` is said there instead of the truth.

    Keys: name, flags, method, crc, packed, unpacked (and offset, central only).
    """

    name: str
    data: bytes
    method: int = STORED
    local: dict = field(default_factory=dict)
    central: dict = field(default_factory=dict)
    listed: bool = True
    written: bool = True
    before: bytes = b""
    padding: int = 0


def archive(*members, start=b"", end=b"", comment=b"", between=b"", count=None, directory_shift=0):
    """The archive. `start` stands in front of it, `end` behind it, `between` before its directory."""
    out, directory, listed = bytearray(start), bytearray(), 0
    for member in members:
        out += member.before
        offset = len(out)
        packed = member.data
        if member.method == DEFLATED:
            deflate = zlib.compressobj(wbits=-15)
            packed = deflate.compress(member.data) + deflate.flush()
        truth = {"name": member.name, "flags": 0, "method": member.method, "offset": offset,
                 "crc": zlib.crc32(member.data), "packed": len(packed), "unpacked": len(member.data)}
        if member.written:
            out += local_header(truth | member.local, member.padding) + packed
        if member.listed:
            directory += central_header(truth | member.central)
            listed += 1
    out += between
    at = len(out) + directory_shift
    out += directory
    count = listed if count is None else count
    out += struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), at, len(comment))
    return bytes(out + comment + end)


def local_header(said, padding):
    name = encoded(said["name"])
    extra = struct.pack("<HH", 0x4246, padding) + b"Z" * padding if padding else b""
    return struct.pack("<4s5H3I2H", b"PK\3\4", 20, said["flags"], said["method"], 0, 0x21,
                       said["crc"], said["packed"], said["unpacked"], len(name), len(extra)
                       ) + name + extra


def central_header(said):
    name = encoded(said["name"])
    return struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, said["flags"], said["method"], 0, 0x21,
                       said["crc"], said["packed"], said["unpacked"], len(name), 0, 0, 0, 0, 0,
                       said["offset"]) + name


def encoded(name):
    return name if isinstance(name, bytes) else name.encode()


def plain(files, **options):
    """An honest archive of `{name: bytes}`."""
    return archive(*(Member(name, data) for name, data in files.items()), **options)
