// SPDX-License-Identifier: Apache-2.0
//! Torch's zip archives, read without the storages in them.
//!
//! An archive with gigabytes of numbers is not kept in memory to be scanned: what is scanned is the same
//! archive with storages of no length. This holds only for storages that directory and member agree
//! about, whose bytes are where both say and have the checksum that both say; an archive with anything
//! else is read whole.

use std::{collections::HashMap, io};

use super::{
    source::{ByteSource, Origin, bytes},
    tensor::Storage,
};
use crate::container::zip_records::{self as records, Entry};

/// Bytes of everything that is no storage.
const MOST: u64 = 512 << 20;
/// Bytes whose checksum is made at a time.
const PIECE: usize = 1 << 20;

/// An archive without its storages.
pub(super) struct Skeleton {
    /// It as a file, to be scanned.
    pub(super) image: Vec<u8>,
    /// The pickle, and where it is in the source.
    pub(super) pickle: Vec<u8>,
    pub(super) pickle_at: u64,
    /// By key.
    pub(super) storages: HashMap<String, Storage>,
    /// Names of storages whose bytes have another checksum than they should.
    pub(super) changed: Vec<String>,
}

/// Reads an archive; none if it is not as torch writes it.
pub(super) fn read(source: &dyn ByteSource) -> io::Result<Option<Skeleton>> {
    let Some((central, start)) = directory(source)? else {
        return Ok(None);
    };
    let Some(mut entries) = records::with_raw(&central) else {
        return Ok(None);
    };
    let Some(root) = root(&entries) else {
        return Ok(None);
    };
    entries.sort_by_key(|(entry, _)| entry.offset);
    let mut builder = Builder::new(source, root);
    for (entry, raw) in &entries {
        if !builder.member(entry, raw)? {
            return Ok(None);
        }
    }
    builder.finish(start, &central)
}

/// The directory's bytes and where it begins, if the archive ends with it and nothing else.
fn directory(source: &dyn ByteSource) -> io::Result<Option<(Vec<u8>, u64)>> {
    let length = source.length();
    let tail_at = length.saturating_sub(records::TAIL);
    let tail = bytes(source, tail_at, length - tail_at)?;
    let Some((start, size)) = records::directory_place(&tail, tail_at) else {
        return Ok(None);
    };
    if size > MOST {
        return Ok(None);
    }
    Ok(Some((bytes(source, start, size)?, start)))
}

/// What stands in front of `data.pkl`, if there is one only.
fn root(entries: &[(Entry, &[u8])]) -> Option<String> {
    let names = entries.iter().map(|(entry, _)| entry.name.as_str());
    let mut roots = names.filter_map(|name| {
        let root = name.strip_suffix("data.pkl")?;
        (root.is_empty() || root.ends_with('/')).then(|| root.to_owned())
    });
    let root = roots.next()?;
    roots.next().is_none().then_some(root)
}

struct Builder<'a> {
    source: &'a dyn ByteSource,
    root: String,
    image: Vec<u8>,
    /// The directory of the image.
    central: Vec<u8>,
    count: u16,
    /// Where the last member ends in the source.
    at: u64,
    pickle: Option<(Vec<u8>, u64)>,
    is_big: bool,
    storages: Vec<(String, Origin, u64)>,
    changed: Vec<String>,
}

