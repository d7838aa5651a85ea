// SPDX-License-Identifier: Apache-2.0
//! The thread of the one writer: groups, checkpoints, and what is done when the disk is full.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use casemate_store::StoreError;
use casemate_types::{Clock, Timestamp};

use super::{Lane, Position, State, reserve::Reserve};
use crate::{
    LedgerError,
    entry::{bundle_push, encoded_len},
    leaf_hash,
    queue::{Queue, Submission, Work},
    reader::Shared,
    store::{self, Group},
};

/// Bytes of entries in one group at most, so that a reader's memory is bounded.
const MAX_GROUP: usize = 4 << 20;
/// How often a released reserve is tried to be restored.
pub(super) const RESTORE_EVERY: Duration = Duration::from_secs(10);

/// Writes what is queued until it is told to stop.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) queue: Arc<Queue>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) state: State,
    pub(super) reserve: Reserve,
    pub(super) every: Duration,
    pub(super) unsigned_since: Option<Timestamp>,
    pub(super) restore_at: Option<Timestamp>,
}

impl Worker {
    pub(super) fn run(mut self) {
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
