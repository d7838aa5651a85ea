// SPDX-License-Identifier: Apache-2.0
//! What can go wrong with keys, by what the caller can do about it.

/// An operation with keys failed. No variant carries key material or plaintext.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// A stored form is not what this version writes.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// Which thing.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The ciphertext was made by another key, stands in another place, or was changed.
    #[error("a sealed value does not open: wrong key, moved or altered")]
    NotAuthentic,
    /// No machine source opens the root key.
    #[error("no configured key source opens the root key")]
    NoSource,
    /// A key is encrypted and no password was given.
    #[error("the key is encrypted and needs a password")]
    PasswordNeeded,
    /// The password does not open the key.
    #[error("the password does not open the key")]
    PasswordWrong,
    /// The provider refused; memory or a programming mistake.
    #[error("the cryptographic provider refused `{0}`")]
    Provider(&'static str),
    /// The recovery words or shares do not fit.
    #[error("the recovery kit does not open this data: {0}")]
    Recovery(String),
    /// A key or certificate of a kind that is not used here; the text says which and what to do.
    #[error("the key cannot be used: {0}")]
    Unsupported(&'static str),
}
