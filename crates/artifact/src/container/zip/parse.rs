// SPDX-License-Identifier: Apache-2.0
//! The records of zip archives.

use crate::bytes::{Reader, little};

pub(super) const LOCAL: &[u8] = b"PK\x03\x04";
pub(super) const CENTRAL: &[u8] = b"PK\x01\x02";
pub(super) const END: &[u8] = b"PK\x05\x06";
pub(super) const END64: &[u8] = b"PK\x06\x06";
pub(super) const LOCATOR64: &[u8] = b"PK\x06\x07";
pub(super) const END_LENGTH: usize = 22;

/// What the directory or a member's own header says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(crate) crc: u32,
    pub(crate) packed: u64,
    pub(super) size: u64,
    /// Where its own header stands, as the directory says.
    pub(crate) offset: u64,
    made_by: u16,
    attributes: u32,
    /// Where its bytes stand, behind its own header.
    pub(super) data: usize,
}

impl Entry {
    /// Whether its bytes stand in the archive as they are, in clear.
    pub(crate) const fn is_stored(&self) -> bool {
        self.method == 0 && self.packed == self.size && self.flags & 0x2041 == 0
    }

    /// Whether the file system of its maker says that it is no file and no directory.
    pub(super) const fn is_link(&self) -> bool {
        let kind = self.attributes >> 16 & 0xf000;
        // Unix and macOS.
        matches!(self.made_by >> 8, 3 | 19) && !matches!(kind, 0 | 0x8000 | 0x4000)
    }
}

/// The directory.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) entries: Vec<Entry>,
    /// Where it begins.
    pub(super) start: usize,
    /// Where the record of its end ends, comment and all.
    pub(super) end: usize,
    /// Where the comment begins.
    pub(super) comment: usize,
    /// Bytes in front of the archive that its offsets do not count.
    pub(super) shift: u64,
    /// Places of further records that look like the end of a directory.
    pub(super) other_ends: Vec<usize>,
}

/// Whether bytes end as a zip archive does.
pub(crate) fn has_end(bytes: &[u8]) -> bool {
    !ends(bytes).is_empty()
}

/// Whether bytes begin with a member or end exactly where a directory does.
pub(in crate::container) fn is_sure(bytes: &[u8]) -> bool {
    let ends_there = |at: &usize| {
        let comment = bytes.get(at + 20..at + 22).map_or(0, little);
        *at as u64 + END_LENGTH as u64 + comment == bytes.len() as u64
    };
    is_local(bytes, 0) || ends(bytes).iter().any(ends_there)
}

/// Whether more than one record of an end fits.
pub(super) fn has_several_ends(bytes: &[u8]) -> bool {
    ends(bytes).len() > 1
}

/// Places near the end where a directory's end could stand: the comment fits into what is left.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let from = bytes.len().saturating_sub(END_LENGTH + 0xffff);
    let tail = bytes.get(from..).unwrap_or_default();
    let found = memchr::memmem::find_iter(tail, END).map(|at| from + at);
    let fits = |at: &usize| {
        let record = bytes.get(*at..*at + END_LENGTH);
        let comment = record.and_then(|record| record.get(20..22)).map(little);
        comment.is_some_and(|length| *at as u64 + END_LENGTH as u64 + length <= bytes.len() as u64)
    };
    found.filter(fits).collect()
}

pub(super) fn is_local(bytes: &[u8], at: usize) -> bool {
    bytes
        .get(at..at + 30)
        .is_some_and(|header| header.starts_with(LOCAL))
}

