// SPDX-License-Identifier: Apache-2.0
//! Formats: a harmless file of each, and what is wrong with others.

use crate::{
    clean,
    make::{
        harmless, hostile,
        proto::{bytes, number, onnx, onnx_graph, saved_model, text},
        zip::zip,
    },
    refused, review, unreadable,
};

/// An array of numpy.
pub(crate) fn npy(kind: &str, shape: &str, rest: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [
        b"\x93NUMPY\x01\0",
        &(header.len() as u16).to_le_bytes()[..],
        header.as_bytes(),
        rest,
    ]
    .concat()
}

pub(crate) fn safetensors(header: &str, rest: &[u8]) -> Vec<u8> {
    [
        &(header.len() as u64).to_le_bytes()[..],
        header.as_bytes(),
        rest,
    ]
    .concat()
}

/// A model with a template and one tensor of 32 numbers.
pub(crate) fn gguf(template: &str) -> Vec<u8> {
    let string = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let mut out = [
        b"GGUF\x03\0\0\0",
        &1_u64.to_le_bytes()[..],
        &2_u64.to_le_bytes(),
    ]
    .concat();
    out.extend(
        [
            string("general.architecture"),
            8_u32.to_le_bytes().to_vec(),
            string("llama"),
        ]
        .concat(),
    );
    out.extend(
        [
            string("tokenizer.chat_template"),
            8_u32.to_le_bytes().to_vec(),
            string(template),
        ]
        .concat(),
    );
    out.extend(
        [
            string("weight"),
            1_u32.to_le_bytes().to_vec(),
            32_u64.to_le_bytes().to_vec(),
            vec![0; 4],
            vec![0; 8],
        ]
        .concat(),
    );
    out.resize(out.len().next_multiple_of(32) + 128, 0);
    out
}

/// A model with one custom operator, or none.
fn tflite(operator: &str) -> Vec<u8> {
    // The root's offset, the identifier, and the tables from back to front.
    let mut out = b"\x18\0\0\0TFL3".to_vec();
    out.extend_from_slice(&[8, 0, 12, 0, 4, 0, 8, 0]); // vtable of the model at 8: version, operators
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&16_i32.to_le_bytes()); // the model at 24
    out.extend_from_slice(&3_u32.to_le_bytes());
    out.extend_from_slice(&4_u32.to_le_bytes()); // operators, from 32: at 36
    out.extend_from_slice(&1_u32.to_le_bytes());
    out.extend_from_slice(&16_u32.to_le_bytes()); // the operator, from 40: at 56
    out.extend_from_slice(&[8, 0, 8, 0, 0, 0, 4, 0]); // its vtable at 44: no code, a name
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&12_i32.to_le_bytes()); // the operator at 56
    out.extend_from_slice(&4_u32.to_le_bytes()); // its name, from 60: at 64
    out.extend_from_slice(&(operator.len() as u32).to_le_bytes());
    out.extend_from_slice(operator.as_bytes());
    out.push(0);
    out
}

pub(crate) fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'))
}

/// A harmless file of each format that there is a maker for.
pub(crate) fn harmless_files() -> Vec<(&'static str, Vec<u8>)> {
    let header = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#;
    vec![
        ("pickle", harmless()),
        ("npy", npy("<f8", "(2,)", &[0; 16])),
        ("safetensors", safetensors(header, &[0; 16])),
        (
            "gguf",
            gguf("{{ messages[0]['content'] }}{% if 1 %}{% endif %}"),
        ),
        ("onnx", onnx("Relu", "", &[])),
        ("tflite", tflite("TFLite_Detection_PostProcess")),
        (
            "zip",
            zip(&[
                ("a/data.pkl", &harmless()),
                ("a/version", b"3\n"),
                ("a/data/0", &[7; 64]),
            ]),
        ),
        ("npz", zip(&[("a.npy", &npy("<f8", "(2,)", &[0; 16]))])),
        (
            "json",
            br#"{"a": [1, 2.5, "x", null, true], "b": {"c": NaN}}"#.to_vec(),
        ),
        ("keras", KERAS.as_bytes().to_vec()),
        (
            "xml",
            br#"<?xml version="1.0"?><PMML version="4.4"><Header/></PMML>"#.to_vec(),
        ),
        ("text", b"Just a text.\n".to_vec()),
    ]
}

