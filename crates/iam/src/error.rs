// SPDX-License-Identifier: Apache-2.0
//! What can go wrong with identities, by what the caller can do about it.

use casemate_access::AccessError;
use casemate_store::StoreError;
use casemate_types::{Problem, ProblemCode};

/// An operation on identities failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IamError {
    /// The door.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Something of that name exists.
    #[error("`{0}` exists already")]
    Conflict(String),
    /// The permit has expired.
    #[error("the permit has expired; ask again")]
    Expired,
    /// A value cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// Nothing of that id.
    #[error("there is no {0}")]
    NotFound(&'static str),
    /// A key that reaches further than the one that asks for it.
    #[error("the key reaches further than your own: in {0}")]
    Reach(&'static str),
    /// A role that the caller does not have and therefore cannot hand out.
    #[error("the role `{0}` is not yours to hand out")]
    Role(String),
    /// Storage.
    #[error("identities cannot be stored or read")]
    Store(#[from] StoreError),
}

impl IamError {
    /// What the caller is told.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Access(error) => error.problem(),
            Self::Conflict(_) => Problem::new(ProblemCode::Conflict, self.to_string()),
            Self::Expired | Self::Role(_) => Problem::new(ProblemCode::Denied, self.to_string()),
            Self::Invalid(_) => Problem::new(ProblemCode::Invalid, self.to_string()),
            Self::Reach(_) => Problem::new(ProblemCode::Denied, self.to_string())
                .hint("what a new key leaves open is as for your own; ask who has more for more"),
            Self::NotFound(_) => Problem::new(ProblemCode::NotFound, self.to_string()),
            Self::Store(_) => Problem::new(ProblemCode::Internal, self.to_string()),
        }
    }
}
