// SPDX-License-Identifier: Apache-2.0
//! Blobs come back whole or not at all, and tell nothing to whoever sees the directory.

use std::path::{Path, PathBuf};

use casemate_crypto::sha256;
use casemate_store::{BlobDraft, Blobs, Scope, StoreError};
use casemate_testkit::{ManualClock, SeededEntropy, TempDir, keyring};
use casemate_types::ProjectId;

const ONE: Scope = Scope::Project(ProjectId::from_bytes([1; 16]));
const OTHER: Scope = Scope::Project(ProjectId::from_bytes([2; 16]));

struct Place {
    dir: TempDir,
    blobs: Blobs,
}

fn place() -> Place {
    let dir = TempDir::new();
    let (clock, entropy) = (ManualClock::shared(), SeededEntropy::shared(1));
    let keys = keyring(&dir.join("keys.db"), clock, entropy.clone());
    let blobs = Blobs::open(&dir.join("blobs"), 0, keys, entropy).unwrap();
    Place { dir, blobs }
}

fn draft(blobs: &Blobs, scope: Scope, bytes: &[u8]) -> BlobDraft {
    let mut draft = blobs
        .create(scope, sha256(bytes), bytes.len() as u64)
        .unwrap();
    bytes
        .chunks(1000)
        .for_each(|piece| draft.push(piece).unwrap());
    draft
}

fn put(blobs: &Blobs, scope: Scope, bytes: &[u8]) {
    let finished = draft(blobs, scope, bytes).finish().unwrap();
    finished.settle(|| Ok::<_, StoreError>(())).unwrap();
}

fn whole(blobs: &Blobs, scope: Scope, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut file = blobs.read(scope, &sha256(bytes))?;
    let mut out = Vec::new();
    loop {
        let piece = file.read_at(out.len() as u64)?;
        if piece.is_empty() {
            return Ok(out);
        }
        out.extend_from_slice(&piece);
    }
}

fn files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

#[test]
fn what_was_put_comes_back() {
    let place = place();
    for bytes in [&b""[..], b"abc", &[7; 200_000]] {
        put(&place.blobs, ONE, bytes);
        assert_eq!(whole(&place.blobs, ONE, bytes).unwrap(), bytes);
    }
    // Once more is no harm.
    put(&place.blobs, ONE, b"abc");
    assert_eq!(files(&place.dir.join("blobs")).len(), 3);
}

#[test]
fn the_directory_tells_neither_content_nor_address_nor_who_else_has_it() {
    let place = place();
    put(&place.blobs, ONE, b"weights of a secret model");
    assert!(matches!(
        whole(&place.blobs, OTHER, b"weights of a secret model"),
        Err(StoreError::Missing)
    ));
    put(&place.blobs, OTHER, b"weights of a secret model");
    let files = files(&place.dir.join("blobs"));
    assert_eq!(files.len(), 2);
    let address: String = sha256(b"weights of a secret model")
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    for file in files {
        assert!(!file.to_str().unwrap().replace('/', "").contains(&address));
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"weights"));
    }
}

#[test]
fn other_bytes_than_announced_are_not_kept() {
    let place = place();
    let mut draft = place.blobs.create(ONE, sha256(b"announced"), 9).unwrap();
    draft.push(b"delivered").unwrap();
    assert!(matches!(draft.finish(), Err(StoreError::Address)));
    assert_eq!(files(&place.dir.join("blobs")), Vec::<PathBuf>::new());
}

#[test]
fn what_is_broken_off_leaves_nothing() {
    let place = place();
    drop(draft(&place.blobs, ONE, &[1; 300_000]));
    assert_eq!(files(&place.dir.join("blobs")), Vec::<PathBuf>::new());
    // Nor does a process that was killed.
    std::mem::forget(draft(&place.blobs, ONE, &[1; 300_000]));
    assert_eq!(files(&place.dir.join("blobs")).len(), 1);
    let (clock, entropy) = (ManualClock::shared(), SeededEntropy::shared(2));
    let keys = keyring(&place.dir.join("other.db"), clock, entropy.clone());
    Blobs::open(&place.dir.join("blobs"), 0, keys, entropy).unwrap();
    assert_eq!(files(&place.dir.join("blobs")), Vec::<PathBuf>::new());
}

#[test]
fn damage_is_seen() {
    let place = place();
    let bytes = [9; 200_000];
    put(&place.blobs, ONE, &bytes);
    put(&place.blobs, ONE, b"another");
    let mut all = files(&place.dir.join("blobs"));
    all.sort_by_key(|file| std::fs::metadata(file).unwrap().len());
    let (small, large) = (&all[0], &all[1]);
    let good = std::fs::read(large).unwrap();

    let mut flipped = good.clone();
    flipped[150_000] ^= 0x10;
    std::fs::write(large, &flipped).unwrap();
    assert!(whole(&place.blobs, ONE, &bytes).unwrap_err().is_damage());

    std::fs::write(large, &good[..good.len() - 1]).unwrap();
    assert!(whole(&place.blobs, ONE, &bytes).unwrap_err().is_damage());

    std::fs::write(large, b"").unwrap();
    assert!(whole(&place.blobs, ONE, &bytes).unwrap_err().is_damage());

    // Another blob of the same owner in its place.
    std::fs::copy(small, large).unwrap();
    assert!(whole(&place.blobs, ONE, &bytes).unwrap_err().is_damage());

    // Putting it again heals it.
    put(&place.blobs, ONE, &bytes);
    assert_eq!(whole(&place.blobs, ONE, &bytes).unwrap(), bytes);
    place.blobs.remove(ONE, &sha256(&bytes)).unwrap();
    assert!(whole(&place.blobs, ONE, &bytes).unwrap_err().is_damage());
    place.blobs.remove(ONE, &sha256(&bytes)).unwrap();
}

#[test]
fn nothing_is_taken_in_that_leaves_too_little_room() {
    let dir = TempDir::new();
    let (clock, entropy) = (ManualClock::shared(), SeededEntropy::shared(1));
    let keys = keyring(&dir.join("keys.db"), clock, entropy.clone());
    let open = |keep| Blobs::open(&dir.join("blobs"), keep, keys.clone(), entropy.clone()).unwrap();
    let is_full = |result: Result<BlobDraft, StoreError>| matches!(result, Err(StoreError::Full));
    assert!(is_full(open(u64::MAX).create(ONE, [1; 32], 0)));
    let some = open(1);
    assert!(is_full(some.create(ONE, [1; 32], u64::MAX)));
    assert!(is_full(some.create(ONE, [1; 32], 1 << 60)));
    drop(some.create(ONE, [1; 32], 1).unwrap());
    // Without a bound, the disk itself says when it is full.
    assert!(!is_full(open(0).create(ONE, [1; 32], u64::MAX)));
    assert_eq!(files(&dir.join("blobs")), Vec::<PathBuf>::new());
}
