// SPDX-License-Identifier: Apache-2.0
//! Arrays of numpy: a header, then numbers, or a pickle if the array holds objects.

use crate::{
    bytes::little,
    place::Place,
    rule,
    scan::{Expect, Scan},
};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads an array, if this is one.
pub(super) fn scan(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) -> bool {
    if !bytes.starts_with(MAGIC) {
        return false;
    }
    scan.format("npy");
    let broken = |scan: &mut Scan<'_>, why: &str| {
        scan.found(&rule::NPY_MALFORMED, place.whole(), why.to_owned());
    };
    let (Some((header, start)), version) = (header(bytes), bytes.get(6)) else {
        broken(scan, "the header is cut off");
        return true;
    };
    if !matches!(version, Some(1..=3)) {
        broken(scan, "a version that does not exist");
    }
    let rest = bytes.get(start..).unwrap_or_default();
    let inner = place.part(start);
    let Some(array) = Array::parse(header) else {
        broken(scan, "a header that cannot be read");
        scan.content(rest, &inner, Expect::Opaque);
        return true;
    };
    let Some(size) = array.item else {
        // Structures are as long as their parts; any of them may be an object.
        if array.has_objects {
            scan.content(rest, &inner, Expect::Anything);
        } else {
            scan.content(rest, &inner, Expect::Opaque);
        }
        return true;
    };
    if array.has_objects {
        scan.content(rest, &inner, Expect::Anything);
        return true;
    }
    match array.count.and_then(|count| count.checked_mul(size)) {
        Some(length) if length == rest.len() as u64 => {
            scan.content(rest, &inner, Expect::Opaque);
        }
        Some(length) if length < rest.len() as u64 => {
            // Several arrays may stand one behind the other.
            let (own, more) = rest.split_at(length as usize);
            scan.content(own, &inner, Expect::Opaque);
            if !more.starts_with(MAGIC) {
                broken(scan, "bytes behind the end of the array");
            }
            scan.content(more, &inner.part(length as usize), Expect::Anything);
        }
        _ => {
            broken(scan, "fewer bytes than its shape needs");
            scan.content(rest, &inner, Expect::Opaque);
        }
    }
    true
}

/// The header's text, and where it ends.
fn header(bytes: &[u8]) -> Option<(&str, usize)> {
    let width = if bytes.get(6) == Some(&1) { 2 } else { 4 };
    let length = little(bytes.get(8..8 + width)?) as usize;
    let start = 8 + width;
    let end = start.checked_add(length)?;
    let text = bytes.get(start..end)?;
    Some((std::str::from_utf8(text).ok()?, end))
}

#[derive(Debug)]
struct Array {
    has_objects: bool,
    /// Bytes of an item, if it has no parts.
    item: Option<u64>,
    count: Option<u64>,
}

impl Array {
    /// Reads the literal of a dict; only its three members are known.
    fn parse(header: &str) -> Option<Self> {
        let body = header
            .trim()
            .strip_prefix('{')?
            .trim_end()
            .strip_suffix('}')?;
        let kind = after(body, "descr")?;
        let shape = after(body, "shape")?.trim_start().strip_prefix('(')?;
        let shape = shape.split(')').next()?;
        let mut count = Some(1_u64);
        for part in shape
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let length: u64 = part.trim_end_matches('L').parse().ok()?;
            count = count.and_then(|count| count.checked_mul(length));
        }
        after(body, "fortran_order")?;
        let kind = kind.trim_start();
        if kind.starts_with('[') {
            let end = kind.find(']')?;
            let parts = kind.get(..=end)?;
            let objects = parts.split(['\'', '"']).any(is_object);
            // Parts within parts end at the first bracket; what lies behind is judged as objects.
            let nested = parts.matches('[').count() > 1;
            return Some(Self {
                has_objects: objects || nested,
                item: None,
                count,
            });
        }
        let quote = kind.chars().next().filter(|c| "'\"".contains(*c))?;
        let kind = kind.get(1..)?.split(quote).next()?;
        let plain = kind.trim_start_matches(['<', '>', '|', '=']);
        let letter = plain.chars().next()?;
        let digits: String = plain
            .chars()
            .skip(1)
            .take_while(char::is_ascii_digit)
            .collect();
        let size: u64 = digits.parse().unwrap_or(0);
        Some(Self {
            has_objects: is_object(kind),
            item: Some(if letter == 'U' {
                size.checked_mul(4)?
            } else {
                size
            }),
            count,
        })
    }
}

fn is_object(kind: &str) -> bool {
    let plain = kind.trim_start_matches(['<', '>', '|', '=']);
    plain.starts_with('O') && plain.chars().skip(1).all(|c| c.is_ascii_digit())
}

/// What stands behind a key and its colon.
fn after<'a>(body: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = body
        .split_once(&format!("'{key}'"))
        .or_else(|| body.split_once(&format!("\"{key}\"")))?;
    rest.trim_start().strip_prefix(':')
}
