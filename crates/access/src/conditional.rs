// SPDX-License-Identifier: Apache-2.0
//! A permit that costs something first.

use casemate_types::{Action, Obligation, event::Ending};

use crate::{AccessError, Permit};

/// What was done about obligations, told by the code that did it.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    met: Vec<Obligation>,
}

impl Evidence {
    /// Nothing done yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that an obligation is met: every finding it speaks of was treated.
    pub fn met(&mut self, obligation: Obligation) {
        self.met.push(obligation);
    }
}

/// A permit whose obligations are not met yet.
#[must_use = "a conditional permit that is not discharged leaves an access without outcome"]
#[derive(Debug)]
pub struct Conditional<A: Action> {
    pub(crate) permit: Permit<A>,
    pub(crate) obligations: Vec<Obligation>,
}

impl<A: Action> Conditional<A> {
    /// What must be done.
    #[must_use]
    pub fn obligations(&self) -> &[Obligation] {
        &self.obligations
    }

    /// Turns into a permit when every obligation is met.
    ///
    /// # Errors
    /// [`AccessError::Undischarged`] naming the first that is not; the access is recorded as cut.
    pub fn discharge(self, evidence: &Evidence) -> Result<Permit<A>, AccessError> {
        match self
            .obligations
            .iter()
            .find(|obligation| !evidence.met.contains(obligation))
        {
            None => Ok(self.permit),
            Some(open) => {
                let open = open.to_string();
                self.permit.receipt.settle(Ending::Cut, |facts| {
                    facts.note = format!("the obligation `{open}` was not met");
                });
                Err(AccessError::Undischarged(open))
            }
        }
    }
}
