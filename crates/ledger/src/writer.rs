// SPDX-License-Identifier: Apache-2.0
//! The one writer: puts submissions in order, makes groups durable, signs checkpoints.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    thread::JoinHandle,
    time::Duration,
};

use casemate_crypto::{LogSigner, Place, Secret32};
use casemate_store::{Database, Keyring, Options, Scope, StoreError};
use casemate_types::{Clock, Entropy, ProjectId, RecordId, Timestamp};
use tokio::sync::oneshot;

use crate::{
    Kind, LedgerError, LogKeys, Reader, SealedPart, Signature, Tree,
    entry::{Parts, bundle_push, encoded_len},
    leaf_hash,
    merkle::{FullTile, Hash, tile_push},
    queue::{Queue, Submission, Work},
    reader::{Head, Shared},
    store::{self, Group},
};

/// Bytes of entries in one group at most, so that a reader's memory is bounded.
const MAX_GROUP: usize = 4 << 20;
/// How often a released reserve is tried to be restored.
const RESTORE_EVERY: Duration = Duration::from_secs(10);
const SEED: Place<'static> = Place {
    table: "ledger_meta",
    row: b"seed",
    column: "value",
};

/// Whether somebody waits for the record to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Written at once; the ticket resolves after the disk has it.
    Durable,
    /// Written within milliseconds, together with others.
    Lazy,
}

/// What happens to the submission when the disk is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Refused, so that nothing new leaves the house.
    Egress,
    /// Written into the reserve: sign-ins, outcomes, administration.
    Essential,
}

/// A record to be written; the writer adds its place and time.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What it is about.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
    /// The record it belongs to; its own id if none.
    pub about: RecordId,
    /// The project.
    pub project: Option<ProjectId>,
    /// OCSF JSON without anything personal.
    pub event: Vec<u8>,
    /// Sealed parts.
    pub sealed: Vec<SealedPart>,
}

impl Draft {
    fn encode(&self, time: Timestamp) -> Result<Vec<u8>, LedgerError> {
        Parts {
            kind: self.kind,
            time,
            id: self.id,
            about: self.about,
            project: self.project,
            event: &self.event,
            sealed: &self.sealed,
        }
        .encode()
    }
}

/// Where a record came to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Index in the log.
    pub index: u64,
    /// Sequencing time.
    pub time: Timestamp,
}

/// Resolves when the record is durable. Asked again after that, it says [`LedgerError::Closed`].
#[derive(Debug)]
pub struct Ticket(Option<oneshot::Receiver<Result<Position, LedgerError>>>);

impl Future for Ticket {
    type Output = Result<Position, LedgerError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(receiver) = &mut self.0 else {
            return Poll::Ready(Err(LedgerError::Closed));
        };
        let answer = ready!(Pin::new(receiver).poll(cx));
        self.0 = None;
        Poll::Ready(answer.unwrap_or(Err(LedgerError::Closed)))
    }
}

impl Ticket {
    /// Waits until the record is durable.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not and will not be.
    pub async fn durable(self) -> Result<Position, LedgerError> {
        self.await
    }

    /// The same for threads that may block.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not and will not be.
    pub fn durable_blocking(self) -> Result<Position, LedgerError> {
        let answer = self.0.and_then(|receiver| receiver.blocking_recv().ok());
        answer.unwrap_or(Err(LedgerError::Closed))
    }
}

/// How the ledger is kept.
#[derive(Debug, Clone)]
pub struct LedgerOptions {
    /// The ledger's file.
    pub file: PathBuf,
    /// Bytes kept free for what must still be written when the disk is full.
    pub reserve: u64,
    /// Largest size of the file; beyond it the ledger behaves as on a full disk.
    pub max_bytes: Option<u64>,
    /// Longest time between a record and the checkpoint that covers it.
    pub checkpoint_every: Duration,
}

/// Opens the book.
#[derive(Debug)]
pub struct Ledger;

