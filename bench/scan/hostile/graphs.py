# SPDX-License-Identifier: Apache-2.0
"""Models that are graphs in protocol buffers: ONNX, TensorFlow, Paddle, Core ML; and TFLite."""

import struct

from .artefact import hostile, malformed
from .opcodes import payload
from .protobuf import message, number

NOWHERE = "/nonexistent/casemate"


def corpus():
    yield from onnx()
    yield from tensorflow()
    yield from tflite()
    yield from paddle()
    yield from coreml()
    yield from broken()


# ONNX.


def onnx_node(operator, domain="", *attributes):
    return message(1, message(1, "x"), message(2, "y"), message(4, operator),
                   *(message(5, attribute) for attribute in attributes),
                   *([message(7, domain)] if domain else []))


def onnx_tensor(location):
    """A float tensor whose values stand in another file."""
    entry = message(13, message(1, "location"), message(2, location))
    return number(1, 4) + number(2, 1) + message(8, "w") + entry + number(14, 1)


def onnx_model(graph, *more, domains=("",)):
    imports = (message(8, message(1, domain), number(2, 17)) for domain in domains)
    return b"".join([number(1, 8), message(2, "casemate"), message(7, graph, message(2, "g")),
                     *imports, *more])


def onnx():
    relu = onnx_node("Relu")
    locations = {
        "upwards": "../../../etc/passwd", "absolute": "/etc/passwd", "inside": "a/../../x.bin",
        "backslash": "..\\..\\x.bin", "drive": "C:\\x.bin", "address": "http://127.0.0.1:9/x",
        "share": "\\\\127.0.0.1\\x", "device": "/dev/zero", "empty": "", "dot": "./../x.bin",
    }
    for name, location in locations.items():
        yield hostile(f"onnx-external-{name}.onnx", "ONNX: external data",
                      f"weights are read from `{location}`",
                      onnx_model(relu + message(5, onnx_tensor(location))))
    attribute = message(1, "value") + number(20, 4) + message(5, onnx_tensor("../x.bin"))
    branch = message(1, "then_branch") + number(20, 5) + message(
        6, onnx_node("Own", "evil.domain"), message(2, "b"))
    nested = message(1, "body") + number(20, 5) + message(6, onnx_node("If", "", branch),
                                                           message(2, "b"))
    function = message(25, message(1, "F"), message(7, message(3, "PyOp"),
                                                    message(4, "PyOp"), message(7, "ai.onnx.contrib")))
    table = {
        "custom-domain": ("an operator of a domain that needs a library of the author",
                          onnx_model(onnx_node("Own", "evil.domain"), domains=("", "evil.domain"))),
        "custom-undeclared": ("the same, undeclared", onnx_model(onnx_node("Own", "evil.domain"))),
        "python": ("PyOp runs Python", onnx_model(onnx_node("PyOp", "ai.onnx.contrib"),
                                                 domains=("", "ai.onnx.contrib"))),
        "python-op": ("PythonOp runs Python", onnx_model(onnx_node("PythonOp", "com.microsoft"),
                                                        domains=("", "com.microsoft"))),
        "aten": ("ATen calls into torch by name", onnx_model(
            onnx_node("ATen", "org.pytorch.aten"), domains=("", "org.pytorch.aten"))),
        "branch": ("a custom operator in a branch of If", onnx_model(onnx_node("If", "", branch))),
        "branch-deep": ("a custom operator in a branch of a loop's body",
                        onnx_model(onnx_node("Loop", "", nested))),
        "attribute": ("external data in an attribute's tensor",
                      onnx_model(onnx_node("Constant", "", attribute))),
        "sparse": ("external data in a sparse tensor",
                   onnx_model(relu + message(15, message(1, onnx_tensor("../x.bin"))))),
        "function": ("a custom operator in the model's own function", onnx_model(relu, function)),
        "training": ("a custom operator in the training graph",
                     onnx_model(relu, message(20, message(2, onnx_node("Own", "evil.domain"),
                                                          message(2, "t"))))),
        "graphs": ("a custom operator in a list of graphs", onnx_model(onnx_node(
            "Own", "", message(1, "b") + number(20, 10) + message(
                11, onnx_node("Own", "evil.domain"), message(2, "g"))))),
        "two-locations": ("a tensor with two locations: readers take the last", onnx_model(
            relu + message(5, onnx_tensor("w.bin") + message(
                13, message(1, "location"), message(2, "../x.bin"))))),
        "two-graphs": ("two graphs: readers merge them", onnx_model(
            relu, message(7, onnx_node("PyOp", "ai.onnx.contrib")))),
        "context": ("a compiled graph is read from elsewhere", onnx_model(
            onnx_node("EPContext", "com.microsoft",
                      message(1, "ep_cache_context") + message(4, "../../x.so") + number(20, 3),
                      message(1, "embed_mode") + number(3, 0) + number(20, 2)),
            domains=("", "com.microsoft"))),
    }
    for name, (why, data) in table.items():
        yield hostile(f"onnx-{name}.onnx", "ONNX: operators", why, data)


