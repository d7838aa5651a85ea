// SPDX-License-Identifier: Apache-2.0
//! Checking a whole log, from the file or from an export, without trusting either.

use std::path::Path;

use crate::{
    Checkpoint, Entry, Hash, LedgerError, Note, Tree, VerifierKey,
    entry::bundle_entries,
    leaf_hash,
    merkle::{WIDTH, perfect_root, tile_path, tile_push},
    store::Group,
};

/// Bundles hashed by one thread at a time.
const STRIDE: u64 = 64;

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// The record's index; the first of a range when only the range is known.
    pub index: u64,
    /// The record's id, if its bytes still tell.
    pub record: Option<String>,
    /// What is wrong, in words.
    pub what: String,
}

/// The result of checking a log.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Entries read.
    pub entries: u64,
    /// Checkpoints compared.
    pub checkpoints: u64,
    /// Size of the newest signed checkpoint.
    pub signed: u64,
    /// What does not fit; empty when the log is whole.
    pub faults: Vec<Fault>,
}

impl Report {
    /// Whether everything fits.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault(&mut self, index: u64, record: Option<String>, what: impl Into<String>) {
        // One altered byte can make thousands of checkpoints wrong; the first ones say it all.
        if self.faults.len() < 16 {
            self.faults.push(Fault {
                index,
                record,
                what: what.into(),
            });
        }
    }
}

pub(crate) trait GroupSource {
    /// Groups from the one that holds index `from` on, or from the last one before it.
    fn page(&self, from: u64) -> Result<Vec<Group>, LedgerError>;

    /// The hashes of a full tile and its root, as stored.
    fn tile(&self, level: u8, number: u64) -> Result<Option<(Vec<Hash>, Hash)>, LedgerError>;
}

/// Checks groups from the ledger's file against the stored hashes, the tiles and all checkpoints.
///
/// Nothing of the file is trusted, so the walk goes by the groups' keys, which can only grow: no
/// altered count or gap makes it stay in one place.
pub(crate) fn verify_groups(
    source: &dyn GroupSource,
    size: u64,
    notes: &[(u64, String)],
    keys: &[VerifierKey],
    progress: &dyn Fn(u64, u64),
) -> Result<Report, LedgerError> {
    let mut report = Report::default();
    let mut checkpoints = Checkpoints::new(notes, keys, &mut report);
    let mut tree = Tree::default();
    checkpoints.compare(&tree, &mut report);
    let mut tiles = TileCheck::default();
    let (mut expected, mut next) = (0_u64, 0_u64);
    while next < size {
        let mut page = source.page(next)?;
        page.retain(|group| group.first >= next);
        let Some(last) = page.last() else { break };
        next = last.first.saturating_add(1);
        for group in page {
            if group.first != expected {
                let what = format!("record {expected} was expected here");
                report.fault(group.first, None, what);
                tiles.misaligned = true;
            }
            expected = group.first.saturating_add(group.count);
            let stored = check_group(&group, &mut tree, &mut checkpoints, &mut report);
            tiles.misaligned |= stored.len() as u64 != group.count;
            tiles.push_all(source, stored, &mut report)?;
        }
        progress(tree.size().min(size), size);
    }
    if expected < size {
        let what = format!("records {expected}..{size} are missing");
        report.fault(expected, None, what);
    }
    report.entries = tree.size();
    checkpoints.finish(&tree, &mut report);
    Ok(report)
}

/// Checks one group and gives the hashes that are stored beside its entries.
fn check_group(
    group: &Group,
    tree: &mut Tree,
    checkpoints: &mut Checkpoints,
    report: &mut Report,
) -> Vec<Hash> {
    let stored: Vec<_> = group.leaf_hashes().collect();
    let mut hashes = stored.iter().copied();
    let mut count = 0;
    for entry in bundle_entries(&group.entries) {
        let hash = entry.map(leaf_hash);
        if hash.is_none() || hash != hashes.next() {
            let record = entry.and_then(Entry::peek_id).map(|id| id.to_string());
            let index = group.first.saturating_add(count);
            report.fault(index, record, "its bytes are not those that were written");
        }
        tree.push(hash.unwrap_or_default());
        count += 1;
        checkpoints.compare(tree, report);
    }
    if count != group.count {
        let what = format!("{} records, {count} found", group.count);
        report.fault(group.first, None, what);
    }
    stored
}

