# SPDX-License-Identifier: Apache-2.0
"""Second stages: a payload where the loader of the file does not look.

The loader runs nothing of it. Another file, a tool that evaluates texts of metadata, or a person
who follows the model card does. No harmless model carries one.
"""

import json

from .artefact import hostile
from .graphs import onnx_model, onnx_node
from .opcodes import harmless, payload
from .programs import ELF
from .protobuf import message
from .tensors import ESCAPE, framed, gguf_file, gguf_pair, npy, tensor
from .zips import Member, archive, plain

BAD, GOOD = payload(2, "exit 1"), harmless(2)
TORCH = {"archive/data.pkl": GOOD, "archive/version": b"3\n", "archive/data/0": bytes(64)}


def corpus():
    for name, (why, data) in (members() | texts() | gaps()).items():
        yield hostile(f"stage-{name}", "second stages", why, data)


def members():
    """Among the members of an archive."""
    schema = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": {},
              "protocol": 2, "_skops_version": "0.13"}
    skops = {"schema.json": json.dumps(schema).encode()}
    numbers = npy("<f8", "(2,)", bytes(16))
    return {
        "no-ending.pt": ("a pickle without an ending", plain({**TORCH, "archive/extra": BAD})),
        "text-name.pth": ("a pickle under the name of a text",
                          plain({**TORCH, "archive/extra/readme.txt": BAD})),
        "image-name.ckpt": ("a pickle under the name of an image",
                            plain({**TORCH, "archive/extra/logo.png": BAD})),
        "tensor.pt": ("a pickle where a tensor should be", plain(TORCH | {"archive/data/0": BAD})),
        "library.pt": ("a native library", plain({**TORCH, "archive/extra/lib.so": ELF})),
        "raw.npz": ("a pickle beside arrays", plain({"a.npy": numbers, "b": BAD})),
        "named.npz": ("a pickle under the name of an array", plain({"a.npy": BAD})),
        "pickle.skops": ("a pickle beside the schema", plain({**skops, "1.pkl": BAD})),
        "objects.skops": ("an array of objects beside the schema",
                          plain({**skops, "1.npy": npy("|O", "(1,)", payload(4))})),
        "pickle.keras": ("a pickle beside the configuration", plain({
            "metadata.json": b"{}", "config.json": b'{"class_name": "Sequential", "config": {}}',
            "assets/a.pkl": BAD})),
    }


def texts():
    """In texts that describe the model."""
    def metadata(**texts):
        return framed({"__metadata__": texts, "w": tensor(0, 8)}, bytes(8))

    note = message(14, message(1, "chat_template"), message(2, ESCAPE))
    return {
        "template.safetensors": ("a template in the metadata", metadata(chat_template=ESCAPE)),
        "pickle.safetensors": ("a pickle in the metadata", metadata(x=payload(0).decode())),
        "program.safetensors": ("a program in the metadata",
                                metadata(x="__import__('os').system('true')")),
        "pickle.gguf": ("a pickle in the metadata",
                        gguf_file(gguf_pair("general.notes", payload(0)))),
        "program.gguf": ("a program in the metadata",
                         gguf_file(gguf_pair("general.notes", "__import__('os').system('true')"))),
        "template.onnx": ("a template in the metadata", onnx_model(onnx_node("Relu"), note)),
    }


def gaps():
    """Between or behind what the loader reads."""
    good, version = Member("archive/data.pkl", GOOD), Member("archive/version", b"3\n")
    return {
        "gap.pt": ("between two members",
                   archive(good, Member("archive/version", b"3\n", before=BAD))),
        "between.pt": ("between members and directory", archive(good, version, between=BAD)),
        "comment.pt": ("in the archive's comment", archive(good, version, comment=BAD)),
        "behind.pt": ("behind the archive", archive(good, version, end=BAD)),
        "behind.gguf": ("behind the tensors", gguf_file() + payload(4)),
    }
