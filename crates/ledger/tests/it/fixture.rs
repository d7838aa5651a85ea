// SPDX-License-Identifier: Apache-2.0
//! A ledger in a directory, and the hands of somebody who may write its files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use casemate_ledger::{
    Draft, Kind, Lane, Ledger, LedgerError, LedgerOptions, LogKeys, Note, Position, Reader,
    Urgency, Writer, export,
};
use casemate_store::{Database, Keyring, Options, StoreError, Tx};
use casemate_testkit::{ManualClock, SeededEntropy, TempDir, keyring};
use casemate_types::{Entropy, RecordId};

pub(crate) struct Book {
    pub(crate) dir: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) entropy: Arc<SeededEntropy>,
    pub(crate) keyring: Keyring,
}

impl Book {
    pub(crate) fn new() -> Self {
        Self::with_seed(1)
    }

    pub(crate) fn with_seed(seed: u64) -> Self {
        Self::inside(TempDir::new(), seed)
    }

    /// The book of a directory that may have one already.
    pub(crate) fn inside(dir: TempDir, seed: u64) -> Self {
        let (clock, entropy) = (ManualClock::shared(), SeededEntropy::shared(seed));
        let keyring = keyring(&dir.join("keys.db"), clock.clone(), entropy.clone());
        Self {
            dir,
            clock,
            entropy,
            keyring,
        }
    }

    /// Lets go of everything but the files.
    pub(crate) fn into_dir(self) -> TempDir {
        self.dir
    }

    /// A closed book of `count` records under one checkpoint.
    pub(crate) fn of(count: u64) -> Self {
        let book = Self::new();
        let (writer, _) = book.open();
        book.fill(&writer, count);
        writer.close();
        book
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir.join("ledger.db")
    }

    /// Without a reserve, and with checkpoints only when asked for.
    pub(crate) fn options(&self) -> LedgerOptions {
        LedgerOptions {
            file: self.file(),
            reserve: 0,
            max_bytes: None,
            checkpoint_every: Duration::from_secs(3600),
        }
    }

    pub(crate) fn open(&self) -> (Writer, Reader) {
        self.open_with(self.options()).unwrap()
    }

    pub(crate) fn open_with(
        &self,
        options: LedgerOptions,
    ) -> Result<(Writer, Reader), LedgerError> {
        Ledger::open(
            options,
            self.keyring.clone(),
            self.entropy.clone(),
            self.clock.clone(),
        )
    }

    pub(crate) fn id(&self) -> RecordId {
        use casemate_types::Clock as _;
        RecordId::from_parts(self.clock.now(), self.entropy.id_bytes())
    }

    pub(crate) fn draft(&self, event: &str) -> Draft {
        let id = self.id();
        Draft {
            kind: Kind::Decision,
            id,
            about: id,
            project: None,
            event: event.as_bytes().to_vec(),
            sealed: Vec::new(),
        }
    }

    /// Writes small records, in groups as the writer likes.
    pub(crate) fn fill(&self, writer: &Writer, count: u64) -> Vec<RecordId> {
        let mut ids = Vec::new();
        let mut last = None;
        for number in 0..count {
            let draft = self.draft(&format!("{{\"n\":{number}}}"));
            ids.push(draft.id);
            let ticket = writer.append(draft, Lane::Essential, Urgency::Lazy);
            last = Some(ticket.unwrap());
        }
        if let Some(ticket) = last {
            ticket.durable_blocking().unwrap();
        }
        ids
    }

    /// Takes the newest state out as an export beside the book.
    pub(crate) fn export(&self, name: &str) -> PathBuf {
        let target = self.dir.join(name);
        let (writer, reader) = self.open();
        export(&reader, &target, &|_, _| ()).unwrap();
        writer.close();
        target
    }

    /// Changes the closed ledger's file behind its back.
    pub(crate) fn edit(&self, body: impl FnOnce(&Tx<'_>) -> Result<(), StoreError>) {
        let database = Database::open(&self.file(), Options::default(), &[]).unwrap();
        database.tx("test.edit", body).unwrap();
    }

    pub(crate) fn edit_sql(&self, sql: &str) {
        self.edit(|tx| {
            assert!(tx.execute(sql, &[])? > 0, "nothing changed: {sql}");
            Ok(())
        });
    }

    /// Changes the entries of the group that holds a record; `with_hash` also makes the hash that
    /// stands beside it fit, as a careful forger would.
    pub(crate) fn edit_entry(
        &self,
        index: u64,
        with_hash: bool,
        change: impl FnOnce(&mut Vec<Vec<u8>>, usize),
    ) {
        self.edit(|tx| {
            let wanted = i64::try_from(index).unwrap();
            let sql = "SELECT first, entries FROM ledger_group WHERE first <= ?1
                       ORDER BY first DESC LIMIT 1";
            let (first, bundle) = tx
                .query_one(sql, &[wanted.into()], |row| Ok((row.int(0)?, row.blob(1)?)))?
                .unwrap();
            let mut entries = unbundle(&bundle);
            change(&mut entries, usize::try_from(wanted - first).unwrap());
            let bundle = rebundle(&entries);
            let sql = "UPDATE ledger_group SET entries = ?2 WHERE first = ?1";
            tx.execute(sql, &[first.into(), (&bundle).into()])?;
            if with_hash {
                let hashes: Vec<_> = entries
                    .iter()
                    .map(|entry| casemate_ledger::leaf_hash(entry))
                    .collect();
                let sql = "UPDATE ledger_group SET hashes = ?2 WHERE first = ?1";
                tx.execute(sql, &[first.into(), (&hashes.concat()).into()])?;
            }
            Ok(())
        });
    }
}

pub(crate) fn unbundle(mut bundle: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        entries.push(entry.to_vec());
        bundle = rest;
    }
    entries
}

pub(crate) fn rebundle(entries: &[Vec<u8>]) -> Vec<u8> {
    entries
        .iter()
        .flat_map(|entry| {
            let length = u16::try_from(entry.len()).unwrap().to_be_bytes();
            [length.as_slice(), entry].concat()
        })
        .collect()
}

/// Changes a number in the event of an entry, keeping its length.
pub(crate) fn falsify(entry: &mut [u8]) {
    let at = entry.iter().rposition(u8::is_ascii_digit).unwrap();
    entry[at] = if entry[at] == b'9' { b'8' } else { b'9' };
}

pub(crate) fn append(writer: &Writer, draft: Draft) -> Result<Position, LedgerError> {
    writer
        .append(draft, Lane::Essential, Urgency::Durable)?
        .durable_blocking()
}

/// Asks for a checkpoint and gives the one that covers everything.
pub(crate) fn checkpoint(writer: &Writer, reader: &Reader) -> Note {
    writer.checkpoint_soon();
    covering(reader, reader.size())
}

/// The first checkpoint that covers `size` records; fails when none comes.
pub(crate) fn covering(reader: &Reader, size: u64) -> Note {
    let start = Instant::now();
    loop {
        if let Ok(note) = reader.checkpoint()
            && signed_size(&note) >= size
        {
            return note;
        }
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "no checkpoint over {size} records"
        );
        std::thread::yield_now();
    }
}

pub(crate) fn signed_size(note: &Note) -> u64 {
    note.body.lines().nth(1).unwrap().parse().unwrap()
}

/// Keys of a log outside any book.
pub(crate) fn log_keys(origin: &str, seed: u8) -> LogKeys {
    let seed = casemate_crypto::Secret32::from_bytes([seed; 32]);
    let signer = casemate_crypto::LogSigner::from_seed(&seed).unwrap();
    LogKeys::new(origin.to_owned(), signer)
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
