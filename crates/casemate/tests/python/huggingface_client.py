# SPDX-License-Identifier: Apache-2.0
"""The official client of the Hub against the registry. The environment names the endpoint, a key, a
directory for caches, and what is expected."""

import hashlib
import os
import pathlib
import sys

from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError, GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError)

KEY = os.environ["CASEMATE_KEY"]
MODEL = os.environ["CASEMATE_MODEL"]
SOURCE = pathlib.Path(os.environ["CASEMATE_SOURCE"])
CACHES = pathlib.Path(os.environ["CASEMATE_CACHES"])


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def files(below):
    below = pathlib.Path(below)
    every = (path for path in below.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {str(path.relative_to(below)): digest(path) for path in every}


def refused(what, call):
    """What the client raises itself must carry the reason, not what it wraps."""
    try:
        call()
    except HfHubHTTPError as error:
        print(f"{what}: {error.response.status_code} {error}")
        return error
    sys.exit(f"{what}: was not refused")


def works():
    api = HfApi(token=KEY)
    info = api.model_info(MODEL)
    assert [entry.rfilename for entry in info.siblings] == sorted(files(SOURCE)), info.siblings
    listed = {entry.path for entry in api.list_repo_tree(MODEL, recursive=True)}
    assert set(files(SOURCE)) <= listed, listed
    assert [model.id for model in api.list_models()] == [MODEL]

    snapshot = snapshot_download(MODEL, token=KEY, cache_dir=CACHES / "snapshot")
    assert files(snapshot) == files(SOURCE)
    local = snapshot_download(MODEL, token=KEY, local_dir=CACHES / "local")
    assert files(local) == files(SOURCE)
    for revision in ["main", "production", "1", info.sha]:
        path = hf_hub_download(MODEL, "onnx/weights.safetensors", revision=revision, token=KEY,
                               cache_dir=CACHES / "single")
        assert digest(path) == files(SOURCE)["onnx/weights.safetensors"], revision
    # Clients ask for files that are optional.
    assert not api.file_exists(MODEL, "generation_config.json")
    for name, error in [("nothing.bin", EntryNotFoundError), ("../../etc/passwd", Exception)]:
        try:
            hf_hub_download(MODEL, name, token=KEY, cache_dir=CACHES / "none")
            sys.exit(f"{name} was found")
        except error:
            pass
    try:
        hf_hub_download(MODEL, "config.json", revision="77", token=KEY, cache_dir=CACHES / "none")
        sys.exit("version 77 was found")
    except RevisionNotFoundError:
        pass
    # What is not there, here or anywhere, is not there.
    for absent in [MODEL + "-none", "nowhere/none"]:
        assert not api.repo_exists(absent), absent
        error = refused(absent, lambda: hf_hub_download(
            absent, "config.json", token=KEY, cache_dir=CACHES / "none"))
        assert type(error) is RepositoryNotFoundError, error
    resumes()


def resumes():
    """A download that broke off goes on where it was."""
    name = "onnx/weights.safetensors"
    path = hf_hub_download(MODEL, name, token=KEY, cache_dir=CACHES / "resume")
    blob = pathlib.Path(path).resolve()
    content = blob.read_bytes()
    blob.unlink()
    pathlib.Path(path).unlink()
    blob.with_name(blob.name + ".incomplete").write_bytes(content[:100_000])
    again = hf_hub_download(MODEL, name, token=KEY, cache_dir=CACHES / "resume")
    assert pathlib.Path(again).read_bytes() == content


def fails():
    reason = os.environ["CASEMATE_REASON"]
    for number, revision in enumerate(["main", "1"]):
        calls = {
            "model_info": lambda: HfApi(token=KEY).model_info(MODEL, revision=revision),
            "snapshot_download": lambda: snapshot_download(
                MODEL, token=KEY, revision=revision, cache_dir=CACHES / f"denied{number}"),
            "hf_hub_download": lambda: hf_hub_download(
                MODEL, "config.json", revision=revision, token=KEY, cache_dir=CACHES / f"denied{number}"),
        }
        for what, call in calls.items():
            error = refused(what, call)
            assert isinstance(error, GatedRepoError), (what, error)
            assert error.response.status_code == 403, (what, error)
            # An answer to HEAD has no body; what the client shows people comes from the header.
            assert reason in error.response.headers["X-Error-Message"], (what, error)
            assert reason in str(error), (what, error)
    # Not even a file of it is left behind.
    assert not [path for path in CACHES.glob("denied*/**/blobs/*")]


if __name__ == "__main__":
    {"works": works, "fails": fails}[sys.argv[1]]()
    print("fine")
