// SPDX-License-Identifier: Apache-2.0
//! The tree of objects of an HDF5 file: groups, data sets and their messages, as far as they can say
//! that something stands in another file.

use std::collections::{HashMap, HashSet};

use crate::bytes::little;

/// Objects and blocks of one file that are looked at.
const MOST: usize = 200_000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What is taken from other files.
    pub(super) external: Vec<String>,
    /// Where the file ends by its own account.
    pub(super) end: usize,
}

type Broken = (usize, &'static str);

/// Follows everything that the superblock leads to.
pub(super) fn read(bytes: &[u8]) -> Result<Found, Broken> {
    let mut tree = Tree::superblock(bytes)?;
    let mut looked = 0;
    while let Some(item) = tree.open.pop() {
        looked += 1;
        if looked > MOST {
            return Err((0, "more objects than any model has"));
        }
        match item {
            Item::Object(at) => tree.object(at)?,
            Item::Symbols { node, heap } => tree.symbols(node, heap)?,
        }
    }
    Ok(tree.found)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Item {
    /// An object's header.
    Object(usize),
    /// A node of a group's tree of names, with the heap that the names stand in.
    Symbols { node: usize, heap: usize },
}

struct Tree<'a> {
    bytes: &'a [u8],
    /// Bytes of an offset and of a length.
    offset: usize,
    length: usize,
    seen: HashSet<Item>,
    open: Vec<Item>,
    /// Blocks of heaps that were not looked at yet.
    blocks: HashMap<u64, Vec<&'a [u8]>>,
    found: Found,
}

const CUT: &str = "something that points outside of the file";

impl<'a> Tree<'a> {
    fn superblock(bytes: &'a [u8]) -> Result<Self, Broken> {
        let at = |at: usize| bytes.get(at).copied().ok_or((8, CUT));
        let version = at(8)?;
        let (sizes, fields) = match version {
            0 => (13, 24),
            1 => (13, 28),
            2 | 3 => (9, 12),
            _ => return Err((8, "a version that does not exist")),
        };
        let (offset, length) = (usize::from(at(sizes)?), usize::from(at(sizes + 1)?));
        if !matches!(offset, 2 | 4 | 8) || !matches!(length, 2 | 4 | 8) {
            return Err((sizes, "offsets of a size that does not exist"));
        }
        let mut tree = Self {
            bytes,
            offset,
            length,
            seen: HashSet::new(),
            open: Vec::new(),
            blocks: HashMap::new(),
            found: Found::default(),
        };
        tree.find_blocks();
        let end = tree.number(fields + 2 * offset, offset)?;
        let end = usize::try_from(end).map_err(|_| (fields, CUT))?;
        if end > bytes.len() {
            return Err((fields, "it is shorter than it says"));
        }
        tree.found.end = end;
        let root = match version {
            // A symbol table entry: offset of the name, then the header's address.
            0 | 1 => fields + 4 * offset + offset,
            _ => fields + 3 * offset,
        };
        let root = tree.address(root)?.ok_or((root, CUT))?;
        tree.push(Item::Object(root));
        Ok(tree)
    }

    fn push(&mut self, item: Item) {
        if self.seen.insert(item) {
            self.open.push(item);
        }
    }

    fn get(&self, at: usize, length: usize) -> Result<&'a [u8], Broken> {
        let end = at.checked_add(length).ok_or((at, CUT))?;
        self.bytes.get(at..end).ok_or((at, CUT))
    }

    fn number(&self, at: usize, length: usize) -> Result<u64, Broken> {
        self.get(at, length).map(little)
    }

    /// An address; none if it is undefined.
    fn address(&self, at: usize) -> Result<Option<usize>, Broken> {
        let bytes = self.get(at, self.offset)?;
        if bytes.iter().all(|byte| *byte == 0xff) {
            return Ok(None);
        }
        let address = usize::try_from(little(bytes)).map_err(|_| (at, CUT))?;
        match address < self.bytes.len() {
            true => Ok(Some(address)),
            false => Err((at, CUT)),
        }
    }

    /// An object's header, of the first or second kind, with all its continuations.
    fn object(&mut self, at: usize) -> Result<(), Broken> {
        let mut blocks = Vec::new();
        let second = self.get(at, 4)? == b"OHDR";
        let flags = if second { self.number(at + 5, 1)? } else { 0 };
        if second {
            let mut head = at + 6;
            head += if flags & 0x20 != 0 { 16 } else { 0 };
            head += if flags & 0x10 != 0 { 4 } else { 0 };
            let width = 1 << (flags & 3);
            let size = self.number(head, width)? as usize;
            blocks.push((head + width, size));
        } else {
            if self.number(at, 1)? != 1 {
                return Err((at, "an object's header of a version that does not exist"));
            }
            blocks.push((at + 16, self.number(at + 8, 4)? as usize));
        }
        let mut seen = HashSet::new();
        let mut count = 0;
        while let Some((start, size)) = blocks.pop() {
            if !seen.insert(start) {
                return Err((start, "a header that goes round in circles"));
            }
            let end = start.checked_add(size).ok_or((start, CUT))?;
            self.get(start, size)?;
            let head = match (second, flags & 4 != 0) {
                (false, _) => 8,
                (true, true) => 6,
                (true, false) => 4,
            };
            let mut at = start;
            while at + head <= end {
                count += 1;
                if count > MOST {
                    return Err((at, "more messages than any object has"));
                }
                let (kind, length) = match second {
                    true => (self.number(at, 1)?, self.number(at + 1, 2)?),
                    false => (self.number(at, 2)?, self.number(at + 2, 2)?),
                };
                let body = at + head;
                let next = body + length as usize;
                if next > end {
                    return Err((at, "a message that is longer than its header"));
                }
                if kind == 0x10 {
                    let target = self.address(body)?.ok_or((body, CUT))?;
                    let size = self.number(body + self.offset, self.length)? as usize;
                    blocks.push(match second {
                        // A signature in front, a checksum behind.
                        true => (target + 4, size.checked_sub(8).ok_or((body, CUT))?),
                        false => (target, size),
                    });
                } else {
                    self.message(kind, body, length as usize)?;
                }
                at = next;
            }
        }
        Ok(())
    }

    fn message(&mut self, kind: u64, at: usize, length: usize) -> Result<(), Broken> {
        match kind {
            // Where links are kept when there are many.
            0x02 => {
                let flags = self.number(at + 1, 1)?;
                let heap = at + 2 + if flags & 1 != 0 { 8 } else { 0 };
                if let Some(heap) = self.address(heap)? {
                    self.heap(heap)?;
                }
            }
            0x06 => {
                let body = self.get(at, length)?;
                self.link(body, at)?;
            }
            0x07 => self
                .found
                .external
                .push("the values of a data set stand in other files".to_owned()),
            // A group of the old kind.
            0x11 => {
                let node = self.address(at)?.ok_or((at, CUT))?;
                let heap = self.address(at + self.offset)?.ok_or((at, CUT))?;
                self.push(Item::Symbols { node, heap });
            }
            _ => {}
        }
        // A virtual data set is made of others, which can be in other files.
        if kind == 0x08 && self.get(at, length)?.starts_with(&[4, 3]) {
            self.found
                .external
                .push("a data set that is made of others".to_owned());
        }
        Ok(())
    }

    /// A link message: to an object here, or to one in another file.
    fn link(&mut self, body: &[u8], at: usize) -> Result<(), Broken> {
        let short = (at, CUT);
        let flags = *body.get(1).ok_or(short)?;
        let mut head = 2;
        let mut kind = 0;
        if flags & 8 != 0 {
            kind = *body.get(head).ok_or(short)?;
            head += 1;
        }
        head += if flags & 4 != 0 { 8 } else { 0 };
        head += if flags & 0x10 != 0 { 1 } else { 0 };
        let width = 1 << (flags & 3);
        let length = little(body.get(head..head + width).ok_or(short)?) as usize;
        head = (head + width).checked_add(length).ok_or(short)?;
        match kind {
            0 => {
                let target = little(body.get(head..head + self.offset).ok_or(short)?);
                let target = usize::try_from(target).map_err(|_| short)?;
                if target >= self.bytes.len() {
                    return Err(short);
                }
                self.push(Item::Object(target));
            }
            1 => {}
            64 => {
                let name = body.get(head + 3..).unwrap_or_default();
                self.found
                    .external
                    .push(format!("a link to another file: `{}`", first_text(name)));
            }
            _ => self
                .found
                .external
                .push(format!("a link of the kind {kind}")),
        }
        Ok(())
    }

    /// A node of the tree of names of an old group: more nodes, or symbols.
    fn symbols(&mut self, node: usize, heap: usize) -> Result<(), Broken> {
        let (offset, length) = (self.offset, self.length);
        match self.get(node, 4)? {
            b"TREE" => {
                let count = self.number(node + 6, 2)? as usize;
                let mut at = node + 8 + 2 * offset;
                for _ in 0..count {
                    if let Some(child) = self.address(at + length)? {
                        self.push(Item::Symbols { node: child, heap });
                    }
                    at += length + offset;
                }
            }
            b"SNOD" => {
                let count = self.number(node + 6, 2)? as usize;
                for item in 0..count {
                    let at = node + 8 + item * (2 * offset + 24);
                    self.get(at, 2 * offset + 24)?;
                    if self.number(at + 2 * offset, 4)? == 2 {
                        continue;
                    }
                    if let Some(object) = self.address(at + offset)? {
                        self.push(Item::Object(object));
                    }
                }
            }
            _ => return Err((node, "a group without its names")),
        }
        Ok(())
    }

    /// A fractal heap that links stand in. Its blocks are searched for links instead of being decoded:
    /// what a link to another file looks like is known.
    fn heap(&mut self, at: usize) -> Result<(), Broken> {
        if self.get(at, 4)? != b"FRHP" {
            return Err((at, "a heap that is none"));
        }
        for body in self.blocks.remove(&(at as u64)).unwrap_or_default() {
            self.links_in(body);
        }
        Ok(())
    }

    /// The direct blocks of all heaps, by the heap that each names behind signature and version.
    fn find_blocks(&mut self) {
        let starts: Vec<usize> = memchr::memmem::find_iter(self.bytes, b"FHDB").collect();
        for (number, start) in starts.iter().enumerate() {
            let next = starts.get(number + 1).copied().unwrap_or(self.bytes.len());
            let end = next.min(start + (64 << 10));
            let owner = self.number(start + 5, self.offset);
            if let (Ok(owner), Some(body)) = (owner, self.bytes.get(start + 4..end)) {
                self.blocks.entry(owner).or_default().push(body);
            }
        }
    }

    /// Link messages that stand one behind the other.
    fn links_in(&mut self, body: &'a [u8]) {
        for at in 0..body.len().saturating_sub(4) {
            let rest = body.get(at..).unwrap_or_default();
            if let [1, flags, ..] = rest
                && flags & 0xe0 == 0
            {
                let before = self.found.external.len();
                let open = self.open.len();
                let plausible = self.link(rest, at).is_ok();
                let is_other = self.found.external.len() > before;
                let named = self.found.external.last().is_some_and(|text| {
                    text.starts_with("a link to another file: `") && text.len() > 27
                });
                if is_other && !(plausible && named && flags & 8 != 0) {
                    self.found.external.truncate(before);
                }
                // A chance hit is no object: only what begins as one is followed.
                let objects: Vec<Item> = self.open.drain(open..).collect();
                for item in objects {
                    let Item::Object(object) = item else { continue };
                    if self.get(object, 4).is_ok_and(|head| head == b"OHDR") {
                        self.open.push(item);
                    }
                }
            }
        }
    }
}

fn first_text(bytes: &[u8]) -> String {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len()).min(200);
    let text = bytes.get(..end).unwrap_or_default();
    String::from_utf8_lossy(text)
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}
