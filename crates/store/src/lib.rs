// SPDX-License-Identifier: Apache-2.0
//! The SQL engine behind named transactions, the keys that seal columns, and sealed blobs.
//!
//! Only this crate knows which engine there is. Statements live in the crate that owns the tables,
//! are written once for SQLite and PostgreSQL (`?1` parameters, integers for booleans and times),
//! and always run in a named transaction.

mod blobs;
mod database;
mod error;
mod keyring;
mod value;

pub use blobs::{BlobDraft, BlobFile, Blobs, FinishedBlob};
pub use database::{Database, Durability, Migration, Options, Row, Tx};
pub use error::StoreError;
pub use keyring::{Keyring, Scope};
pub use value::Value;
