// SPDX-License-Identifier: Apache-2.0
//! What the registry refuses, by what a caller can do about it.

use casemate_access::AccessError;
use casemate_store::StoreError;
use casemate_types::{Problem, ProblemCode};

use super::NameError;

/// The registry did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The door said no, or could not record the access.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Too many others are at it.
    #[error("{0}; try again in a moment")]
    Busy(String),
    /// Something else happened meanwhile, or it exists already.
    #[error("{0}")]
    Conflict(String),
    /// Stored bytes are not what was stored. The versions they belong to are quarantined.
    #[error("`{file}` is damaged; its versions are quarantined")]
    Damaged {
        /// The file, as the model names it.
        file: String,
    },
    /// What was sent makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// A name that is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is no such thing, or none that the caller may know of.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The signature or what it covers does not hold.
    #[error("the signature is refused: {0}")]
    Signature(String),
    /// Storage.
    #[error("the registry's storage failed")]
    Store(#[from] StoreError),
    /// The body ended early, was too long or came too slowly.
    #[error("{0}")]
    Transfer(String),
}

impl RegistryError {
    pub(crate) fn invalid(why: impl Into<String>) -> Self {
        Self::Invalid(why.into())
    }

    /// What the caller is told.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Access(error) => error.problem(),
            Self::Busy(_) => Problem::new(ProblemCode::Unavailable, self.to_string()),
            Self::Conflict(why) => Problem::new(ProblemCode::Conflict, why),
            Self::Damaged { .. } => Problem::new(ProblemCode::Denied, self.to_string())
                .hint("push the version again from where it came; `casemate model show` says more"),
            Self::Invalid(_) | Self::Name(_) | Self::Transfer(_) => {
                Problem::new(ProblemCode::Invalid, self.to_string())
            }
            Self::NotFound(_) => Problem::new(ProblemCode::NotFound, self.to_string()),
            Self::Signature(_) => Problem::new(ProblemCode::Denied, self.to_string())
                .hint("`casemate model signers` lists who may sign this model"),
            Self::Store(StoreError::Address) => Problem::new(
                ProblemCode::Invalid,
                "the bytes do not have the digest that was announced; nothing was stored",
            ),
            Self::Store(StoreError::Full) => Problem::new(
                ProblemCode::Unavailable,
                "the disk is as full as it may be; nothing was stored",
            )
            .hint(
                "make room in the data directory and push again: what is there is not sent twice",
            ),
            Self::Store(_) => Problem::new(ProblemCode::Internal, self.to_string()),
        }
    }
}
