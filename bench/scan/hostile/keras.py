# SPDX-License-Identifier: Apache-2.0
"""Keras: version 3 archives, and HDF5 with a configuration or with links to elsewhere."""

import json
import os
import tempfile

import h5py

from .artefact import hostile, malformed
from .opcodes import payload
from .zips import Member, archive, plain

LAMBDA = {"class_name": "Lambda", "config": {
    "name": "l", "function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA=\n"}}}}
OLD_LAMBDA = {"class_name": "Lambda", "config": {
    "name": "l", "function": ["4wEAAAA=\n", None, None], "function_type": "lambda"}}


def corpus():
    yield from archives()
    yield from files()
    yield from links()
    yield from broken()


def layer(name, module="keras.layers", registered=None, /, **config):
    return {"module": module, "class_name": name, "registered_name": registered,
            "config": {"name": "l", **config}}


def model(*layers, **more):
    dense = layer("Dense", units=3)
    return {"module": "keras", "class_name": "Sequential", "registered_name": None,
            "config": {"name": "m", "layers": [dense, *layers]}, **more}


def function(name, module):
    """How Keras writes a function that a layer refers to."""
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def hdf5(fill, libver="earliest", userblock_size=0):
    """The bytes of an HDF5 file that `fill` fills. Times are left out, so they are always the same."""
    creation = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    creation.set_obj_track_times(False)
    creation.set_userblock(userblock_size)
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    latest = h5py.h5f.LIBVER_LATEST
    access.set_libver_bounds(latest if libver == "latest" else h5py.h5f.LIBVER_EARLIEST, latest)
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "file")
        opened = h5py.h5f.create(os.fsencode(path), h5py.h5f.ACC_TRUNC, creation, access)
        with h5py.File(opened) as file:
            fill(file)
        with open(path, "rb") as file:
            return file.read()


def group(parent, name):
    """A group without times, which `create_group` writes down."""
    plan = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    plan.set_obj_track_times(False)
    return h5py.Group(h5py.h5g.create(parent.id, name.encode(), gcpl=plan))


def weights():
    return hdf5(lambda file: file.create_dataset("w", data=[1.0, 2.0], track_times=False))


def packed(config, **members):
    """A version 3 archive."""
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    return plain({"metadata.json": b'{"keras_version": "3.5.0", "date_saved": "2026-11-22"}',
                  "config.json": text, "model.weights.h5": weights(), **members})


def archives():
    family = "Keras 3"
    nested = layer("TimeDistributed", layer=layer("Lambda", **LAMBDA["config"]))
    table = {
        "lambda": ("a Lambda layer", model(LAMBDA)),
        "lambda-registered": ("a Lambda layer by its full name", model(
            layer("Lambda", "keras.src.layers.core.lambda_layer", **LAMBDA["config"]))),
        "lambda-nested": ("a Lambda layer within a layer", model(nested)),
        "lambda-old": ("a Lambda layer as older versions write it", model(OLD_LAMBDA)),
        "module": ("a class of the operating system's module", model(
            layer("system", "os", command="true"))),
        "module-run": ("subprocess", model(layer("Popen", "subprocess", args=["true"]))),
        "module-builtins": ("eval as a function", model(
            layer("Dense", activation=function("eval", "builtins")))),
        "module-function": ("a function of another module as an activation", model(
            layer("Dense", activation=function("system", "os")))),
        "initializer": ("an initialiser that is something else", model(
            layer("Dense", kernel_initializer={"module": "os", "class_name": "system",
                                               "config": {"command": "true"},
                                               "registered_name": None}))),
        "get-file": ("keras.utils.get_file as a function", model(
            layer("Dense", activation=function("get_file", "keras.utils")))),
        "load-model": ("keras.models.load_model as a function", model(
            layer("Dense", activation=function("load_model", "keras.models")))),
        "unsafe": ("enable_unsafe_deserialization as a function", model(
            layer("Dense", activation=function("enable_unsafe_deserialization", "keras.config")))),
        "url": ("a vocabulary from an address", model(
            layer("StringLookup", vocabulary="http://127.0.0.1:9/x"))),
        "vocabulary": ("a vocabulary from a file elsewhere", model(
            layer("StringLookup", vocabulary="/etc/passwd"))),
        "vectorization": ("a vocabulary from a file elsewhere", model(
            layer("TextVectorization", vocabulary="../../etc/passwd"))),
        "torch-module": ("a torch module, which is unpickled", model(
            layer("TorchModuleWrapper", module={"class_name": "x"}))),
        "saved-model": ("a saved model of TensorFlow elsewhere", model(
            layer("TFSMLayer", filepath="/nonexistent/casemate", call_endpoint="serve"))),
        "applications": ("keras.applications, which fetches weights", model(
            layer("Dense", activation=function("ResNet50", "keras.applications")))),
        "datasets": ("keras.datasets, which fetches data", model(
            layer("Dense", activation=function("load_data", "keras.datasets.mnist")))),
        "save-image": ("keras.utils.save_img, which writes a file", model(
            layer("Dense", activation=function("save_img", "keras.utils")))),
        "extract": ("keras.utils.extract_archive by its own module", model(
            layer("extract_archive", "keras.src.utils.file_utils", path="/nonexistent/casemate"))),
        "monitor": ("a callback that sends to an address", model(
            layer("RemoteMonitor", "keras.callbacks", root="http://127.0.0.1:9"))),
        "registered-builtins": ("a class registered as builtins", model(
            layer("eval", "keras.layers", "builtins>eval"))),
        "custom": ("a class of the author", model(
            layer("Own", "own.layers", "own>Own"))),
        "loss": ("a loss of another module", model(
            compile_config={"loss": function("system", "os"), "optimizer": "adam"})),
        "build-config": ("an object in the build configuration", model(
            {**layer("Dense", units=1), "build_config": layer("Popen", "subprocess")})),
    }
    for name, (why, config) in table.items():
        yield hostile(f"keras-{name}.keras", family, why, packed(config))
    text = json.dumps(model(LAMBDA)).encode()
    special = {
        "zip.zip": ("a Lambda layer in an archive of unknown ending", packed(text + b" ")),
        "json.json": ("a configuration with a Lambda layer on its own", text),
        "escaped.keras": ("the name is written with escapes",
                          packed(text.replace(b"Lambda", b"\\u004cambda"))),
        "assets.keras": ("an asset that leads upwards",
                         packed(model(), **{"assets/../../../evil.txt": b"x"})),
        "two.keras": ("two configurations of one name", archive(
            Member("config.json", text), Member("config.json", json.dumps(model()).encode()),
            Member("metadata.json", b"{}"), Member("model.weights.h5", weights()))),
        "two-keys.keras": ("a class is named twice, readers take the last",
                           packed(text.replace(b'"class_name": "Lambda"',
                                               b'"class_name": "Dense", "class_name": "Lambda"'))),
    }
    for name, (why, data) in special.items():
        yield hostile(f"keras-{name}", family, why, data)


