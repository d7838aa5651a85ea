// SPDX-License-Identifier: Apache-2.0
//! A writer whose thread has ended without being told to: nobody waits for it.

use std::{
    sync::{Arc, Condvar, Mutex, mpsc},
    time::Duration,
};

use casemate_ledger::{Lane, Ledger, LedgerError, Ticket, Urgency};
use casemate_types::{Clock, Timestamp};

use crate::fixture::{Book, append};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    /// Whoever asks next waits.
    Shut,
    /// Somebody waits.
    Reached,
    /// Whoever asks falls.
    Broken,
}

/// A clock that holds up the writer, and then brings it down.
struct Trap {
    gate: Mutex<Gate>,
    changed: Condvar,
}

impl Trap {
    fn set(&self, gate: Gate) {
        *self.gate.lock().unwrap() = gate;
        self.changed.notify_all();
    }

    fn wait(&self, until: Gate) {
        let gate = self.gate.lock().unwrap();
        let waits = |gate: &mut Gate| *gate != until;
        drop(self.changed.wait_while(gate, waits).unwrap());
    }
}

impl Clock for Trap {
    fn now(&self) -> Timestamp {
        let mut gate = self.gate.lock().unwrap();
        if *gate == Gate::Shut {
            *gate = Gate::Reached;
            self.changed.notify_all();
            gate = self
                .changed
                .wait_while(gate, |gate| *gate == Gate::Reached)
                .unwrap();
        }
        let broken = *gate == Gate::Broken;
        drop(gate);
        assert!(!broken, "the clock broke");
        casemate_testkit::ManualClock::START
    }
}

/// What a ticket says; fails when it says nothing.
fn said(ticket: Ticket) -> Result<u64, LedgerError> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(ticket.durable_blocking()));
    let answer = receiver.recv_timeout(Duration::from_secs(20));
    answer.expect("a ticket waits for ever").map(|at| at.index)
}

#[test]
fn tickets_resolve_when_the_writer_has_fallen() {
    let book = Book::new();
    let trap = Arc::new(Trap {
        gate: Mutex::new(Gate::Open),
        changed: Condvar::new(),
    });
    let (writer, reader) = Ledger::open(
        book.options(),
        book.keyring.clone(),
        book.entropy.clone(),
        trap.clone(),
    )
    .unwrap();
    append(&writer, book.draft("{}")).unwrap();
    let hand_in = |urgency| writer.append(book.draft("{}"), Lane::Essential, urgency);

    trap.set(Gate::Shut);
    let taken = hand_in(Urgency::Durable).unwrap();
    trap.wait(Gate::Reached);
    // These wait behind it, and nobody will come for them.
    let waiting = [Urgency::Durable, Urgency::Lazy].map(|urgency| hand_in(urgency).unwrap());
    trap.set(Gate::Broken);
    for ticket in [taken].into_iter().chain(waiting) {
        let answer = said(ticket);
        assert!(matches!(answer, Err(LedgerError::Closed)), "{answer:?}");
    }
    // Whoever comes later is told at once.
    for urgency in [Urgency::Durable, Urgency::Lazy] {
        let refused = hand_in(urgency);
        assert!(matches!(refused, Err(LedgerError::Closed)), "{refused:?}");
    }
    writer.checkpoint_soon();
    writer.close();
    assert_eq!(reader.size(), 1);
    drop((writer, reader));

    // What was acknowledged is there, and no more.
    let (writer, reader) = book.open();
    assert_eq!(reader.size(), 1);
    append(&writer, book.draft("{}")).unwrap();
    assert!(reader.verify(&|_, _| ()).unwrap().is_whole());
}

#[test]
fn a_ticket_that_was_answered_says_no_more() {
    let book = Book::new();
    let (writer, _reader) = book.open();
    let draft = book.draft("{}");
    let mut ticket = writer
        .append(draft, Lane::Essential, Urgency::Durable)
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let first = runtime.block_on(&mut ticket);
    assert_eq!(first.unwrap().index, 0);
    let again = runtime.block_on(&mut ticket);
    assert!(matches!(again, Err(LedgerError::Closed)), "{again:?}");
    assert!(matches!(
        ticket.durable_blocking(),
        Err(LedgerError::Closed)
    ));
}
