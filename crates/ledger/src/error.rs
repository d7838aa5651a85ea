// SPDX-License-Identifier: Apache-2.0
//! What can go wrong with the book, by what the caller can do about it.

use casemate_store::StoreError;

/// The ledger cannot do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The writer has stopped; nothing may be effected any more.
    #[error("the ledger is closed")]
    Closed,
    /// The disk is full; the reserve is kept for what must still be written.
    #[error("the ledger's disk is full")]
    Full,
    /// Bytes are not what this version writes.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// Which thing.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// No such record.
    #[error("the ledger has no such record")]
    NotFound,
    /// More is waiting to be written than the ledger accepts.
    #[error("the ledger cannot keep up")]
    Overloaded,
    /// Reading or writing files.
    #[error("`{path}` cannot be read or written")]
    Path {
        /// Which file.
        path: String,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// Storage.
    #[error("the ledger's storage failed")]
    Store(#[from] StoreError),
    /// What is stored is not what was signed.
    #[error("the ledger was tampered with: {0}")]
    Tampered(String),
}

impl LedgerError {
    pub(crate) fn path(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Path {
            path: path.display().to_string(),
            source,
        }
    }

    pub(crate) fn malformed(what: &'static str, why: impl Into<String>) -> Self {
        Self::Malformed {
            what,
            why: why.into(),
        }
    }
}
