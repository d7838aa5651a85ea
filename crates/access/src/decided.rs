// SPDX-License-Identifier: Apache-2.0
//! An answer that is not in the book yet, and therefore worth nothing yet.

use std::marker::PhantomData;

use casemate_types::{
    Action, Booking, Caller, Decision, RecordId, ResourceRef, Verdict, event::Facts,
};

/// The door's answer to one question. It can be made stricter, described and booked; only
/// [`Door::commit`](crate::Door::commit) makes something of it.
#[must_use = "an answer that is not committed is not in the book"]
#[derive(Debug)]
pub struct Decided<A: Action> {
    pub(crate) caller: Caller,
    pub(crate) record: RecordId,
    pub(crate) request: RecordId,
    pub(crate) resource: ResourceRef,
    pub(crate) verdict: Verdict,
    pub(crate) policy_set: String,
    pub(crate) operation: String,
    pub(crate) model: Option<(String, String)>,
    pub(crate) facts: Facts,
    pub(crate) sealed: Vec<(&'static str, String)>,
    pub(crate) action: PhantomData<A>,
}

impl<A: Action> Decided<A> {
    /// The answer so far.
    #[must_use]
    pub const fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Whether the answer so far is yes.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.verdict.decision == Decision::Allow
    }

    /// Turns the answer to no for a reason outside the policies, such as a spent budget. A no stays
    /// the no it was.
    pub fn deny(mut self, rule: &str, text: &str) -> Self {
        if self.is_allowed() {
            self.verdict = Verdict::deny(rule, text);
            self.facts.booking = None;
        }
        self
    }

    /// Replaces the answer, whatever it was, by a no of a built-in rule that comes before policies.
    pub fn overrule(mut self, rule: &str, text: &str) -> Self {
        self.verdict = Verdict::deny(rule, text);
        self
    }

    /// Puts what is reserved into the decision record.
    pub fn book(&mut self, booking: Booking, accounts: Vec<String>) {
        self.facts.booking = Some(booking);
        self.facts.accounts = accounts;
    }

    /// Says that this is another attempt at an earlier request, such as a fallback.
    pub fn attempt_of(&mut self, request: RecordId) {
        self.request = request;
    }

    /// Names the operation in the field's words, e.g. `chat.completions`.
    pub fn operation(&mut self, operation: &str) {
        operation.clone_into(&mut self.operation);
    }

    /// Names provider and model, for model accesses.
    pub fn model(&mut self, provider: &str, name: &str) {
        self.model = Some((provider.to_owned(), name.to_owned()));
    }

    /// Adds what is known about the access. Decision, reasons and obligations are the door's.
    pub fn describe(&mut self, describe: impl FnOnce(&mut Facts)) {
        describe(&mut self.facts);
    }

    /// Adds a text that may be personal: it is sealed under the caller's key.
    pub fn sealed(&mut self, name: &'static str, text: String) {
        self.sealed.push((name, text));
    }
}
