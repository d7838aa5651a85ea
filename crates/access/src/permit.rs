// SPDX-License-Identifier: Apache-2.0
//! The right to one effect, once.

use std::{
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use casemate_ledger::{LedgerError, Ticket};
use casemate_types::{
    Action, Booking, Caller, RecordId, ResourceRef, Timestamp,
    event::{Ending, Facts, Phase},
};

use crate::{Door, Timing};

/// The right to do action `A` to one resource. Made by the door alone, consumed by value: neither
/// cloned nor built elsewhere, and the effect takes its resource from it.
///
/// ```compile_fail
/// # use casemate_access::Permit;
/// # use casemate_types::actions::{KeyCreate, KeyRevoke};
/// fn revoke(_: Permit<KeyRevoke>) {}
/// fn wrong(permit: Permit<KeyCreate>) { revoke(permit) }
/// ```
#[must_use = "a permit that is not used leaves an access without outcome"]
#[derive(Debug)]
pub struct Permit<A: Action> {
    pub(crate) resource: ResourceRef,
    pub(crate) expires: Timestamp,
    pub(crate) receipt: Receipt,
    pub(crate) action: PhantomData<A>,
}

impl<A: Action> Permit<A> {
    /// The resource the permit is for.
    #[must_use]
    pub const fn resource(&self) -> &ResourceRef {
        &self.resource
    }

    /// Who got it.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.receipt.caller
    }

    /// The record of the decision.
    #[must_use]
    pub const fn record(&self) -> RecordId {
        self.receipt.record
    }

    /// Begins the effect: gives the resource it is for, and the receipt that must record how it
    /// ended. `None` when the permit has expired; that is recorded as failed.
    #[must_use]
    pub fn enter(self) -> Option<(ResourceRef, Receipt)> {
        if self.receipt.door.now() > self.expires {
            self.receipt.settle(Ending::Failed, |facts| {
                "the permit had expired".clone_into(&mut facts.note);
            });
            return None;
        }
        Some((self.resource, self.receipt))
    }
}

/// Owes the book an outcome. Dropped without one, it writes that the access was aborted.
pub struct Receipt {
    pub(crate) door: Door,
    pub(crate) caller: Caller,
    pub(crate) record: RecordId,
    pub(crate) request: RecordId,
    pub(crate) operation: String,
    pub(crate) model: Option<(String, String)>,
    pub(crate) base: Facts,
    pub(crate) durable: Option<Ticket>,
    pub(crate) settled: bool,
}

impl Receipt {
    /// The record of the decision.
    #[must_use]
    pub const fn record(&self) -> RecordId {
        self.record
    }

    /// The request it belongs to; another record when this was a second attempt.
    #[must_use]
    pub const fn request(&self) -> RecordId {
        self.request
    }

    /// Who asked.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What the decision reserved.
    #[must_use]
    pub fn booking(&self) -> Booking {
        self.base.booking.unwrap_or_default()
    }

    /// Waits until the decision of an overlapped access is durable.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not: nothing more may be given out.
    pub async fn durable(&mut self) -> Result<(), LedgerError> {
        poll_fn(|cx| self.poll_durable(cx)).await
    }

    /// The same, for bodies of answers.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not: nothing more may be given out.
    pub fn poll_durable(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LedgerError>> {
        let Some(ticket) = &mut self.durable else {
            return Poll::Ready(Ok(()));
        };
        // A ticket that failed stays, and says so again.
        ready!(Pin::new(ticket).poll(cx))?;
        self.durable = None;
        Poll::Ready(Ok(()))
    }

    /// Writes how the access ended. `describe` adds what is known.
    pub fn settle(mut self, ending: Ending, describe: impl FnOnce(&mut Facts)) {
        self.write(ending, describe);
    }

    fn write(&mut self, ending: Ending, describe: impl FnOnce(&mut Facts)) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let mut facts = Facts {
            phase: Some(Phase::Outcome),
            action: self.base.action,
            resource: std::mem::take(&mut self.base.resource),
            dialect: std::mem::take(&mut self.base.dialect),
            upstream: std::mem::take(&mut self.base.upstream),
            accounts: std::mem::take(&mut self.base.accounts),
            ending: Some(ending),
            ..Facts::default()
        };
        describe(&mut facts);
        self.door.write_outcome(self, &facts, Timing::Overlapped);
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let booking = self.base.booking;
        // Nobody said what was used, so what was reserved counts as used.
        self.write(Ending::Aborted, |facts| facts.booking = booking);
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Receipt({})", self.record)
    }
}
