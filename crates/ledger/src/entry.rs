// SPDX-License-Identifier: Apache-2.0
//! The leaf format, version 1. Frozen: `docs/adr/002-leaf-format.md` and `vectors/leaf-v1.txt`.
//!
//! ```text
//! offset size
//!      0    1  version, 1
//!      1    1  kind
//!      2    8  sequencing time, milliseconds since the epoch, big endian
//!     10   16  record id
//!     26   16  id of the record it is about (the decision, for an outcome); own id otherwise
//!     42   16  project id, zeros for the installation
//!     58    2  length of the event, big endian
//!     60    n  event: OCSF JSON in UTF-8, nothing personal
//!           1  number of sealed parts
//!              each: 1 name length, name, 2 length, sealed bytes (they begin with the key id)
//! ```

use casemate_types::{ProjectId, RecordId, Timestamp};

use crate::LedgerError;

/// The most bytes an entry may have (C2SP tlog-tiles: a `uint16` length). Larger parts are stored
/// as blobs and named by digest.
pub const MAX_ENTRY: usize = 65_535;

const VERSION: u8 = 1;
const HEAD: usize = 60;

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// What the door answered.
    Decision = 1,
    /// How an access ended.
    Outcome = 2,
    /// What a guard saw.
    Finding = 3,
    /// Housekeeping: start, key rotation, erasure.
    Notice = 4,
}

impl Kind {
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Decision),
            2 => Some(Self::Outcome),
            3 => Some(Self::Finding),
            4 => Some(Self::Notice),
            _ => None,
        }
    }
}

/// A named ciphertext inside an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPart {
    /// Short name, e.g. `source`.
    pub name: String,
    /// What `store::Keyring` sealed; begins with version and key id.
    pub sealed: Vec<u8>,
}

/// A decoded entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is about.
    pub kind: Kind,
    /// When it was put in order.
    pub time: Timestamp,
    /// Its id.
    pub id: RecordId,
    /// The record it belongs to.
    pub about: RecordId,
    /// The project, if any.
    pub project: Option<ProjectId>,
    /// OCSF JSON.
    pub event: Vec<u8>,
    /// Ciphertexts.
    pub sealed: Vec<SealedPart>,
}

impl Entry {
    /// The leaf's bytes.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when it would exceed [`MAX_ENTRY`] or a count or length its field,
    /// or when the event is not UTF-8: what is written can also be read.
    pub fn encode(&self) -> Result<Vec<u8>, LedgerError> {
        Parts {
            kind: self.kind,
            time: self.time,
            id: self.id,
            about: self.about,
            project: self.project,
            event: &self.event,
            sealed: &self.sealed,
        }
        .encode()
    }

    /// Reads a leaf's bytes. Total: every input gives an entry or an error, and an entry encodes to
    /// exactly the bytes it came from.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] saying what is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, LedgerError> {
        let malformed = |why: &str| LedgerError::malformed("entry", why);
        let mut rest = Cursor(bytes);
        let short = || malformed("it ends early");
        if rest.byte().ok_or_else(short)? != VERSION {
            return Err(malformed("its version is not known"));
        }
        let kind = Kind::from_byte(rest.byte().ok_or_else(short)?)
            .ok_or_else(|| malformed("its kind is not known"))?;
        let time = Timestamp::from_millis(i64::from_be_bytes(rest.array().ok_or_else(short)?));
        let id = RecordId::from_bytes(rest.array().ok_or_else(short)?);
        let about = RecordId::from_bytes(rest.array().ok_or_else(short)?);
        let project: [u8; 16] = rest.array().ok_or_else(short)?;
        let event = rest.with_length().ok_or_else(short)?.to_vec();
        std::str::from_utf8(&event).map_err(|_| malformed("its event is not UTF-8"))?;
        let count = rest.byte().ok_or_else(short)?;
        let mut sealed = Vec::new();
        for _ in 0..count {
            let length = usize::from(rest.byte().ok_or_else(short)?);
            let name = rest.take(length).ok_or_else(short)?;
            let name = std::str::from_utf8(name)
                .map_err(|_| malformed("a part's name is not UTF-8"))?
                .to_owned();
            sealed.push(SealedPart {
                name,
                sealed: rest.with_length().ok_or_else(short)?.to_vec(),
            });
        }
        if !rest.0.is_empty() {
            return Err(malformed("bytes follow its end"));
        }
        let project = (project != [0; 16]).then(|| ProjectId::from_bytes(project));
        Ok(Self {
            kind,
            time,
            id,
            about,
            project,
            event,
            sealed,
        })
    }

    /// The record id of an entry without decoding the rest.
    #[must_use]
    pub fn peek_id(bytes: &[u8]) -> Option<RecordId> {
        bytes.get(10..26)?.try_into().ok().map(RecordId::from_bytes)
    }

    /// The id of the record an entry is about, without decoding the rest.
    #[must_use]
    pub fn peek_about(bytes: &[u8]) -> Option<RecordId> {
        bytes.get(26..42)?.try_into().ok().map(RecordId::from_bytes)
    }
}

