// SPDX-License-Identifier: Apache-2.0
//! Nothing breaks the scanner: any bytes, broken files, bombs.

use std::{io::Write as _, time::Instant};

use casemate_artifact::{Intake, Limits, ScanOutcome, Scanner};
use proptest::prelude::*;

use crate::{
    clean, formats,
    make::{harmless, hostile, pickle, zip},
    refused,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_at_all(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), start in 0..16_usize) {
        let scanner = Scanner::default();
        let begin: [&[u8]; 16] = [
            b"", b"\x80\x04", b"PK\x03\x04", b"GGUF\x03\0\0\0", b"\x93NUMPY\x01\0", b"\x89HDF\r\n\x1a\n\0", b"\x1f\x8b\x08", b"BZh91AY&SY",
            b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"\x08\x08\x12\x01a", b"\x1c\0\0\0TFL3", b"{\"", b"{% {{ %} }}", b"<net>",
        ];
        let whole = [begin[start], &bytes].concat();
        let _ = scanner.scan(&whole);
    }

    #[test]
    fn a_changed_file_breaks_nothing(which in 0..64_usize, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let all = formats::harmless_files();
        let (_, bytes) = &all[which % all.len()];
        let mut bytes = bytes.clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len()) + 1);
        let _ = Scanner::default().scan(&bytes);
    }

    #[test]
    fn pieces_give_what_the_whole_gives(which in 0..64_usize, size in 1..5_000_usize) {
        let scanner = Scanner::default();
        let all = formats::harmless_files();
        let (what, bytes) = &all[which % all.len()];
        let mut intake = Intake::new(&scanner, bytes.len() as u64);
        bytes.chunks(size).for_each(|piece| intake.push(piece));
        let whole = scanner.scan(bytes);
        if let Ok(report) = intake.finish() {
            prop_assert_eq!(report.outcome, whole.outcome, "{}", what);
        }
    }
}

#[test]
fn a_large_file_is_what_it_is_however_its_first_bytes_come() {
    let scanner = Scanner::new(Limits {
        kept: 1 << 20,
        ..Limits::default()
    });
    let weights = 17 << 20;
    let header =
        format!(r#"{{"w":{{"dtype":"U8","shape":[{weights}],"data_offsets":[0,{weights}]}}}}"#);
    let padded = header.len().next_multiple_of(8);
    let mut bytes = (padded as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(format!("{header:<padded$}").as_bytes());
    bytes.resize(bytes.len() + weights, 0);
    for first in (0..=16).chain([63, 64, 65_535, 65_536, 65_537]) {
        let mut intake = Intake::new(&scanner, bytes.len() as u64);
        let (begin, rest) = bytes.split_at(first);
        intake.push(begin);
        rest.chunks(1 << 20).for_each(|piece| intake.push(piece));
        let report = intake.finish().unwrap();
        assert_eq!(report.outcome, ScanOutcome::Clean, "{first}: {report:?}");
    }
}

#[test]
fn broken_files_are_never_clean() {
    for (what, bytes) in formats::harmless_files() {
        if formats::is_text(&bytes) {
            continue;
        }
        clean(what, &bytes);
        for part in [1, 2, 3, 5, 7, 9] {
            let cut = &bytes[..bytes.len() * part / 10];
            if !cut.is_empty() {
                let outcome = Scanner::default().scan(cut).outcome;
                assert_ne!(
                    outcome,
                    ScanOutcome::Clean,
                    "{what}, the first {} bytes of {}",
                    cut.len(),
                    bytes.len()
                );
            }
        }
    }
}

#[test]
fn bombs_end_early() {
    let began = Instant::now();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..256 {
        encoder.write_all(&zeros).unwrap();
    }
    refused("gzip", &encoder.finish().unwrap(), "archive-bomb");
    let mut nested = hostile();
    for _ in 0..40 {
        nested = zip::zip(&[("a", &nested)]);
    }
    refused("archives in archives", &nested, "archive-depth");
    let many: Vec<_> = (0..300)
        .map(|number| zip::Member::stored(&format!("{number}"), &zeros[..4096]))
        .collect();
    let scanner = Scanner::new(Limits {
        members: 100,
        ..Limits::default()
    });
    assert_ne!(
        scanner.scan(&zip::archive(&many)).outcome,
        ScanOutcome::Clean
    );
    let scanner = Scanner::new(Limits {
        instructions: 1_000,
        ..Limits::default()
    });
    let long = [b"\x80\x02](", &b"N".repeat(5_000)[..], b"e."].concat();
    assert_eq!(scanner.scan(&long).outcome, ScanOutcome::Review);
    let scanner = Scanner::new(Limits {
        values: 1_000,
        ..Limits::default()
    });
    assert_eq!(scanner.scan(&long).outcome, ScanOutcome::Review);
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
}

#[test]
fn deep_things_do_not_overflow() {
    let deep = "[".repeat(100_000);
    assert_ne!(
        Scanner::default()
            .scan(format!("{{\"a\":{deep}").as_bytes())
            .outcome,
        ScanOutcome::Clean
    );
    let deep = "<a>".repeat(100_000);
    assert_ne!(
        Scanner::default().scan(deep.as_bytes()).outcome,
        ScanOutcome::Clean
    );
    let began = Instant::now();
    let many = format!("<PMML>{}</PMML>", "<!a>".repeat(300_000));
    clean("declarations", many.as_bytes());
    let texts = format!(
        "{{% if x[{}] %}}{{{{ y }}}}{{% endif %}}",
        "'_' ~ ".repeat(60_000) + "'_'"
    );
    assert_ne!(
        Scanner::default().scan(texts.as_bytes()).outcome,
        ScanOutcome::Clean
    );
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    let marks = [b"\x80\x02", &b"(".repeat(1_000_000)[..], b"."].concat();
    assert_ne!(Scanner::default().scan(&marks).outcome, ScanOutcome::Clean);
}

#[test]
fn many_findings_are_bounded() {
    let mut all = Vec::new();
    for number in 0..5_000 {
        all.extend_from_slice(b"\x80\x04");
        all.extend_from_slice(&pickle::name(&format!("package{number}")));
        all.extend_from_slice(&pickle::name("thing"));
        all.extend_from_slice(b"\x93)R.");
    }
    let report = Scanner::default().scan(&all);
    assert_eq!(report.outcome, ScanOutcome::Refuse);
    assert!(report.findings.len() <= Limits::default().findings);
    assert_eq!(Scanner::default().scan(&harmless()).findings.len(), 0);
}
