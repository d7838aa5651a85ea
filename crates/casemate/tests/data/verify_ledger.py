# SPDX-License-Identifier: Apache-2.0
"""Verifies an export of a Casemate ledger with Python's standard library and nothing of Casemate.

    verify_ledger.py EXPORT KEYS
    verify_ledger.py --self-test

EXPORT is a directory that `casemate ledger export` wrote, KEYS a file with the log's public keys,
one a line, from a place you trust. Prints size and root and exits with 0 if everything holds;
otherwise says what does not and exits with 3.

Written from these texts:
  c2sp.org/signed-note       notes, keys, Ed25519 signatures
  c2sp.org/tlog-checkpoint   what the signed text means
  c2sp.org/tlog-cosignature  signatures with a time
  c2sp.org/tlog-tiles        the files of an export
  RFC 6962, section 2.1      hashes of leaves and trees
  RFC 8032, section 5.1      Ed25519
  FIPS 204                   ML-DSA-44
  docs/adr/002-leaf-format.md  what stands in an entry
"""

import base64
import binascii
import hashlib
import json
import os
import re
import sys


class Refused(Exception):
    """Something does not hold."""


def check(holds, why):
    if not holds:
        raise Refused(why)


# Ed25519, RFC 8032, section 5.1. Everything verified here is public, so nothing is constant-time.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def point_add(p, q):
    """Section 5.1.4, extended homogeneous coordinates."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        scalar >>= 1
    return result


def point_equal(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def point_decode(data):
    """Section 5.1.3; none for bytes that are no point."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = point_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_holds(public, message, signature):
    """Section 5.1.7."""
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r = point_decode(public), point_decode(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    k = int.from_bytes(digest, "little") % L
    return point_equal(point_times(s, BASE), point_add(r, point_times(k, a)))


# ML-DSA-44, FIPS 204: verification only, with an empty context.

Q, GAMMA1, GAMMA2, BETA, TAU, OMEGA, ROWS = 8380417, 1 << 17, 95232, 78, 39, 80, 4
ZETAS = [pow(1753, int(f"{k:08b}"[::-1], 2), Q) for k in range(256)]


def transformed(poly):
    """Algorithm 41."""
    w, m, length = list(poly), 0, 128
    while length:
        for start in range(0, 256, 2 * length):
            m += 1
            for j in range(start, start + length):
                t = ZETAS[m] * w[j + length] % Q
                w[j + length], w[j] = (w[j] - t) % Q, (w[j] + t) % Q
        length //= 2
    return w


def transformed_back(poly):
    """Algorithm 42."""
    w, m, length = list(poly), 256, 1
    while length < 256:
        for start in range(0, 256, 2 * length):
            m -= 1
            for j in range(start, start + length):
                t, u = w[j], w[j + length]
                w[j], w[j + length] = (t + u) % Q, -ZETAS[m] * (t - u) % Q
        length *= 2
    return [x * 8347681 % Q for x in w]


def unpacked(data, bits):
    number = int.from_bytes(data, "little")
    return [number >> (bits * i) & ((1 << bits) - 1) for i in range(len(data) * 8 // bits)]


def matrix_entry(seed):
    """Algorithm 30."""
    stream, poly = hashlib.shake_128(seed).digest(168 * 12), []
    for at in range(0, len(stream), 3):
        x = int.from_bytes(stream[at : at + 3], "little") & 0x7FFFFF
        if x < Q:
            poly.append(x)
    return poly[:256]


def ball(seed):
    """Algorithm 29."""
    stream = hashlib.shake_256(seed).digest(8 + 2048)
    signs, at, c = int.from_bytes(stream[:8], "little"), 8, [0] * 256
    for i in range(256 - TAU, 256):
        while stream[at] > i:
            at += 1
        c[i], c[stream[at]] = c[stream[at]], 1 - 2 * (signs & 1)
        signs, at = signs >> 1, at + 1
    return c


def hints(data):
    """Algorithm 21; none when it is not the one way to write them."""
    index, all_hints = 0, []
    for row in range(ROWS):
        end, first, places = data[OMEGA + row], index, set()
        if not index <= end <= OMEGA:
            return None
        while index < end:
            if index > first and data[index - 1] >= data[index]:
                return None
            places.add(data[index])
            index += 1
        all_hints.append(places)
    return None if any(data[index:OMEGA]) else all_hints


def use_hint(hinted, r):
    """Algorithms 36 and 40."""
    r0 = r % (2 * GAMMA2)
    if r0 > GAMMA2:
        r0 -= 2 * GAMMA2
    if r - r0 == Q - 1:
        r1, r0 = 0, r0 - 1
    else:
        r1 = (r - r0) // (2 * GAMMA2)
    if not hinted:
        return r1
    return (r1 + 1) % 44 if r0 > 0 else (r1 - 1) % 44


def ml_dsa_44_holds(public, message, signature):
    """Algorithms 3 and 8."""
    if len(public) != 1312 or len(signature) != 2420:
        return False
    seed, challenge = public[:32], signature[:32]
    t1 = [unpacked(public[32 + 320 * i : 352 + 320 * i], 10) for i in range(ROWS)]
    z = [[GAMMA1 - x for x in unpacked(signature[32 + 576 * i : 608 + 576 * i], 18)]
         for i in range(ROWS)]
    hinted = hints(signature[2336:])
    if hinted is None or any(abs(x) >= GAMMA1 - BETA for poly in z for x in poly):
        return False
    tr = hashlib.shake_256(public).digest(64)
    mu = hashlib.shake_256(tr + b"\0\0" + message).digest(64)
    c, z = transformed(ball(challenge)), [transformed(poly) for poly in z]
    w1 = 0
    for row in reversed(range(ROWS)):
        product = [-a * b for a, b in zip(c, transformed([x << 13 for x in t1[row]]))]
        for column in range(ROWS):
            a = matrix_entry(seed + bytes([column, row]))
            product = [(p + x * y) % Q for p, x, y in zip(product, a, z[column])]
        poly = transformed_back(product)
        for i in reversed(range(256)):
            w1 = w1 << 6 | use_hint(i in hinted[row], poly[i])
    w1 = w1.to_bytes(ROWS * 192, "little")
    return hashlib.shake_256(mu + w1).digest(32) == challenge


# Signed notes.

ED25519, COSIGNATURE, ML_DSA_44 = 0x01, 0x04, 0x06
LENGTHS = {ED25519: 32, COSIGNATURE: 32, ML_DSA_44: 1312}


def decode64(text, what):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(f"{what} is not base64") from None
    check(base64.b64encode(data).decode() == text, f"{what} is not base64 as it should be")
    return data


class Key:
    """A verifier key: name, id, type and the 32 bytes."""

    def __init__(self, line):
        parts = line.split("+", 2)
        check(len(parts) == 3 and parts[0], f"`{line}` is no verifier key")
        self.name, key_id, material = parts
        material = decode64(material, "a key")
        self.kind, self.public = material[0], material[1:]
        check(self.kind in LENGTHS, f"type {self.kind} of a key is not known")
        right = len(self.public) == LENGTHS[self.kind]
        check(right, f"the key of `{self.name}` has a wrong length")
        digest = hashlib.sha256(self.name.encode() + b"\n" + material).digest()
        self.id = digest[:4]
        check(key_id == self.id.hex(), f"the id of the key of `{self.name}` is wrong")

    def holds(self, text, signature):
        if self.kind == ED25519:
            return ed25519_holds(self.public, text, signature)
        time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        if time >= 2**63:
            return False
        if self.kind == COSIGNATURE:
            message = b"cosignature/v1\ntime %d\n" % time + text
            return ed25519_holds(self.public, message, signature)
        origin, size, root = read_checkpoint(text.decode())
        parts = [b"subtree/v1\n\0"]
        for name, number in [(self.name, time), (origin, 0)]:
            name = name.encode()
            check(1 <= len(name) <= 255, "a name is too long to be signed")
            parts += [bytes([len(name)]), name, number.to_bytes(8, "big")]
        message = b"".join(parts + [size.to_bytes(8, "big"), root])
        return ml_dsa_44_holds(self.public, message, signature)


def open_note(data, keys):
    """The text of a note, if every signature of a known key holds and one is the log's own."""
    try:
        note = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("the note is not UTF-8") from None
    check(not any(char < " " and char != "\n" for char in note), "the note has control characters")
    at = note.rfind("\n\n")
    check(at >= 0 and note.endswith("\n"), "the note has no signatures")
    text, lines = note[: at + 1], note[at + 2 : -1].split("\n")
    log = text.split("\n", 1)[0]
    own = False
    for line in lines:
        match = re.fullmatch(r"\u2014 ([^\s+]+) (\S+)", line)
        check(match, "a signature line has a wrong form")
        name, signature = match[1], decode64(match[2], "a signature")
        check(len(signature) > 4, "a signature is too short")
        for key in keys:
            if (key.name, key.id) == (name, signature[:4]):
                check(key.holds(text.encode(), signature[4:]), f"a signature of `{name}` is wrong")
                own = own or (name == log and key.kind == ED25519)
    check(own, "no signature of the log under a key that is trusted")
    return text


def read_checkpoint(text):
    """Origin, size and root."""
    lines = text[:-1].split("\n")
    check(len(lines) >= 3 and all(lines), "the checkpoint has fewer than three lines")
    origin, size, root = lines[:3]
    check(re.fullmatch(r"0|[1-9][0-9]{0,18}", size), "the checkpoint's size is no number")
    root = decode64(root, "the checkpoint's root")
    check(len(root) == 32, "the checkpoint's root has a wrong length")
    return origin, int(size), root


# RFC 6962, section 2.1.


def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def tree_hash(hashes):
    """The Merkle tree hash over hashes of leaves."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    left, right = tree_hash(hashes[:split]), tree_hash(hashes[split:])
    return hashlib.sha256(b"\1" + left + right).digest()


# Tiles.


def resources(size, level=0):
    """Numbers and widths of the tiles of a level for a tree of this size."""
    total = size >> (8 * level)
    for number in range((total + 255) // 256):
        yield number, min(256, total - number * 256)


def resource_path(kind, number, width):
    parts = [f"{number % 1000:03}"]
    while number >= 1000:
        number //= 1000
        parts.insert(0, f"x{number % 1000:03}")
    path = os.path.join("tile", kind, *parts)
    return path if width == 256 else os.path.join(path + ".p", str(width))


def read(directory, path):
    try:
        with open(os.path.join(directory, path), "rb") as file:
            return file.read()
    except OSError as error:
        raise Refused(f"`{path}` cannot be read: {error.strerror}") from None


def read_bundle(data, width, path):
    entries, at = [], 0
    while at < len(data):
        check(at + 2 <= len(data), f"`{path}` is cut in a length")
        length = int.from_bytes(data[at : at + 2], "big")
        at += 2
        check(at + length <= len(data), f"`{path}` is cut in an entry")
        entries.append(data[at : at + length])
        at += length
    check(len(entries) == width, f"`{path}` has {len(entries)} entries and should have {width}")
    return entries


def check_tiles(directory, leaves):
    """Every tile has the hashes of the entries below it, full tiles only hashed upwards."""
    hashes, level = leaves, 0
    while hashes:
        for number, width in resources(len(leaves), level):
            path = resource_path(str(level), number, width)
            data = read(directory, path)
            wanted = b"".join(hashes[number * 256 : number * 256 + width])
            check(data == wanted, f"`{path}` does not fit the entries")
        full = len(hashes) // 256
        hashes = [tree_hash(hashes[n * 256 : (n + 1) * 256]) for n in range(full)]
        level += 1


# What stands in an entry.

KINDS = {1: "decision", 2: "outcome", 3: "finding", 4: "notice"}


class Cursor:
    def __init__(self, data, what):
        self.data, self.at, self.what = data, 0, what

    def take(self, length):
        part = self.data[self.at : self.at + length]
        check(len(part) == length, f"{self.what} is cut")
        self.at += length
        return part

    def number(self, length):
        return int.from_bytes(self.take(length), "big")


def read_entry(index, entry):
    """Kind, time, id and event of an entry of version 1; none for versions of later days."""
    cursor = Cursor(entry, f"entry {index}")
    if cursor.number(1) != 1:
        return None
    kind = cursor.number(1)
    check(kind in KINDS, f"entry {index} has kind {kind}, which is not known")
    time = int.from_bytes(cursor.take(8), "big", signed=True)
    record, about, _project = cursor.take(16), cursor.take(16), cursor.take(16)
    try:
        event = json.loads(cursor.take(cursor.number(2)).decode("utf-8"))
    except ValueError:
        raise Refused(f"the event of entry {index} is no JSON") from None
    check(isinstance(event, dict), f"the event of entry {index} is no object")
    for _ in range(cursor.number(1)):
        cursor.take(cursor.number(1))
        cursor.take(cursor.number(2))
    check(cursor.at == len(entry), f"entry {index} has something behind its end")
    return KINDS[kind], time, record, about, event


def check_entries(entries):
    """Time never goes back, ids never come twice, and an outcome is about an earlier record."""
    counts, last, seen = {}, None, set()
    for index, entry in enumerate(entries):
        found = read_entry(index, entry)
        if found is None:
            counts["later"] = counts.get("later", 0) + 1
            continue
        kind, time, record, about, _ = found
        check(last is None or time >= last, f"the time of entry {index} goes back")
        check(record not in seen, f"the id of entry {index} was there before")
        check(about == record or about in seen, f"entry {index} is about nothing that was before")
        last = time
        seen.add(record)
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def verify(directory, keys):
    text = open_note(read(directory, "checkpoint"), keys)
    origin, size, root = read_checkpoint(text)
    entries = []
    for number, width in resources(size):
        path = resource_path("entries", number, width)
        entries += read_bundle(read(directory, path), width, path)
    leaves = [leaf_hash(entry) for entry in entries]
    computed = tree_hash(leaves)
    check(computed == root, "the entries do not have the root that was signed")
    check_tiles(directory, leaves)
    counts = check_entries(entries)
    return origin, size, root, counts


# Vectors of the texts above, so that a mistake here is not taken for one of the log.


def self_test():
    for public, message, signature in [
        # RFC 8032, section 7.1: tests 1, 2 and 3.
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e"
            "39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f"
            "3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67"
            "f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ]:
        public, message, signature = map(bytes.fromhex, (public, message, signature))
        check(ed25519_holds(public, message, signature), "a signature of RFC 8032 does not hold")
        for at in range(64):
            wrong = bytearray(signature)
            wrong[at] ^= 1
            check(not ed25519_holds(public, message, bytes(wrong)), "a wrong signature holds")
        check(not ed25519_holds(public, message + b"x", signature), "a wrong message holds")
        # The same signature written with a larger number.
        s = int.from_bytes(signature[32:], "little") + L
        larger = signature[:32] + s.to_bytes(32, "little")
        check(not ed25519_holds(public, message, larger), "a number that is too large holds")

    # c2sp.org/signed-note has this key with this note.
    key = Key("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    note = (
        "This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfX"
        "ppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
    )
    text, line = note.split("\n\n")
    signature = base64.b64decode(line.split(" ")[2])
    check(signature[:4] == key.id, "the key id of the example is another one")
    check(key.holds(text.encode() + b"\n", signature[4:]), "the example's signature does not hold")

    # The test vectors of RFC 6962's reference code: roots over the first leaves of eight.
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
              "606162636465666768696a6b6c6d6e6f"]
    roots = {
        0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in leaves]
    for size, root in roots.items():
        check(tree_hash(hashes[:size]).hex() == root, f"the root of {size} leaves is wrong")

    # The examples of c2sp.org/tlog-tiles.
    tiles = os.path.join("tile", "0", "x001", "x234", "067")
    check(resource_path("0", 1234067, 256) == tiles, "the path of tile 1234067 is wrong")
    widths = [[width for _, width in resources(70000, level)] for level in range(4)]
    check(widths == [[256] * 273 + [112], [256, 17], [1], []], "the tiles of 70,000 are wrong")
    check(list(resources(256, 1)) == [(0, 1)], "the tiles of 256 are wrong")


def main(arguments):
    if arguments == ["--self-test"]:
        self_test()
        print("self-test passed")
        return
    check(len(arguments) == 2, "usage: verify_ledger.py EXPORT KEYS")
    with open(arguments[1], encoding="utf-8") as file:
        keys = [Key(line.strip()) for line in file if line.strip()]
    origin, size, root, counts = verify(arguments[0], keys)
    print("origin", origin)
    print("size", size)
    print("root", base64.b64encode(root).decode())
    for kind, count in sorted(counts.items()):
        print(kind, count)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Refused as refused:
        print(f"refused: {refused}", file=sys.stderr)
        sys.exit(3)
