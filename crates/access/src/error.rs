// SPDX-License-Identifier: Apache-2.0
//! When the door stays shut.

use casemate_ledger::LedgerError;
use casemate_policy::PolicyError;
use casemate_store::StoreError;
use casemate_types::{Problem, ProblemCode, RecordId, Verdict};

/// An access that was refused, with its reasons. It stands in the book.
#[derive(Debug, Clone, thiserror::Error)]
#[error("denied: {}", .verdict.reasons.first().map_or("no policy allows it", |r| r.text.as_str()))]
pub struct Denial {
    /// The record of the refusal.
    pub record: RecordId,
    /// The answer.
    pub verdict: Verdict,
}

impl Denial {
    /// What the caller is told: that it was refused and how to ask why, not which rule it was.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let guard = self
            .verdict
            .reasons
            .iter()
            .any(|reason| reason.policy.starts_with("guard."));
        let code = if guard {
            ProblemCode::GuardBlocked
        } else {
            ProblemCode::Denied
        };
        let text = self
            .verdict
            .reasons
            .first()
            .map_or("no policy allows it", |r| r.text.as_str());
        let mut problem = Problem::new(code, text).hint(format!(
            "whoever may read records sees why: casemate explain {}",
            self.record
        ));
        problem.request_id = Some(self.record);
        problem
    }
}

/// The door cannot answer, or answered no.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The answer is no.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The answer could not be written; unknown means deny.
    #[error("the access could not be recorded and is refused")]
    Ledger(#[from] LedgerError),
    /// The policies cannot be used.
    #[error("the policies cannot be used")]
    Policy(#[from] PolicyError),
    /// Storage.
    #[error("the door's storage failed")]
    Store(#[from] StoreError),
    /// Obligations were not met.
    #[error("the obligation `{0}` was not met")]
    Undischarged(String),
}

impl AccessError {
    /// What the caller is told.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Denied(denial) => denial.problem(),
            Self::Ledger(LedgerError::Full) => Problem::new(
                ProblemCode::Unavailable,
                "the ledger's disk is full, so nothing new may leave",
            )
            .hint("make room in the data directory; see `casemate doctor`"),
            Self::Ledger(LedgerError::Overloaded) => {
                let mut problem = Problem::new(ProblemCode::Unavailable, "too many accesses wait");
                problem.retry_after = Some(1);
                problem
            }
            Self::Ledger(_) | Self::Store(_) | Self::Undischarged(_) => Problem::new(
                ProblemCode::Unavailable,
                "the access could not be recorded and is refused",
            ),
            Self::Policy(error) => Problem::new(ProblemCode::Invalid, error.to_string()),
        }
    }
}
