// SPDX-License-Identifier: Apache-2.0
//! Arrays of numpy: a header, then numbers, or a pickle if the array holds objects.

mod kind;

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
    if !matches!((version, bytes.get(7)), (Some(1..=3), Some(0))) {
        broken(scan, "a version that does not exist");
    }
    let rest = bytes.get(start..).unwrap_or_default();
    let inner = place.part(start);
    let Some(array) = Array::parse(header) else {
        broken(scan, "a header that cannot be read");
        scan.content(rest, &inner, Expect::Opaque);
        return true;
    };
    let Some(size) = array.item.filter(|_| !array.has_objects) else {
        scan.content(rest, &inner, Expect::Anything);
        return true;
    };
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
    /// Bytes of an item, if it has any that can be told.
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
        let members = members(body)?;
        if members.len() != 3 {
            return None;
        }
        let member = |name: &str| {
            let mut found = members.iter().filter(|(key, _)| *key == name);
            found.next().map(|(_, value)| *value)
        };
        let kind = member("descr")?;
        let count = count(member("shape")?)?;
        if !matches!(member("fortran_order")?, "True" | "False") {
            return None;
        }
        let kind = kind::read(kind)?;
        Some(Self {
            has_objects: kind.has_objects,
            item: kind.bytes,
            count,
        })
    }
}

/// How many items a shape has, none if no number holds it: a tuple of whole numbers.
fn count(shape: &str) -> Option<Option<u64>> {
    let inner = shape.strip_prefix('(')?.strip_suffix(')')?.trim();
    if inner.is_empty() {
        return Some(Some(1));
    }
    // One number in brackets is no tuple.
    let parts = match inner.strip_suffix(',') {
        Some(parts) => parts,
        None if inner.contains(',') => inner,
        None => return None,
    };
    let mut count = Some(1_u64);
    for part in parts.split(',') {
        let part = part.trim();
        let length: u64 = part.strip_suffix('L').unwrap_or(part).parse().ok()?;
        count = count.and_then(|count| count.checked_mul(length));
    }
    Some(count)
}

/// The members of a dict's literal, if each key is a plain text and stands there once: of a key that
/// stands there twice Python takes the last.
fn members(body: &str) -> Option<Vec<(&str, &str)>> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    let mut rest = body.trim_start();
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|c| "'\"".contains(*c))?;
        let (key, behind) = rest.get(1..)?.split_once(quote)?;
        let value = behind.trim_start().strip_prefix(':')?;
        let end = value_end(value)?;
        // Escapes would spell a key or a type in another way.
        let taken = value.get(..end)?;
        if key.contains('\\') || members.iter().any(|(other, _)| *other == key) {
            return None;
        }
        members.push((key, taken.trim()));
        let behind = value.get(end..)?;
        rest = behind.strip_prefix(',').unwrap_or(behind).trim_start();
    }
    Some(members)
}

/// Where a value ends: at a comma that is in no text and no brackets.
fn value_end(value: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quoted = None;
    for (at, c) in value.char_indices() {
        match (quoted, c) {
            (_, '\\') | (None, '#') => return None,
            (Some(quote), c) if c == quote => quoted = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quoted = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.checked_sub(1)?,
            (None, ',') if depth == 0 => return Some(at),
            (None, _) => {}
        }
    }
    (depth == 0 && quoted.is_none()).then_some(value.len())
}
