// SPDX-License-Identifier: Apache-2.0
//! Single compressed streams.

use super::unpack::{Method, unpack};
use crate::{
    place::Place,
    rule,
    scan::{Expect, Scan},
};

/// Unpacks a stream and looks at what is in it.
pub(super) fn scan(
    scan: &mut Scan<'_>,
    bytes: &[u8],
    place: &Place,
    expect: Expect,
) -> Option<&'static str> {
    if let Some(found) = unreadable(scan, bytes, place) {
        return Some(found);
    }
    let (name, method) = identify(bytes)?;
    let inner = place.member(name);
    // Two bytes or a few zeros say little: these are streams only if they can be read.
    let is_sure = !matches!(method, Method::Zlib | Method::Lzma);
    let unpacked = unpack(scan, bytes, method, place);
    let is_chance = unpacked.bytes.len() < 64 || expect == Expect::Opaque;
    if !is_sure && unpacked.error.is_some() && is_chance {
        return None;
    }
    scan.format(name);
    if let Some(error) = unpacked.error {
        let why = format!("{name}: {error}");
        scan.found(&rule::ARCHIVE_MALFORMED, place.whole(), why);
    }
    let rest = bytes.len() - unpacked.behind.min(bytes.len());
    if let Some(behind) = bytes.get(rest..)
        && !unpacked.is_cut
        && behind.iter().any(|byte| *byte != 0)
    {
        let why = format!("{} bytes", behind.len());
        scan.found(&rule::ARCHIVE_TRAILING, place.at(rest), why);
        scan.content(behind, &place.part(rest), Expect::Opaque);
    }
    if !unpacked.is_cut && !unpacked.bytes.is_empty() {
        scan.content(&unpacked.bytes, &inner, Expect::Anything);
    }
    Some(name)
}

fn identify(bytes: &[u8]) -> Option<(&'static str, Method)> {
    Some(match bytes {
        [0x1f, 0x8b, 8, ..] => ("gzip", Method::Gzip),
        [
            b'B',
            b'Z',
            b'h',
            b'1'..=b'9',
            b'1',
            b'A',
            b'Y',
            b'&',
            b'S',
            b'Y',
            ..,
        ] => ("bzip2", Method::Bzip2),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => ("xz", Method::Xz),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => ("zstd", Method::Zstd),
        [0x04, 0x22, 0x4d, 0x18, ..] => ("lz4", Method::Lz4),
        [0x5d, 0, 0, _, _, rest @ ..] if rest.len() > 8 => ("lzma", Method::Lzma),
        [first, second, ..]
            if first & 0x8f == 8
                && (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31) =>
        {
            ("zlib", Method::Zlib)
        }
        _ => return None,
    })
}

/// Archives that no loader of models reads, and that are not unpacked here.
fn unreadable(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) -> Option<&'static str> {
    let name = match bytes {
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => "7z",
        [b'R', b'a', b'r', b'!', 0x1a, 0x07, ..] => "rar",
        [b'M', b'S', b'C', b'F', 0, 0, 0, 0, ..] => "cab",
        [0x1f, 0x9d, ..] if bytes.len() > 16 => "compress",
        _ => return None,
    };
    scan.format(name);
    let why = format!("a {name} archive, which no loader of models reads; it hides what is inside");
    scan.found(&rule::ARCHIVE_FOREIGN, place.whole(), why);
    Some(name)
}