/// Compares the stored tiles with the hashes that stand beside the entries. Proofs are made of
/// tiles, and an entry altered together with its hash is named by its tile.
#[derive(Default)]
struct TileCheck {
    partial: Vec<Vec<Hash>>,
    index: u64,
    /// After a gap every later tile would be reported; the gap says it all.
    misaligned: bool,
}

impl TileCheck {
    fn push_all(
        &mut self,
        source: &dyn GroupSource,
        hashes: Vec<Hash>,
        report: &mut Report,
    ) -> Result<(), LedgerError> {
        let mut done = Vec::new();
        for hash in hashes {
            if self.misaligned {
                return Ok(());
            }
            tile_push(&mut self.partial, self.index, hash, &mut done);
            self.index += 1;
            for (level, number, root, hashes) in done.drain(..) {
                let stored = source.tile(level, number)?;
                if stored
                    .as_ref()
                    .is_some_and(|(s, r)| *s == hashes && *r == root)
                {
                    continue;
                }
                let stored = stored.map(|(hashes, _)| hashes).unwrap_or_default();
                let at = first_difference(&hashes, &stored).unwrap_or(0);
                let index = (number * WIDTH + at) << (8 * u32::from(level));
                report.fault(index, None, format!("its tile {level}/{number} differs"));
            }
        }
        Ok(())
    }
}

/// Where two lists of hashes differ first; `None` when they are the same.
fn first_difference(one: &[Hash], other: &[Hash]) -> Option<u64> {
    if one == other {
        return None;
    }
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    Some(same as u64)
}

/// Signed checkpoints in the order of their sizes, compared as the tree grows.
struct Checkpoints {
    sorted: Vec<Checkpoint>,
    next: usize,
    last_good: u64,
    /// Once one differs so do all later ones; one fault is enough and leaves room for others.
    broken: bool,
}

impl Checkpoints {
    /// From notes with the sizes they are stored under.
    fn new(notes: &[(u64, String)], keys: &[VerifierKey], report: &mut Report) -> Self {
        let mut sorted = Vec::new();
        let newest = notes.len().saturating_sub(1);
        for (at, (size, text)) in notes.iter().enumerate() {
            let note = Note::parse(text);
            // Every checkpoint's Ed25519 signature is checked, the dearer ML-DSA-44 on the newest.
            let needed = if at == newest {
                keys
            } else {
                keys.get(..1).unwrap_or(keys)
            };
            match note.and_then(|note| note.verify(needed)) {
                Ok(checkpoint) => {
                    if checkpoint.size != *size {
                        let signs = checkpoint.size;
                        let what = format!("the checkpoint of size {size} signs {signs} instead");
                        report.fault(0, None, what);
                    }
                    sorted.push(checkpoint);
                }
                Err(error) => {
                    report.fault(0, None, format!("the checkpoint of size {size}: {error}"));
                }
            }
        }
        sorted.sort_by_key(|checkpoint| checkpoint.size);
        report.signed = sorted.last().map_or(0, |checkpoint| checkpoint.size);
        Self {
            sorted,
            next: 0,
            last_good: 0,
            broken: false,
        }
    }

    fn compare(&mut self, tree: &Tree, report: &mut Report) {
        while let Some(checkpoint) = self.sorted.get(self.next) {
            if checkpoint.size > tree.size() {
                return;
            }
            if checkpoint.size == tree.size() && checkpoint.root == tree.root() {
                self.last_good = checkpoint.size;
                self.broken = false;
            } else if !self.broken {
                self.broken = true;
                let what = format!(
                    "the checkpoint of size {} does not fit: a record between {} and {} was \
                     changed, moved or taken out",
                    checkpoint.size, self.last_good, checkpoint.size
                );
                report.fault(self.last_good, None, what);
            }
            report.checkpoints += 1;
            self.next += 1;
        }
    }