# TensorFlow.

# Operators that read or write files, reach the network, or call Python. SaveV2, RestoreV2 and
# MergeV2Checkpoints do as well, but every saved model has them.
OPERATORS = ["ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "EagerPyFunc", "PyFuncStateless",
             "FixedLengthRecordReaderV2", "TextLineReaderV2", "WholeFileReaderV2",
             "TFRecordDataset", "TextLineDataset", "SaveDatasetV2", "LoadDataset",
             "CreateSummaryFileWriter", "DebugIdentityV2", "RpcCall", "ImmutableConst", "LMDBReader",
             "CacheDatasetV2", "DatasetToTFRecord", "ExperimentalDatasetToTFRecord", "RecordInput",
             "DistributedSave", "DataServiceDatasetV2", "SqlDataset"]


def tf_node(operator, *attributes):
    return message(1, message(1, "n"), message(2, operator),
                   *(message(5, message(1, key), message(2, value)) for key, value in attributes))


def saved_model(*graph, meta=b""):
    return number(1, 1) + message(2, message(1, message(4, "serve")), message(2, *graph), meta)


def function(*nodes):
    """A library with one function of these nodes (field 3 holds them)."""
    renamed = b"".join(b"\x1a" + node[1:] for node in nodes)
    return message(2, message(1, message(1, message(1, "f")), renamed))


def tensorflow():
    for operator in OPERATORS:
        yield hostile(f"savedmodel-{operator}.pb", "TensorFlow", f"the graph has {operator}",
                      saved_model(tf_node(operator)))
    asset = message(6, message(1, message(1, "x")), message(2, "../../../etc/passwd"))
    layer = ('{"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": '
             '{"function": ["4wEAAAA=", null, null], "function_type": "lambda"}}]}}')
    keras = message(1, number(2, 0), message(3, "root"), message(4, "_tf_keras_sequential"),
                    message(5, layer))
    table = {
        "library": ("WriteFile in a function of the graph", "pb", saved_model(
            tf_node("StatefulPartitionedCall"), function(tf_node("WriteFile")))),
        "custom": ("an operator of a library of the author", "pb",
                   saved_model(tf_node("OwnOperator"))),
        "print": ("PrintV2 to a file", "pb",
                  saved_model(tf_node("PrintV2", ("output_stream", message(2, f"file://{NOWHERE}"))))),
        "descriptor": ("DecodeProtoV2 with a descriptor from a file", "pb", saved_model(
            tf_node("DecodeProtoV2", ("descriptor_source", message(2, "/etc/passwd"))))),
        "asset": ("an asset outside of the directory", "pb",
                  saved_model(tf_node("Const"), meta=asset)),
        "second-graph": ("WriteFile in a second graph", "pb", saved_model(tf_node("Const"))
                         + message(2, message(2, tf_node("WriteFile")))),
        "frozen": ("a frozen graph with WriteFile", "pb", tf_node("Const") + tf_node("WriteFile")),
        "frozen-text": ("a frozen graph as text", "pbtxt",
                        b'node {\n  name: "n"\n  op: "WriteFile"\n}\n'),
        "text": ("a saved model as text", "pbtxt",
                 b'saved_model_schema_version: 1\nmeta_graphs {\n  graph_def {\n    node {\n'
                 b'      name: "n"\n      op: "ReadFile"\n    }\n  }\n}\n'),
        "keras-metadata": ("a Lambda layer in the metadata of Keras", "pb", keras),
        "meta-graph": ("a meta graph on its own", "meta", message(2, tf_node("ReadFile"))),
    }
    for name, (why, ending, data) in table.items():
        yield hostile(f"savedmodel-{name}.{ending}", "TensorFlow", why, data)


# TensorFlow Lite.


def tflite_model(operator):
    """A flat buffer with one custom operator: root, vtable, model, table of operators, name."""
    name = operator.encode()
    return (b"\x18\0\0\0TFL3" + bytes([8, 0, 12, 0, 4, 0, 8, 0]) + bytes(8)
            + struct.pack("<iIII", 16, 3, 4, 1) + struct.pack("<I", 16)
            + bytes([8, 0, 8, 0, 0, 0, 4, 0]) + bytes(4) + struct.pack("<iI", 12, 4)
            + struct.pack("<I", len(name)) + name + b"\0")


