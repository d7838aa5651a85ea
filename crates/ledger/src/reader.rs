// SPDX-License-Identifier: Apache-2.0
//! Reading the book: records, proofs, the whole log checked.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
};

use casemate_crypto::Place;
use casemate_store::{Database, Keyring};
use casemate_types::{RecordId, Timestamp};
use zeroize::Zeroizing;

use crate::{
    Checkpoint, Entry, Hash, LedgerError, LogKeys, Note, Proof, Report, Signature, Snapshot, Tree,
    VerifierKey,
    entry::bundle_entries,
    merkle::{self, Tiles, range_hash},
    store::{self, Group},
    verify::{GroupSource, verify_groups},
};

/// Groups read in one transaction, so that the writer is never kept waiting long.
pub(crate) const PAGE: u64 = 64;
/// How far back from its own time a record is looked for before everything is searched.
const LOOKBACK_MS: i64 = 5_000;

pub(crate) struct Head {
    pub(crate) tree: Tree,
    pub(crate) last_time: Timestamp,
}

pub(crate) struct Shared {
    pub(crate) database: Database,
    pub(crate) keyring: Keyring,
    pub(crate) keys: Arc<LogKeys>,
    pub(crate) head: Mutex<Head>,
    pub(crate) pressed: AtomicBool,
}

impl Shared {
    pub(crate) fn set_head(&self, tree: &Tree, last_time: Timestamp) {
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        *head = Head {
            tree: tree.clone(),
            last_time,
        };
    }
}

/// An entry with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Index in the log.
    pub index: u64,
    /// The entry.
    pub entry: Entry,
    /// Its bytes as they stand in the log.
    pub bytes: Vec<u8>,
}

/// Reads the log. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

