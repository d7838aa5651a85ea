// SPDX-License-Identifier: Apache-2.0
//! Records that are not answers of the door.

use casemate_ledger::{Kind, Lane};
use casemate_types::{
    Caller, RecordId,
    event::{Class, Event, Facts, Phase},
};

use crate::{AccessError, Door, Timing};

/// Writes into the book on behalf of a caller.
#[derive(Debug, Clone)]
pub struct Recorder {
    door: Door,
}

impl Recorder {
    pub(crate) const fn new(door: Door) -> Self {
        Self { door }
    }

    /// Records an attempt to sign in that failed or, with `accepted`, a first use.
    ///
    /// # Errors
    /// [`AccessError::Ledger`] when it cannot be written.
    pub fn authentication(
        &self,
        caller: &Caller,
        accepted: bool,
        note: &str,
    ) -> Result<RecordId, AccessError> {
        let decision = if accepted {
            casemate_types::Decision::Allow
        } else {
            casemate_types::Decision::Deny
        };
        let facts = Facts {
            decision: Some(decision),
            note: note.to_owned(),
            ..Facts::default()
        };
        self.write(
            caller,
            None,
            Kind::Notice,
            Class::Authentication,
            1,
            "authenticate",
            facts,
        )
    }

    /// Records what a guard saw in a request, for detection.
    ///
    /// # Errors
    /// [`AccessError::Ledger`] when it cannot be written.
    pub fn finding(
        &self,
        caller: &Caller,
        request: RecordId,
        attack: bool,
        mut facts: Facts,
    ) -> Result<RecordId, AccessError> {
        facts.phase = Some(Phase::Finding);
        let (class, title) = if attack {
            (Class::DetectionFinding, "attack on a model")
        } else {
            (Class::DataSecurityFinding, "sensitive data")
        };
        self.write(caller, Some(request), Kind::Finding, class, 1, title, facts)
    }

    /// Records housekeeping: a start, a rotation, a drill.
    ///
    /// # Errors
    /// [`AccessError::Ledger`] when it cannot be written.
    pub fn notice(&self, caller: &Caller, note: &str) -> Result<RecordId, AccessError> {
        let facts = Facts {
            phase: Some(Phase::Notice),
            note: note.to_owned(),
            ..Facts::default()
        };
        self.write(
            caller,
            None,
            Kind::Notice,
            Class::EntityManagement,
            99,
            "notice",
            facts,
        )
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one private funnel for three kinds of records"
    )]
    fn write(
        &self,
        caller: &Caller,
        request: Option<RecordId>,
        kind: Kind,
        class: Class,
        activity: i64,
        operation: &str,
        facts: Facts,
    ) -> Result<RecordId, AccessError> {
        let id = self.door.new_record();
        let event = Event {
            class,
            activity,
            id,
            request: request.unwrap_or(id),
            time: self.door.now(),
            caller,
            operation,
            model: None,
            facts: &facts,
        };
        let sealed: Vec<_> = caller
            .address
            .map(|address| ("source", address.to_string()))
            .into_iter()
            .collect();
        self.door
            .append(kind, &event, &sealed, Lane::Essential, Timing::Overlapped)?;
        Ok(id)
    }
}
