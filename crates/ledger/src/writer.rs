// SPDX-License-Identifier: Apache-2.0
//! The one writer: puts submissions in order, makes groups durable, signs checkpoints.

mod reserve;
mod worker;

use std::{
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
    entry::{Parts, encoded_len},
    merkle::{FullTile, Hash, tile_push},
    queue::{Queue, Submission},
    reader::{Head, Shared},
    store,
};

use reserve::Reserve;
use worker::{RESTORE_EVERY, Worker};

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
