# SPDX-License-Identifier: Apache-2.0
"""Signatures of models, made and verified by casemate and by `model-signing` from PyPI.

CASEMATE_BIN is the program and WORK an empty directory. Every case is one line of output; the first
that does not come out as it should ends the script with its reason.
"""

import datetime
import json
import os
import pathlib
import subprocess
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from cryptography.x509.oid import NameOID
from model_signing import hashing, signing, verifying
from model_signing._signing import sign_ec_key, sign_sigstore_pb

WORK = pathlib.Path(os.environ["WORK"])
NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
PASSWORD = b"correct horse \xc3\xa4"
CURVES = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
count = 0


def case(what, right, why=""):
    global count
    count += 1
    print(("ok   " if right else "WRONG"), what, why)
    if not right:
        sys.exit(1)


def casemate(*arguments, password=None):
    environment = {key: value for key, value in os.environ.items() if "PASSWORD" not in key}
    if password is not None:
        environment["CASEMATE_KEY_PASSWORD"] = os.fsdecode(password)
    return subprocess.run(
        [os.environ["CASEMATE_BIN"], "model", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def ours(what, code, *arguments, says=(), **more):
    ran = casemate(*arguments, **more)
    right = ran.returncode == code and all(word in ran.stdout + ran.stderr for word in says)
    case(what, right, "" if right else f"{ran.returncode}: {ran.stdout}{ran.stderr}")


def theirs(what, act, works=True):
    try:
        act()
    except Exception as error:  # the reference raises whatever its libraries raise
        return case(what, not works, repr(error) if works else "(as it is known to)")
    case(what, works)


def a_model(name):
    """Names whose orders differ by component and by code point, empty files and directories."""
    model = WORK / name
    (model / "sub" / "deeper").mkdir(parents=True)
    (model / "empty directory").mkdir()
    for path, content in {
        "a.txt": b"a",
        "sub.txt": b"after or before sub/",
        "sub/a.txt": b"",
        "sub/deeper/weights.bin": bytes(range(256)) * 1000,
        "ünï cödé €.json": b"{}",
        'quote " and \\ back': b"q",
        "exactly.bin": b"x" * 2000,
    }.items():
        (model / path).write_bytes(content)
    return model


def key_files(name, key, encryption=None, form=pem.PrivateFormat.PKCS8):
    private, public = WORK / f"{name}.pem", WORK / f"{name}.pub.pem"
    private.write_bytes(
        key.private_bytes(pem.Encoding.PEM, form, encryption or pem.NoEncryption())
    )
    public.write_bytes(
        key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


def reference_verifies(public, signature, model):
    verifying.Config().use_elliptic_key_verifier(public_key=public).verify(model, signature)


def keys(model):
    for curve, kind in CURVES.items():
        key = ec.generate_private_key(kind)
        forms = {
            "pkcs8": (None, pem.PrivateFormat.PKCS8),
            "sec1": (None, pem.PrivateFormat.TraditionalOpenSSL),
            "encrypted": (pem.BestAvailableEncryption(PASSWORD), pem.PrivateFormat.PKCS8),
        }
        for form, (encryption, shape) in forms.items():
            name = f"{curve}-{form}"
            password = PASSWORD if encryption else None
            private, public = key_files(name, key, encryption, shape)
            signature = WORK / f"{name}.sig"
            sign = ("sign", "--key", private, "--signature", signature, model)
            ours(f"{name}: casemate signs", 0, *sign, password=password)
            theirs(
                f"{name}: the reference verifies",
                lambda: reference_verifies(public, signature, model),
            )
            if password:
                ours(f"{name}: wrong password", 1, *sign, password=b"wrong", says=["password"])
                ours(f"{name}: no password", 1, *sign, says=["--password-file"])
            config = signing.Config().use_elliptic_key_signer(
                private_key=private, password=password
            )
            theirs(f"{name}: the reference signs", lambda: config.sign(model, signature))
            verify = ("verify", "--public-key", public, "--signature", signature, "--strict")
            ours(f"{name}: casemate verifies", 0, *verify, model)
        made = WORK / f"{curve}-made.pem"
        ours(f"{curve}: keygen", 0, "keygen", "--curve", curve, "--out", made)
        config = signing.Config().use_elliptic_key_signer(private_key=made)
        theirs(f"{curve}: the reference signs with it", lambda: config.sign(model, signature))
        verify = ("verify", "--public-key", made.with_suffix(".pub.pem"), "--signature", signature)
        ours(f"{curve}: casemate verifies", 0, *verify, model)


def digests(manifest):
    """What a manifest says of its files, whatever its algorithms are called."""
    found = manifest.resource_descriptors()
    return {(item.identifier, item.digest.digest_hex) for item in found}


def serializations(model):
    private, public = key_files("s", ec.generate_private_key(ec.SECP256R1()))
    names = {"sha256": "sha256", "blake3": "blake3", "blake2b": "blake2"}
    for name, called in names.items():
        for shard in (None, 1000, 2000, 1_000_000_000):
            what = f"{name}, {'shards of ' + str(shard) if shard else 'files'}"
            signature = WORK / "serialization.sig"
            config = hashing.Config()
            if shard:
                config.use_shard_serialization(hashing_algorithm=called, shard_size=shard)
            else:
                config.use_file_serialization(hashing_algorithm=called)
            config.set_ignored_paths(paths=[])
            signer = signing.Config().use_elliptic_key_signer(private_key=private)
            signer.set_hashing_config(config)
            theirs(f"{what}: the reference signs", lambda: signer.sign(model, signature))
            # Its shards leave empty files out, which strictness does not allow.
            verify = ("verify", "--public-key", public, "--signature", signature, model)
            is_sharded = shard and name != "blake3"
            ours(f"{what}: casemate verifies", 0, *verify)
            strict = 3 if is_sharded else 0
            ours(f"{what}: and strictly", strict, *verify, "--strict")

            options = ["--hash", name] + (["--shard-size", shard] if shard else [])
            sign = ("sign", "--key", private, "--signature", signature, *options, model)
            ours(f"{what}: casemate signs", 0, *sign)
            ours(f"{what}: casemate verifies its own", 0, *verify)
            verifier = sign_ec_key.Verifier(public)
            manifest = verifier.verify(sign_sigstore_pb.Signature.read(signature))
            if not (shard and name == "blake3"):
                same = digests(manifest) == digests(config.hash(model))
                case(f"{what}: the reference reads the same digests", same)
            if not shard and name != "blake2b":
                # Of the others it cannot verify its own.
                theirs(
                    f"{what}: the reference verifies",
                    lambda: reference_verifies(public, signature, model),
                )


def certificate(name, key, issuer=None, *, ca=None, usage=None, purposes=(), life=(-DAY, DAY)):
    """A certificate of `key`, by `issuer` = (its certificate, its key) or by itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    by = issuer[0].subject if issuer else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + life[0])
        .not_valid_after(NOW + life[1])
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(*ca), critical=True)
    if usage:
        fields = "digital_signature content_commitment key_encipherment data_encipherment "
        fields += "key_agreement key_cert_sign crl_sign encipher_only decipher_only"
        bits = {field: field in usage for field in fields.split()}
        builder = builder.add_extension(x509.KeyUsage(**bits), critical=True)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256())


def write_certificates(name, *certificates):
    path = WORK / name
    path.write_bytes(b"".join(one.public_bytes(pem.Encoding.PEM) for one in certificates))
    return path


AUTHORITY = {"ca": (True, None), "usage": ["key_cert_sign", "crl_sign"]}
SIGNER = {"ca": (False, None), "usage": ["digital_signature"]}


class Chain:
    """A root, an intermediate authority and a signer, each with what the case is about."""

    def __init__(self, root=None, middle=None, leaf=None, kind="p256", root_key=None):
        self.root_key = root_key or ec.generate_private_key(ec.SECP384R1())
        self.middle_key = ec.generate_private_key(ec.SECP256R1())
        self.key = ec.generate_private_key(CURVES[kind])
        self.root = certificate("root", self.root_key, **(root or AUTHORITY))
        above = (self.root, self.root_key)
        self.middle = certificate("middle", self.middle_key, above, **(middle or AUTHORITY))
        above = (self.middle, self.middle_key)
        self.leaf = certificate("signer", self.key, above, **(leaf or SIGNER))

    def write(self):
        private, _ = key_files("chained", self.key)
        return (
            private,
            write_certificates("leaf.pem", self.leaf),
            write_certificates("middle.pem", self.middle),
            write_certificates("root.pem", self.root),
            write_certificates("chain.pem", self.leaf, self.middle),
        )


def chains(model):
    old, soon = (-3 * DAY, -2 * DAY), (2 * DAY, 3 * DAY)
    rsa_key = rsa.generate_private_key(65537, 2048)
    coder = {"ca": (False, None), "usage": ["content_commitment"], "purposes": [Usage.CODE_SIGNING]}
    good = {
        "a chain": Chain(),
        "P-384": Chain(kind="p384"),
        "P-521": Chain(kind="p521"),
        "an RSA root": Chain(root_key=rsa_key),
        "for code signing": Chain(leaf=coder),
        "for both": Chain(leaf={**SIGNER, "purposes": [Usage.CODE_SIGNING]}),
        "for clients as well": Chain(leaf={**SIGNER, "purposes": [Usage.CLIENT_AUTH]}),
        "a long enough path": Chain(root={**AUTHORITY, "ca": (True, 1)}),
    }
    for name, chain in good.items():
        private, leaf, middle, root, whole = chain.write()
        signature = WORK / "chain.sig"
        sign = ("sign", "--key", private, "--certificate-chain", whole)
        ours(f"{name}: casemate signs", 0, *sign, "--signature", signature, model)
        config = verifying.Config().use_certificate_verifier(certificate_chain=[root])
        theirs(f"{name}: the reference verifies", lambda: config.verify(model, signature))
        verify = ("verify", "--trust-root", root, "--signature", signature, "--strict", model)
        ours(f"{name}: casemate verifies its own", 0, *verify, says=["CN=signer"])
        for given in ([middle], [middle, root]):
            config = signing.Config().use_certificate_signer(
                private_key=private, signing_certificate=leaf, certificate_chain=given
            )
            theirs(f"{name}: the reference signs", lambda: config.sign(model, signature))
            ours(f"{name}: casemate verifies", 0, *verify)
    # What the reference signs without a look and casemate refuses.
    bad = {
        "expired signer": (Chain(leaf={**SIGNER, "life": old}), "expired at"),
        "signer of tomorrow": (Chain(leaf={**SIGNER, "life": soon}), "not valid before"),
        "expired authority": (Chain(middle={**AUTHORITY, "life": old}), "expired"),
        "expired root": (Chain(root={**AUTHORITY, "life": old}), "expired"),
        "no usage": (Chain(leaf={"ca": (False, None)}), "not for digital signatures"),
        "usage for keys": (
            Chain(leaf={"ca": (False, None), "usage": ["key_encipherment"]}),
            "not for digital signatures",
        ),
        "no CA flag": (Chain(middle={"usage": AUTHORITY["usage"]}), "authority"),
        "CA flag that says no": (Chain(middle={**AUTHORITY, "ca": (False, None)}), "authority"),
        "CA that may not sign": (Chain(middle={**AUTHORITY, "usage": ["crl_sign"]}), "authority"),
        "root without CA flag": (Chain(root={"usage": AUTHORITY["usage"]}), "authority"),
        "too short a path": (Chain(root={**AUTHORITY, "ca": (True, 0)}), "longer than"),
        "signed by an authority": (
            Chain(leaf={"ca": (True, None), "usage": ["digital_signature"]}),
            "authority",
        ),
    }
    for name, (chain, why) in bad.items():
        private, leaf, middle, root, whole = chain.write()
        config = signing.Config().use_certificate_signer(
            private_key=private, signing_certificate=leaf, certificate_chain=[middle]
        )
        config.sign(model, signature)
        verify = ("verify", "--trust-root", root, "--signature", signature, model)
        ours(f"{name}: refused", 3, *verify, says=[why])
    private, leaf, middle, root, whole = Chain().write()
    config = signing.Config().use_certificate_signer(
        private_key=private, signing_certificate=leaf, certificate_chain=[root]
    )
    config.sign(model, signature)
    verify = ("verify", "--signature", signature, model, "--trust-root")
    ours("the authority between is missing", 3, *verify, root, says=["CN=middle"])
    ours("it is given as trusted", 0, *verify, root, middle)
    ours("the certificate itself is trusted", 0, *verify, leaf)
    other = write_certificates("other.pem", Chain().root)
    ours("a root of the same name", 3, *verify, other)


def oddities(model):
    private, public = key_files("o", ec.generate_private_key(ec.SECP256R1()))
    signer = signing.Config().use_elliptic_key_signer(private_key=private)
    inside = model / "model.sig"
    verify = ("verify", "--public-key", public, "--signature", inside, model)
    python = [sys.executable, "-m", "model_signing"]

    ran = [*python, "sign", "key", str(model), "--private_key", private, "--signature", inside]
    subprocess.run(ran, check=True, capture_output=True)
    ours("the reference's CLI signs into the model", 0, *verify, "--strict")
    sign = ("sign", "--key", private, "--signature", inside, model)
    ours("casemate signs into the model", 0, *sign)
    ours("casemate verifies it", 0, *verify, "--strict")
    ran = [*python, "verify", "key", str(model), "--public_key", public, "--signature", inside]
    theirs(
        "the reference's CLI verifies it",
        lambda: subprocess.run(ran, check=True, capture_output=True),
    )

    (model / ".git").mkdir()
    (model / ".git" / "planted").write_text("x")
    theirs("a planted file passes the reference", lambda: subprocess.run(ran, check=True))
    ours("and is named", 0, *verify, says=["warning", ".git/planted"])
    ours("and refused strictly", 3, *verify, "--strict", says=[".git/planted"])
    config = hashing.Config().set_ignored_paths(paths=["model.sig"], ignore_git_paths=False)
    signer.set_hashing_config(config).sign(model, inside)
    ours("signed with its .git", 0, *verify)
    (model / ".git" / "planted").write_text("y")
    ours("changed in its .git", 3, *verify, says=["`.git/planted` was changed"])
    (model / ".git" / "planted").unlink()
    (model / ".git").rmdir()

    (model / "link").symlink_to("a.txt")
    ours("a link that was not signed", 3, *verify[:-1], model, says=["link"])
    config = hashing.Config().set_ignored_paths(paths=["model.sig"]).set_allow_symlinks(True)
    signer.set_hashing_config(config).sign(model, inside)
    ours("a link that was", 0, *verify, says=["`link` is a link"])
    ours("and strictly", 3, *verify, "--strict", says=["`link` is a link"])
    ours("casemate signs links", 0, *sign, "--allow-symlinks")
    ours("and verifies them", 0, *verify)
    (model / "link").unlink()
    inside.unlink()

    single, signature = model / "a.txt", WORK / "single.sig"
    signer.set_hashing_config(hashing.Config()).sign(single, signature)
    verify = ("verify", "--public-key", public, "--signature", signature, single)
    ours("a single file", 0, *verify, "--strict")
    ours("casemate signs a single file", 0, "sign", "--key", private, *verify[3:])
    ours("and verifies it", 0, *verify, "--strict")
    theirs("so does the reference", lambda: reference_verifies(public, signature, single))
    ours("of a directory", 3, *verify[:-1], model)

    signer.sign(model, signature)
    bundle = json.loads(signature.read_text())
    del bundle["verificationMaterial"]["publicKey"]["hint"]
    del bundle["verificationMaterial"]["tlogEntries"]
    bundle["dsseEnvelope"]["signatures"][0]["keyid"] = None
    signature.write_text(json.dumps(bundle, indent=4))
    verify = ("verify", "--public-key", public, "--signature", signature, model)
    ours("a bundle without hint and log", 0, *verify, says=["does not name its key"])


def main():
    model = a_model("model")
    keys(model)
    serializations(model)
    chains(model)
    oddities(model)
    print(f"{count} cases")


main()
