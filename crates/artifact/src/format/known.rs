// SPDX-License-Identifier: Apache-2.0
//! Formats that hold numbers and names only, told by their beginning and by enough of their shape.

use crate::{bytes::little, scan::Scan};

/// The name of a harmless format.
pub(super) fn scan(scan: &mut Scan<'_>, bytes: &[u8]) -> Option<&'static str> {
    let name = identify(bytes)?;
    scan.format(name);
    Some(name)
}

fn identify(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"CBM1") {
        // A size, then a flat buffer of that size.
        let size = little(bytes.get(4..8)?);
        return (size + 8 <= bytes.len() as u64).then_some("catboost");
    }
    if bytes.starts_with(b"binf") || bytes.starts_with(b"CONFIG-offset:") {
        return Some("xgboost");
    }
    if bytes.starts_with(b"{L\0\0\0\0\0\0")
        && bytes.get(8..).is_some_and(|rest| is_ubjson(rest, bytes))
    {
        return Some("xgboost");
    }
    // The table of names beside the values of a TensorFlow checkpoint.
    if is_table(bytes) {
        return Some("tensorflow-index");
    }
    if is_png(bytes) {
        return Some("png");
    }
    if bytes.starts_with(b"\xff\xd8\xff") && bytes.ends_with(b"\xff\xd9") {
        return Some("jpeg");
    }
    if bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1") {
        return Some("parquet");
    }
    if bytes.starts_with(b"ARROW1\0\0") && bytes.ends_with(b"ARROW1") {
        return Some("arrow");
    }
    None
}

/// A sorted table of LevelDB, as its last 48 bytes tell: two places in the file, zeros, a number.
fn is_table(bytes: &[u8]) -> bool {
    const FOOTER: usize = 48;
    let Some(start) = bytes.len().checked_sub(FOOTER) else {
        return false;
    };
    let footer = bytes.get(start..).unwrap_or_default();
    let Some(mut rest) = footer.strip_suffix(b"\x57\xfb\x80\x8b\x24\x75\x47\xdb") else {
        return false;
    };
    let mut ends = 0;
    for _ in 0..2 {
        let (Some(offset), Some(size)) = (varint(&mut rest), varint(&mut rest)) else {
            return false;
        };
        let Some(end) = offset.checked_add(size).filter(|end| *end <= start as u64) else {
            return false;
        };
        ends = ends.max(end);
    }
    // The last block, its kind and its checksum end where the footer begins.
    ends + 5 == start as u64 && rest.iter().all(|byte| *byte == 0)
}

/// A number of up to 64 bits, seven in each byte.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for at in 0..10 {
        let byte = *rest.get(at)?;
        value |= u64::from(byte & 0x7f).checked_shl(7 * at as u32)?;
        if byte < 0x80 {
            *rest = rest.get(at + 1..)?;
            return Some(value);
        }
    }
    None
}

/// A picture whose pieces follow one another to the end of the file.
fn is_png(bytes: &[u8]) -> bool {
    let Some(mut rest) = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n") else {
        return false;
    };
    while let Some((head, behind)) = rest.split_first_chunk::<8>() {
        let [a, b, c, d, kind @ ..] = *head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(next) = length.checked_add(4).and_then(|skip| behind.get(skip..)) else {
            return false;
        };
        if &kind == b"IEND" {
            return next.is_empty();
        }
        rest = next;
    }
    false
}

/// UBJSON as XGBoost writes it: an object whose first key names a part of a model.
fn is_ubjson(rest: &[u8], bytes: &[u8]) -> bool {
    let window = rest.get(..64).unwrap_or(rest);
    let first = [&b"learner"[..], b"Config", b"version", b"Model"];
    bytes.ends_with(b"}")
        && first
            .iter()
            .any(|key| memchr::memmem::find(window, key).is_some())
}