    fn finish(&self, tree: &Tree, report: &mut Report) {
        if let Some(beyond) = self.sorted.get(self.next) {
            let what = format!(
                "a checkpoint signs {} records, only {} are there: the end was cut off",
                beyond.size,
                tree.size()
            );
            report.fault(tree.size(), None, what);
        }
    }
}

/// Checks an export with nothing but the public keys, on all processors.
///
/// With `kept`, a checkpoint from an earlier time, it is also checked that the log still begins
/// with what that one signed; this is how a cut or an old copy is found.
///
/// # Errors
/// [`LedgerError::Path`] when the export cannot be read, [`LedgerError::Tampered`] when its
/// checkpoint is not signed by the keys.
pub fn verify_export(
    directory: &Path,
    keys: &[VerifierKey],
    kept: Option<&Note>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Report, LedgerError> {
    let note = Note::parse(&read_text(&directory.join("checkpoint"))?)?;
    let checkpoint = note.verify(keys)?;
    let kept = kept.map(|note| note.verify(keys)).transpose()?;
    let mut report = Report {
        signed: checkpoint.size,
        checkpoints: 1,
        ..Report::default()
    };
    let mut tree = Tree::default();
    let bundles = checkpoint.size.div_ceil(WIDTH);
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let mut kept_root = kept
        .as_ref()
        .filter(|old| old.size == 0)
        .map(|_| tree.root());
    let mut roots = Vec::new();
    let mut start = 0;
    while start < bundles {
        let end = (start + STRIDE * threads).min(bundles);
        let hashed = hash_bundles(directory, start, end, checkpoint.size, threads);
        for (number, bundle) in (start..end).zip(hashed) {
            let first = number * WIDTH;
            let expected = WIDTH.min(checkpoint.size - first);
            let stored = read_tile(directory, 0, number, expected);
            match bundle {
                Ok(bundle) => check_bundle(first, expected, &bundle, &stored, &mut report),
                Err(error) => report.fault(first, None, error.to_string()),
            }
            let hashes = bundle_hashes(&mut report, first, expected, stored);
            let root = (hashes.len() as u64 == WIDTH).then(|| perfect_root(&hashes));
            roots.extend(root);
            // A whole tile goes in at once unless the kept checkpoint ends within it.
            let within = |old: &Checkpoint| (first + 1..first + WIDTH).contains(&old.size);
            match root.filter(|_| tree.size() == first && !kept.as_ref().is_some_and(within)) {
                Some(root) => tree.push_tile(root),
                None => hashes.into_iter().for_each(|hash| {
                    tree.push(hash);
                    if kept.as_ref().is_some_and(|old| old.size == tree.size()) {
                        kept_root = Some(tree.root());
                    }
                }),
            }
            if kept.as_ref().is_some_and(|old| old.size == tree.size()) {
                kept_root = Some(tree.root());
            }
        }
        start = end;
        progress((start * WIDTH).min(checkpoint.size), checkpoint.size);
    }
    report.entries = tree.size();
    if roots.len() as u64 == checkpoint.size / WIDTH {
        check_upper_tiles(directory, roots, &mut report);
    }
    if tree.size() != checkpoint.size || tree.root() != checkpoint.root {
        report.fault(0, None, "the tiles do not lead to the root that was signed");
    }
    if let Some(kept) = kept {
        report.checkpoints += 1;
        if kept.origin != checkpoint.origin {
            report.fault(0, None, "the kept checkpoint is of another log");
        } else if kept.size > checkpoint.size {
            let what = format!(
                "the kept checkpoint signs {} records, this log has {}: it was cut, or is an old copy",
                kept.size, checkpoint.size
            );
            report.fault(checkpoint.size, None, what);
        } else if kept_root != Some(kept.root) {
            report.fault(
                0,
                None,
                "the log no longer begins with what the kept checkpoint signed",
            );
        }
    }
    Ok(report)
}

/// Compares the tiles above the leaves with the ones below them. They add nothing to the root, but
/// other readers make proofs of them, and they tell which records a changed leaf tile stands for.
fn check_upper_tiles(directory: &Path, roots: Vec<Hash>, report: &mut Report) {
    let mut below = roots;
    for level in 1..8_u8 {
        let mut above = Vec::new();
        for (number, hashes) in (0_u64..).zip(below.chunks(256)) {
            let first = |at: u64| (number * WIDTH + at) << (8 * u32::from(level));
            match read_tile(directory, level, number, hashes.len() as u64) {
                Ok(found) => {
                    if let Some(at) = first_difference(hashes, &found) {
                        let upto = first(at + 1);
                        let what = format!(
                            "tile {level}/{number} differs from the tiles below it for the \
                             records from here to {upto}"
                        );
                        report.fault(first(at), None, what);
                    }
                }
                Err(error) => report.fault(first(0), None, error.to_string()),
            }
            if hashes.len() as u64 == WIDTH {
                above.push(perfect_root(hashes));
            }
        }
        below = above;
    }
}

/// The leaf hashes that go into the tree: those of the tile, which the root binds.
fn bundle_hashes(
    report: &mut Report,
    first: u64,
    expected: u64,
    stored: Result<Vec<Hash>, LedgerError>,
) -> Vec<Hash> {
    match stored {
        Ok(hashes) if hashes.len() as u64 == expected => hashes,
        Ok(hashes) => {
            let what = format!("its tile has {} hashes instead of {expected}", hashes.len());
            report.fault(first, None, what);
            hashes
        }
        Err(error) => {
            report.fault(first, None, error.to_string());
            Vec::new()
        }
    }
}

struct Bundle {
    hashes: Vec<Hash>,
    ids: Vec<Option<casemate_types::RecordId>>,
}

fn check_bundle(
    first: u64,
    expected: u64,
    bundle: &Bundle,
    stored: &Result<Vec<Hash>, LedgerError>,
    report: &mut Report,
) {
    if bundle.hashes.len() as u64 != expected {
        let what = format!("{} entries found, {expected} expected", bundle.hashes.len());
        report.fault(first, None, what);
    }
    let Ok(stored) = stored else { return };
    for (at, (found, wanted)) in bundle.hashes.iter().zip(stored).enumerate() {
        if found != wanted {
            let record = bundle
                .ids
                .get(at)
                .copied()
                .flatten()
                .map(|id| id.to_string());
            let index = first + at as u64;
            report.fault(index, record, "its bytes are not those that were signed");
        }
    }
}

fn hash_bundles(
    directory: &Path,
    start: u64,
    end: u64,
    size: u64,
    threads: u64,
) -> Vec<Result<Bundle, LedgerError>> {
    let share = (end - start).div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (start..end)
            .step_by(usize::try_from(share).unwrap_or(1))
            .map(|from| {
                let upto = (from + share).min(end);
                scope.spawn(move || {
                    (from..upto)
                        .map(|number| hash_bundle(directory, number, size))
                        .collect()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| -> Vec<_> { worker.join().unwrap_or_default() })
            .collect()
    })
}

fn hash_bundle(directory: &Path, number: u64, size: u64) -> Result<Bundle, LedgerError> {
    let width = WIDTH.min(size - number * WIDTH);
    let bytes = read(&directory.join(tile_path(None, number, width)))?;
    let mut bundle = Bundle {
        hashes: Vec::with_capacity(256),
        ids: Vec::with_capacity(256),
    };
    for entry in bundle_entries(&bytes) {
        let entry = entry.ok_or_else(|| LedgerError::malformed("entry bundle", "it is cut"))?;
        bundle.hashes.push(leaf_hash(entry));
        bundle.ids.push(Entry::peek_id(entry));
    }
    Ok(bundle)
}

fn read_tile(
    directory: &Path,
    level: u8,
    number: u64,
    width: u64,
) -> Result<Vec<Hash>, LedgerError> {
    let bytes = read(&directory.join(tile_path(Some(level), number, width)))?;
    let (hashes, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(LedgerError::malformed("tile", "it ends within a hash"));
    }
    Ok(hashes.to_vec())
}

fn read(path: &Path) -> Result<Vec<u8>, LedgerError> {
    std::fs::read(path).map_err(|source| LedgerError::path(path, source))
}

fn read_text(path: &Path) -> Result<String, LedgerError> {
    std::fs::read_to_string(path).map_err(|source| LedgerError::path(path, source))
}
