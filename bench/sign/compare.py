# SPDX-License-Identifier: Apache-2.0
"""Processor time of signing and verifying a model: casemate, `model-signing` from PyPI, and the speed
of the digest itself as OpenSSL measures it, in one run.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

CHUNK = 1 << 20


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(dir=options.place, prefix="casemate-sign-") as place:
        place = pathlib.Path(place)
        model = make_model(place / "model", options.files, options.megabytes)
        floor = openssl_speed()
        rows = [
            (tool, verb, name, *measure(command, options.rounds))
            for tool, verb, name, command in commands(options.casemate, place, model)
        ]
    report(rows, options, floor)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--casemate", required=True, help="the program, of a release build")
    add("--megabytes", type=int, default=2000, help="size of the model [default: 2000]")
    add("--files", type=int, default=8, help="files it is in [default: 8]")
    add("--rounds", type=int, default=5, help="runs, of which the median counts [default: 5]")
    add("--place", help="directory for the model [default: the system's for temporary files]")
    return parser.parse_args()


def make_model(model, files, megabytes):
    """Random bytes: what they are makes no difference to a digest."""
    model.mkdir()
    left = megabytes * 1_000_000
    for number in range(files):
        size = left // (files - number)
        left -= size
        with open(model / f"weights-{number}.bin", "wb") as file:
            while size > 0:
                file.write(os.urandom(min(size, CHUNK)))
                size -= CHUNK
    return model


def commands(casemate, place, model):
    key, public = place / "key.pem", place / "key.pub.pem"
    subprocess.run([casemate, "model", "keygen", "--out", key], check=True, capture_output=True)
    for name in ("sha256", "blake3", "blake2b"):
        signature = place / f"{name}.sig"
        sign = ["sign", "--key", key, "--hash", name, "--signature", signature, model]
        yield "casemate", "sign", name, [casemate, "model", *sign]
        verify = ["verify", "--public-key", public, "--signature", signature, model]
        yield "casemate", "verify", name, [casemate, "model", *verify]
    signature = place / "reference.sig"
    reference = [sys.executable, "-m", "model_signing"]
    sign = ["sign", "key", model, "--private_key", key, "--signature", signature]
    yield "model-signing", "sign", "sha256", [*reference, *sign]
    verify = ["verify", "key", model, "--public_key", public, "--signature", signature]
    yield "model-signing", "verify", "sha256", [*reference, *verify]


def measure(command, rounds):
    """Median of processor seconds, of seconds, and the most memory (of all so far, in MiB)."""
    costs = []
    for _ in range(rounds + 1):
        started = time.monotonic()
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        if process.returncode != 0:
            raise SystemExit(f"error: {command[0]} failed: {said.decode()}")
        costs.append((used.ru_utime + used.ru_stime, time.monotonic() - started,
                      used.ru_maxrss / 1024))
    # The first run only warms the system's cache.
    costs = costs[1:]
    middle = [sorted(column)[len(column) // 2] for column in zip(*costs)]
    return middle


def openssl_speed():
    """SHA-256 in MB/s on one core, or none without OpenSSL."""
    if shutil.which("openssl") is None:
        return None
    command = ["openssl", "speed", "-evp", "sha256", "-bytes", str(CHUNK), "-seconds", "2"]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.findall(r"([\d.]+)k\s*$", text)
    return float(found[-1]) / 1000 if found else None


def report(rows, options, floor):
    size = options.megabytes
    print(f"a model of {size} MB in {options.files} files, median of {options.rounds} runs, "
          f"in the system's cache; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("| | | digest | CPU s | s | MB per CPU s | MiB |")
    print("|---|---|---|--:|--:|--:|--:|")
    if floor:
        print(f"| openssl speed, without reading | | sha256 | {size / floor:.2f} | | {floor:.0f} | |")
    for tool, verb, name, cpu, wall, memory in rows:
        print(f"| {tool} | {verb} | {name} | {cpu:.2f} | {wall:.2f} | {size / cpu:.0f} | "
              f"{memory:.0f} |")


main()
