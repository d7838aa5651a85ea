// SPDX-License-Identifier: Apache-2.0
//! Conversion: files that torch wrote become what safetensors writes of them, byte by byte, and nothing
//! else becomes anything.
//!
//! `tests/data/convert` is made by `bench/convert/compare.py --fixtures`, which also compares with torch
//! itself.

use std::path::PathBuf;

use casemate_artifact::{ByteSource as _, ConvertError, ConvertOptions, Plan, Scanner, plan};
use proptest::prelude::*;

use crate::make::{
    hostile,
    pickle::name,
    zip::{Member, archive, zip},
};

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/convert");
    std::fs::read(path.join(name)).unwrap()
}

fn converted(bytes: &[u8], options: &ConvertOptions) -> Result<(Plan, Vec<u8>), ConvertError> {
    let source = bytes.to_vec();
    let plan = plan(&Scanner::default(), &source, options)?;
    let mut out = Vec::new();
    plan.write(&source, &mut out).unwrap();
    assert_eq!(out.len() as u64, plan.length());
    Ok((plan, out))
}

fn all(bytes: &[u8]) -> Result<(Plan, Vec<u8>), ConvertError> {
    converted(bytes, &ConvertOptions::default())
}

#[track_caller]
fn finding(bytes: &[u8], rule: &str) {
    match all(bytes) {
        Err(ConvertError::Findings(report)) => {
            let rules: Vec<_> = report
                .findings
                .iter()
                .map(|finding| finding.rule.id)
                .collect();
            assert!(rules.contains(&rule), "{rules:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn unsupported(bytes: &[u8], why: &str) {
    match all(bytes) {
        Err(ConvertError::Unsupported(text)) => assert!(text.contains(why), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_of_torch_become_what_safetensors_writes_of_them() {
    let cases = [
        (
            "kinds",
            &["zip", "big", "legacy", "pickle2", "pickle4"][..],
            None,
        ),
        ("newkinds", &["zip", "big"], None),
        (
            "views",
            &["zip", "big", "legacy", "pickle2", "pickle4"],
            None,
        ),
        ("empty", &["zip", "legacy", "pickle2", "pickle4"], None),
        ("tied", &["zip", "legacy", "pickle2", "pickle4"], None),
        ("arrays", &["zip", "legacy", "pickle2", "pickle4"], None),
        ("module", &["zip", "legacy", "pickle4"], None),
        ("part", &["zip", "legacy"], Some("state_dict")),
    ];
    for (case, kinds, key) in cases {
        let expected = fixture(&format!("{case}.safetensors"));
        for kind in kinds {
            let options = ConvertOptions {
                key: key.map(str::to_owned),
                ..ConvertOptions::default()
            };
            let (_, out) = converted(&fixture(&format!("{case}-{kind}")), &options).unwrap();
            assert!(out == expected, "{case} as {kind}");
            crate::clean(case, &out);
        }
    }
}

#[test]
fn what_is_no_tensor_is_told() {
    let file = fixture("part-zip");
    let (plan, _) = all(&file).unwrap();
    let left: Vec<_> = plan
        .left_out()
        .iter()
        .map(|left| left.name.as_str())
        .collect();
    assert!(
        left.contains(&"epoch") && left.contains(&"note"),
        "{left:?}"
    );
    let strict = ConvertOptions {
        strict: true,
        ..ConvertOptions::default()
    };
    let error = converted(&file, &strict).unwrap_err();
    assert!(matches!(error, ConvertError::Strict { .. }), "{error}");
    let key = Some("state_dict".to_owned());
    converted(
        &file,
        &ConvertOptions {
            key,
            strict: true,
            ..ConvertOptions::default()
        },
    )
    .unwrap();
    let key = Some("state_dict.nowhere".to_owned());
    let error = converted(
        &file,
        &ConvertOptions {
            key,
            ..ConvertOptions::default()
        },
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no `nowhere` where `state_dict.nowhere` leads"
    );
}

#[test]
fn tensors_that_are_the_same_can_be_written_once() {
    let file = fixture("tied-zip");
    let (plan, copies) = all(&file).unwrap();
    assert_eq!((plan.tensors().count(), plan.shared()), (3, 2));
    let once = ConvertOptions {
        once: true,
        ..ConvertOptions::default()
    };
    let (plan, out) = converted(&file, &once).unwrap();
    assert_eq!((plan.tensors().count(), plan.shared()), (1, 2));
    assert!(out.len() < copies.len());
    let header = String::from_utf8_lossy(&out);
    assert!(
        header.contains(r#""other":"one""#) && header.contains(r#""third":"one""#),
        "{header}"
    );
}

#[test]
fn hostile_files_are_refused_with_what_a_scan_says() {
    finding(&hostile(), "pickle-dangerous-call");
    let inner = hostile();
    let torch = |pickle: &[u8]| {
        zip(&[
            ("archive/data.pkl", pickle),
            ("archive/version", b"3\n"),
            ("archive/data/0", b"abcd"),
        ])
    };
    let file = torch(&inner);
    finding(&file, "pickle-dangerous-call");
    let scanned = Scanner::default().scan(&file);
    match all(&file) {
        Err(ConvertError::Findings(report)) => {
            let told = |report: &casemate_artifact::ScanReport| {
                let findings = report.findings.iter();
                findings
                    .map(|one| (one.rule.id, one.place.clone(), one.why.clone()))
                    .collect::<Vec<_>>()
            };
            assert_eq!(told(&report), told(&scanned));
        }
        other => panic!("{other:?}"),
    }
    finding(&[&file[..], &inner].concat(), "zip-hidden-data");
    finding(b"\x80\x02}\xff", "pickle-malformed");
    let legacy = fixture("tied-legacy");
    finding(&legacy[..legacy.len() - 1], "pickle-malformed");
    finding(&[&legacy[..], b"x"].concat(), "pickle-malformed");
}

#[test]
fn archives_that_say_two_things_are_refused() {
    let numbers = [7_u8; 16];
    let mut changed = one(b"K\0K\x04\x85K\x01\x85\x89)", &numbers);
    // A number: its checksum does not hold any more.
    let storage = changed
        .windows(16)
        .position(|part| part == numbers)
        .unwrap();
    changed[storage] ^= 1;
    finding(&changed, "zip-checksum");
    let mut two = Member::stored("archive/data/0", b"abcd");
    two.local_name = "archive/data/1".to_owned();
    let pickle = b"\x80\x02}.";
    let members = [
        Member::stored("archive/data.pkl", pickle),
        Member::stored("archive/version", b"3"),
        two,
    ];
    finding(&archive(&members), "zip-disagreement");
}

/// A torch archive of one tensor: what stands behind the storage in its description, and the storage.
fn one(description: &[u8], storage: &[u8]) -> Vec<u8> {
    let pickle = [
        b"\x80\x02}",
        &b"U\x01xctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x04tQ"[..],
        description,
        b"tRs.",
    ]
    .concat();
    zip(&[
        ("archive/data.pkl", &pickle),
        ("archive/version", b"3\n"),
        ("archive/data/0", storage),
    ])
}

#[test]
fn tensors_lie_within_their_storages() {
    let numbers = [1_u8; 16];
    all(&one(b"K\0K\x04\x85K\x01\x85\x89)", &numbers)).unwrap();
    unsupported(
        &one(b"K\x01K\x04\x85K\x01\x85\x89)", &numbers),
        "outside of its storage",
    );
    unsupported(
        &one(b"K\0K\x02\x85K\x04\x85\x89)", &numbers),
        "outside of its storage",
    );
    unsupported(
        &one(b"K\0K\x04\x85K\x01\x85\x89)", &numbers[..8]),
        "shorter than it should be",
    );
    unsupported(
        &one(b"K\0J\xff\xff\xff\xff\x85K\x01\x85\x89)", &numbers),
        "something else than numbers",
    );
    let wide = b"K\0\x8a\x08\0\0\0\0\0\0\0\x40\x8a\x08\0\0\0\0\0\0\0\x40\x86K\0K\0\x86\x89)";
    unsupported(&one(wide, &numbers), "more items than there can be");
    let bomb = b"K\0J\xff\xff\xff\x7f\x85K\0\x85\x89)";
    unsupported(&one(bomb, &numbers), "it would become");
}

#[test]
fn what_safetensors_has_no_type_for_is_named() {
    let pickle = b"\x80\x02}U\x01xctorch._utils\n_rebuild_qtensor\n((U\x07storagectorch\nQInt8Storage\nU\x010U\x03cpuK\x04tQK\0K\x04\x85K\x01\x85ctorch\nper_tensor_affine\nG?\xf0\0\0\0\0\0\0K\0\x87\x89)tRs.";
    let file = zip(&[
        ("archive/data.pkl", pickle),
        ("archive/version", b"3"),
        ("archive/data/0", b"abcd"),
    ]);
    unsupported(
        &file,
        "`x` is a tensor of the kind that `_rebuild_qtensor` makes",
    );
    unsupported(b"\x80\x02}U\x01aK\x01s.", "there is no tensor");
    unsupported(b"some text that is harmless", "no pickle and no torch file");
}

#[test]
fn names_that_would_be_the_same_are_an_error() {
    let tensor = |name: &[u8]| {
        [
            b"U",
            &[name.len() as u8][..],
            name,
            b"ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01tQK\0K\x01\x85K\x01\x85\x89)tRs",
        ]
        .concat()
    };
    let pickle = [
        &b"\x80\x02}"[..],
        &tensor(b"a.b"),
        &name("a"),
        b"}",
        &tensor(b"b"),
        b"s.",
    ]
    .concat();
    let file = zip(&[
        ("archive/data.pkl", &pickle),
        ("archive/version", b"3"),
        ("archive/data/0", b"abcd"),
    ]);
    unsupported(&file, "two tensors would have the name `a.b`");
}

proptest! {
    #[test]
    fn changed_files_break_nothing(at in any::<prop::sample::Index>(), byte in any::<u8>(), which in 0..3_usize) {
        let mut file = fixture(["views-zip", "views-legacy", "arrays-pickle4"][which]);
        let at = at.index(file.len());
        file[at] = byte;
        if let Ok((plan, out)) = all(&file) {
            prop_assert!(out.len() as u64 == plan.length());
            crate::clean("the result", &out);
        }
    }
}

#[test]
fn sources_end_where_they_end() {
    let mut into = [0; 4];
    assert!(b"abc"[..].read_at(0, &mut into).is_err());
    assert!(b"abcd"[..].read_at(u64::MAX, &mut into).is_err());
    b"abcd"[..].read_at(0, &mut into).unwrap();
    assert_eq!(&into, b"abcd");
}
