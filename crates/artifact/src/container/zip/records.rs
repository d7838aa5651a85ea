// SPDX-License-Identifier: Apache-2.0
//! Records of zip archives that are read from places of a file, and written again for an archive that is
//! the same without some of its bytes.

pub(crate) use super::parse::Entry;
use super::{
    member::{DESCRIPTOR, descriptor},
    parse::{self, END, END_LENGTH, END64, LOCAL, LOCATOR64},
};
use crate::bytes::{Reader, little};

/// Bytes at the end that say where the directory is.
pub(crate) const TAIL: u64 = END_LENGTH as u64 + 20 + 56;
/// Bytes of a member's own header without name and extra fields.
pub(crate) const LOCAL_LENGTH: u64 = 30;
/// Bytes of an entry of the directory without name, extra fields and comment.
const CENTRAL_LENGTH: usize = 46;

/// Where the directory begins and how long it is, if nothing stands between it, its end and the end of
/// the file; `at` is where `tail` begins.
pub(crate) fn directory_place(tail: &[u8], at: u64) -> Option<(u64, u64)> {
    let end = tail.len().checked_sub(END_LENGTH)?;
    let record = tail.get(end..)?;
    let field = |from: usize, length: usize| record.get(from..from + length).map(little);
    if !record.starts_with(END) || field(20, 2)? != 0 {
        return None;
    }
    let (mut size, mut offset) = (field(12, 4)?, field(16, 4)?);
    let mut behind = at.checked_add(end as u64)?;
    let locator = end.checked_sub(20).filter(|at| {
        tail.get(*at..)
            .is_some_and(|locator| locator.starts_with(LOCATOR64))
    });
    if let Some(locator) = locator {
        let start = locator.checked_sub(56)?;
        let wide = tail.get(start..locator)?;
        if !wide.starts_with(END64) {
            return None;
        }
        size = little(wide.get(40..48)?);
        offset = little(wide.get(48..56)?);
        behind = at.checked_add(start as u64)?;
    }
    (offset.checked_add(size)? == behind).then_some((offset, size))
}

/// All entries of a directory with their bytes.
pub(crate) fn with_raw(central: &[u8]) -> Option<Vec<(Entry, &[u8])>> {
    let mut reader = Reader::new(central);
    let mut entries = Vec::new();
    while reader.left() > 0 {
        let start = reader.at();
        let entry = parse::central(&mut reader)?;
        entries.push((entry, central.get(start..reader.at())?));
    }
    Some(entries)
}

/// Bytes of a member's own header with name and extra fields, by its first [`LOCAL_LENGTH`].
pub(crate) fn local_length(head: &[u8]) -> Option<u64> {
    let names = little(head.get(26..28)?) + little(head.get(28..30)?);
    head.starts_with(LOCAL).then_some(LOCAL_LENGTH + names)
}

/// What a member's own header says.
pub(crate) fn local_entry(head: &[u8]) -> Option<Entry> {
    parse::local(head, 0)
}

/// How many bytes of a descriptor follow a member, if directory, header and descriptor agree in
/// everything.
pub(crate) fn agree(entry: &Entry, local: &Entry, behind: &[u8]) -> Option<u64> {
    let later = local.flags & DESCRIPTOR != 0;
    let same = |one: u64, other: u64| one == other || later && other == 0;
    let agree = entry.name == local.name
        && entry.method == local.method
        && entry.flags == local.flags
        && same(entry.packed, local.packed)
        && same(entry.size, local.size)
        && same(entry.crc.into(), local.crc.into());
    if !agree {
        return None;
    }
    match later {
        true => Some(descriptor(behind, entry) as u64).filter(|length| *length > 0),
        false => Some(0),
    }
}

/// A member's own header when it has no bytes any more.
pub(crate) fn emptied_local(head: &[u8]) -> Vec<u8> {
    let name = head.get(26..28).map_or(0, little) as usize;
    let mut out = head.get(..30 + name).unwrap_or_default().to_vec();
    set(&mut out, 6, &without_descriptor(head.get(6..8)));
    set(&mut out, 14, &[0; 12]);
    set(&mut out, 28, &[0; 2]);
    out
}

/// An entry of the directory for a member at another place, which has its bytes or none.
pub(crate) fn moved(raw: &[u8], entry: &Entry, offset: u32, is_kept: bool) -> Vec<u8> {
    let name = raw.get(28..30).map_or(0, little) as usize;
    let mut out = raw
        .get(..CENTRAL_LENGTH + name)
        .unwrap_or_default()
        .to_vec();
    if is_kept {
        set(&mut out, 20, &(entry.packed as u32).to_le_bytes());
        set(&mut out, 24, &(entry.size as u32).to_le_bytes());
    } else {
        set(&mut out, 8, &without_descriptor(raw.get(8..10)));
        set(&mut out, 16, &[0; 12]);
    }
    // No extra fields, no comment.
    set(&mut out, 30, &[0; 4]);
    set(&mut out, 42, &offset.to_le_bytes());
    out
}

/// The end of a directory.
pub(crate) fn end(count: u16, length: u32, offset: u32) -> Vec<u8> {
    let count = count.to_le_bytes();
    [
        END,
        &[0; 4],
        &count,
        &count,
        &length.to_le_bytes(),
        &offset.to_le_bytes(),
        &[0; 2],
    ]
    .concat()
}

fn without_descriptor(flags: Option<&[u8]>) -> [u8; 2] {
    let flags = flags.map_or(0, little) as u16;
    (flags & !DESCRIPTOR).to_le_bytes()
}

fn set(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}