impl Reader {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Number of durable entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.head(|head| head.tree.size())
    }

    /// The log's public keys, Ed25519 first.
    #[must_use]
    pub fn public_keys(&self) -> [VerifierKey; 2] {
        self.shared.keys.public()
    }

    /// The newest signed checkpoint.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] before the first one.
    pub fn checkpoint(&self) -> Result<Note, LedgerError> {
        self.checkpoint_below(u64::MAX)?
            .ok_or(LedgerError::NotFound)
    }

    /// Up to `limit` records from index `from` on, oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when a stored entry cannot be read.
    pub fn list(&self, from: u64, limit: usize) -> Result<Vec<Record>, LedgerError> {
        let mut out = Vec::new();
        let mut next = from;
        while out.len() < limit {
            let groups = self.groups(next, PAGE.min(limit as u64))?;
            let Some(last) = groups.last() else { break };
            let end = last.first + last.count;
            for group in &groups {
                for (index, bytes) in entries(group) {
                    if index >= next && out.len() < limit {
                        let bytes = bytes?.to_vec();
                        out.push(Record {
                            index,
                            entry: Entry::decode(&bytes)?,
                            bytes,
                        });
                    }
                }
            }
            if end <= next {
                break;
            }
            next = end;
        }
        Ok(out)
    }

    /// Calls `each` with every record from index `from` on.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when a stored entry cannot be read.
    pub fn replay(&self, from: u64, mut each: impl FnMut(Record)) -> Result<u64, LedgerError> {
        let mut next = from;
        loop {
            let page = self.list(next, 1024)?;
            let Some(last) = page.last() else {
                return Ok(next);
            };
            next = last.index + 1;
            page.into_iter().for_each(&mut each);
        }
    }

    /// The record of an id and those about it, in the order of the log.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] when there is none.
    pub fn find(&self, id: RecordId) -> Result<Vec<Record>, LedgerError> {
        let since = id.time().as_millis().saturating_sub(LOOKBACK_MS);
        let start = self
            .shared
            .database
            .tx("ledger.find", |tx| store::group_at(tx, since))?;
        let mut found = self.find_from(start.unwrap_or(u64::MAX), id)?;
        if start != Some(0) && !found.iter().any(|record| record.entry.id == id) {
            // The clock may have been ahead when the id was made: the record itself stands further
            // back, even if one about it was found.
            found = self.find_from(0, id)?;
        }
        if found.is_empty() {
            return Err(LedgerError::NotFound);
        }
        Ok(found)
    }

    fn find_from(&self, start: u64, id: RecordId) -> Result<Vec<Record>, LedgerError> {
        let mut out = Vec::new();
        let mut next = start;
        while next < self.size() {
            let groups = self.groups(next, PAGE)?;
            let Some(last) = groups.last() else { break };
            next = last.first + last.count;
            for group in &groups {
                for (index, bytes) in entries(group) {
                    let bytes = bytes?;
                    if Entry::peek_id(bytes) == Some(id) || Entry::peek_about(bytes) == Some(id) {
                        let bytes = bytes.to_vec();
                        out.push(Record {
                            index,
                            entry: Entry::decode(&bytes)?,
                            bytes,
                        });
                    }
                }
            }
        }
        Ok(out)
    }

    /// Opens a sealed part of a record; `None` when its subject was erased or there is no such part.
    ///
    /// # Errors
    /// [`LedgerError::Store`] when the part was moved or altered.
    pub fn unseal(
        &self,
        record: &Record,
        name: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, LedgerError> {
        let Some(part) = record.entry.sealed.iter().find(|part| part.name == name) else {
            return Ok(None);
        };
        let row = record.entry.id;
        let place = Place {
            table: "ledger_entry",
            row: row.as_bytes(),
            column: name,
        };
        Ok(self.shared.keyring.open_value(place, &part.sealed)?)
    }

    /// Evidence that the record at `index` stands in the signed log; with signatures of witnesses
    /// where a checkpoint that covers it has some.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] when no checkpoint covers the index yet.
    pub fn prove(&self, index: u64) -> Result<Proof, LedgerError> {
        let cosigned = self
            .shared
            .database
            .tx("ledger.cosigned_size", store::cosigned_size)?;
        let note = match cosigned.filter(|size| *size > index) {
            Some(size) => self.checkpoint_below(size)?.ok_or(LedgerError::NotFound)?,
            None => self.checkpoint()?,
        };
        let size = Checkpoint::parse(&note.body)?.size;
        if index >= size {
            return Err(LedgerError::NotFound);
        }
        let path = merkle::inclusion(&mut self.tiles(size), index, size)?;
        let extra = self.list(index, 1)?.pop().map(|record| record.bytes);
        Ok(Proof {
            extra,
            index,
            path,
            note,
        })
    }

    /// That the log of `old` entries is the beginning of the log of `new` entries.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`] when the log has fewer than `new` entries.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, LedgerError> {
        if new > self.size() {
            return Err(LedgerError::NotFound);
        }
        merkle::consistency(&mut self.tiles(new), old, new)
    }

    /// Size of the newest checkpoint that a witness signed, and when it did.
    ///
    /// # Errors
    /// [`LedgerError::Store`] of the engine.
    pub fn cosigned(&self, witness: &str) -> Result<Option<(u64, Timestamp)>, LedgerError> {
        let last = self
            .shared
            .database
            .tx("ledger.cosigned", |tx| store::cosignature_last(tx, witness))?;
        Ok(last.map(|(size, time)| (size, Timestamp::from_millis(time))))
    }

    /// Reads every entry again, hashes it, and compares with the stored hashes, the tiles and all
    /// signed checkpoints.
    ///
    /// # Errors
    /// [`LedgerError::Store`] when the file cannot be read at all; what does not fit is in the
    /// report.
    pub fn verify(&self, progress: &dyn Fn(u64, u64)) -> Result<Report, LedgerError> {
        let mut notes = Vec::new();
        let mut after = 0;
        loop {
            let page = self.shared.database.tx("ledger.checkpoints", |tx| {
                store::checkpoint_list(tx, after, 1024)
            })?;
            // By the row's own size: what the note says is not to be trusted yet.
            let Some((size, _)) = page.last() else { break };
            after = *size;
            notes.extend(page);
        }
        verify_groups(self, self.size(), &notes, &self.public_keys(), progress)
    }

    /// The stored state of a projection.
    ///
    /// # Errors
    /// [`LedgerError::Store`] when it was altered.
    pub fn snapshot(&self, reader: &str) -> Result<Option<Snapshot>, LedgerError> {
        crate::snapshot::get(&self.shared, reader)
    }

    /// When the newest entry was put in order.
    #[must_use]
    pub fn last_time(&self) -> Timestamp {
        self.head(|head| head.last_time)
    }

    /// Whether the disk is full and the reserve in use.
    #[must_use]
    pub fn is_pressed(&self) -> bool {
        self.shared
            .pressed
            .load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Writes a consistent copy of the ledger's file while work goes on.
    ///
    /// # Errors
    /// [`LedgerError::Store`] of the engine.
    pub fn copy_to(&self, target: &std::path::Path) -> Result<(), LedgerError> {
        Ok(self.shared.database.copy_to(target)?)
    }

    /// Compares the stored tree with the newest checkpoint and gives the size that one signs.
    pub(crate) fn check_last_checkpoint(&self) -> Result<u64, LedgerError> {
        let size = self.size();
        let newest = self.checkpoint_below(u64::MAX)?;
        let Some(note) = newest else { return Ok(0) };
        let checkpoint = note.verify(&self.public_keys())?;
        if checkpoint.size > size {
            return Err(LedgerError::Tampered(format!(
                "a checkpoint signs {} entries but only {size} are there",
                checkpoint.size
            )));
        }
        let root = range_hash(&mut self.tiles(size), size, 0, checkpoint.size)?;
        if root != checkpoint.root {
            return Err(LedgerError::Tampered(format!(
                "the stored tree differs from the checkpoint of size {}; `casemate ledger verify` \
                 names the record",
                checkpoint.size
            )));
        }
        Ok(checkpoint.size)
    }

    fn checkpoint_below(&self, size: u64) -> Result<Option<Note>, LedgerError> {
        // SQL integers are signed.
        let size = size.min(i64::MAX as u64);
        let found = self.shared.database.tx("ledger.checkpoint_below", |tx| {
            let Some(text) = store::checkpoint_below(tx, size)? else {
                return Ok::<_, LedgerError>(None);
            };
            let note = Note::parse(&text)?;
            let lines = store::cosignature_lines(tx, Checkpoint::parse(&note.body)?.size)?;
            Ok(Some((note, lines)))
        })?;
        Ok(found.map(|(mut note, lines)| {
            let lines = lines.iter().flat_map(|text| text.lines());
            note.signatures.extend(lines.filter_map(Signature::parse));
            note
        }))
    }

    pub(crate) fn groups(&self, from: u64, limit: u64) -> Result<Vec<Group>, LedgerError> {
        if from >= self.size() {
            return Ok(Vec::new());
        }
        Ok(self
            .shared
            .database
            .tx("ledger.groups", |tx| store::group_list(tx, from, limit))?)
    }

    pub(crate) fn tiles(&self, size: u64) -> StoredTiles<'_> {
        StoredTiles {
            shared: &self.shared,
            size,
            cache: HashMap::new(),
        }
    }

    fn head<T>(&self, read: impl FnOnce(&Head) -> T) -> T {
        read(
            &self
                .shared
                .head
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

impl GroupSource for Reader {
    fn page(&self, from: u64) -> Result<Vec<Group>, LedgerError> {
        self.groups(from, PAGE)
    }

    fn tile(&self, level: u8, number: u64) -> Result<Option<(Vec<Hash>, Hash)>, LedgerError> {
        Ok(self.shared.database.tx("ledger.tile_whole", |tx| {
            store::tile_whole(tx, level, number)
        })?)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({})", self.shared.keys.origin())
    }
}

fn entries(group: &Group) -> impl Iterator<Item = (u64, Result<&[u8], LedgerError>)> {
    let cut = || LedgerError::malformed("group of entries", "it is cut");
    (group.first..).zip(bundle_entries(&group.entries).map(move |entry| entry.ok_or_else(cut)))
}

/// Tiles as the ledger's file has them: full ones from their table, unfinished ones put together.
pub(crate) struct StoredTiles<'a> {
    shared: &'a Shared,
    size: u64,
    cache: HashMap<(u8, u64), Vec<Hash>>,
}

impl Tiles for StoredTiles<'_> {
    type Error = LedgerError;

    fn tile(&mut self, level: u8, number: u64, width: u64) -> Result<Vec<Hash>, LedgerError> {
        if !self.cache.contains_key(&(level, number)) {
            let tile = self.shared.database.tx("ledger.tile", |tx| {
                if let Some(full) = store::tile_get(tx, level, number)? {
                    return Ok(full);
                }
                let first = number * merkle::WIDTH;
                if level > 0 {
                    return Ok::<_, LedgerError>(store::tile_roots(tx, level - 1, first)?);
                }
                let mut hashes = Vec::new();
                for (start, flat) in store::hashes_from(tx, first)? {
                    let numbered = (start..).zip(flat.as_chunks::<32>().0);
                    hashes.extend(
                        numbered
                            .filter(|(at, _)| *at >= first)
                            .map(|(_, hash)| *hash),
                    );
                }
                Ok(hashes)
            })?;
            self.cache.insert((level, number), tile);
        }
        let tile = self
            .cache
            .get(&(level, number))
            .cloned()
            .unwrap_or_default();
        let width = usize::try_from(width).unwrap_or(usize::MAX);
        if tile.len() < width {
            let why = format!("tile {level}/{number} of a log of {} is missing", self.size);
            return Err(LedgerError::Tampered(why));
        }
        Ok(tile.into_iter().take(width).collect())
    }
}
