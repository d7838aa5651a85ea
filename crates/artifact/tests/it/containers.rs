// SPDX-License-Identifier: Apache-2.0
//! Containers: archives whose readers see different things, and everything packed once more.

use std::io::Write as _;

use crate::{
    clean,
    make::{
        harmless, hostile,
        tar::tar,
        zip::{Member, archive, end, zip},
    },
    refused, review, unreadable,
};

#[test]
fn members_are_scanned() {
    clean(
        "a harmless one",
        &zip(&[("a/data.pkl", &harmless()), ("a/version", b"3\n")]),
    );
    refused(
        "stored",
        &zip(&[("readme.txt", &hostile())]),
        "pickle-dangerous-call",
    );
    refused(
        "deflated",
        &archive(&[Member::deflated("weights", &hostile())]),
        "pickle-dangerous-call",
    );
    refused(
        "a torch archive",
        &zip(&[("a/data.pkl", &hostile()), ("a/version", b"3\n")]),
        "pickle-dangerous-call",
    );
    refused(
        "a pickle where numbers should be",
        &zip(&[
            ("a/data.pkl", &harmless()),
            ("a/version", b"3\n"),
            ("a/data/0", &hostile()),
        ]),
        "pickle-dangerous-call",
    );
    refused(
        "an array of objects",
        &zip(&[("a.npy", &crate::formats::npy("|O", "(1,)", &hostile()))]),
        "pickle-dangerous-call",
    );
    refused(
        "an archive in an archive",
        &zip(&[("a", &zip(&[("b", &hostile())]))]),
        "pickle-dangerous-call",
    );
    refused(
        "a program",
        &zip(&[("lib.so", &[b"\x7fELF\x02\x01\x01", &[0; 64][..]].concat())]),
        "native-code",
    );
    review("unknown bytes", &zip(&[("a", &[0xfe; 64])]), "file-unknown");
}

