// SPDX-License-Identifier: Apache-2.0
//! Evidence for one record (C2SP tlog-proof).

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::{
    Checkpoint, Hash, LedgerError, Note, VerifierKey, leaf_hash, merkle::root_of_inclusion,
    note::decimal,
};

const MAGIC: &str = "c2sp.org/tlog-proof@v1";
/// A tree of 2^63 leaves has paths of at most this length.
const MAX_PATH: usize = 63;

/// That an entry stands in the log at an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Opaque extra data; here the entry itself, so that one file is enough.
    pub extra: Option<Vec<u8>>,
    /// The entry's index.
    pub index: u64,
    /// The inclusion proof, leaf's sibling first.
    pub path: Vec<Hash>,
    /// The signed checkpoint.
    pub note: Note,
}

impl Proof {
    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!("{MAGIC}\n");
        if let Some(extra) = &self.extra {
            out.push_str(&format!("extra {}\n", BASE64.encode(extra)));
        }
        out.push_str(&format!("index {}\n", self.index));
        for hash in &self.path {
            out.push_str(&BASE64.encode(hash));
            out.push('\n');
        }
        out.push('\n');
        out.push_str(&self.note.text());
        out
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] saying what is wrong.
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        let malformed = |why: &str| LedgerError::malformed("proof", why);
        let (head, note) = text
            .split_once("\n\n")
            .ok_or_else(|| malformed("it has no note"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(MAGIC) {
            return Err(malformed("its first line is wrong"));
        }
        let mut line = lines.next().ok_or_else(|| malformed("it has no index"))?;
        let mut extra = None;
        if let Some(encoded) = line.strip_prefix("extra ") {
            let raw = BASE64
                .decode(encoded)
                .map_err(|_| malformed("its extra is not base64"))?;
            extra = Some(raw);
            line = lines.next().ok_or_else(|| malformed("it has no index"))?;
        }
        let index = line
            .strip_prefix("index ")
            .and_then(decimal)
            .ok_or_else(|| malformed("its index is wrong"))?;
        let path = lines
            .take(MAX_PATH + 1)
            .map(|line| BASE64.decode(line).ok().and_then(|raw| raw.try_into().ok()))
            .collect::<Option<Vec<Hash>>>()
            .filter(|path| path.len() <= MAX_PATH)
            .ok_or_else(|| malformed("its path is wrong"))?;
        Ok(Self {
            extra,
            index,
            path,
            note: Note::parse(note)?,
        })
    }

    /// Checks that `entry` stands in the log that `keys` signed.
    ///
    /// # Errors
    /// [`LedgerError::Tampered`] when a signature or the path does not fit.
    pub fn verify(&self, entry: &[u8], keys: &[VerifierKey]) -> Result<Checkpoint, LedgerError> {
        let checkpoint = self.note.verify(keys)?;
        let root = root_of_inclusion(leaf_hash(entry), self.index, checkpoint.size, &self.path);
        if root != Some(checkpoint.root) {
            return Err(LedgerError::Tampered(format!(
                "the entry is not the one at index {} of the signed log",
                self.index
            )));
        }
        Ok(checkpoint)
    }
}
