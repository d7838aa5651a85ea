// SPDX-License-Identifier: Apache-2.0
//! Bytes of an archive that no member of the directory owns.

use std::ops::Range;

use super::{
    member,
    parse::{self, CENTRAL, Directory, END, LOCAL},
};
use crate::{
    format, identify,
    place::Place,
    rule,
    scan::{Expect, Scan},
};

/// Where a model of TensorFlow Lite ends to which this archive was appended, if there is one: from the
/// first byte to the first member, and without anything that looks like a member.
pub(super) fn model_in_front(bytes: &[u8], directory: &Directory) -> Option<usize> {
    let first = directory.entries.iter().map(|entry| entry.offset).min()?;
    let first = usize::try_from(first.checked_add(directory.shift)?).ok()?;
    // Offsets are counted from the beginning of the file, or from that of the archive.
    let is_counted = directory.shift == 0 || directory.shift == first as u64;
    let front = bytes.get(..first).filter(|_| is_counted)?;
    let hides = [LOCAL, CENTRAL, END];
    let hides = hides
        .iter()
        .any(|sign| memchr::memmem::find(front, sign).is_some());
    (!hides && format::is_tflite(front)).then_some(first)
}

/// Finds what stands in front of, between and behind what the directory names.
pub(super) fn check(
    scan: &mut Scan<'_>,
    bytes: &[u8],
    directory: &Directory,
    mut covered: Vec<(usize, usize)>,
    from: usize,
    place: &Place,
) {
    covered.sort_unstable();
    covered.push((directory.start, directory.end));
    let mut at = from;
    for (start, end) in covered {
        match start.checked_sub(at) {
            Some(_) => gap(scan, bytes, at..start, place),
            None => {
                let why = "members that share bytes".to_owned();
                scan.found(&rule::ZIP_DISAGREEMENT, place.at(start), why);
            }
        }
        at = at.max(end);
    }
    gap(scan, bytes, at..bytes.len(), place);
    let comment = bytes.get(directory.comment..directory.end);
    if let Some(comment) = comment.filter(|comment| !comment.is_empty()) {
        if !identify::is_text(comment) {
            let why = "a comment that is no text".to_owned();
            scan.found(&rule::ZIP_HIDDEN, place.at(directory.comment), why);
        }
        scan.content(comment, &place.part(directory.comment), Expect::Opaque);
    }
    for end in &directory.other_ends {
        // Inside of a member it is the member's own; inside of the comment it is a second opinion.
        if *end > directory.start || is_directory(bytes, *end) {
            let why = "a second record of the end of a directory".to_owned();
            scan.found(&rule::ZIP_DISAGREEMENT, place.at(*end), why);
        }
    }
}

/// Whether what an end record points to is a directory as well, outside of any shift.
fn is_directory(bytes: &[u8], end: usize) -> bool {
    let offset = bytes.get(end + 16..end + 20).map(crate::bytes::little);
    let offset = offset.and_then(|offset| usize::try_from(offset).ok());
    offset.and_then(|at| bytes.get(at..at.checked_add(4)?)) == Some(CENTRAL)
}

/// Bytes that belong to nothing. Zeros align members, as some writers do.
fn gap(scan: &mut Scan<'_>, bytes: &[u8], range: Range<usize>, place: &Place) {
    let Some(rest) = bytes.get(range.clone()) else {
        return;
    };
    let zeros = rest.iter().take_while(|byte| **byte == 0).count();
    if zeros == rest.len() {
        return;
    }
    let why = format!(
        "{} bytes that the directory does not name",
        rest.len() - zeros
    );
    scan.found(&rule::ZIP_HIDDEN, place.at(range.start + zeros), why);
    orphans(scan, bytes, range.start + zeros..range.end, place);
}

/// Looks at bytes by signatures: members, and whatever else they may be.
pub(super) fn orphans(scan: &mut Scan<'_>, bytes: &[u8], range: Range<usize>, place: &Place) {
    let Some(stretch) = bytes.get(range.clone()) else {
        return;
    };
    let first = memchr::memmem::find(stretch, LOCAL).unwrap_or(stretch.len());
    if let Some(front) = stretch.get(..first).filter(|front| !front.is_empty()) {
        scan.content(front, &place.part(range.start), Expect::Opaque);
    }
    let found: Vec<usize> = memchr::memmem::find_iter(stretch, LOCAL).collect();
    for (number, at) in found.iter().enumerate() {
        let Some(local) = parse::local(bytes, range.start + at) else {
            continue;
        };
        if !scan.spend_member(place) {
            return;
        }
        // Without a size the bytes end where the next signature stands.
        let next = found.get(number + 1).copied().unwrap_or(stretch.len());
        let said = usize::try_from(local.packed)
            .ok()
            .filter(|length| *length > 0);
        let until = said.and_then(|length| local.data.checked_add(length));
        let until = until.filter(|end| *end <= range.end).unwrap_or_else(|| {
            let rest = stretch.get(*at..next).unwrap_or_default();
            let end = [CENTRAL, END]
                .iter()
                .filter_map(|sign| memchr::memmem::find(rest, sign))
                .min();
            range.start + at + end.unwrap_or(rest.len())
        });
        if let Some(packed) = bytes.get(local.data..until) {
            member::look(
                scan,
                packed,
                &local,
                Expect::Opaque,
                &place.member(&local.name),
            );
        }
    }
}