impl Ledger {
    /// Opens or starts the ledger and gives the one writer and a reader.
    ///
    /// # Errors
    /// [`LedgerError::Tampered`] when the stored tree is not the one the last checkpoint signed;
    /// [`LedgerError::Store`] when the file is in use or cannot be read.
    pub fn open(
        options: LedgerOptions,
        keyring: Keyring,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Writer, Reader), LedgerError> {
        let reserve = Reserve::new(&options);
        let database = Database::open(&options.file, Options::default(), store::MIGRATIONS)?;
        let keys = Arc::new(open_keys(&database, &keyring, entropy.as_ref())?);
        let state = load(&database)?;
        let head = Head {
            tree: state.tree.clone(),
            last_time: state.last_time,
        };
        let shared = Arc::new(Shared {
            database,
            keyring,
            keys,
            head: Mutex::new(head),
            pressed: AtomicBool::new(false),
        });
        let reader = Reader::new(shared.clone());
        let signed = reader.check_last_checkpoint()?;
        let now = clock.now();
        // What a crash left without a checkpoint gets one even if nothing more is written.
        let unsigned_since = (signed < reader.size()).then_some(now);
        let mut restore_at = None;
        if let Err(error) = reserve.restore(&shared.database) {
            // A start on a full disk must be possible: reading and signing in go on.
            tracing::error!(%error, "no room for the ledger's reserve: new egress is refused");
            shared.database.limit_size(options.max_bytes)?;
            shared.pressed.store(true, Ordering::Relaxed);
            restore_at = Some(now.plus(RESTORE_EVERY));
        }
        let queue = Arc::new(Queue::default());
        let worker = Worker {
            shared: shared.clone(),
            queue: queue.clone(),
            clock,
            state,
            reserve,
            every: options.checkpoint_every,
            unsigned_since,
            restore_at,
        };
        let thread = std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || {
                // Whatever ends this thread, nobody may wait for it for ever.
                let _closing = Closing(worker.queue.clone());
                worker.run();
            })
            .map_err(|source| LedgerError::path(&options.file, source))?;
        let thread = Mutex::new(Some(thread));
        Ok((
            Writer {
                inner: Arc::new(Inner {
                    queue,
                    shared,
                    thread,
                }),
            },
            reader,
        ))
    }

    /// Opens a ledger that no process writes to, to read and check it. Unlike [`Ledger::open`] it
    /// does not insist that everything fits: finding out is what it is for.
    ///
    /// # Errors
    /// [`LedgerError::Store`] when the file is in use or cannot be read.
    pub fn open_reader(
        file: &Path,
        keyring: Keyring,
        entropy: &dyn Entropy,
    ) -> Result<Reader, LedgerError> {
        let database = Database::open(file, Options::default(), store::MIGRATIONS)?;
        let keys = Arc::new(open_keys(&database, &keyring, entropy)?);
        let state = load(&database)?;
        let head = Head {
            tree: state.tree,
            last_time: state.last_time,
        };
        Ok(Reader::new(Arc::new(Shared {
            database,
            keyring,
            keys,
            head: Mutex::new(head),
            pressed: AtomicBool::new(false),
        })))
    }
}

/// The capability to append. Not for sale: only the door holds one.
#[derive(Clone)]
pub struct Writer {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Arc<Queue>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Hands a record in. What is accepted is written in the order of acceptance.
    ///
    /// # Errors
    /// [`LedgerError::Full`] on the egress lane while the reserve is in use,
    /// [`LedgerError::Malformed`] when it cannot be an entry, [`LedgerError::Overloaded`] when too
    /// much waits, [`LedgerError::Closed`] after shutdown.
    pub fn append(
        &self,
        draft: Draft,
        lane: Lane,
        urgency: Urgency,
    ) -> Result<Ticket, LedgerError> {
        if lane == Lane::Egress && self.is_pressed() {
            return Err(LedgerError::Full);
        }
        // Found out here, where it concerns nobody else; inside a group it would spoil the group.
        encoded_len(&draft.event, &draft.sealed)?;
        let (reply, ticket) = oneshot::channel();
        self.inner
            .queue
            .push(Submission { draft, lane, reply }, urgency)?;
        Ok(Ticket(Some(ticket)))
    }

    /// Seals a text for a record under its subject's key.
    ///
    /// # Errors
    /// [`LedgerError::Store`] when the key cannot be opened.
    pub fn seal(
        &self,
        scope: Scope,
        record: RecordId,
        name: &str,
        plain: &[u8],
    ) -> Result<SealedPart, LedgerError> {
        let place = Place {
            table: "ledger_entry",
            row: record.as_bytes(),
            column: name,
        };
        let sealed = self.inner.shared.keyring.seal(scope, place, plain)?;
        Ok(SealedPart {
            name: name.to_owned(),
            sealed,
        })
    }

