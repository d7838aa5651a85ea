// SPDX-License-Identifier: Apache-2.0
//! What the targets for model files have in common.

use std::sync::LazyLock;

use casemate_artifact::{Intake, Limits, ScanOutcome, ScanReport, Scanner};

/// With budgets that a run of a millisecond can reach.
pub static SCANNER: LazyLock<Scanner> = LazyLock::new(|| {
    Scanner::new(Limits {
        unpacked: 8 << 20,
        unpacked_free: 1 << 20,
        instructions: 1_000_000,
        ..Limits::default()
    })
});

/// Scans a file whole and in pieces.
///
/// # Panics
/// When there are more findings than the limit, findings in a clean file, or the pieces give another
/// outcome than the whole.
pub fn scan(file: &[u8]) -> ScanReport {
    let report = SCANNER.scan(file);
    assert!(report.findings.len() <= Limits::default().findings);
    assert!(report.findings.is_empty() || report.outcome != ScanOutcome::Clean);
    let mut intake = Intake::new(&SCANNER, file.len() as u64);
    file.chunks(997).for_each(|piece| intake.push(piece));
    if let Ok(pieces) = intake.finish() {
        assert_eq!(pieces.outcome, report.outcome);
    }
    report
}

/// A file that begins as its format does, so that what is tried is the format's reader and not the
/// search for a format.
#[must_use]
pub fn beginning_with(magic: &[u8], bytes: &[u8]) -> Vec<u8> {
    if bytes.starts_with(magic) {
        return bytes.to_vec();
    }
    [magic, bytes].concat()
}
