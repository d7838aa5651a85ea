// SPDX-License-Identifier: Apache-2.0
//! What a corpus of hostile, broken and harmless files found that was called otherwise.

use crate::{
    clean,
    make::{
        pickle::name,
        proto::{bytes, number, saved_model, text},
    },
    refused, review, unreadable,
};

fn array_with(header: &str) -> Vec<u8> {
    [
        b"\x93NUMPY\x01\0",
        &(header.len() as u16).to_le_bytes()[..],
        header.as_bytes(),
        &[0; 16],
    ]
    .concat()
}

#[test]
fn what_every_loader_fails_on_is_unreadable() {
    let cases: &[(&str, &[u8])] = &[
        (
            "a frame beyond the file",
            b"\x80\x04\x95\xff\xff\0\0\0\0\0\0}.",
        ),
        ("a member of a number", b"\x80\x02K\x01K\x02K\x03s."),
        ("members of a tuple", b"\x80\x02)(K\x01K\x02u."),
        ("a list with texts for keys", b"\x80\x02](U\x01aK\x02u."),
        ("an item of a number", b"\x80\x02K\x01K\x02a."),
        ("items of a dict", b"\x80\x02}(K\x02K\x03e."),
        ("items of a set", b"\x80\x04\x8f(K\x02K\x03e."),
        ("a list of a set", b"\x80\x04\x8f(]\x90."),
        ("a set of a frozen set", b"\x80\x04(K\x01\x91(K\x02\x90."),
        ("a list in a frozen set", b"\x80\x04(]\x91."),
        ("a dict for a key", b"\x80\x02}}K\x01s."),
        (
            "a call without a tuple",
            b"\x80\x02ccollections\nOrderedDict\n]R.",
        ),
        ("a buffer of a number", b"\x80\x05K\x01\x98."),
        ("protocol 0 that breaks", b"(dp0\n(Va\np1\nI1\ntp2\n(dp3\nI2\n(3p4\nI3\nass."),
        ("protocol 0 with a name", b"ccollections\ndeque\np0\n*(tI5\ntp1\nRp2\n."),
        ("a buffer of somebody else", b"\x80\x05\x97."),
        ("a text across the end of a frame", b"\x80\x04\x95\x03\0\0\0\0\0\0\0\x8c\tabcdefghi."),
        (
            "all numbers there are",
            b"\x80\x02c__builtin__\nlist\nc__builtin__\nrange\n\x8a\x06\0\x10\xa5\xd4\xe8\0\x85R\x85R.",
        ),
    ];
    for (what, bytes) in cases {
        unreadable(what, bytes, "pickle-malformed");
    }
    clean(
        "some numbers",
        b"\x80\x02c__builtin__\nlist\nc__builtin__\nrange\nM\0\x01\x85R\x85R.",
    );
    let skops = crate::make::zip::zip(&[("schema.json", b"{'a': 1")]);
    unreadable("a schema that is none", &skops, "json-malformed");
    let nested = b"\x32\x86".repeat(60);
    for end in [&b"Ns."[..], b"(Nu."] {
        let (open, close) = end.split_at(end.len() - 3);
        let endless = [b"\x80\x02}", open, b")", &nested, close].concat();
        unreadable("a key that is hashed forever", &endless, "pickle-malformed");
    }
    let few = [b"\x80\x02})", &nested[..20], b"Ns."].concat();
    clean("a key of a few tuples", &few);
    for (what, bytes) in [
        ("a frozen set for a key", &b"\x80\x04}(K\x01\x91Ns."[..]),
        ("a set of texts", b"\x80\x04\x8f(\x8c\x01a\x8c\x01b\x90."),
        (
            "numbers in bytes that are kept",
            b"\x80\x05\x96\x01\0\0\0\0\0\0\0aK\x02a.",
        ),
        (
            "items of an object",
            b"\x80\x02ccollections\ndeque\n)R(K\x01K\x02e.",
        ),
    ] {
        clean(what, bytes);
    }
}

#[test]
fn headers_that_numpy_does_not_take_are_unreadable() {
    let good = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }";
    clean("a header", &array_with(good));
    for (from, to) in [
        (", }", ", 'x': __import__('os'), }"),
        ("'fortran_order': False, ", ""),
        ("False", "fFalse"),
        ("False", "FalSe"),
        ("<f8", "< 8"),
        ("<f8", "<,8"),
        ("<f8", "<<f8"),
        ("(2,)", "(2 )"),
        ("(2,)", "(,2)"),
        ("(2,)", "(2,,)"),
        ("(2,)", "[2,]"),
        ("'<f8'", "[('a', '<f4')M ('b', '<f4')]"),
        ("'<f8'", "[('a', '<f4'), ('b', '<i2')]"),
        ("'<f8'", "'<M8[T]'"),
    ] {
        let header = good.replace(from, to);
        assert_ne!(header, good);
        unreadable(&header, &array_with(&header), "npy-malformed");
    }
    let mut minor = array_with(good);
    minor[7] = 105;
    unreadable("a version that is none", &minor, "npy-malformed");
}

#[test]
fn numbers_of_json_are_written_as_it_writes_them() {
    let file = |start: &str| {
        let header = format!(
            r#"{{"w":{{"dtype":"U8","shape":[8],"data_offsets":[0,8]}},"x":{{"dtype":"U8","shape":[8],"data_offsets":[{start},16]}}}}"#
        );
        crate::formats::safetensors(&header, &[0; 16])
    };
    clean("a number", &file("8"));
    for wrong in ["08", "+8", "8.", ".8", "8e", "0x8", "8_0"] {
        unreadable(wrong, &file(wrong), "safetensors-malformed");
    }
    for fine in ["1", "-1", "0", "-0.5", "1e5", "1.25E-7", "100.0", "NaN"] {
        clean(fine, format!("{{\"a\": [{fine}]}}").as_bytes());
    }
}