/// What an entry is made of, borrowed: a group may be written a second time after a full disk.
pub(crate) struct Parts<'a> {
    pub(crate) kind: Kind,
    pub(crate) time: Timestamp,
    pub(crate) id: RecordId,
    pub(crate) about: RecordId,
    pub(crate) project: Option<ProjectId>,
    pub(crate) event: &'a [u8],
    pub(crate) sealed: &'a [SealedPart],
}

impl Parts<'_> {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, LedgerError> {
        let mut out = Vec::with_capacity(encoded_len(self.event, self.sealed)?);
        out.push(VERSION);
        out.push(self.kind as u8);
        out.extend_from_slice(&self.time.as_millis().to_be_bytes());
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(self.about.as_bytes());
        out.extend_from_slice(&self.project.map_or([0; 16], |id| *id.as_bytes()));
        push_with_length(&mut out, self.event);
        out.push(small(self.sealed.len()));
        for part in self.sealed {
            out.push(small(part.name.len()));
            out.extend_from_slice(part.name.as_bytes());
            push_with_length(&mut out, &part.sealed);
        }
        Ok(out)
    }
}

/// How many bytes an entry with these parts has, if it can be one.
pub(crate) fn encoded_len(event: &[u8], sealed: &[SealedPart]) -> Result<usize, LedgerError> {
    let malformed = |why: &str| LedgerError::malformed("entry", why);
    if std::str::from_utf8(event).is_err() {
        return Err(malformed("its event is not UTF-8"));
    }
    if sealed.len() > usize::from(u8::MAX) {
        return Err(malformed("it has too many sealed parts"));
    }
    let mut length = HEAD + event.len() + 1;
    for part in sealed {
        if part.name.len() > usize::from(u8::MAX) {
            return Err(malformed("the name of a part is too long"));
        }
        length += 1 + part.name.len() + 2 + part.sealed.len();
    }
    if length > MAX_ENTRY {
        return Err(malformed("it is too long"));
    }
    Ok(length)
}

/// A count that [`encoded_len`] found to fit.
fn small(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

/// Appends a length of two bytes and the bytes.
fn push_with_length(out: &mut Vec<u8>, bytes: &[u8]) {
    // INVARIANT: `encoded_len` refuses entries of more than `MAX_ENTRY` bytes.
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Takes pieces off the front of a slice.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn with_length(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.array()?);
        self.take(usize::from(length))
    }
}

/// Appends an entry to a bundle (C2SP tlog-tiles: `uint16` length, then the entry).
pub(crate) fn bundle_push(bundle: &mut Vec<u8>, entry: &[u8]) {
    push_with_length(bundle, entry);
}

/// The entries of a bundle; stops with `None` as the last item when the bundle is cut.
pub(crate) fn bundle_entries(bundle: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = Cursor(bundle);
    std::iter::from_fn(move || {
        if rest.0.is_empty() {
            return None;
        }
        let entry = rest.with_length();
        if entry.is_none() {
            rest.0 = &[];
        }
        Some(entry)
    })
}
