// SPDX-License-Identifier: Apache-2.0
//! The book: an append-only Merkle log with signed checkpoints that anyone can verify offline.
//!
//! Hashing follows RFC 6962, checkpoints are C2SP signed notes (Ed25519 and ML-DSA-44), exports are
//! C2SP tlog-tiles, single records are proved by `.tlog-proof` files. Entries commit to ciphertext,
//! so destroying a subject's key erases text and leaves every proof valid.
//!
//! There is no call that changes or removes an entry. Appending needs the one [`Writer`], which the
//! door holds; everybody else gets a [`Reader`].

mod entry;
mod error;
mod export;
mod merkle;
mod note;
mod proof;
mod queue;
mod reader;
mod snapshot;
mod store;
mod verify;
mod witness;
mod writer;

pub use entry::{Entry, Kind, MAX_ENTRY, SealedPart};
pub use error::LedgerError;
pub use export::{ExportProgress, export};
pub use merkle::{Hash, Tree, empty_root, leaf_hash, node_hash, tile_path};
pub use note::{Checkpoint, LogKeys, Note, Signature, VerifierKey};
pub use proof::Proof;
pub use reader::{Reader, Record};
pub use snapshot::Snapshot;
pub use verify::{Fault, Report, verify_export};
pub use witness::{Witness, WitnessAnswer};
pub use writer::{Draft, Lane, Ledger, LedgerOptions, Position, Ticket, Urgency, Writer};
