// SPDX-License-Identifier: Apache-2.0
//! One member: its two headers compared, its bytes unpacked, checked and looked at.

use super::{
    super::unpack::{Method, Unpacked, unpack},
    parse::{self, Entry},
};
use crate::{
    place::Place,
    rule,
    scan::{Expect, Scan},
};

pub(super) const DESCRIPTOR: u16 = 1 << 3;
/// Levels of compression, a descriptor behind the bytes, names in UTF-8.
const KNOWN_FLAGS: u16 = 1 << 1 | 1 << 2 | DESCRIPTOR | 1 << 11;
/// Encryption, of one kind or another.
const MASKED: u16 = 1 | 1 << 6 | 1 << 13;

/// Looks at a member of the directory; where it begins and ends.
pub(super) fn scan(
    scan: &mut Scan<'_>,
    bytes: &[u8],
    shift: u64,
    entry: &Entry,
    expect: Expect,
    place: &Place,
) -> Option<(usize, usize)> {
    let at = entry
        .offset
        .checked_add(shift)
        .and_then(|at| usize::try_from(at).ok());
    let local = at.and_then(|at| parse::local(bytes, at));
    let (Some(at), Some(local)) = (at, local) else {
        let why = format!(
            "there is no member where the directory says `{}` is",
            entry.name
        );
        scan.found(&rule::ZIP_DISAGREEMENT, place.whole(), why);
        return None;
    };
    compare(scan, entry, &local, place);
    let end = usize::try_from(entry.packed).ok();
    let end = end.and_then(|packed| local.data.checked_add(packed));
    let Some(packed) = end.and_then(|end| bytes.get(local.data..end)) else {
        let why = format!("`{}` is longer than the archive", entry.name);
        scan.found(&rule::ARCHIVE_MALFORMED, place.whole(), why);
        look(
            scan,
            bytes.get(local.data..).unwrap_or_default(),
            &local,
            expect,
            place,
        );
        return Some((at, bytes.len()));
    };
    look(scan, packed, entry, expect, place);
    if local.method != entry.method {
        look(scan, packed, &local, expect, place);
    }
    let mut end = local.data + packed.len();
    if entry.flags & DESCRIPTOR != 0 {
        end += descriptor(bytes.get(end..).unwrap_or_default(), entry);
    }
    Some((at, end))
}

/// What the directory and a member say of it.
fn compare(scan: &mut Scan<'_>, entry: &Entry, local: &Entry, place: &Place) {
    let mut says = |what: &str, central: &dyn std::fmt::Display, local: &dyn std::fmt::Display| {
        let why = format!("{what}: the directory says `{central}`, the member `{local}`");
        scan.found(&rule::ZIP_DISAGREEMENT, place.whole(), why);
    };
    if entry.name != local.name {
        says("name", &entry.name, &local.name);
    }
    if entry.method != local.method {
        says("method", &entry.method, &local.method);
    }
    // Sizes and checksum may stand behind the bytes instead.
    let later = local.flags & DESCRIPTOR != 0;
    let differs = |central: u64, local: u64| central != local && !(later && local == 0);
    if differs(entry.packed, local.packed) {
        says("packed size", &entry.packed, &local.packed);
    }
    if differs(entry.size, local.size) {
        says("size", &entry.size, &local.size);
    }
    if differs(entry.crc.into(), local.crc.into()) {
        says("checksum", &entry.crc, &local.crc);
    }
    let odd = (entry.flags | local.flags) & !KNOWN_FLAGS & !MASKED;
    if odd != 0 || entry.flags & !6 != local.flags & !6 {
        let why = format!("flags {:#06x} and {:#06x}", entry.flags, local.flags);
        scan.found(&rule::ZIP_FLAGS, place.whole(), why);
    }
}