const KERAS: &str = r#"{"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [{"module": "keras.layers", "class_name": "Dense", "config": {"units": 2, "activation": "relu", "kernel_initializer": {"module": "keras.initializers", "class_name": "GlorotUniform", "config": {"seed": null}, "registered_name": null}}, "registered_name": null}]}, "registered_name": "Sequential"}"#;

#[test]
fn harmless_files_are_clean() {
    for (what, bytes) in harmless_files() {
        let report = clean(what, &bytes);
        assert!(report.findings.is_empty(), "{what}");
    }
}

#[test]
fn arrays_of_numpy() {
    refused(
        "objects",
        &npy("|O", "(1,)", &hostile()),
        "pickle-dangerous-call",
    );
    clean("harmless objects", &npy("|O", "(1,)", &harmless()));
    unreadable("too short", &npy("<f8", "(9,)", &[0; 16]), "npy-malformed");
    refused(
        "something behind",
        &npy("<f8", "(2,)", &[&[0; 16][..], &hostile()].concat()),
        "pickle-dangerous-call",
    );
    refused(
        "objects in a structure",
        &structure("[('a', '<f8'), ('b', '|O')]"),
        "pickle-dangerous-call",
    );
    unreadable("no header", b"\x93NUMPY\x01\0\xff\xff{}", "npy-malformed");
}

fn structure(kind: &str) -> Vec<u8> {
    let header = format!("{{'descr': {kind}, 'fortran_order': False, 'shape': (1,), }}\n");
    [
        b"\x93NUMPY\x01\0",
        &(header.len() as u16).to_le_bytes()[..],
        header.as_bytes(),
        &hostile(),
    ]
    .concat()
}

#[test]
fn safetensors_headers() {
    let bad = [
        (
            "a gap",
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        ),
        (
            "an overlap",
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        ),
        (
            "beyond the end",
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#,
        ),
        (
            "too little",
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        ),
        (
            "another shape",
            r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
        ),
        (
            "no such type",
            r#"{"a":{"dtype":"X9","shape":[2],"data_offsets":[0,8]}}"#,
        ),
        (
            "a name twice",
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
        ),
        (
            "metadata that is no text",
            r#"{"__metadata__":{"a":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
        ),
        (
            "more than there should be",
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"code":"x"}}"#,
        ),
        (
            "a huge shape",
            r#"{"a":{"dtype":"F32","shape":[18446744073709551615,2],"data_offsets":[0,8]}}"#,
        ),
        ("no JSON", r#"{"a":{"dtype""#),
    ];
    for (what, header) in bad {
        unreadable(what, &safetensors(header, &[0; 8]), "safetensors-malformed");
    }
    let header = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    refused(
        "an archive at the end",
        &[safetensors(header, &[0; 8]), zip(&[("a", &hostile())])].concat(),
        "pickle-dangerous-call",
    );
    let mut long = safetensors(header, &[0; 8]);
    long[7] = 1;
    assert_ne!(
        casemate_artifact::Scanner::default().scan(&long).outcome,
        casemate_artifact::ScanOutcome::Clean
    );
}

#[test]
fn gguf_headers() {
    let good = gguf("{{ x }}{% if 1 %}{% endif %}");
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    unreadable("a version", &changed(4, 9), "gguf-malformed");
    unreadable("too many tensors", &changed(15, 1), "gguf-malformed");
    unreadable("too many keys", &changed(23, 1), "gguf-malformed");
    unreadable("a long key", &changed(31, 1), "gguf-malformed");
    unreadable("too short", &good[..good.len() - 64], "gguf-malformed");
    unreadable(
        "too long",
        &[&good[..], &[1; 4096]].concat(),
        "gguf-malformed",
    );
}