type Broken = (usize, &'static str);

/// Reads the directory that the last fitting record of an end points to.
pub(super) fn directory(bytes: &[u8]) -> Result<Option<Directory>, Broken> {
    let mut ends = ends(bytes);
    let Some(end) = ends.pop() else {
        return Ok(None);
    };
    let field =
        |from: usize, length: usize| bytes.get(end + from..end + from + length).map_or(0, little);
    let (mut count, mut length, mut offset) = (field(10, 2), field(12, 4), field(16, 4));
    if field(4, 2) != field(6, 2) || field(8, 2) != count {
        return Err((end, "an archive in several parts"));
    }
    let mut behind = end;
    if let Some((at, record)) = end64(bytes, end)? {
        let get = |from: usize| record.get(from..from + 8).map_or(0, little);
        (count, length, offset) = (get(32), get(40), get(48));
        behind = at;
    } else if offset == 0xffff_ffff || length == 0xffff_ffff {
        return Err((end, "a large archive without its record"));
    }
    let bad = (end, "the directory lies outside of the archive");
    let length = usize::try_from(length).map_err(|_| bad)?;
    let start = behind.checked_sub(length).ok_or(bad)?;
    let shift = (start as u64).checked_sub(offset).ok_or(bad)?;
    let entries = entries(bytes.get(start..behind).ok_or(bad)?, start)?;
    if entries.len() as u64 != count {
        return Err((end, "the directory has more or fewer members than it says"));
    }
    let comment = field(20, 2) as usize;
    Ok(Some(Directory {
        entries,
        start,
        comment: end + END_LENGTH,
        end: end + END_LENGTH + comment,
        shift,
        other_ends: ends,
    }))
}

/// The record for large archives, if there is one in front of the end.
fn end64(bytes: &[u8], end: usize) -> Result<Option<(usize, &[u8])>, Broken> {
    let Some(at) = end.checked_sub(20) else {
        return Ok(None);
    };
    let locator = bytes.get(at..end).unwrap_or_default();
    if !locator.starts_with(LOCATOR64) {
        return Ok(None);
    }
    let bad = (
        at,
        "a record for large archives that is not where it should be",
    );
    // It stands right in front of the locator, wherever that says: a shifted archive keeps them
    // together, and readers that differ here would differ about everything.
    let said = locator.get(8..16).map_or(0, little);
    let start = at.checked_sub(56).ok_or(bad)?;
    let record = bytes.get(start..at).ok_or(bad)?;
    if !record.starts_with(END64) || said > start as u64 {
        return Err(bad);
    }
    Ok(Some((start, record)))
}

fn entries(bytes: &[u8], start: usize) -> Result<Vec<Entry>, Broken> {
    let mut reader = Reader::new(bytes);
    let mut entries = Vec::new();
    while reader.left() > 0 {
        let at = start + reader.at();
        let entry = central(&mut reader).ok_or((at, "a directory that cannot be read"))?;
        entries.push(entry);
    }
    Ok(entries)
}

pub(super) fn central(reader: &mut Reader<'_>) -> Option<Entry> {
    (reader.take(4)? == CENTRAL).then_some(())?;
    let made_by = reader.u16()?;
    let _needed = reader.u16()?;
    let stated = Stated::read(reader)?;
    let comment = reader.u16()?;
    let _disk = reader.u16()?;
    let _internal = reader.u16()?;
    let attributes = reader.u32()?;
    let offset = reader.u32()?;
    let (mut entry, mut wide) = stated.entry(reader)?;
    reader.take(comment.into())?;
    entry.offset = wide.or(offset)?;
    (entry.made_by, entry.attributes) = (made_by, attributes);
    Some(entry)
}

/// A member's own header.
pub(super) fn local(bytes: &[u8], at: usize) -> Option<Entry> {
    let mut reader = Reader::new(bytes.get(at..)?);
    (reader.take(4)? == LOCAL).then_some(())?;
    let _needed = reader.u16()?;
    let (mut entry, _) = Stated::read(&mut reader)?.entry(&mut reader)?;
    (entry.offset, entry.data) = (at as u64, at + reader.at());
    Some(entry)
}

/// The fields that the directory and a member's own header have in common, in their order.
struct Stated {
    flags: u16,
    method: u16,
    crc: u32,
    packed: u32,
    size: u32,
    /// Lengths of what follows.
    name: u16,
    extra: u16,
}

impl Stated {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (flags, method) = (reader.u16()?, reader.u16()?);
        let _time = reader.u32()?;
        Some(Self {
            flags,
            method,
            crc: reader.u32()?,
            packed: reader.u32()?,
            size: reader.u32()?,
            name: reader.u16()?,
            extra: reader.u16()?,
        })
    }

    /// Reads name and extra fields; what the entry says so far, and the wide numbers that are left.
    fn entry<'a>(self, reader: &mut Reader<'a>) -> Option<(Entry, Wide<'a>)> {
        let name = text(reader.take(self.name.into())?);
        let mut wide = Wide::new(reader.take(self.extra.into())?);
        let size = wide.or(self.size)?;
        let packed = wide.or(self.packed)?;
        let entry = Entry {
            name,
            flags: self.flags,
            method: self.method,
            crc: self.crc,
            packed,
            size,
            offset: 0,
            made_by: 0,
            attributes: 0,
            data: 0,
        };
        Some((entry, wide))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Numbers of 64 bits, in the order of the fields that have no room for theirs.
struct Wide<'a>(Option<Reader<'a>>);

impl<'a> Wide<'a> {
    fn new(extra: &'a [u8]) -> Self {
        let mut reader = Reader::new(extra);
        while let (Some(id), Some(length)) = (reader.u16(), reader.u16()) {
            let Some(field) = reader.take(length.into()) else {
                break;
            };
            if id == 1 {
                return Self(Some(Reader::new(field)));
            }
        }
        Self(None)
    }

    fn or(&mut self, narrow: u32) -> Option<u64> {
        if narrow != u32::MAX {
            return Some(narrow.into());
        }
        match &mut self.0 {
            Some(reader) => reader.u64(),
            None => Some(narrow.into()),
        }
    }
}