#[test]
fn operators_that_reach_files_are_refused_under_all_their_names() {
    for operator in [
        "CacheDatasetV2",
        "DistributedSave",
        "ExperimentalDatasetToTFRecord",
        "ImmutableConst",
        "RecordInput",
    ] {
        refused(operator, &saved_model(operator), "tensorflow-operator");
    }
    for (source, is_file) in [("local://", false), ("/etc/messages.pb", true)] {
        let attribute = [text(1, "descriptor_source"), bytes(2, &text(2, source))].concat();
        let node = [text(1, "n"), text(2, "DecodeProtoV2"), bytes(5, &attribute)].concat();
        let meta = [bytes(1, &text(4, "serve")), bytes(2, &bytes(1, &node))].concat();
        let model = [number(1, 1), bytes(2, &meta)].concat();
        match is_file {
            true => refused(source, &model, "tensorflow-operator"),
            false => drop(clean(source, &model)),
        }
    }
    let program =
        br##"{"base_code": {"magic": "pir"}, "program": {"regions": [{"#": "1.py_func"}]}}"##;
    refused("a program of Paddle in JSON", program, "paddle-operator");
}

#[test]
fn texts_that_lead_elsewhere_are_refused() {
    for (what, text, rule) in [
        (
            "a tag of Ruby",
            "--- !ruby/object:Gem::Installer\ni: x\n",
            "yaml-tag",
        ),
        (
            "two tags",
            "a: !!python/tuple [1]\nb: !!python/tuple [!!python/name:os.system ]\n",
            "yaml-tag",
        ),
        (
            "a loader of pickles",
            "_target_: pytorch_lightning.utilities.cloud_io.load\n",
            "config-callable",
        ),
        (
            "a file that is mapped",
            "_target_: torch.from_file\n",
            "config-callable",
        ),
        (
            "weights above",
            r#"{"weight_map": {"w": "../../other/pytorch_model.bin"}}"#,
            "config-remote-code",
        ),
        (
            "weights anywhere",
            r#"{"weight_map": {"w": "/etc/passwd"}}"#,
            "config-remote-code",
        ),
    ] {
        refused(what, text.as_bytes(), rule);
    }
    for (what, text) in [
        ("tuples", "betas: !!python/tuple\n- 0.9\n- 0.999\n"),
        (
            "a tuple in brackets",
            "betas: !!python/tuple [0.9, 0.999]\n",
        ),
        (
            "weights beside",
            r#"{"weight_map": {"w": "model-00001-of-00002.safetensors"}}"#,
        ),
    ] {
        clean(what, text.as_bytes());
    }
    for template in [
        "{% for a in range(99999) %}x{% endfor %}",
        "{{ 'x' * 9 ** 9 }}",
        "{{ 'x' * 1_000_000 }}",
    ] {
        review(
            template,
            &crate::formats::gguf(template),
            "template-unknown",
        );
    }
    let layers = "backbone:\n- [-1, 1, Conv, [\"exec('pass')\"]]\n";
    assert!(!crate::is_clean(layers.as_bytes()));
    clean(
        "layers",
        b"backbone:\n- [-1, 1, Conv, [64, 'open', None]]\n",
    );
    let cell = r#"{"cells": [{"cell_type": "code", "source": ["get_ipython().system('true')"]}], "nbformat": 4}"#;
    assert!(!crate::is_clean(cell.as_bytes()));
}

#[test]
fn members_of_classes_are_those_that_models_keep() {
    let getattr = |module: &str, class: &str, member: &str| {
        [
            format!("\u{80}\u{2}c__builtin__\ngetattr\nc{module}\n{class}\n")
                .chars()
                .map(|c| c as u8)
                .collect::<Vec<_>>(),
            [
                &b"X"[..],
                &(member.len() as u32).to_le_bytes(),
                member.as_bytes(),
                b"\x86R",
            ]
            .concat(),
        ]
        .concat()
    };
    let zone = |member: &str, key: &str| {
        let key = [
            &b"X"[..],
            &(key.len() as u32).to_le_bytes(),
            key.as_bytes(),
            b"\x88\x86R.",
        ]
        .concat();
        [getattr("zoneinfo", "ZoneInfo", member), key].concat()
    };
    clean("a zone", &zone("_unpickle", "Europe/Berlin"));
    refused(
        "another member of it",
        &zone("from_file", "x"),
        "pickle-dangerous-call",
    );
    let interpolation = "scipy.interpolate._interpolate";
    let keep = |member| [getattr(interpolation, "interp1d", member), b".".to_vec()].concat();
    clean("a method of protocol 2", &keep("_call_spline"));
    refused(
        "one that is none",
        &keep("_call_spline.__globals__"),
        "pickle-dotted-name",
    );
    let dotted = |member: &str| {
        [
            b"\x80\x04",
            &name(interpolation)[..],
            &name(member),
            b"\x93.",
        ]
        .concat()
    };
    clean(
        "the same of protocol 4",
        &dotted("interp1d._call_linear_np"),
    );
    refused(
        "one that is not kept",
        &dotted("interp1d.__init__"),
        "pickle-dotted-name",
    );
    let called = [
        b"\x80\x04",
        &name(interpolation)[..],
        &name("interp1d._call_linear_np"),
        b"\x93)R.",
    ];
    refused(
        "one that is called",
        &called.concat(),
        "pickle-unlisted-call",
    );
}