#[test]
fn onnx_models() {
    review(
        "a custom domain",
        &onnx("Magic", "com.somebody", &[]),
        "onnx-custom-domain",
    );
    refused(
        "python",
        &onnx("PyOp", "com.microsoft.extensions", &[]),
        "onnx-python-operator",
    );
    let external = |location: &str| {
        let entry = [text(1, "location"), text(2, location)].concat();
        let tensor = [text(8, "w"), bytes(13, &entry), number(14, 1)].concat();
        onnx("Relu", "", &bytes(5, &tensor))
    };
    clean("data beside it", &external("model.onnx.data"));
    for location in [
        "../../etc/passwd",
        "/etc/passwd",
        "C:\\x",
        "a/../../b",
        "file:///etc/passwd",
        "",
    ] {
        refused(location, &external(location), "onnx-external-data");
    }
    let inner = [text(1, "x"), text(4, "Magic"), text(7, "com.somebody")].concat();
    let branch = bytes(
        5,
        &[text(1, "then_branch"), bytes(6, &bytes(1, &inner))].concat(),
    );
    let node = [text(4, "If"), branch].concat();
    review(
        "in a sub-graph",
        &onnx_graph(&bytes(1, &node)),
        "onnx-custom-domain",
    );
    let whole = onnx("Relu", "", &[]);
    unreadable("cut off", &whole[..whole.len() - 3], "onnx-malformed");
    let mut deep = bytes(1, &[text(4, "Relu")].concat());
    for _ in 0..60 {
        deep = bytes(1, &[text(4, "If"), bytes(5, &bytes(6, &deep))].concat());
    }
    unreadable("too deep", &onnx_graph(&deep), "onnx-malformed");
}

#[test]
fn tensorflow_models() {
    clean("a saved model", &saved_model("MatMul"));
    for operator in [
        "ReadFile",
        "WriteFile",
        "PyFunc",
        "EagerPyFunc",
        "MatchingFiles",
        "SaveDataset",
        "RpcClient",
    ] {
        refused(operator, &saved_model(operator), "tensorflow-operator");
    }
    review(
        "an operator of others",
        &saved_model("Somebody>Magic"),
        "tensorflow-custom",
    );
    let lambda = r#"{"class_name": "Lambda", "config": {"function": "4wEAAAAA"}}"#;
    let whole = [saved_model("MatMul"), bytes(2, &bytes(7, &text(1, lambda)))].concat();
    refused("a layer of code", &whole, "keras-lambda");
    let node = |operator: &str| bytes(1, &[text(1, "a"), text(2, operator)].concat());
    clean(
        "a frozen graph",
        &[node("Const"), node("MatMul"), bytes(4, &number(1, 27))].concat(),
    );
    refused(
        "a frozen graph that writes",
        &[node("Const"), node("WriteFile")].concat(),
        "tensorflow-operator",
    );
}

#[test]
fn tensorflow_lite_models() {
    refused("a file", &tflite("FlexWriteFile"), "tensorflow-operator");
    refused("python", &tflite("FlexPyFunc"), "tensorflow-operator");
    review("flex", &tflite("FlexErf"), "tflite-custom");
    review("custom", &tflite("Magic"), "tflite-custom");
    unreadable(
        "broken",
        b"\xff\xff\xff\x7fTFL3................",
        "tflite-malformed",
    );
}