def files():
    family = "Keras in HDF5"

    def with_config(config, where="model_config", size=0, **options):
        def fill(file):
            target = group(file, "model_weights")
            target.attrs["layer_names"] = [b"l"]
            target.create_dataset("w", data=[1.0] * 8, track_times=False)
            if size:
                config["config"]["padding"] = "x" * size
            file.attrs[where] = json.dumps(config)
            file.attrs["keras_version"] = "2.15.0"
        return hdf5(fill, **options)

    old = {"class_name": "Sequential", "config": {"name": "m", "layers": [OLD_LAMBDA]}}
    table = {
        "lambda": ("a Lambda layer", with_config(old)),
        "lambda-latest": ("the same in the newest format", with_config(old, libver="latest")),
        "lambda-3": ("a Lambda layer as version 3 writes it", with_config(model(LAMBDA))),
        "lambda-big": ("a configuration of 50 KB", with_config(
            {**old, "config": {**old["config"]}}, size=50_000)),
        "module": ("a class of another module", with_config(model(layer("Popen", "subprocess")))),
        "training": ("a function of another module in the training configuration", with_config(
            {"loss": function("system", "os"), "config": {}}, "training_config")),
        "userblock": ("the file begins at byte 512", with_config(
            {**old, "backend": "tensorflow"}, userblock_size=512)),
    }
    for name, (why, data) in table.items():
        yield hostile(f"hdf5-{name}.h5", family, why, data)
    block = bytearray(with_config({"class_name": "Sequential", "config": {"name": "m", "layers": []}},
                                  userblock_size=512))
    block[:len(payload(4))] = payload(4)
    yield hostile("hdf5-pickle.h5", family, "a pickle in front of the file", block)


def links():
    family = "HDF5: other files"

    def external_link(file):
        file["x"] = h5py.ExternalLink("/etc/passwd", "/a")

    def many_links(file):
        for index in range(50):
            group(file, f"g{index}")
        file["x"] = h5py.ExternalLink("../../x.h5", "/a")

    def deep_link(file):
        inner = file
        for name in "abcde":
            inner = group(inner, name)
        inner["x"] = h5py.ExternalLink("/etc/passwd", "/a")

    def storage(file):
        file.create_dataset("x", shape=(10,), dtype="i1", external=[("/etc/hostname", 0, 10)],
                            track_times=False)

    def virtual(file):
        # By hand, since `create_virtual_dataset` writes down the time.
        space = h5py.h5s.create_simple((3,))
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_obj_track_times(False)
        plan.set_virtual(space, b"/nonexistent/casemate.h5", b"d", space)
        h5py.h5d.create(file.id, b"v", h5py.h5t.IEEE_F64LE, space, plan)

    for fill in (external_link, many_links, deep_link, storage, virtual):
        for version in ("earliest", "latest"):
            name = f"hdf5-{fill.__name__.replace('_', '-')}-{version}.h5"
            yield hostile(name, family, f"{fill.__name__.replace('_', ' ')}, {version} format",
                          hdf5(fill, libver=version))


def broken():
    family = "malformed: Keras"
    good = weights()
    short = bytearray(good)
    short[40:48] = (1 << 40).to_bytes(8, "little")
    root = bytearray(good)
    root[64:72] = (1 << 40).to_bytes(8, "little")
    table = {
        "hdf5-cut.h5": ("HDF5, cut", good[:len(good) // 2]),
        "hdf5-end.h5": ("an end of file beyond the file", short),
        "hdf5-root.h5": ("a root group outside of the file", root),
        "hdf5-magic.h5": ("the beginning only", good[:8]),
        "keras-json.keras": ("a configuration that is no JSON", packed(b'{"class_name": "Sequ')),
        "keras-deep.keras": ("a configuration that is 5000 deep",
                             packed(b'{"config":' * 5000 + b"1" + b"}" * 5000)),
        "keras-cut.keras": ("an archive that is cut", packed(model())[:-200]),
    }
    for name, (why, data) in table.items():
        yield malformed(f"malformed-{name}", family, why, data)
