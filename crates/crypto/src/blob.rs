// SPDX-License-Identifier: Apache-2.0
//! Sealing of large things in chunks.
//!
//! The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015) over AES-256-GCM: each
//! 64 KiB chunk is sealed with `prefix[7] ‖ counter[4] ‖ last[1]` as nonce under a key derived for
//! this blob alone, so chunks can be neither reordered, dropped nor appended.

use std::io::{Read, Write};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use casemate_types::Entropy;
use zeroize::Zeroizing;

use crate::{CryptoError, Secret32};

const MAGIC: &[u8; 8] = b"CMBLOB\x00\x01";
const SALT: usize = 32;
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;

/// Seals everything `from` gives into `to`, bound to `place`.
///
/// # Errors
/// Only those of reading and writing.
pub fn seal_blob(
    key: &Secret32,
    entropy: &dyn Entropy,
    place: &str,
    from: &mut dyn Read,
    to: &mut dyn Write,
) -> std::io::Result<()> {
    let mut salt = [0; SALT];
    entropy.fill(&mut salt);
    to.write_all(MAGIC)?;
    to.write_all(&salt)?;
    let sealer = chunk_key(key, place, &salt);
    let mut chunk = read_chunk(from)?;
    let mut counter = 0_u32;
    loop {
        // A chunk is only known to be the last one once the next read gives nothing.
        let next = if chunk.len() == CHUNK {
            read_chunk(from)?
        } else {
            Zeroizing::default()
        };
        let last = next.is_empty();
        let tag = sealer
            .seal_in_place_separate_tag(nonce(counter, last), Aad::empty(), &mut chunk)
            .map_err(|_| std::io::Error::other("a chunk could not be sealed"))?;
        to.write_all(&chunk)?;
        to.write_all(tag.as_ref())?;
        if last {
            return Ok(());
        }
        counter = counter
            .checked_add(1)
            .ok_or_else(|| std::io::Error::other("blob too large"))?;
        chunk = next;
    }
}

/// Opens what [`seal_blob`] made. What was written to `to` before an error must be thrown away.
///
/// # Errors
/// [`CryptoError::NotAuthentic`] for a wrong key, another place, or a changed or cut blob;
/// [`CryptoError::Malformed`] when it is no blob or cannot be read or written.
pub fn open_blob(
    key: &Secret32,
    place: &str,
    from: &mut dyn Read,
    to: &mut dyn Write,
) -> Result<(), CryptoError> {
    let malformed = |why: String| CryptoError::Malformed {
        what: "sealed blob",
        why,
    };
    let mut head = [0; MAGIC.len() + SALT];
    from.read_exact(&mut head)
        .map_err(|error| malformed(error.to_string()))?;
    let (magic, salt) = head.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(malformed("it does not begin like one".into()));
    }
    let opener = chunk_key(key, place, salt);
    let mut counter = 0_u32;
    let mut chunk = read_up_to(from, CHUNK + TAG).map_err(|error| malformed(error.to_string()))?;
    loop {
        let next = if chunk.len() == CHUNK + TAG {
            read_up_to(from, CHUNK + TAG).map_err(|error| malformed(error.to_string()))?
        } else {
            Zeroizing::default()
        };
        let last = next.is_empty();
        let plain = opener
            .open_in_place(nonce(counter, last), Aad::empty(), &mut chunk)
            .map_err(|_| CryptoError::NotAuthentic)?;
        to.write_all(plain)
            .map_err(|error| malformed(error.to_string()))?;
        if last {
            return Ok(());
        }
        counter = counter.checked_add(1).ok_or(CryptoError::NotAuthentic)?;
        chunk = next;
    }
}

fn chunk_key(key: &Secret32, place: &str, salt: &[u8]) -> LessSafeKey {
    let derived = key.derive_with(place, salt);
    let unbound = UnboundKey::new(&AES_256_GCM, derived.expose())
        .expect("32 bytes are the length of an AES-256 key");
    LessSafeKey::new(unbound)
}

fn nonce(counter: u32, last: bool) -> Nonce {
    let mut bytes = [0; 12];
    bytes[7..11].copy_from_slice(&counter.to_be_bytes());
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

fn read_chunk(from: &mut dyn Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    read_up_to(from, CHUNK)
}

fn read_up_to(from: &mut dyn Read, limit: usize) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(limit));
    from.take(limit as u64).read_to_end(&mut out)?;
    Ok(out)
}
