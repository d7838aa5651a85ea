// SPDX-License-Identifier: Apache-2.0
//! A copy of the log as C2SP tlog-tiles in a directory: checkpoint, keys, tiles, entry bundles.

use std::{fs, path::Path};

use crate::{
    Checkpoint, LedgerError, Reader,
    entry::{bundle_entries, bundle_push},
    merkle::{Tiles as _, WIDTH, tile_path},
    reader::PAGE,
};

/// Called with entries done and entries in all.
pub type ExportProgress<'a> = &'a dyn Fn(u64, u64);

/// Writes everything the newest checkpoint covers to `directory`, which must be empty or absent.
/// The public keys go into `keys` beside it, for convenience: who verifies should have them from
/// elsewhere.
///
/// # Errors
/// [`LedgerError::Path`] when the directory is not empty or cannot be written.
pub fn export(
    reader: &Reader,
    directory: &Path,
    progress: ExportProgress<'_>,
) -> Result<Checkpoint, LedgerError> {
    let occupied = directory
        .read_dir()
        .is_ok_and(|mut inside| inside.next().is_some());
    if occupied {
        let why = std::io::Error::new(std::io::ErrorKind::AlreadyExists, "it is not empty");
        return Err(LedgerError::path(directory, why));
    }
    let note = reader.checkpoint()?;
    let checkpoint = Checkpoint::parse(&note.body)?;
    write_entries(reader, directory, checkpoint.size, progress)?;
    write_tiles(reader, directory, checkpoint.size)?;
    let keys: String = reader
        .public_keys()
        .iter()
        .map(|key| key.text() + "\n")
        .collect();
    write(&directory.join("keys"), keys.as_bytes())?;
    write(&directory.join("checkpoint"), note.text().as_bytes())?;
    Ok(checkpoint)
}

fn write_entries(
    reader: &Reader,
    directory: &Path,
    size: u64,
    progress: ExportProgress<'_>,
) -> Result<(), LedgerError> {
    let (mut index, mut bundle) = (0_u64, Vec::new());
    while index < size {
        let groups = reader.groups(index, PAGE)?;
        if groups.is_empty() {
            return Err(missing(index));
        }
        let before = index;
        for group in groups {
            for (at, entry) in (group.first..).zip(bundle_entries(&group.entries)) {
                if at != index || at >= size {
                    continue;
                }
                let cut = || LedgerError::malformed("group of entries", "it is cut");
                bundle_push(&mut bundle, entry.ok_or_else(cut)?);
                index += 1;
                if index.is_multiple_of(WIDTH) || index == size {
                    let number = (index - 1) / WIDTH;
                    let width = index - number * WIDTH;
                    write(&directory.join(tile_path(None, number, width)), &bundle)?;
                    bundle.clear();
                }
            }
        }
        if index == before {
            return Err(missing(index));
        }
        progress(index, size);
    }
    Ok(())
}

fn missing(index: u64) -> LedgerError {
    LedgerError::Tampered(format!("record {index} is missing"))
}

fn write_tiles(reader: &Reader, directory: &Path, size: u64) -> Result<(), LedgerError> {
    for level in 0..8_u8 {
        let total = size >> (8 * u32::from(level));
        for number in 0..total.div_ceil(WIDTH) {
            let width = WIDTH.min(total - number * WIDTH);
            let hashes = reader.tiles(size).tile(level, number, width)?;
            let path = directory.join(tile_path(Some(level), number, width));
            write(&path, hashes.as_flattened())?;
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), LedgerError> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(|source| LedgerError::path(parent, source))?;
    fs::write(path, bytes).map_err(|source| LedgerError::path(path, source))
}
