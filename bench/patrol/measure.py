# SPDX-License-Identifier: Apache-2.0
"""How fast the registry takes a model in, how fast the patrol reads it again, and how long a flipped
bit stays unseen at rest: one installation in a directory of its own, on loopback.
"""

import argparse
import datetime
import json
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

CHUNK = 1 << 20
CONFIG = """
[data_plane]
listen = "127.0.0.1:0"

[admin_plane]
listen = "127.0.0.1:0"

[models]
"""
# As fast as it goes, one round after the other.
UNPACED = "patrol_every_s = 1\npatrol_mib_per_s = 1000000\n"


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(dir=options.place, prefix="casemate-patrol-") as place:
        place = pathlib.Path(place)
        home = Home(options.casemate, place)
        model = make_model(place / "model", options.megabytes)
        with home.up(UNPACED) as server:
            pushed = push(home, server, model)
            rounds = home.rounds(server, options.seconds)
        with home.up(""):
            found = flip(home)
        print(f"model            {options.megabytes} MB")
        print(f"push             {pushed[0]:.1f} s, {pushed[1]:.2f} CPU s of the server")
        lasted, cost, count = rounds
        print(f"round, unpaced   {lasted:.2f} s, {cost:.2f} CPU s (median and mean of {count})")
        print(f"                 {options.megabytes / lasted:.0f} MB a second")
        print(f"flipped bit      in quarantine after {found:.1f} s, at the settings there are by default")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--casemate", required=True, type=pathlib.Path, help="the program, of a release build")
    add("--megabytes", type=int, default=2000, help="size of the model [default: 2000]")
    add("--seconds", type=int, default=30, help="how long rounds are watched [default: 30]")
    add("--place", help="directory for all of it [default: the system's for temporary files]")
    return parser.parse_args()


def make_model(model, megabytes):
    """One file of safetensors with random bytes in it."""
    model.mkdir()
    count = megabytes * 1_000_000
    header = json.dumps({"w": {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}})
    header = header.ljust(-(-len(header) // 8) * 8).encode()
    with open(model / "weights.safetensors", "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        while count > 0:
            file.write(os.urandom(min(count, CHUNK)))
            count -= CHUNK
    return model


def push(home, server, model):
    """Seconds, and processor seconds of the server."""
    key, signature = home.place / "key.pem", home.place / "model.sig"
    home.run("project", "create", "bench")
    home.run("model", "keygen", "--out", key)
    home.run("model", "signers", "bench/model", "--key", key.with_suffix(".pub.pem"))
    home.run("model", "sign", "--key", key, "--signature", signature, model)
    began, before = time.monotonic(), server.cpu()
    home.run("model", "push", model, "bench/model", "--signature", signature)
    return time.monotonic() - began, server.cpu() - before


def flip(home):
    """Seconds from the change of a bit to the quarantine."""
    blobs = [path for path in (home.data / "models").rglob("*") if path.is_file()]
    largest = max(blobs, key=lambda path: path.stat().st_size)
    with open(largest, "r+b") as file:
        file.seek(random.randrange(largest.stat().st_size))
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    began = time.monotonic()
    while "damaged" not in home.run("model", "show", "bench/model@1", "--format", "json"):
        time.sleep(0.1)
    return time.monotonic() - began


class Home:
    def __init__(self, casemate, place):
        self.casemate, self.place = casemate, place
        self.data = place / "data"

    def command(self, *words):
        env = dict(os.environ, CASEMATE_DATA=str(self.data),
                   CASEMATE_KEY_FILE=str(self.place / "keys" / "machine.key"))
        return {"args": [str(word) for word in (self.casemate, *words)], "env": env}

    def run(self, *words):
        done = subprocess.run(**self.command(*words), capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, words))}: {done.stderr}")
        return done.stdout

    def up(self, models):
        config = self.place / "casemate.toml"
        config.write_text(CONFIG + models)
        return Server(subprocess.Popen(**self.command("up", "--config", config, "--ready-json"),
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))

    def rounds(self, server, seconds):
        """Median seconds of a round, mean processor seconds, and how many were whole."""
        began, before = len(self.book()), server.cpu()
        time.sleep(seconds)
        cost, ended = server.cpu() - before, self.book()[began:]
        return statistics.median(ended), cost / len(ended), len(ended)

    def book(self):
        """How long each round lasted, as the book says."""
        begun, lasted = {}, []
        for record in json.loads(self.run("ledger", "tail", "-n", "100000", "--format", "json")):
            at = datetime.datetime.fromisoformat(record["time"]).timestamp()
            if record["facts"].get("action") != "model:verify":
                continue
            if record["kind"] == "decision":
                begun[record["about"]] = at
            elif record["about"] in begun:
                lasted.append(at - begun[record["about"]])
        return lasted


class Server:
    def __init__(self, process):
        self.process = process
        process.stdout.readline()

    def cpu(self):
        """Processor seconds so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


if __name__ == "__main__":
    main()