    /// Whether the disk is full and the reserve in use.
    #[must_use]
    pub fn is_pressed(&self) -> bool {
        self.inner.shared.pressed.load(Ordering::Relaxed)
    }

    /// Asks for a signed checkpoint over everything handed in so far.
    pub fn checkpoint_soon(&self) {
        self.inner.queue.ask_checkpoint();
    }

    /// Stores a projection's state as of a log size, sealed.
    ///
    /// # Errors
    /// [`LedgerError::Store`] of the engine.
    pub fn snapshot_put(&self, reader: &str, size: u64, bytes: &[u8]) -> Result<(), LedgerError> {
        crate::snapshot::put(&self.inner.shared, reader, size, bytes)
    }

    /// Keeps what a witness signed; see [`Reader::cosigned`].
    ///
    /// # Errors
    /// [`LedgerError::Store`] of the engine.
    pub fn cosignature_put(
        &self,
        witness: &str,
        size: u64,
        time: Timestamp,
        signatures: &[Signature],
    ) -> Result<(), LedgerError> {
        let lines: String = signatures.iter().map(Signature::line).collect();
        Ok(self
            .inner
            .shared
            .database
            .tx("ledger.cosignature_put", |tx| {
                store::cosignature_insert(tx, witness, size, time.as_millis(), &lines)
            })?)
    }

    /// Writes what waits, signs a last checkpoint and stops. Later appends are refused.
    pub fn close(&self) {
        self.inner.queue.ask_checkpoint();
        self.inner.queue.close();
        let thread = self
            .inner
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the ledger's writer thread ended in a panic");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer(…)")
    }
}

/// What the writer knows of the stored log.
#[derive(Clone)]
struct State {
    tree: Tree,
    last_time: Timestamp,
    /// Hashes of the unfinished tile of each level.
    partial: Vec<Vec<Hash>>,
}

impl State {
    /// Appends a leaf; gives the tiles it completes.
    fn push(&mut self, leaf: Hash, done: &mut Vec<FullTile>) {
        tile_push(&mut self.partial, self.tree.size(), leaf, done);
        self.tree.push(leaf);
    }
}

fn load(database: &Database) -> Result<State, LedgerError> {
    database.tx("ledger.load", |tx| {
        let mut state = State {
            tree: Tree::default(),
            last_time: Timestamp::from_millis(0),
            partial: vec![Vec::new()],
        };
        let mut roots = store::tile_roots(tx, 0, 0)?;
        for root in &roots {
            state.tree.push_tile(*root);
        }
        for level in 1..8 {
            let full = roots.len() / 256;
            state.partial.push(roots.split_off(full * 256));
            if full == 0 {
                break;
            }
            roots = store::tile_roots(tx, level, 0)?;
        }
        let start = state.tree.size();
        for (first, hashes) in store::hashes_from(tx, start)? {
            for (index, hash) in (first..).zip(hashes.as_chunks::<32>().0) {
                if index >= start {
                    state.tree.push(*hash);
                    state.partial[0].push(*hash);
                }
            }
        }
        if let Some((end, time)) = store::group_last(tx)? {
            if end != state.tree.size() {
                let size = state.tree.size();
                let why = format!("it has {end} entries but a tree over {size}");
                return Err(LedgerError::Tampered(why));
            }
            state.last_time = Timestamp::from_millis(time);
        }
        Ok(state)
    })
}

fn open_keys(
    database: &Database,
    keyring: &Keyring,
    entropy: &dyn Entropy,
) -> Result<LogKeys, LedgerError> {
    let (origin, seed) = database.tx("ledger.keys", |tx| {
        if let (Some(origin), Some(sealed)) =
            (store::meta_get(tx, "origin")?, store::meta_get(tx, "seed")?)
        {
            let lost = || LedgerError::malformed("ledger key", "the key that seals it is gone");
            let seed = keyring.open_value(SEED, &sealed)?.ok_or_else(lost)?;
            let seed = Secret32::from_slice(&seed).ok_or_else(lost)?;
            return Ok((String::from_utf8_lossy(&origin).into_owned(), seed));
        }
        let mut name = [0; 8];
        entropy.fill(&mut name);
        let origin = format!("casemate.local/log/{:016x}", u64::from_be_bytes(name));
        let seed = Secret32::random(entropy);
        store::meta_set(tx, "origin", origin.as_bytes())?;
        store::meta_set(
            tx,
            "seed",
            &keyring.seal(Scope::System, SEED, seed.expose())?,
        )?;
        Ok::<_, LedgerError>((origin, seed))
    })?;
    let signer = LogSigner::from_seed(&seed).map_err(StoreError::Key)?;
    Ok(LogKeys::new(origin, signer))
}

