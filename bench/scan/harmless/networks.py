# SPDX-License-Identifier: Apache-2.0
"""torch, safetensors, GGUF, ONNX: networks and their weights."""

import argparse
import collections
import pathlib

import gguf
import numpy as np
import onnx
import safetensors.numpy
import safetensors.torch
import torch
import torch.nn.utils.prune
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from .texts import TEMPLATES


def make(shelf):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch_files(shelf)
    checkpoints(shelf)
    scripts(shelf)
    safetensors_files(shelf)
    gguf_files(shelf)
    onnx_files(shelf)


def modules():
    """Networks of modules that torch brings."""
    return {
        "linear": nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 2)),
        "convolution": nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.SiLU(),
                                     nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)),
        "recurrent": nn.ModuleList([nn.LSTM(4, 3, 2, bidirectional=True), nn.GRU(4, 3), nn.RNN(4, 3)]),
        "attention": nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2),
        "transformer": nn.Transformer(8, 2, 1, 1, 16),
        "embedding": nn.ModuleDict({"words": nn.Embedding(9, 4, padding_idx=0),
                                    "bag": nn.EmbeddingBag(9, 4)}),
        "norms": nn.Sequential(nn.LayerNorm(4), nn.GroupNorm(2, 4), nn.InstanceNorm1d(4),
                               nn.RMSNorm(4)),
        "activations": nn.Sequential(*(getattr(nn, name)() for name in (
            "GELU", "Mish", "ELU", "Hardswish", "LeakyReLU", "PReLU", "Sigmoid", "Softplus", "Tanh"))),
        "up": nn.Sequential(nn.ConvTranspose2d(2, 3, 2), nn.Upsample(scale_factor=2),
                            nn.PixelShuffle(1), nn.MaxPool2d(2), nn.ZeroPad2d(1)),
        "losses": nn.ModuleList([nn.CrossEntropyLoss(label_smoothing=0.1), nn.MSELoss(),
                                 nn.HuberLoss()]),
        "unflatten": nn.Sequential(nn.Flatten(), nn.Unflatten(1, (2, 2))),
        "spectral": nn.utils.spectral_norm(nn.Linear(3, 3)),
        "pruned": nn.utils.prune.l1_unstructured(nn.Linear(3, 3), "weight", 0.5),
        "dynamic": torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(3, 3))),
        "parametrised": nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)),
    }


def torch_files(shelf):
    old = {"_use_new_zipfile_serialization": False}
    for name, module in modules().items():
        state = module.state_dict()
        torch.save(state, shelf.path(f"torch-{name}-state.pt"))
        torch.save(state, shelf.path(f"torch-{name}-legacy.pth"), **old)
        if name != "parametrised":  # Its class is made when it runs, so only its state can be saved.
            torch.save(module, shelf.path(f"torch-{name}-whole.pt"))
            torch.save(module, shelf.path(f"torch-{name}-whole-legacy.pt"), **old)
    kinds = ["float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8",
             "bool", "complex64", "float8_e4m3fn", "float8_e5m2"]
    tensors = {kind: torch.zeros(3, 2).to(getattr(torch, kind)) for kind in kinds}
    torch.save(tensors, shelf.path("torch-kinds.bin"))
    torch.save(tensors["float32"], shelf.path("torch-tensor.pt"))
    torch.save(tensors, shelf.path("torch-kinds-4.pt"), pickle_protocol=4)
    shelf.pickle("torch-tensor", tensors["float32"], 2, 4, 5)
    shelf.joblib("torch-tensors", {"w": tensors["float64"]}, None, "gzip")
    base = torch.arange(12.0)
    torch.save({"views": [base[2:5], base.view(3, 4).t()], "shared": base},
               shelf.path("torch-views.pt"))
    torch.save([torch.eye(3).to_sparse(), torch.eye(3).to_sparse_csr()], shelf.path("torch-sparse.pt"))
    torch.save(nn.Parameter(torch.ones(2)), shelf.path("torch-parameter.pt"))
    torch.save(torch.quantize_per_tensor(torch.ones(2, 2), 0.1, 0, torch.qint8),
               shelf.path("torch-quantised.pt"))
    torch.save(torch.distributions.Normal(torch.zeros(2), torch.ones(2)),
               shelf.path("torch-distribution.pt"))
    torch.save({"sizes": torch.Size([1, 2]), "device": torch.device("cpu"), "kind": torch.float16},
               shelf.path("torch-values.pt"))


def checkpoints(shelf):
    """What training scripts save: weights, optimisers, schedules, arguments, generators."""
    network = nn.Linear(4, 2)
    optimisers = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD, "adam": torch.optim.Adam,
                  "rmsprop": torch.optim.RMSprop, "adagrad": torch.optim.Adagrad}
    for name, kind in optimisers.items():
        optimiser = kind(network.parameters(), lr=1e-3)
        network(torch.ones(1, 4)).sum().backward()
        optimiser.step()
        schedule = torch.optim.lr_scheduler.StepLR(optimiser, 3)
        torch.save({
            "epoch": 3, "global_step": 100, "state_dict": network.state_dict(),
            "optimizer": optimiser.state_dict(), "scheduler": schedule.state_dict(),
            "args": argparse.Namespace(lr=1e-3, out=pathlib.PurePosixPath("runs/1"), resume=None),
            "rng": torch.get_rng_state(), "numpy": np.random.RandomState(1).get_state(),
            "best": np.float64(0.93), "history": collections.defaultdict(list, loss=[1.0, 0.5]),
            "pytorch-lightning_version": "2.4.0", "callbacks": {}, "hyper_parameters": {"lr": 1e-3},
        }, shelf.path(f"checkpoint-{name}.ckpt"))
    averaged = torch.optim.swa_utils.AveragedModel(network)
    torch.save({"ema": averaged.state_dict()}, shelf.path("checkpoint-averaged.ckpt"))