/// Unpacks bytes as a header says, and looks at them.
pub(super) fn look(
    scan: &mut Scan<'_>,
    packed: &[u8],
    header: &Entry,
    expect: Expect,
    place: &Place,
) {
    let is_masked = header.flags & MASKED != 0;
    let method = match header.method {
        0 => Method::Stored,
        8 => Method::Deflate,
        12 => Method::Bzip2,
        14 => Method::LzmaInZip,
        93 => Method::Zstd,
        95 => Method::Xz,
        other => {
            let why = format!("compressed by method {other}, which nobody reads");
            scan.found(&rule::ARCHIVE_FOREIGN, place.whole(), why);
            scan.content(packed, place, Expect::Opaque);
            return;
        }
    };
    if method == Method::Stored {
        if !scan.spend_stored(packed.len(), place) {
            return;
        }
        let fine = checked(scan, packed, header, is_masked, place);
        if fine || !is_masked {
            scan.content(packed, place, expect);
        }
        return;
    }
    let Unpacked {
        bytes,
        error,
        is_cut,
        behind,
    } = unpack(scan, packed, method, place);
    if is_cut {
        return;
    }
    if behind > 0 && error.is_none() {
        let at = packed.len() - behind;
        let why = format!("{behind} bytes behind the end of `{}`", header.name);
        scan.found(&rule::ZIP_HIDDEN, place.at(at), why);
        let rest = packed.get(at..).unwrap_or_default();
        scan.content(rest, &place.part(at), Expect::Opaque);
    }
    match error {
        Some(_) if is_masked => encrypted(scan, header, place),
        Some(error) => {
            scan.found(&rule::ARCHIVE_MALFORMED, place.whole(), error);
            // A loader that takes it as it stands would see this.
            scan.content(packed, place, Expect::Opaque);
            scan.content(&bytes, place, expect);
        }
        None => {
            checked(scan, &bytes, header, is_masked, place);
            scan.content(&bytes, place, expect);
        }
    }
}

/// Whether size and checksum hold. Flags that say otherwise about bytes that are in clear make some
/// readers stop and others go on.
fn checked(
    scan: &mut Scan<'_>,
    bytes: &[u8],
    header: &Entry,
    is_masked: bool,
    place: &Place,
) -> bool {
    let holds = crc32fast::hash(bytes) == header.crc;
    match (is_masked, holds) {
        (true, true) => {
            let why = format!("`{}` is marked as encrypted and is not", header.name);
            scan.found(&rule::ZIP_FLAGS, place.whole(), why);
        }
        (true, false) => encrypted(scan, header, place),
        (false, false) => {
            let why = format!("checksum of `{}`", header.name);
            scan.found(&rule::ZIP_CHECKSUM, place.whole(), why);
        }
        (false, true) => {}
    }
    if !is_masked && bytes.len() as u64 != header.size {
        let why = format!(
            "`{}` has {} bytes and says {}",
            header.name,
            bytes.len(),
            header.size
        );
        scan.found(&rule::ZIP_DISAGREEMENT, place.whole(), why);
    }
    holds
}

fn encrypted(scan: &mut Scan<'_>, header: &Entry, place: &Place) {
    let why = format!("`{}` is encrypted", header.name);
    scan.found(&rule::ARCHIVE_ENCRYPTED, place.whole(), why);
}

/// Bytes of the descriptor behind a member: with or without a signature, with short or long sizes.
pub(super) fn descriptor(rest: &[u8], entry: &Entry) -> usize {
    let crc = entry.crc.to_le_bytes();
    let short = [entry.packed as u32, entry.size as u32]
        .map(u32::to_le_bytes)
        .concat();
    let long = [entry.packed, entry.size].map(u64::to_le_bytes).concat();
    for signature in [&b"PK\x07\x08"[..], b""] {
        for sizes in [&long, &short] {
            let whole = [signature, &crc[..], sizes].concat();
            if rest.starts_with(&whole) {
                return whole.len();
            }
        }
    }
    0
}
