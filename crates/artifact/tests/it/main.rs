// SPDX-License-Identifier: Apache-2.0
//! What is scanned, and what comes of it. Hostile files are made here, byte by byte: their payloads do
//! nothing, and nothing ever loads them.
#![allow(clippy::panic, clippy::unwrap_used)]

mod attacks;
mod bombs;
mod containers;
mod convert;
mod corpus;
mod formats;
mod make;
mod pickles;
mod templates;
mod total;

use casemate_artifact::{ScanOutcome, ScanReport, Scanner};

/// The outcome that bytes must have, and a rule that must be among the reasons (or none).
#[track_caller]
fn check(what: &str, bytes: &[u8], outcome: ScanOutcome, rule: &str) -> ScanReport {
    let report = Scanner::default().scan(bytes);
    let rules: Vec<_> = report
        .findings
        .iter()
        .map(|finding| finding.rule.id)
        .collect();
    assert_eq!(
        report.outcome, outcome,
        "{what}: {:?} {:#?}",
        report.formats, report.findings
    );
    assert!(
        rule.is_empty() || rules.contains(&rule),
        "{what}: {rule} is not in {rules:?}"
    );
    report
}

fn is_clean(bytes: &[u8]) -> bool {
    Scanner::default().scan(bytes).outcome == ScanOutcome::Clean
}

#[track_caller]
fn clean(what: &str, bytes: &[u8]) -> ScanReport {
    check(what, bytes, ScanOutcome::Clean, "")
}

#[track_caller]
fn refused(what: &str, bytes: &[u8], rule: &str) {
    check(what, bytes, ScanOutcome::Refuse, rule);
}

#[track_caller]
fn review(what: &str, bytes: &[u8], rule: &str) {
    check(what, bytes, ScanOutcome::Review, rule);
}

#[track_caller]
fn unreadable(what: &str, bytes: &[u8], rule: &str) {
    check(what, bytes, ScanOutcome::Unreadable, rule);
}

#[test]
fn every_rule_is_documented_and_has_a_name_of_its_own() {
    let page = include_str!("../../../../docs/reference/scan.md");
    let mut names = std::collections::BTreeSet::new();
    for rule in casemate_artifact::rules() {
        assert!(names.insert(rule.id), "{} twice", rule.id);
        let row = format!("| `{}` | {} |", rule.id, rule.outcome);
        assert!(page.contains(&row), "{row} is not in the reference");
        assert!(!rule.title.is_empty() && !rule.advice.is_empty() && !rule.reference.is_empty());
    }
}
