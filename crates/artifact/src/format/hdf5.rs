// SPDX-License-Identifier: Apache-2.0
//! HDF5, as Keras and others keep weights in it.
//!
//! The tree of objects is followed by [`tree`]; configurations, which are texts in JSON, are found
//! wherever they stand, because a text can stand in several kinds of heaps.

mod tree;

use super::config;
use crate::{
    place::Place,
    rule,
    scan::{Expect, Scan},
};

/// Spaces between a brace and the first key that writers of JSON leave at most.
const SPACES: usize = 64;
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Reads a file, if the signature stands at one of the places where it may.
pub(super) fn scan(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) -> bool {
    let mut starts = std::iter::successors(Some(0_usize), |at| match at {
        0 => Some(512),
        at => at.checked_mul(2),
    });
    let start = starts
        .by_ref()
        .take_while(|at| *at < bytes.len())
        .find(|at| {
            bytes
                .get(*at..)
                .is_some_and(|rest| rest.starts_with(SIGNATURE))
        });
    let Some(start) = start else {
        return false;
    };
    scan.format("hdf5");
    if start > 0 {
        // What stands in front is a file of its own.
        scan.content(
            bytes.get(..start).unwrap_or_default(),
            &place.part(0),
            Expect::Anything,
        );
    }
    let file = bytes.get(start..).unwrap_or_default();
    match tree::read(file) {
        Ok(found) => {
            for external in found.external {
                scan.found(&rule::HDF5_EXTERNAL, place.whole(), external);
            }
            if let Some(rest) = file.get(found.end..).filter(|rest| !rest.is_empty()) {
                let why = format!("{} bytes behind the end", rest.len());
                scan.found(&rule::HDF5_MALFORMED, place.at(start + found.end), why);
                scan.content(rest, &place.part(start + found.end), Expect::Opaque);
            }
        }
        Err((at, why)) => scan.found(&rule::HDF5_MALFORMED, place.at(start + at), why.to_owned()),
    }
    embedded_keras(scan, file, place);
    true
}

/// Reads every object in JSON that names a class, wherever it stands.
pub(super) fn embedded_keras(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) {
    let mut at = 0;
    let mut budget = bytes.len().saturating_mul(4).saturating_add(1 << 16);
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'{', rest)) {
        let start = at + found;
        let rest = bytes.get(start..).unwrap_or_default();
        let spaces = rest.iter().skip(1).take(SPACES);
        let second = spaces.copied().find(|byte| !b" \t\r\n".contains(byte));
        if second != Some(b'"') {
            at = start + 1;
            continue;
        }
        let (length, looked) = object(rest, budget);
        budget = budget.saturating_sub(looked);
        if budget == 0 {
            let why = "more texts than were read".to_owned();
            scan.found(&rule::KERAS_MALFORMED, place.at(start), why);
            return;
        }
        let text = length.and_then(|length| rest.get(..length));
        let Some(text) = text.filter(|text| is_configuration(text)) else {
            at = start + length.unwrap_or(2);
            continue;
        };
        config::scan(scan, text, &place.part(start));
        at = start + text.len();
    }
}

fn is_configuration(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"class_name").is_some()
        || memchr::memmem::find(text, b"\\u").is_some()
}

/// The length of an object that begins here, and how many bytes were looked at.
fn object(bytes: &[u8], most: usize) -> (Option<usize>, usize) {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (at, byte) in bytes.iter().enumerate().take(most) {
        match byte {
            0..=8 | 11 | 12 | 14..=31 => return (None, at + 1),
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' if !in_text => depth += 1,
            b'}' if !in_text => {
                depth -= 1;
                if depth == 0 {
                    return (Some(at + 1), at + 1);
                }
            }
            _ => {}
        }
    }
    (None, bytes.len().min(most))
}
