// SPDX-License-Identifier: Apache-2.0
//! Sealing of values, bound to the place they stand in.
//!
//! AES-256-GCM-SIV (RFC 8452): a repeated random nonce reveals at most that two equal values are
//! equal, so one key may seal far more values than plain GCM's 2^32. The form is
//! `version[1] ‖ key id[4] ‖ nonce[12] ‖ ciphertext ‖ tag[16]`.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use casemate_types::Entropy;
use zeroize::Zeroizing;

use crate::{CryptoError, Secret32};

const VERSION: u8 = 1;
const PREFIX: usize = 5;
const TAG: usize = 16;

/// Where a sealed value stands. A value moved elsewhere does not open.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Table or file.
    pub table: &'a str,
    /// Row key.
    pub row: &'a [u8],
    /// Column.
    pub column: &'a str,
}

impl Place<'_> {
    fn aad(&self, prefix: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend_from_slice(prefix);
        for part in [self.table.as_bytes(), self.row, self.column.as_bytes()] {
            out.extend_from_slice(&(part.len() as u64).to_be_bytes());
            out.extend_from_slice(part);
        }
        out
    }
}

/// A key that seals values.
pub struct DataKey {
    id: u32,
    key: LessSafeKey,
}

impl DataKey {
    /// A sealing key from its bytes; `id` goes in front of every ciphertext.
    #[must_use]
    pub fn new(id: u32, secret: &Secret32) -> Self {
        let unbound = UnboundKey::new(&AES_256_GCM_SIV, secret.expose())
            .expect("32 bytes are the length of an AES-256 key");
        Self {
            id,
            key: LessSafeKey::new(unbound),
        }
    }

    /// The id that stands in front of what this key sealed.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Seals `plain` for `place`.
    #[must_use]
    pub fn seal(&self, entropy: &dyn Entropy, place: Place<'_>, plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(PREFIX + NONCE_LEN + plain.len() + TAG);
        out.push(VERSION);
        out.extend_from_slice(&self.id.to_be_bytes());
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        out.extend_from_slice(&nonce);
        let aad = place.aad(&out[..PREFIX]);
        out.extend_from_slice(plain);
        let body = &mut out[PREFIX + NONCE_LEN..];
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), body)
            .expect("a value fits in memory, so it is below the limit of AES-GCM-SIV");
        out.extend_from_slice(tag.as_ref());
        out
    }

    /// Opens what [`DataKey::seal`] made for the same place.
    ///
    /// # Errors
    /// [`CryptoError::NotAuthentic`] for another key, another place or changed bytes.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        if key_id_of(sealed) != Some(self.id) || sealed.len() < PREFIX + NONCE_LEN + TAG {
            return Err(CryptoError::NotAuthentic);
        }
        let (head, body) = sealed.split_at(PREFIX + NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&head[PREFIX..])
            .map_err(|_| CryptoError::NotAuthentic)?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self
            .key
            .open_in_place(nonce, Aad::from(place.aad(&head[..PREFIX])), &mut body)
            .map_err(|_| CryptoError::NotAuthentic)?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DataKey({})", self.id)
    }
}

/// The id of the key that sealed a value, if it is one.
#[must_use]
pub fn key_id_of(sealed: &[u8]) -> Option<u32> {
    match sealed {
        [VERSION, a, b, c, d, ..] => Some(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => None,
    }
}