#[test]
fn keras_models() {
    let layer = |layer: &str| {
        format!(
            r#"{{"module": "keras", "class_name": "Sequential", "config": {{"layers": [{layer}]}}}}"#
        )
    };
    let cases = [
        (
            r#"{"module": "keras.layers", "class_name": "Lambda", "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wEA"}}}}"#,
            "keras-lambda",
        ),
        (
            r#"{"class_name": "Lambda", "config": {"function_type": "lambda", "function": ["4wEA", null, null]}}"#,
            "keras-lambda",
        ),
        (
            r#"{"module": "os", "class_name": "system", "config": "true"}"#,
            "keras-module",
        ),
        (
            r#"{"module": "builtins", "class_name": "exec", "config": {}}"#,
            "keras-module",
        ),
        (
            r#"{"module": "keras.utils", "class_name": "get_file", "config": {"origin": "x"}}"#,
            "keras-module",
        ),
        (
            r#"{"module": "keras.models", "class_name": "load_model", "config": {"path": "x"}}"#,
            "keras-module",
        ),
        (
            r#"{"module": "keras.src.saving.saving_lib", "class_name": "Load", "config": {}}"#,
            "keras-module",
        ),
        (
            r#"{"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}"#,
            "keras-url",
        ),
        (
            r#"{"module": "keras.layers", "class_name": "Dense", "config": {"name": "https://example.org/x"}}"#,
            "keras-url",
        ),
        (
            r#"{"class_name": "TFOpLambda", "config": {"function": "io.read_file"}}"#,
            "keras-module",
        ),
    ];
    for (inner, rule) in cases {
        let config = layer(inner);
        refused(inner, config.as_bytes(), rule);
        let archive = zip(&[
            ("config.json", config.as_bytes()),
            ("metadata.json", b"{}"),
            ("model.weights.h5", &[]),
        ]);
        refused(inner, &archive, rule);
    }
    review("a class of its author", layer(r#"{"module": "somebody.layers", "class_name": "Net", "config": {}, "registered_name": "somebody>Net"}"#).as_bytes(), "keras-custom");
}

#[test]
fn configurations() {
    review(
        "code of its own",
        br#"{"auto_map": {"AutoModel": "modeling.Net"}}"#,
        "config-auto-map",
    );
    refused(
        "code of others",
        br#"{"auto_map": {"AutoModel": "somebody/repo--modeling.Net"}}"#,
        "config-remote-code",
    );
    refused(
        "a target",
        br#"{"model": {"_target_": "os.system", "command": "true"}}"#,
        "config-callable",
    );
    refused(
        "a target in YAML",
        b"model:\n  _target_: builtins.exec\n  x: 1\n",
        "config-callable",
    );
    clean(
        "a usual target",
        b"model:\n  _target_: nemo.collections.asr.models.EncDecCTCModel\n",
    );
    refused(
        "jsonpickle",
        br#"{"py/reduce": [{"py/function": "os.system"}]}"#,
        "config-callable",
    );
    refused(
        "a loader",
        b"flavors:\n  python_function:\n    loader_module: os\n",
        "config-callable",
    );
    clean(
        "a usual loader",
        b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n",
    );
    for tag in [
        "!!python/object/apply:os.system ['true']",
        "!!python/name:os.system",
        "!<tag:yaml.org,2002:python/object/new:x> y",
    ] {
        refused(tag, format!("a: {tag}\n").as_bytes(), "yaml-tag");
    }
    refused(
        "a module",
        br#"[{"idx": 0, "type": "os.system"}]"#,
        "config-callable",
    );
    clean(
        "a usual module",
        br#"[{"idx": 0, "type": "sentence_transformers.models.Transformer"}]"#,
    );
    review(
        "a pipeline of its own",
        br#"{"_class_name": ["pipeline", "Net"]}"#,
        "config-auto-map",
    );
    unreadable("a member twice", br#"{"a": 1, "a": 2}"#, "json-malformed");
    unreadable("half", br#"{"a": [1, 2"#, "json-malformed");
    review(
        "python",
        b"import os\n\nclass Net:\n    pass\n",
        "code-source",
    );
    clean(
        "a text about python",
        b"# Use it\n\n```python\nimport torch\n```\n",
    );
    clean("a list of requirements", b"cython\nnumpy\nimport-linter\n");
    clean("lines of JSON", b"{\"a\": 1}\n{\"a\": 2}\n");
}

#[test]
fn skops_files() {
    let schema = |module: &str, class: &str, loader: &str| {
        format!(
            r#"{{"__class__": "{class}", "__module__": "{module}", "__loader__": "{loader}", "content": {{}}}}"#
        )
    };
    let file = |schema: String| zip(&[("schema.json", schema.as_bytes())]);
    clean(
        "an estimator",
        &file(schema(
            "sklearn.linear_model._logistic",
            "LogisticRegression",
            "ObjectNode",
        )),
    );
    refused(
        "a function",
        &file(schema("os", "system", "FunctionNode")),
        "skops-type",
    );
    refused(
        "a method",
        &file(schema("builtins", "eval", "MethodNode")),
        "skops-type",
    );
    refused(
        "an operator",
        &file(schema("operator", "methodcaller", "OperatorFuncNode")),
        "skops-type",
    );
    review(
        "somebody's",
        &file(schema("somebody", "Net", "ObjectNode")),
        "pickle-unlisted-class",
    );
}

#[test]
fn torchscript_archives() {
    let archive = |code: &str| {
        let pickle = b"\x80\x02c__torch__\nNet\n)\x81}X\x01\0\0\0aK\x01sb.";
        zip(&[
            ("n/data.pkl", pickle),
            ("n/constants.pkl", b"\x80\x02)."),
            ("n/code/__torch__.py", code.as_bytes()),
            ("n/version", b"3\n"),
        ])
    };
    clean(
        "a usual one",
        &archive(
            "class Net(Module):\n  def forward(self: __torch__.Net, x: Tensor) -> Tensor:\n    return torch.relu(x)\n",
        ),
    );
    for call in [
        "torch.save(x, \"/tmp/x\")",
        "ops.aten.from_file(\"x\", True, 1)",
        "torch.from_file(\"x\")",
        "torch.save (x, \"/tmp/x\")",
        "torch . save(x, \"/tmp/x\")",
        "torch.\\\n  save(x, \"/tmp/x\")",
        "xopen(open(\"/tmp/x\"))",
    ] {
        refused(
            call,
            &archive(&format!(
                "class Net(Module):\n  def forward(self) -> Tensor:\n    return {call}\n"
            )),
            "code-operator",
        );
    }
    refused("an import", &archive("import os\n"), "code-operator");
    review(
        "operations of others",
        &archive("  return ops.somebody.magic(x)\n"),
        "code-source",
    );
    review(
        "the same with blanks",
        &archive("  return ops .somebody . magic (x)\n"),
        "code-source",
    );
    review(
        "its classes elsewhere",
        b"\x80\x02c__torch__\nNet\n)\x81.",
        "pickle-unlisted-class",
    );
}

#[test]
fn xml_models() {
    clean("OpenVINO", br#"<?xml version="1.0"?><net name="m" version="11"><layers><layer id="0" name="x" type="Parameter" version="opset1"/></layers></net>"#);
    refused("an entity", br#"<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><PMML>&x;</PMML>"#, "xml-entity");
    refused(
        "laughs",
        br#"<!DOCTYPE a [<!ENTITY a "a"><!ENTITY b "&a;&a;">]><PMML>&b;</PMML>"#,
        "xml-entity",
    );
    refused(
        "a document type",
        br#"<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><PMML/>"#,
        "xml-entity",
    );
    refused(
        "an inclusion",
        br#"<PMML><xi:include href="file:///etc/passwd"/></PMML>"#,
        "xml-entity",
    );
    review(
        "a layer of others",
        br#"<net><layer id="0" type="Magic" version="extension"/></net>"#,
        "xml-extension",
    );
    unreadable("half", br#"<PMML><Header></PMML>"#, "xml-malformed");
}

#[test]
fn other_graphs() {
    let description = bytes(2, &bytes(1, &text(1, "x")));
    clean(
        "Core ML",
        &[number(1, 4), description.clone(), bytes(300, &number(1, 1))].concat(),
    );
    review(
        "a class of its author",
        &[
            number(1, 4),
            description.clone(),
            bytes(555, &text(10, "Net")),
        ]
        .concat(),
        "coreml-custom",
    );
    let layer = [text(1, "l"), bytes(500, &text(10, "Net"))].concat();
    review(
        "a layer of its author",
        &[number(1, 4), description, bytes(500, &bytes(1, &layer))].concat(),
        "coreml-custom",
    );
    let piece = [text(1, "a"), vec![0x15, 0, 0, 0x80, 0xbf], number(3, 1)].concat();
    let tokenizer = [bytes(1, &piece), bytes(1, &piece), bytes(2, &number(3, 1))].concat();
    clean("sentencepiece", &tokenizer);
    let program = |operator: &str| {
        bytes(
            1,
            &[number(1, 0), number(2, 1), bytes(4, &text(3, operator))].concat(),
        )
    };
    clean("Paddle", &program("matmul_v2"));
    refused("Paddle, python", &program("py_func"), "paddle-operator");
    refused(
        "Paddle, a file",
        &program("save_combine"),
        "paddle-operator",
    );
}

/// A file of the newer kind whose root has one link.
fn hdf5(link: &[u8]) -> Vec<u8> {
    let root = [
        b"OHDR\x02\0",
        &[4 + link.len() as u8][..],
        &[6, link.len() as u8, 0, 0],
        link,
        &[0; 4],
    ]
    .concat();
    let mut out = b"\x89HDF\r\n\x1a\n\x02\x08\x08\0".to_vec();
    out.extend_from_slice(&0_u64.to_le_bytes());
    out.extend_from_slice(&[0xff; 8]);
    out.extend_from_slice(&(48 + root.len() as u64).to_le_bytes());
    out.extend_from_slice(&48_u64.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&root);
    out
}

#[test]
fn hdf5_files() {
    let soft = b"\x01\x08\x01\x01x\x02\0/y";
    clean("a soft link", &hdf5(soft));
    let external = b"\x01\x08\x40\x01x\x10\0\0/etc/passwd\0/y\0";
    refused("a link to another file", &hdf5(external), "hdf5-external");
    let whole = hdf5(soft);
    unreadable("half of it", &whole[..whole.len() - 5], "hdf5-malformed");
    refused(
        "something behind",
        &[whole, hostile()].concat(),
        "pickle-dangerous-call",
    );

    let lambda = br#"{"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": {"function": ["x"]}}]}}"#;
    refused(
        "a layer of code",
        &[
            b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0",
            &[0; 64][..],
            lambda,
        ]
        .concat(),
        "keras-lambda",
    );
    unreadable(
        "half",
        b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0",
        "hdf5-malformed",
    );
    unreadable(
        "a version",
        b"\x89HDF\r\n\x1a\n\x09...............................",
        "hdf5-malformed",
    );
}

#[test]
fn fences_hide_nothing() {
    let docstring = b"\"\"\"\n```\nx\n```\n\"\"\"\nimport os\n";
    review("python about texts", docstring, "code-source");
    let beside = b"a: |\n  ```\nb: !!python/name:os.system\n";
    refused("a tag beside a fence", beside, "yaml-tag");
}

#[test]
fn files_that_come_with_a_model_of_tensorflow_lite_stand_behind_it() {
    let model = tflite("TFLite_Detection_PostProcess");
    let with = |model: &[u8], files: &[(&str, &[u8])]| [model, &zip(files)].concat();
    let labels: (&str, &[u8]) = ("labels.txt", b"cat\ndog\n");
    clean("labels", &with(&model, &[labels, ("vocab.txt", b"a\nb\n")]));
    // As the writer of metadata makes it: offsets count from the beginning of the model.
    let mut absolute = with(&model, &[labels]);
    let directory = absolute
        .windows(4)
        .position(|at| at == b"PK\x01\x02")
        .unwrap();
    let end = absolute.len() - 22;
    absolute[directory + 42..directory + 46].copy_from_slice(&(model.len() as u32).to_le_bytes());
    absolute[end + 16..end + 20].copy_from_slice(&(directory as u32).to_le_bytes());
    clean("labels, counted from the model on", &absolute);
    refused(
        "a pickle",
        &with(&model, &[labels, ("x", &hostile())]),
        "pickle-dangerous-call",
    );
    refused(
        "an operator",
        &with(&tflite("FlexWriteFile"), &[labels]),
        "tensorflow-operator",
    );
    let torch: [(&str, &[u8]); 2] = [("a/data.pkl", &harmless()), ("a/version", b"3\n")];
    refused("another model", &with(&model, &torch), "file-mismatch");
    let hidden = [&model[..], &zip(&[("x", b"y")]), &zip(&[labels])].concat();
    refused("two archives", &hidden, "zip-hidden-data");
    let broken = b"\xff\xff\xff\x7fTFL3................";
    refused("no model", &with(broken, &[labels]), "zip-hidden-data");
    refused(
        "something else",
        &with(&[7; 64], &[labels]),
        "zip-hidden-data",
    );
}
