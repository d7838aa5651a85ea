// SPDX-License-Identifier: Apache-2.0
//! What waits to be written. Producers push; the one writer takes everything at once.
//!
//! Waking a thread costs more than writing a record, so the writer is only woken for a submission
//! somebody waits for, for the first of a batch, and for a batch that is full; others ride along.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

use crate::{Draft, Lane, LedgerError, Position, Urgency};

/// Submissions that may wait; beyond it the ledger pushes back.
const CAPACITY: usize = 8192;
/// A batch of this size is written without waiting for more.
const FULL_BATCH: usize = 512;
/// How long lazy submissions may wait for company.
const LINGER: Duration = Duration::from_millis(2);
/// How long a submission somebody waits for may wait for others like it, when the last batches had
/// several: one write for many costs far less than many writes. Alone, it never waits.
const GATHER: Duration = Duration::from_millis(1);

pub(crate) struct Submission {
    pub(crate) draft: Draft,
    pub(crate) lane: Lane,
    pub(crate) reply: oneshot::Sender<Result<Position, LedgerError>>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Submission>,
    /// How many of them somebody waits for.
    urgent: usize,
    /// How many that were in recent batches.
    company: usize,
    closed: bool,
    checkpoint: bool,
    asleep: bool,
}

#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

/// What the writer is to do next.
pub(crate) enum Work {
    /// Write these; sign a checkpoint afterwards if asked.
    Batch(Vec<Submission>, bool),
    /// Nothing came in time.
    Idle,
    /// Nothing will come any more.
    Stop,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, item: Submission, urgency: Urgency) -> Result<(), LedgerError> {
        let mut state = self.lock();
        if state.closed {
            return Err(LedgerError::Closed);
        }
        // What ends an access is never turned away: its decision was accepted already.
        if state.waiting.len() >= CAPACITY && item.lane == Lane::Egress {
            return Err(LedgerError::Overloaded);
        }
        state.waiting.push(item);
        let urgent = urgency == Urgency::Durable;
        state.urgent += usize::from(urgent);
        let wake = (urgent && (state.urgent == 1 || state.urgent == state.company))
            || state.waiting.len() == FULL_BATCH
            || (state.asleep && state.waiting.len() == 1);
        drop(state);
        if wake {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Asks for a checkpoint over everything pushed so far.
    pub(crate) fn ask_checkpoint(&self) {
        let mut state = self.lock();
        state.checkpoint = true;
        drop(state);
        self.wake.notify_one();
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// Closes and lets go of what waits; its tickets resolve as closed.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        let abandoned = std::mem::take(&mut state.waiting);
        drop(state);
        drop(abandoned);
    }

    /// Waits for work, at most `patience` when there is none.
    pub(crate) fn take(&self, patience: Option<Duration>) -> Work {
        let mut state = self.lock();
        while state.waiting.is_empty() && !state.closed && !state.checkpoint {
            state.asleep = true;
            match patience {
                Some(patience) => {
                    let (guard, timeout) = self
                        .wake
                        .wait_timeout(state, patience)
                        .unwrap_or_else(PoisonError::into_inner);
                    state = guard;
                    if timeout.timed_out() && state.waiting.is_empty() {
                        state.asleep = false;
                        return Work::Idle;
                    }
                }
                None => {
                    state = self
                        .wake
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        state.asleep = false;
        state = self.linger(state, LINGER, |state| state.urgent > 0);
        state = self.linger(state, GATHER, |state| state.urgent >= state.company);
        if state.waiting.is_empty() && state.closed && !state.checkpoint {
            return Work::Stop;
        }
        let urgent = std::mem::take(&mut state.urgent);
        state.company = urgent.max(state.company * 3 / 4);
        let checkpoint = std::mem::take(&mut state.checkpoint);
        let capacity = state.waiting.len();
        Work::Batch(
            std::mem::replace(&mut state.waiting, Vec::with_capacity(capacity)),
            checkpoint,
        )
    }

    /// Waits until `enough`, or nothing is gained by waiting, at most `patience`.
    fn linger<'q>(
        &'q self,
        state: MutexGuard<'q, State>,
        patience: Duration,
        enough: impl Fn(&State) -> bool,
    ) -> MutexGuard<'q, State> {
        let wait = |state: &mut State| {
            let pressing = state.closed || state.checkpoint || state.waiting.len() >= FULL_BATCH;
            !pressing && !enough(state)
        };
        self.wake
            .wait_timeout_while(state, patience, wait)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}