#[test]
fn disagreement_in_zip_archives_is_refused() {
    let member = || Member::stored("a/data.pkl", &harmless());
    let changed = |change: fn(&mut Member)| {
        let mut member = member();
        change(&mut member);
        archive(&[member, Member::stored("a/version", b"3\n")])
    };
    let cases: &[(&str, Vec<u8>, &str)] = &[
        (
            "another name",
            changed(|m| m.local_name = "a/data.pkx".to_owned()),
            "zip-disagreement",
        ),
        (
            "another method",
            changed(|m| m.local_method = 8),
            "zip-disagreement",
        ),
        (
            "another flag",
            changed(|m| m.local_flags = 1 << 5),
            "zip-flags",
        ),
        (
            "marked as encrypted",
            changed(|m| (m.flags, m.local_flags) = (1, 1)),
            "zip-flags",
        ),
        (
            "marked as encrypted in the directory",
            changed(|m| m.flags = 1),
            "zip-flags",
        ),
        (
            "strongly",
            changed(|m| (m.flags, m.local_flags) = (1 << 6, 1 << 6)),
            "zip-flags",
        ),
        (
            "a size that is wrong",
            changed(|m| m.size += 1),
            "zip-disagreement",
        ),
        (
            "an unknown method",
            changed(|m| (m.method, m.local_method) = (99, 99)),
            "archive-foreign",
        ),
        (
            "a link",
            changed(|m| (m.made_by, m.attributes) = (3 << 8 | 20, 0xa1ff_0000)),
            "archive-link",
        ),
        ("upwards", zip(&[("../../a", &harmless())]), "archive-path"),
        (
            "upwards, the other way",
            zip(&[("..\\a", &harmless())]),
            "archive-path",
        ),
        ("absolute", zip(&[("/etc/a", &harmless())]), "archive-path"),
        ("a drive", zip(&[("c:\\a", &harmless())]), "archive-path"),
        (
            "the same name twice",
            zip(&[("a", &harmless()), ("a", &harmless())]),
            "archive-duplicate",
        ),
        (
            "the same name in another way",
            zip(&[("a/b", &harmless()), ("a/./b", &harmless())]),
            "archive-duplicate",
        ),
        (
            "an orphan",
            archive(&[
                member(),
                Member {
                    is_listed: false,
                    ..Member::stored("b", &hostile())
                },
            ]),
            "pickle-dangerous-call",
        ),
        (
            "a harmless orphan",
            archive(&[
                member(),
                Member {
                    is_listed: false,
                    ..Member::stored("b", &harmless())
                },
            ]),
            "zip-hidden-data",
        ),
        (
            "something in front",
            [&hostile()[..], &zip(&[("a", &harmless())])].concat(),
            "pickle-dangerous-call",
        ),
        (
            "something behind",
            [&zip(&[("a", &harmless())])[..], &hostile()].concat(),
            "zip-hidden-data",
        ),
        (
            "two archives",
            [zip(&[("a", &hostile())]), zip(&[("a", &harmless())])].concat(),
            "pickle-dangerous-call",
        ),
    ];
    for (what, bytes, rule) in cases {
        refused(what, bytes, rule);
    }
    unreadable("a wrong checksum", &changed(|m| m.crc ^= 1), "zip-checksum");
    let mut hidden = member();
    hidden.crc ^= 1;
    hidden.bytes = hostile();
    let mut wrong = Member::stored("a", &hostile());
    wrong.crc ^= 1;
    refused(
        "a wrong checksum over something",
        &archive(&[wrong]),
        "pickle-dangerous-call",
    );
    let mut flagged = Member::stored("a", &hostile());
    (flagged.flags, flagged.local_flags) = (1, 1);
    refused(
        "a flag over something",
        &archive(&[flagged]),
        "pickle-dangerous-call",
    );
    let mut short = zip(&[("a", &hostile())]);
    short.truncate(short.len() - 30);
    refused("no directory", &short, "pickle-dangerous-call");
    let mut told = zip(&[("a", &harmless())]);
    let at = told.len() - 2;
    told[at..].copy_from_slice(&(hostile().len() as u16).to_le_bytes());
    refused(
        "a pickle in the comment",
        &[told, hostile()].concat(),
        "pickle-dangerous-call",
    );
    let whole = zip(&[("a", &harmless())]);
    let inner = end(1, 47, 0, 0);
    let mut two = whole.clone();
    let at = two.len() - 2;
    two[at..].copy_from_slice(&(inner.len() as u16).to_le_bytes());
    two.extend_from_slice(&inner);
    refused("a second end in the comment", &two, "");
}

#[test]
fn tar_archives_are_scanned() {
    let state = harmless();
    clean(
        "a harmless one",
        &tar(&[
            ("a", b'0', &state),
            ("d/", b'5', b""),
            ("note", b'0', b"hello there"),
        ]),
    );
    let hostile = hostile();
    refused(
        "a member",
        &tar(&[("a", b'0', &state), ("b", b'0', &hostile)]),
        "pickle-dangerous-call",
    );
    refused("upwards", &tar(&[("../a", b'0', &state)]), "archive-path");
    refused("absolute", &tar(&[("/a", b'0', &state)]), "archive-path");
    refused("a link", &tar(&[("a", b'2', b"")]), "archive-link");
    refused("a hard link", &tar(&[("a", b'1', b"")]), "archive-link");
    refused("a device", &tar(&[("a", b'3', b"")]), "archive-link");
    refused(
        "twice",
        &tar(&[("a", b'0', &state), ("a", b'0', &state)]),
        "archive-duplicate",
    );
    refused(
        "upwards, by an extended header",
        &tar(&[("x", b'x', b"16 path=../../a\n"), ("a", b'0', &state)]),
        "archive-path",
    );
    refused(
        "behind the end",
        &[tar(&[("a", b'0', &state)]), hostile.clone()].concat(),
        "pickle-dangerous-call",
    );
    let mut broken = tar(&[("a", b'0', &state), ("b", b'0', &hostile)]);
    broken[1024 + 150] ^= 1;
    unreadable("a wrong checksum", &broken, "archive-malformed");
}

