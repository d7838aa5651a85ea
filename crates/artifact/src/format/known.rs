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
    if bytes.ends_with(b"\x57\xfb\x80\x8b\x24\x75\x47\xdb") {
        return Some("tensorflow-index");
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
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

/// UBJSON as XGBoost writes it: an object whose first key names a part of a model.
fn is_ubjson(rest: &[u8], bytes: &[u8]) -> bool {
    let window = rest.get(..64).unwrap_or(rest);
    let first = [&b"learner"[..], b"Config", b"version", b"Model"];
    bytes.ends_with(b"}")
        && first
            .iter()
            .any(|key| memchr::memmem::find(window, key).is_some())
}
