// SPDX-License-Identifier: Apache-2.0
//! Any bytes as a file to convert.
#![no_main]

use casemate_artifact::{ConvertError, ConvertOptions, ScanOutcome, plan};
use casemate_fuzz::SCANNER;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let source = bytes.to_vec();
    let once = bytes.last().is_some_and(|byte| byte & 1 == 1);
    let options = ConvertOptions {
        once,
        ..ConvertOptions::default()
    };
    match plan(&SCANNER, &source, &options) {
        Ok(plan) => {
            let mut out = Vec::new();
            plan.write(&source, &mut out)
                .expect("what was planned is there");
            assert_eq!(out.len() as u64, plan.length());
            // Names and metadata come from the file, so that they can be found fault with; numbers cannot.
            let report = SCANNER.scan(&out);
            assert_ne!(
                report.outcome,
                ScanOutcome::Unreadable,
                "{:?}",
                report.findings
            );
        }
        Err(ConvertError::Findings(report)) => assert_ne!(report.outcome, ScanOutcome::Clean),
        Err(_) => {}
    }
});
