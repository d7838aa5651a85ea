// SPDX-License-Identifier: Apache-2.0
//! Any bytes as a file, whole and in pieces.
#![no_main]

use std::sync::LazyLock;

use casemate_artifact::{Intake, Limits, ScanOutcome, Scanner};
use libfuzzer_sys::fuzz_target;

static SCANNER: LazyLock<Scanner> = LazyLock::new(|| {
    Scanner::new(Limits {
        unpacked: 8 << 20,
        unpacked_free: 1 << 20,
        instructions: 1_000_000,
        ..Limits::default()
    })
});

fuzz_target!(|bytes: &[u8]| {
    let report = SCANNER.scan(bytes);
    assert!(report.findings.len() <= Limits::default().findings);
    assert!(report.findings.is_empty() || report.outcome != ScanOutcome::Clean);
    let mut intake = Intake::new(&SCANNER, bytes.len() as u64);
    bytes.chunks(997).for_each(|piece| intake.push(piece));
    if let Ok(pieces) = intake.finish() {
        assert_eq!(pieces.outcome, report.outcome);
    }
});