/// Refuses what waits, and all that would come, when it is dropped.
struct Closing(Arc<Queue>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

struct Worker {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    clock: Arc<dyn Clock>,
    state: State,
    reserve: Reserve,
    every: Duration,
    unsigned_since: Option<Timestamp>,
    restore_at: Option<Timestamp>,
}

impl Worker {
    fn run(mut self) {
        loop {
            let patience =
                (self.unsigned_since.is_some() || self.restore_at.is_some()).then_some(self.every);
            let asked = match self.queue.take(patience) {
                Work::Batch(batch, asked) => {
                    self.write(batch);
                    asked
                }
                Work::Idle => false,
                Work::Stop => break,
            };
            let now = self.clock.now();
            // A clock that went back must not put the checkpoint off.
            let due = self
                .unsigned_since
                .is_some_and(|since| now < since || now.since(since) >= self.every);
            if asked || due {
                self.sign(now);
            }
            self.restore_reserve(now);
        }
    }

    /// Writes a batch in groups of bounded size.
    fn write(&mut self, mut batch: Vec<Submission>) {
        while !batch.is_empty() {
            let mut bytes = 0;
            let upto = batch
                .iter()
                .position(|item| {
                    bytes += encoded_len(&item.draft.event, &item.draft.sealed).unwrap_or(0);
                    bytes > MAX_GROUP
                })
                .map_or(batch.len(), |at| at.max(1));
            let rest = batch.split_off(upto);
            self.write_group(batch);
            batch = rest;
        }
    }

    fn write_group(&mut self, batch: Vec<Submission>) {
        match self.commit(&batch) {
            Ok(positions) => answer(batch, positions),
            Err(LedgerError::Full) => self.write_pressed(batch),
            Err(error) => {
                tracing::error!(%error, "a group of records could not be written");
                refuse(batch, || LedgerError::Closed);
            }
        }
    }

    /// The disk is full: gives the reserve up, refuses new egress and writes the rest.
    fn write_pressed(&mut self, batch: Vec<Submission>) {
        self.press();
        let (egress, essential): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .partition(|item| item.lane == Lane::Egress);
        refuse(egress, || LedgerError::Full);
        if essential.is_empty() {
            return;
        }
        match self.commit(&essential) {
            Ok(positions) => answer(essential, positions),
            Err(error) => {
                tracing::error!(%error, "even the reserve is used up");
                refuse(essential, || LedgerError::Full);
            }
        }
    }

    fn press(&mut self) {
        if !self.shared.pressed.swap(true, Ordering::Relaxed) {
            tracing::error!("the ledger's disk is full: new egress is refused");
            self.reserve.release(&self.shared.database);
        }
        self.restore_at = Some(self.clock.now().plus(RESTORE_EVERY));
    }

    /// Makes a group durable. On an error nothing has changed, in memory or on disk.
    fn commit(&mut self, batch: &[Submission]) -> Result<Vec<Position>, LedgerError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut state = self.state.clone();
        // The book's time never goes back, whatever the machine's clock does.
        let now = self.clock.now();
        let time = now.max(state.last_time);
        state.last_time = time;
        let first = state.tree.size();
        let mut group = Group {
            first,
            time: time.as_millis(),
            count: 0,
            hashes: Vec::with_capacity(batch.len() * 32),
            entries: Vec::with_capacity(batch.len() * 1100),
        };
        let mut tiles = Vec::new();
        let mut positions = Vec::with_capacity(batch.len());
        for item in batch {
            let entry = item.draft.encode(time)?;
            let hash = leaf_hash(&entry);
            bundle_push(&mut group.entries, &entry);
            group.hashes.extend_from_slice(&hash);
            positions.push(Position {
                index: state.tree.size(),
                time,
            });
            state.push(hash, &mut tiles);
            group.count += 1;
        }
        self.shared
            .database
            .tx("ledger.append", |tx| {
                store::group_insert(tx, &group)?;
                for (level, number, root, hashes) in &tiles {
                    store::tile_insert(tx, *level, *number, root, hashes)?;
                }
                Ok::<_, StoreError>(())
            })
            .map_err(|error| match error {
                StoreError::Full => LedgerError::Full,
                other => LedgerError::Store(other),
            })?;
        self.state = state;
        self.shared.set_head(&self.state.tree, time);
        self.unsigned_since.get_or_insert(now);
        Ok(positions)
    }

    fn sign(&mut self, now: Timestamp) {
        let mut signed = self.sign_once(now);
        if matches!(signed, Err(LedgerError::Store(StoreError::Full))) {
            self.press();
            signed = self.sign_once(now);
        }
        match signed {
            Ok(()) => self.unsigned_since = None,
            // Tried again with the next batch or after the interval.
            Err(error) => tracing::error!(%error, "a checkpoint could not be written"),
        }
    }

    fn sign_once(&self, now: Timestamp) -> Result<(), LedgerError> {
        let (size, root) = (self.state.tree.size(), self.state.tree.root());
        let time = now.max(self.state.last_time);
        let note = self.shared.keys.sign(size, root, time)?;
        self.shared.database.tx("ledger.checkpoint", |tx| {
            store::checkpoint_insert(tx, size, time.as_millis(), &note.text())
        })?;
        Ok(())
    }

    fn restore_reserve(&mut self, now: Timestamp) {
        // Further ahead than it was set means that the clock went back.
        let due = |at: Timestamp| now >= at || at.since(now) > RESTORE_EVERY;
        if !self.restore_at.is_some_and(due) {
            return;
        }
        if self.reserve.restore(&self.shared.database).is_ok() {
            self.restore_at = None;
            self.shared.pressed.store(false, Ordering::Relaxed);
            tracing::info!("the ledger has room again: egress goes on");
        } else {
            self.restore_at = Some(now.plus(RESTORE_EVERY));
        }
    }
}