def scripts(shelf):
    example = {"linear": torch.ones(1, 6), "convolution": torch.ones(1, 3, 8, 8)}
    for name, value in example.items():
        module = modules()[name].eval()
        torch.jit.trace(module, value).save(shelf.path(f"torchscript-{name}-traced.pt"))
        torch.jit.script(module).save(shelf.path(f"torchscript-{name}-scripted.pt"))
    module = torch.jit.script(modules()["linear"])
    torch.jit.save(module, shelf.path("torchscript-extra.pt"),
                   _extra_files={"labels.txt": "cat\ndog\n", "config.json": '{"size": 6}'})


def safetensors_files(shelf):
    for kind in ("float16", "bfloat16", "float32", "float64", "int8", "int64", "uint8", "bool"):
        dtype = getattr(torch, kind)
        tensors = {f"layer.{n}.weight": torch.zeros(n + 1, 3).to(dtype) for n in range(5)}
        safetensors.torch.save_file(tensors, shelf.path(f"safetensors-{kind}.safetensors"),
                                    {"format": "pt", "source": "https://example.org/model"})
    safetensors.numpy.save_file({}, shelf.path("safetensors-empty.safetensors"))
    safetensors.numpy.save_file({"one": np.ones(()), "none": np.zeros((0, 3))},
                                shelf.path("safetensors-shapes.safetensors"))
    for name, module in modules().items():
        if name == "dynamic":  # Its weights are packed in an object of their own.
            continue
        safetensors.torch.save_model(module, shelf.path(f"safetensors-{name}.safetensors"))


def gguf_files(shelf):
    for index, (name, template) in enumerate(TEMPLATES.items()):
        architecture = ("llama", "qwen2", "gemma")[index % 3]
        writer = gguf.GGUFWriter(shelf.path(f"gguf-{name}.gguf"), architecture)
        writer.add_name(f"model {name}")
        writer.add_description("An evaluation of what a model can execute; system prompts included.")
        writer.add_block_count(2)
        writer.add_context_length(4096)
        writer.add_chat_template(template)
        writer.add_tokenizer_model("gpt2")
        writer.add_token_list([f"t{n}" for n in range(300)])
        writer.add_token_scores([0.0] * 300)
        writer.add_token_types([1] * 300)
        for block in range(2):
            writer.add_tensor(f"blk.{block}.attn_q.weight", np.zeros((32, 64), ("f4", "f2")[index % 2]))
        quantised = gguf.quants.quantize(np.zeros((4, 64), "f4"), gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor("output.weight", quantised, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def onnx_files(shelf):
    def value(name, shape=(1,)):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    weight = numpy_helper.from_array(np.eye(4, dtype="f4"), "w")
    product = helper.make_node("MatMul", ["x", "w"], ["y"])
    plain = helper.make_graph([product], "g", [value("x", (1, 4))], [value("y", (1, 4))], [weight])
    yes = helper.make_graph([helper.make_node("Constant", [], ["a"], value_float=1.0)], "yes", [],
                            [value("a", ())])
    no = helper.make_graph([helper.make_node("Constant", [], ["b"], value_float=0.0)], "no", [],
                           [value("b", ())])
    branch = helper.make_graph(
        [helper.make_node("If", ["c"], ["y"], then_branch=yes, else_branch=no)], "g",
        [helper.make_tensor_value_info("c", TensorProto.BOOL, ())], [value("y", ())])
    add = helper.make_node("Add", ["x", "x"], ["y"])
    double = helper.make_function("own", "Double", ["x"], ["y"], [add],
                                  [helper.make_opsetid("", 17)])
    called = helper.make_graph([helper.make_node("Double", ["x"], ["y"], domain="own")], "g",
                               [value("x")], [value("y")])
    learned = helper.make_graph(
        [helper.make_node("Normalizer", ["x"], ["y"], domain="ai.onnx.ml", norm="L2")], "g",
        [value("x", (1, 4))], [value("y", (1, 4))])
    models = {
        "plain": helper.make_model(plain),
        "branch": helper.make_model(branch),
        "function": helper.make_model(called, functions=[double], opset_imports=[
            helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]),
        "learned": helper.make_model(learned, opset_imports=[
            helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]),
    }
    for name, model in models.items():
        helper.set_model_props(model, {"author": "somebody", "task": "evaluation (classification)"})
        onnx.save(model, shelf.path(f"onnx-{name}.onnx"))
    onnx.save(helper.make_model(plain), shelf.path("onnx-outside.onnx"), save_as_external_data=True,
              location="onnx-outside.data", size_threshold=0)
    # The weights alone are bytes of no format, and nobody scans them without their model.
    (shelf.folder / "onnx-outside.data").unlink()
