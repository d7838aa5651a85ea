// SPDX-License-Identifier: Apache-2.0
//! Starting again: projections are rebuilt from the book, and every access whose end nobody saw
//! gets an outcome record that says so.

use std::collections::HashMap;

use casemate_ledger::{Kind, Record};
use casemate_types::{
    Caller, Decision, RecordId,
    event::{Class, Ending, Event, Facts, Phase},
};

use crate::{AccessError, Door, Timing};

const SNAPSHOT: &str = "casemate";

/// Something that is computed from the book.
pub trait Projection {
    /// Takes a stored state; on an error it starts empty and everything is replayed.
    ///
    /// # Errors
    /// Any text; it is logged.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), String>;

    /// Takes one record, in the order of the book.
    fn apply(&mut self, record: &Record, facts: &Facts);

    /// The state, to be stored.
    fn save(&self) -> Vec<u8>;
}

/// What recovery found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Records replayed.
    pub replayed: u64,
    /// Accesses without outcome, now recorded as unknown.
    pub unknown: u64,
}

impl Door {
    /// Rebuilds `projection`, writes `outcome unknown` where an outcome is missing (and applies
    /// those too), and stores a snapshot. To be called once, before anything is served.
    ///
    /// # Errors
    /// [`AccessError::Ledger`] when the book cannot be read or written.
    pub fn recover(&self, projection: &mut dyn Projection) -> Result<Recovered, AccessError> {
        let reader = &self.inner.parts.reader;
        let snapshot = reader.snapshot(SNAPSHOT)?;
        let start = match snapshot {
            Some(found) => match projection.restore(&found.bytes) {
                Ok(()) => found.size,
                Err(error) => {
                    tracing::warn!(%error, "a snapshot cannot be used; replaying the whole book");
                    0
                }
            },
            None => 0,
        };
        let mut open = HashMap::new();
        let mut size = reader.replay(start, |record| replay(record, projection, &mut open))?;
        let unknown = open.len() as u64;
        let mut last = None;
        for (request, facts) in open {
            last = Some(self.write_unknown(request, facts)?);
        }
        if let Some(ticket) = last {
            ticket.durable_blocking()?;
            let mut ignored = HashMap::new();
            size = reader.replay(size, |record| replay(record, projection, &mut ignored))?;
        }
        self.inner
            .parts
            .writer
            .snapshot_put(SNAPSHOT, size, &projection.save())?;
        Ok(Recovered {
            replayed: size - start,
            unknown,
        })
    }

    fn write_unknown(
        &self,
        request: RecordId,
        decision: Facts,
    ) -> Result<casemate_ledger::Ticket, AccessError> {
        let caller = Caller::job("recovery");
        // What was reserved may have been used, so it stays booked.
        let facts = Facts {
            phase: Some(Phase::Outcome),
            ending: Some(Ending::Unknown),
            note: "the process ended before the outcome was known".into(),
            ..decision
        };
        let event = Event {
            class: Class::ApiActivity,
            activity: 1,
            id: self.new_record(),
            request,
            time: self.now(),
            caller: &caller,
            operation: "recovery",
            model: None,
            facts: &facts,
        };
        let lane = casemate_ledger::Lane::Essential;
        self.append(Kind::Outcome, &event, &[], lane, Timing::Durable)
    }
}

fn replay(record: Record, projection: &mut dyn Projection, open: &mut HashMap<RecordId, Facts>) {
    if !matches!(record.entry.kind, Kind::Decision | Kind::Outcome) {
        return;
    }
    let Some(facts) = Facts::from_event(&record.entry.event) else {
        return;
    };
    projection.apply(&record, &facts);
    match record.entry.kind {
        Kind::Decision if facts.decision == Some(Decision::Allow) => {
            let kept = Facts {
                action: facts.action,
                resource: facts.resource,
                booking: facts.booking,
                accounts: facts.accounts,
                ..Facts::default()
            };
            open.insert(record.entry.id, kept);
        }
        Kind::Outcome => {
            open.remove(&record.entry.about);
        }
        _ => {}
    }
}
