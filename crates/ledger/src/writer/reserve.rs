// SPDX-License-Identifier: Apache-2.0
//! The ledger's reserve.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use casemate_store::Database;

use super::LedgerOptions;
use crate::LedgerError;

/// Room kept free beside the ledger, given up when the disk is full.
pub(super) struct Reserve {
    file: PathBuf,
    bytes: u64,
    max_bytes: Option<u64>,
}

impl Reserve {
    pub(super) fn new(options: &LedgerOptions) -> Self {
        Self {
            file: options.file.with_extension("reserve"),
            bytes: options.reserve,
            max_bytes: options.max_bytes,
        }
    }

    pub(super) fn release(&self, database: &Database) {
        if let Err(error) = std::fs::remove_file(&self.file) {
            tracing::warn!(%error, "the ledger's reserve could not be released");
        }
        if let Err(error) = database.limit_size(self.max_bytes) {
            tracing::warn!(%error, "the ledger's size limit could not be raised");
        }
    }

    /// Takes the room again. Fails when there is none.
    pub(super) fn restore(&self, database: &Database) -> Result<(), LedgerError> {
        write_zeros(&self.file, self.bytes)
            .map_err(|source| LedgerError::path(&self.file, source))?;
        let limit = self.max_bytes.map(|max| max.saturating_sub(self.bytes));
        database.limit_size(limit)?;
        Ok(())
    }
}

fn write_zeros(path: &Path, bytes: u64) -> std::io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|meta| meta.len() == bytes) {
        return Ok(());
    }
    let written = File::create(path).and_then(|mut file| {
        let chunk = vec![0; 1 << 20];
        let mut left = bytes;
        while left > 0 {
            let now = left.min(chunk.len() as u64);
            file.write_all(&chunk[..usize::try_from(now).unwrap_or(chunk.len())])?;
            left -= now;
        }
        file.sync_all()
    });
    if written.is_err() {
        // A half-written reserve would take the last room away.
        let _ = std::fs::remove_file(path);
    }
    written
}
