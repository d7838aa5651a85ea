// SPDX-License-Identifier: Apache-2.0
//! Sealing of large things in chunks.
//!
//! The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015) over AES-256-GCM: each
//! 64 KiB chunk is sealed with `prefix[7] ‖ counter[4] ‖ last[1]` as nonce under a key derived for
//! this blob alone, so chunks can be neither reordered, dropped nor appended.

use std::io::{Read, Seek, SeekFrom, Write};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use casemate_types::Entropy;
use zeroize::Zeroizing;

use crate::{CryptoError, Secret32};

const MAGIC: &[u8; 8] = b"CMBLOB\x00\x01";
const SALT: usize = 32;
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
const HEAD: u64 = (MAGIC.len() + SALT) as u64;

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
    let mut sealer = BlobSealer::new(key, entropy, place, to)?;
    loop {
        let piece = read_up_to(from, CHUNK)?;
        if piece.is_empty() {
            return sealer.finish().map(drop);
        }
        sealer.push(&piece)?;
    }
}

/// Seals bytes that come piece by piece; the result is that of [`seal_blob`].
pub struct BlobSealer<W> {
    key: LessSafeKey,
    counter: u32,
    /// What is not sealed yet: a chunk is only known to be the last one once nothing follows.
    chunk: Zeroizing<Vec<u8>>,
    to: W,
}

impl<W: Write> BlobSealer<W> {
    /// Begins a blob that is bound to `place`.
    ///
    /// # Errors
    /// Only those of writing.
    pub fn new(
        key: &Secret32,
        entropy: &dyn Entropy,
        place: &str,
        mut to: W,
    ) -> std::io::Result<Self> {
        let mut salt = [0; SALT];
        entropy.fill(&mut salt);
        to.write_all(MAGIC)?;
        to.write_all(&salt)?;
        Ok(Self {
            key: chunk_key(key, place, &salt),
            counter: 0,
            chunk: Zeroizing::new(Vec::with_capacity(CHUNK)),
            to,
        })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// Those of writing, and a blob beyond 2^32 chunks.
    pub fn push(&mut self, mut piece: &[u8]) -> std::io::Result<()> {
        while !piece.is_empty() {
            if self.chunk.len() == CHUNK {
                self.seal(false)?;
                let next = self.counter.checked_add(1);
                self.counter = next.ok_or_else(|| std::io::Error::other("blob too large"))?;
                self.chunk.clear();
            }
            let room = (CHUNK - self.chunk.len()).min(piece.len());
            let (now, later) = piece.split_at(room);
            self.chunk.extend_from_slice(now);
            piece = later;
        }
        Ok(())
    }

    /// Seals the last chunk and gives the writer back.
    ///
    /// # Errors
    /// Only those of writing.
    pub fn finish(mut self) -> std::io::Result<W> {
        self.seal(true)?;
        Ok(self.to)
    }

    fn seal(&mut self, last: bool) -> std::io::Result<()> {
        let nonce = nonce(self.counter, last);
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::empty(), &mut self.chunk)
            .map_err(|_| std::io::Error::other("a chunk could not be sealed"))?;
        self.to.write_all(&self.chunk)?;
        self.to.write_all(tag.as_ref())
    }
}

impl<W> std::fmt::Debug for BlobSealer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlobSealer(chunk {})", self.counter)
    }
}

/// Opens single chunks of what [`seal_blob`] made, for reading from the middle.
pub struct BlobOpener<R> {
    key: LessSafeKey,
    from: R,
    sealed: u64,
    length: u64,
}

impl<R: Read + Seek> BlobOpener<R> {
    /// Opens a blob of `sealed` bytes, head and tags counted.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] when it is no blob or cannot be read.
    pub fn new(key: &Secret32, place: &str, mut from: R, sealed: u64) -> Result<Self, CryptoError> {
        let mut head = [0; MAGIC.len() + SALT];
        from.read_exact(&mut head)
            .map_err(|error| malformed(error.to_string()))?;
        let (magic, salt) = head.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(malformed("it does not begin like one".into()));
        }
        let body = sealed.saturating_sub(head.len() as u64);
        let tags = body.div_ceil((CHUNK + TAG) as u64).max(1) * TAG as u64;
        let length = body.checked_sub(tags);
        Ok(Self {
            key: chunk_key(key, place, salt),
            from,
            sealed,
            length: length.ok_or_else(|| malformed("it is cut".into()))?,
        })
    }

    /// How many bytes were sealed, as far as the file's length tells: chunks prove it.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The bytes from `offset` to the end of their chunk; none at the end of the blob.
    ///
    /// # Errors
    /// [`CryptoError::NotAuthentic`] for a wrong key, another place or a changed or cut blob;
    /// [`CryptoError::Malformed`] when it cannot be read.
    pub fn read_at(&mut self, offset: u64) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        if offset > self.length || (offset == self.length && offset > 0) {
            return Ok(Zeroizing::default());
        }
        let index = offset / CHUNK as u64;
        let counter = u32::try_from(index).map_err(|_| CryptoError::NotAuthentic)?;
        let start = HEAD + index * (CHUNK + TAG) as u64;
        let io = |error: std::io::Error| malformed(error.to_string());
        self.from.seek(SeekFrom::Start(start)).map_err(io)?;
        let mut chunk = read_up_to(&mut self.from, CHUNK + TAG).map_err(io)?;
        let last = start + chunk.len() as u64 == self.sealed;
        let length = self
            .key
            .open_in_place(nonce(counter, last), Aad::empty(), &mut chunk)
            .map_err(|_| CryptoError::NotAuthentic)?
            .len();
        chunk.truncate(length);
        let skipped = usize::try_from(offset - index * CHUNK as u64).unwrap_or(CHUNK);
        chunk.drain(..skipped.min(length));
        Ok(chunk)
    }
}

impl<R> std::fmt::Debug for BlobOpener<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlobOpener({} bytes)", self.length)
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

fn malformed(why: String) -> CryptoError {
    CryptoError::Malformed {
        what: "sealed blob",
        why,
    }
}

fn read_up_to(from: &mut dyn Read, limit: usize) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(limit));
    from.take(limit as u64).read_to_end(&mut out)?;
    Ok(out)
}