/// All ways to pack bytes that there is an encoder for.
fn packed(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let level = flate2::Compression::fast();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
    gzip.write_all(bytes).unwrap();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
    zlib.write_all(bytes).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(bytes).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(bytes).unwrap();
    let zstd =
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest);
    vec![
        ("gzip", gzip.finish().unwrap()),
        ("zlib", zlib.finish().unwrap()),
        ("bzip2", bzip2.finish().unwrap()),
        ("lz4", lz4.finish().unwrap()),
        ("zstd", zstd),
        ("zip", zip(&[("a", bytes)])),
        ("tar", tar(&[("a", b'0', bytes)])),
    ]
}

#[test]
fn everything_is_unpacked_in_everything() {
    for (outer, _) in packed(b"") {
        for (inner, bytes) in packed(&hostile()) {
            let (_, twice) = packed(&bytes)
                .into_iter()
                .find(|(name, _)| *name == outer)
                .unwrap();
            refused(
                &format!("{inner} in {outer}"),
                &twice,
                "pickle-dangerous-call",
            );
        }
        for (inner, bytes) in packed(&harmless()) {
            let (_, twice) = packed(&bytes)
                .into_iter()
                .find(|(name, _)| *name == outer)
                .unwrap();
            clean(&format!("{inner} in {outer}"), &twice);
        }
    }
    // Made once by other tools: there are no encoders for these here.
    let xz = b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4F\x02\0!\x01\x16\0\0\0t/\xe5\xa3\x01\0\x17cos\nsystem\n(S'true'\ntR.\0";
    let report = casemate_artifact::Scanner::default().scan(xz);
    assert_ne!(report.outcome, casemate_artifact::ScanOutcome::Clean);
}

#[test]
fn broken_streams_are_never_clean() {
    for (what, bytes) in packed(&harmless().repeat(20)) {
        for cut in [bytes.len() / 2, bytes.len() - 1] {
            let outcome = casemate_artifact::Scanner::default()
                .scan(&bytes[..cut])
                .outcome;
            // The last blocks of a tar archive are zeros that nobody needs.
            if what != "tar" {
                assert_ne!(
                    outcome,
                    casemate_artifact::ScanOutcome::Clean,
                    "{what}, {cut} of {}",
                    bytes.len()
                );
            }
        }
    }
}

#[test]
fn archives_that_no_loader_reads_are_refused() {
    refused(
        "7z",
        b"7z\xbc\xaf\x27\x1c\0\x04................................",
        "archive-foreign",
    );
    refused(
        "rar",
        b"Rar!\x1a\x07\x01\0................................",
        "archive-foreign",
    );
    refused(
        "7z in zip",
        &zip(&[(
            "a",
            b"7z\xbc\xaf\x27\x1c\0\x04................................",
        )]),
        "archive-foreign",
    );
}

#[test]
fn programs_are_refused_whatever_else_they_are() {
    let elf = [b"\x7fELF\x02\x01\x01", &[0; 64][..]].concat();
    let mut pe = vec![0; 256];
    pe[..2].copy_from_slice(b"MZ");
    pe[0x3c] = 0x80;
    pe[0x80..0x84].copy_from_slice(b"PE\0\0");
    refused("elf", &elf, "native-code");
    refused("pe", &pe, "native-code");
    refused(
        "mach-o",
        &[b"\xcf\xfa\xed\xfe", &[0; 64][..]].concat(),
        "native-code",
    );
    refused(
        "a llamafile",
        &[
            b"MZqFpD='\n",
            &[0; 64][..],
            &zip(&[("model.gguf", b"GGUF")]),
        ]
        .concat(),
        "native-code",
    );
    refused(
        "a program in front of an archive",
        &[elf, zip(&[("a", &harmless())])].concat(),
        "native-code",
    );
    refused("a script", b"#!/bin/sh\ntrue\n", "native-code");
    refused("wasm", b"\0asm\x01\0\0\0", "native-code");
    refused(
        "python bytecode",
        &[b"\xa7\x0d\r\n\0\0\0\0", &[0; 8][..], b"\xe3\0\0\0"].concat(),
        "native-code",
    );
}