def tflite():
    for operator in ("FlexReadFile", "FlexWriteFile", "FlexPyFunc", "FlexEagerPyFunc", "FlexOwn",
                     "OwnOperator"):
        yield hostile(f"tflite-{operator}.tflite", "TFLite", f"the operator {operator}",
                      tflite_model(operator))
    yield hostile("tflite-renamed.bin", "TFLite", "a Flex operator under an odd ending",
                  tflite_model("FlexMatchingFiles"))


# Paddle and Core ML.


def paddle_program(*operators):
    variable = message(3, message(1, "x"), message(2, number(1, 7)))
    block = number(1, 0) + number(2, 0) + variable
    block += b"".join(message(4, message(3, operator)) for operator in operators)
    return message(1, block) + message(4, number(1, 0))


def paddle():
    for operator in ("py_func", "py_layer", "save", "load", "save_combine", "load_combine", "send",
                     "listen_and_serv", "read_file", "run_program", "gen_nccl_id", "c_gen_nccl_id",
                     "prefetch", "checkpoint_notify"):
        yield hostile(f"paddle-{operator}.pdmodel", "Paddle", f"the operator {operator}",
                      paddle_program("relu", operator))
    yield hostile("paddle-state.pdparams", "Paddle", "a pickle of parameters with a call",
                  payload(2, "exit 1"))
    yield hostile("paddle-model.pdmodel", "Paddle", "a pickle under the name of a program",
                  payload(3, "exit 1"))
    yield hostile("paddle-json.json", "Paddle", "a program of Paddle 3 with py_func",
                  b'{"base_code": {"magic": "pir", "trainable": true, "version": 1}, "program": '
                  b'{"regions": [{"#": "region_0", "blocks": [{"#": "block_0", "args": [], "ops": '
                  b'[{"#": "1.py_func", "I": [], "O": [], "A": []}]}]}]}}')


def coreml():
    description = message(2, message(1, message(1, "x")))
    custom = number(1, 4) + description + message(555, message(10, "OwnModel"))
    layer = message(1, message(1, "l"), message(500, message(10, "OwnLayer")))
    network = number(1, 4) + description + message(500, layer)
    table = {
        "custom-model": ("a model of a class of the author", custom),
        "custom-layer": ("a layer of a class of the author", network),
        "pipeline": ("a custom model in a pipeline",
                     number(1, 4) + description + message(202, message(1, custom))),
        "linked": ("a model that stands in another file",
                   number(1, 4) + description + message(556, message(1, message(1, "../x")))),
        "classifier": ("a custom layer in a classifier",
                       number(1, 4) + description + message(403, layer)),
    }
    for name, (why, data) in table.items():
        yield hostile(f"coreml-{name}.mlmodel", "Core ML", why, data)


def broken():
    family = "malformed: graphs"
    good = onnx_model(onnx_node("Relu") * 40)
    saved = saved_model(tf_node("Const") * 40)
    lite = bytearray(tflite_model("x" * 20))
    lite[0:4] = b"\xff\xff\xff\x7f"
    deep = message(2, "g")
    for _ in range(300):
        deep = message(1, message(4, "If"), message(5, message(1, "b"), number(20, 5),
                                                    message(6, deep)))
    table = {
        "onnx-cut.onnx": ("ONNX, cut", good[:-60]),
        "onnx-length.onnx": ("a graph that is longer than the file",
                             number(1, 8) + message(2, "casemate") + b"\x3a\xff\xff\xff\xff\x07abc"),
        "onnx-varint.onnx": ("a number of more than ten bytes",
                             number(1, 8) + message(2, "casemate") + b"\x28" + b"\xff" * 12),
        "onnx-deep.onnx": ("graphs 300 deep", onnx_model(deep)),
        "savedmodel-cut.pb": ("a saved model, cut", saved[:-10]),
        "savedmodel-group.pb": ("a group that never ends", saved + b"\x1b\x1b"),
        "tflite-root.tflite": ("a root outside of the file", lite),
        "tflite-cut.tflite": ("TFLite, cut", tflite_model("x" * 20)[:40]),
        "paddle-cut.pdmodel": ("Paddle, cut", paddle_program("relu", "relu")[:-9]),
        "coreml-cut.mlmodel": ("Core ML, cut", (number(1, 4) + message(2, message(1, message(1, "x")))
                               + message(500, message(1, message(1, "l"))))[:-3]),
    }
    for name, (why, data) in table.items():
        yield malformed(f"malformed-{name}", family, why, data)
