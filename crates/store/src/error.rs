// SPDX-License-Identifier: Apache-2.0
//! What can go wrong in storage, by what the caller can do about it.

/// Storage failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Bytes have another digest than the address they were to be stored under.
    #[error("the bytes do not have the digest that was announced")]
    Address,
    /// Another process holds the file.
    #[error("`{file}` is in use by another process")]
    Busy {
        /// Which file.
        file: String,
    },
    /// Something of that key exists already.
    #[error("it exists already")]
    Conflict,
    /// Stored bytes are not what this version writes, or a key does not fit.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
    /// A file or directory cannot be used.
    #[error("a file of the data directory cannot be read or written")]
    File(#[source] std::io::Error),
    /// A stored file is not there.
    #[error("stored bytes are missing")]
    Missing,
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// Keys.
    #[error("a stored key cannot be used")]
    Key(#[from] casemate_crypto::CryptoError),
    /// The engine failed in another way.
    #[error("transaction `{name}` failed")]
    Engine {
        /// Name of the transaction.
        name: &'static str,
        /// The engine's own words.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    pub(crate) fn engine(name: &'static str, error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Busy { file: name.into() }
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt(error.to_string())
            }
            Some(ErrorCode::ConstraintViolation) => Self::Conflict,
            _ => Self::Engine {
                name,
                source: Box::new(error),
            },
        }
    }
}
