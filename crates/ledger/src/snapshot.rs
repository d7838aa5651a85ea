// SPDX-License-Identifier: Apache-2.0
//! States of projections as of a log size, so that a start need not replay everything.

use casemate_crypto::Place;
use casemate_store::Scope;

use crate::{LedgerError, reader::Shared, store};

/// A projection's stored state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Entries that are already in it.
    pub size: u64,
    /// The state, in the reader's own form.
    pub bytes: Vec<u8>,
}

/// The size is part of the place, so that an old state cannot be passed off as a newer one.
fn row(reader: &str, size: u64) -> Vec<u8> {
    let mut row = reader.as_bytes().to_vec();
    row.extend_from_slice(&size.to_be_bytes());
    row
}

pub(crate) fn put(
    shared: &Shared,
    reader: &str,
    size: u64,
    bytes: &[u8],
) -> Result<(), LedgerError> {
    let row = row(reader, size);
    let place = Place {
        table: "ledger_snapshot",
        row: &row,
        column: "sealed",
    };
    let sealed = shared.keyring.seal(Scope::System, place, bytes)?;
    shared.database.tx("ledger.snapshot_put", |tx| {
        store::snapshot_put(tx, reader, size, &sealed)
    })?;
    Ok(())
}

pub(crate) fn get(shared: &Shared, reader: &str) -> Result<Option<Snapshot>, LedgerError> {
    let found = shared
        .database
        .tx("ledger.snapshot_get", |tx| store::snapshot_get(tx, reader))?;
    let Some((size, sealed)) = found else {
        return Ok(None);
    };
    let row = row(reader, size);
    let place = Place {
        table: "ledger_snapshot",
        row: &row,
        column: "sealed",
    };
    let plain = shared.keyring.open_value(place, &sealed)?;
    Ok(plain.map(|bytes| Snapshot {
        size,
        bytes: bytes.to_vec(),
    }))
}
