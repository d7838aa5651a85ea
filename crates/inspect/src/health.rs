// SPDX-License-Identifier: Apache-2.0
//! Records about someone's health: medical words together with a person they are about.

use casemate_types::{Finding, FindingKind};

use crate::words::{Hit, Sense};

/// Bytes within which the person and the medical facts must stand.
const WINDOW: usize = 400;

pub(crate) fn find(text: &str, hits: &[Hit]) -> Option<Finding> {
    let medical: Vec<_> = hits
        .iter()
        .filter(|hit| hit.sense == Sense::Medical)
        .collect();
    let first = medical.first()?;
    let patients: Vec<_> = hits
        .iter()
        .filter(|hit| hit.sense == Sense::Patient)
        .map(|hit| hit.start)
        .collect();
    let patient = |about: &Hit| {
        let near = patients.partition_point(|start| start + WINDOW < about.start);
        patients
            .get(near)
            .is_some_and(|start| *start <= about.start + WINDOW)
    };
    for pair in medical.windows(2) {
        let [a, b] = pair else { continue };
        let different = text[a.start..a.end] != text[b.start..b.end];
        if different && b.start - a.start <= WINDOW && patient(a) {
            return Some(finding(a.start..b.end, 0.9));
        }
    }
    // One medical word and an ICD-10 code.
    let code = icd_code(text, first.start)?;
    patient(first).then(|| finding(first.start.min(code.start)..first.end.max(code.end), 0.85))
}

fn finding(span: std::ops::Range<usize>, score: f32) -> Finding {
    Finding {
        kind: FindingKind::Health,
        span,
        rule: "health.record",
        score,
    }
}

/// A code such as `E11.9` within the window around `at`.
fn icd_code(text: &str, at: usize) -> Option<std::ops::Range<usize>> {
    let from = text.floor_char_boundary(at.saturating_sub(WINDOW));
    let upto = text.floor_char_boundary((at + WINDOW).min(text.len()));
    let bytes = text.as_bytes().get(from..upto)?;
    let mut word = 0;
    for (end, byte) in bytes.iter().chain(b" ").enumerate() {
        if byte.is_ascii_alphanumeric() || *byte == b'.' {
            continue;
        }
        if let [letter, tens, ones, b'.', detail, ..] = &bytes[word..end]
            && letter.is_ascii_uppercase()
            && [tens, ones, detail]
                .iter()
                .all(|digit| digit.is_ascii_digit())
        {
            return Some(from + word..from + end);
        }
        word = end + 1;
    }
    None
}