fn answer(batch: Vec<Submission>, positions: Vec<Position>) {
    for (item, position) in batch.into_iter().zip(positions) {
        // Nobody waiting is fine: a lazy submission.
        let _ = item.reply.send(Ok(position));
    }
}

fn refuse(batch: Vec<Submission>, error: impl Fn() -> LedgerError) {
    for item in batch {
        let _ = item.reply.send(Err(error()));
    }
}

/// Room kept free beside the ledger, given up when the disk is full.
struct Reserve {
    file: PathBuf,
    bytes: u64,
    max_bytes: Option<u64>,
}

impl Reserve {
    fn new(options: &LedgerOptions) -> Self {
        Self {
            file: options.file.with_extension("reserve"),
            bytes: options.reserve,
            max_bytes: options.max_bytes,
        }
    }

    fn release(&self, database: &Database) {
        if let Err(error) = std::fs::remove_file(&self.file) {
            tracing::warn!(%error, "the ledger's reserve could not be released");
        }
        if let Err(error) = database.limit_size(self.max_bytes) {
            tracing::warn!(%error, "the ledger's size limit could not be raised");
        }
    }

    /// Takes the room again. Fails when there is none.
    fn restore(&self, database: &Database) -> Result<(), LedgerError> {
        write_zeros(&self.file, self.bytes)
            .map_err(|source| LedgerError::path(&self.file, source))?;
        let limit = self.max_bytes.map(|max| max.saturating_sub(self.bytes));
        database.limit_size(limit)?;
        Ok(())
    }
}

fn write_zeros(path: &Path, bytes: u64) -> std::io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|meta| meta.len() == bytes) {
        return Ok(());
    }
    let written = File::create(path).and_then(|mut file| {
        let chunk = vec![0; 1 << 20];
        let mut left = bytes;
        while left > 0 {
            let now = left.min(chunk.len() as u64);
            file.write_all(&chunk[..usize::try_from(now).unwrap_or(chunk.len())])?;
            left -= now;
        }
        file.sync_all()
    });
    if written.is_err() {
        // A half-written reserve would take the last room away.
        let _ = std::fs::remove_file(path);
    }
    written
}