impl<'a> Builder<'a> {
    const fn new(source: &'a dyn ByteSource, root: String) -> Self {
        Self {
            source,
            root,
            image: Vec::new(),
            central: Vec::new(),
            count: 0,
            at: 0,
            pickle: None,
            is_big: false,
            storages: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// Takes the next member; false if the archive has to be read whole.
    fn member(&mut self, entry: &Entry, raw: &[u8]) -> io::Result<bool> {
        if entry.offset < self.at || !self.copy_up_to(entry.offset)? {
            return Ok(false);
        }
        let head = bytes(self.source, entry.offset, records::LOCAL_LENGTH);
        let Some(length) = records::local_length(&head.unwrap_or_default()) else {
            return Ok(false);
        };
        let head = bytes(self.source, entry.offset, length)?;
        let Some(local) = records::local_entry(&head) else {
            return Ok(false);
        };
        let begin = entry.offset + length;
        let Some(end) = begin
            .checked_add(entry.packed)
            .filter(|end| *end <= self.source.length())
        else {
            return Ok(false);
        };
        // Sizes may stand behind the bytes instead of in front of them.
        let behind = bytes(self.source, end, 24.min(self.source.length() - end))?;
        let Some(descriptor) = records::agree(entry, &local, &behind) else {
            return Ok(false);
        };
        let name = entry
            .name
            .strip_prefix(self.root.as_str())
            .unwrap_or(&entry.name);
        let offset = self.image.len() as u32;
        let key = name.strip_prefix("data/").filter(|key| !key.is_empty());
        let is_kept = match key {
            Some(key) if entry.is_stored() => {
                self.storages
                    .push((key.to_owned(), Origin::File(begin), entry.packed));
                self.check(entry, begin)?;
                self.image.extend_from_slice(&records::emptied_local(&head));
                false
            }
            _ => {
                if entry.packed + self.image.len() as u64 > MOST {
                    return Ok(false);
                }
                let content = bytes(self.source, begin, entry.packed)?;
                self.note(name, entry, &content, begin);
                self.image.extend_from_slice(&head);
                self.image.extend_from_slice(&content);
                let descriptor = bytes(self.source, end, descriptor)?;
                self.image.extend_from_slice(&descriptor);
                true
            }
        };
        self.central
            .extend_from_slice(&records::moved(raw, entry, offset, is_kept));
        self.count = self.count.saturating_add(1);
        self.at = end + descriptor;
        Ok(true)
    }

    /// Remembers what is needed of members that are no storages.
    fn note(&mut self, name: &str, entry: &Entry, content: &[u8], at: u64) {
        match name {
            "data.pkl" if entry.is_stored() => self.pickle = Some((content.to_vec(), at)),
            "byteorder" => self.is_big = content.trim_ascii() == b"big",
            _ => {}
        }
    }

    fn check(&mut self, entry: &Entry, begin: u64) -> io::Result<()> {
        let mut sum = crc32fast::Hasher::new();
        let mut piece = vec![0; PIECE];
        let (mut at, mut left) = (begin, entry.packed);
        while left > 0 {
            let now = left.min(PIECE as u64) as usize;
            let part = piece.get_mut(..now).unwrap_or_default();
            self.source.read_at(at, part)?;
            sum.update(part);
            (at, left) = (at + now as u64, left - now as u64);
        }
        if sum.finalize() != entry.crc {
            self.changed.push(entry.name.clone());
        }
        Ok(())
    }

    /// Copies what belongs to no member.
    fn copy_up_to(&mut self, end: u64) -> io::Result<bool> {
        let gap = end - self.at;
        if gap + self.image.len() as u64 > MOST {
            return Ok(false);
        }
        let gap = bytes(self.source, self.at, gap)?;
        self.image.extend_from_slice(&gap);
        self.at = end;
        Ok(true)
    }

    fn finish(mut self, start: u64, central: &[u8]) -> io::Result<Option<Skeleton>> {
        if start < self.at || !self.copy_up_to(start)? {
            return Ok(None);
        }
        let Some((pickle, pickle_at)) = self.pickle else {
            return Ok(None);
        };
        let offset = self.image.len() as u32;
        let length = self.central.len() as u32;
        debug_assert!(
            length as usize <= central.len(),
            "a directory only gets shorter"
        );
        self.image.extend_from_slice(&self.central);
        self.image
            .extend_from_slice(&records::end(self.count, length, offset));
        let is_big = self.is_big;
        let storages = self.storages.into_iter().map(|(key, origin, bytes)| {
            (
                key,
                Storage {
                    origin,
                    bytes,
                    is_big,
                },
            )
        });
        Ok(Some(Skeleton {
            image: self.image,
            pickle,
            pickle_at,
            storages: storages.collect(),
            changed: self.changed,
        }))
    }
}
