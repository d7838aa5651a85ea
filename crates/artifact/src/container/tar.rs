// SPDX-License-Identifier: Apache-2.0
//! Tar archives: old, POSIX and GNU.

use std::collections::HashSet;

use super::names;
use crate::{
    place::Place,
    rule,
    scan::{Expect, Scan},
};

const BLOCK: usize = 512;

/// Reads the members, if this is an archive.
pub(super) fn scan(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) -> Option<&'static str> {
    let first = bytes.get(..BLOCK)?;
    if !is_header(first) {
        return None;
    }
    scan.format("tar");
    let mut at = 0;
    let mut long = Long::default();
    let mut seen = HashSet::new();
    loop {
        let Some(header) = bytes.get(at..at + BLOCK) else {
            // Without the blocks that end it, as some writers leave it.
            if at < bytes.len() {
                let why = "the last header is cut off".to_owned();
                scan.found(&rule::ARCHIVE_MALFORMED, place.at(at), why);
            }
            break;
        };
        if header.iter().all(|byte| *byte == 0) {
            behind(scan, bytes, at, place);
            break;
        }
        if !is_header(header) {
            let why = "a header whose checksum is wrong".to_owned();
            scan.found(&rule::ARCHIVE_MALFORMED, place.at(at), why);
            let rest = bytes.get(at..).unwrap_or_default();
            scan.content(rest, &place.part(at), Expect::Opaque);
            break;
        }
        let kind = header.get(156).copied().unwrap_or_default();
        let size = match long.size.take() {
            Some(size) if !matches!(kind, b'x' | b'g' | b'L' | b'K') => Some(size),
            _ => number(header.get(124..136).unwrap_or_default()),
        };
        let start = at + BLOCK;
        let end = size.and_then(|size| usize::try_from(size).ok());
        let end = end.and_then(|size| start.checked_add(size));
        let Some(content) = end.and_then(|end| bytes.get(start..end)) else {
            let why = "a member that is longer than the archive".to_owned();
            scan.found(&rule::ARCHIVE_MALFORMED, place.at(at), why);
            let rest = bytes.get(start..).unwrap_or_default();
            scan.content(rest, &place.part(start), Expect::Anything);
            break;
        };
        if !scan.spend_member(place) {
            break;
        }
        match kind {
            b'x' | b'g' => long.pax(content),
            b'L' => long.name = Some(text(content)),
            b'K' => {}
            _ => {
                let name = long.name.take().unwrap_or_else(|| name(header));
                member(scan, kind, &name, content, place, &mut seen);
            }
        }
        at = start + content.len().next_multiple_of(BLOCK);
        if at >= bytes.len() {
            break;
        }
    }
    Some("tar")
}

fn member(
    scan: &mut Scan<'_>,
    kind: u8,
    name: &str,
    content: &[u8],
    place: &Place,
    seen: &mut HashSet<String>,
) {
    let inner = place.member(name);
    names::check(scan, name, &inner);
    match kind {
        b'0' | 0 | b'7' | b'S' => {
            if !seen.insert(names::normal(name)) {
                let why = format!("`{name}` twice");
                scan.found(&rule::ARCHIVE_DUPLICATE, inner.whole(), why);
            }
            scan.content(content, &inner, Expect::Anything);
        }
        b'5' => {}
        b'1' | b'2' => {
            let why = format!("`{name}` is a link");
            scan.found(&rule::ARCHIVE_LINK, inner.whole(), why);
        }
        _ => {
            let why = format!("`{name}` is no file");
            scan.found(&rule::ARCHIVE_LINK, inner.whole(), why);
        }
    }
}

/// Bytes behind the blocks that end the archive.
fn behind(scan: &mut Scan<'_>, bytes: &[u8], at: usize, place: &Place) {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(first) = rest.iter().position(|byte| *byte != 0) else {
        return;
    };
    let why = "something behind the end of the archive".to_owned();
    scan.found(&rule::ARCHIVE_TRAILING, place.at(at + first), why);
    // It may begin with zeros of its own, but not in the middle of a block.
    let from = at + first / BLOCK * BLOCK;
    let rest = bytes.get(from..).unwrap_or_default();
    scan.content(rest, &place.part(from), Expect::Opaque);
}

/// What extended headers say of the next member.
#[derive(Debug, Default)]
struct Long {
    name: Option<String>,
    size: Option<u64>,
}

impl Long {
    fn pax(&mut self, content: &[u8]) {
        let mut rest = content;
        while let Some(space) = memchr::memchr(b' ', rest) {
            let length = rest
                .get(..space)
                .and_then(|digits| std::str::from_utf8(digits).ok());
            let Some(length) = length.and_then(|digits| digits.parse::<usize>().ok()) else {
                return;
            };
            let Some(record) = rest.get(space + 1..length) else {
                return;
            };
            let record = String::from_utf8_lossy(record);
            match record.trim_end_matches('\n').split_once('=') {
                Some(("path" | "GNU.sparse.name", value)) => self.name = Some(value.to_owned()),
                Some(("size", value)) => self.size = value.parse().ok(),
                _ => {}
            }
            rest = rest.get(length..).unwrap_or_default();
        }
    }
}

/// Whether the checksum of a header holds, in one of the two ways in which it was ever summed.
fn is_header(block: &[u8]) -> bool {
    let Some(said) = block.get(148..156).and_then(number) else {
        return false;
    };
    let bytes = || {
        let all = block.iter().enumerate();
        all.map(|(at, byte)| {
            if (148..156).contains(&at) {
                b' '
            } else {
                *byte
            }
        })
    };
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte as i8)).sum();
    let has_name = block.first().is_some_and(|byte| *byte != 0);
    (has_name || block.get(257..262) == Some(b"ustar"))
        && (said == unsigned || i64::try_from(said) == Ok(signed))
}

fn name(header: &[u8]) -> String {
    let short = text(header.get(..100).unwrap_or_default());
    let prefix = match header.get(257..263) {
        Some(b"ustar\0") => text(header.get(345..500).unwrap_or_default()),
        _ => String::new(),
    };
    match prefix.is_empty() {
        true => short,
        false => format!("{prefix}/{short}"),
    }
}

fn text(bytes: &[u8]) -> String {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// An octal number, or a binary one if the first bit says so.
fn number(field: &[u8]) -> Option<u64> {
    if let [first, rest @ ..] = field
        && first & 0x80 != 0
    {
        let rest = rest.get(rest.len().saturating_sub(8)..)?;
        return Some(
            rest.iter()
                .fold(0, |value, byte| value << 8 | u64::from(*byte)),
        );
    }
    let digits = field.iter().skip_while(|byte| **byte == b' ');
    let mut value = 0_u64;
    let mut any = false;
    for byte in digits {
        match byte {
            b'0'..=b'7' => value = value.checked_mul(8)?.checked_add(u64::from(byte - b'0'))?,
            b' ' | 0 => break,
            _ => return None,
        }
        any = true;
    }
    any.then_some(value)
}
