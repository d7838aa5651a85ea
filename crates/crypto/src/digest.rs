// SPDX-License-Identifier: Apache-2.0
//! Digests, plain and keyed.

use aws_lc_rs::{digest, hmac};

use crate::Secret32;

/// A SHA-256 value.
pub type Sha256 = [u8; 32];

/// SHA-256 of one piece.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Sha256 {
    sha256_parts(&[bytes])
}

/// SHA-256 of pieces one after the other.
#[must_use]
pub fn sha256_parts(parts: &[&[u8]]) -> Sha256 {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// SHA-256 of bytes that come piece by piece.
pub struct Sha256Stream(digest::Context);

impl Sha256Stream {
    /// Begins with nothing.
    #[must_use]
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of all of them.
    #[must_use]
    pub fn finish(self) -> Sha256 {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}

impl Default for Sha256Stream {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Sha256Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sha256Stream(…)")
    }
}

/// A keyed digest (HMAC-SHA-256, RFC 2104). Cheap to clone.
#[derive(Clone)]
pub struct Hmac(hmac::Key);

impl Hmac {
    /// A keyed digest under `key`.
    #[must_use]
    pub fn new(key: &Secret32) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
    }

    /// The digest of pieces one after the other. Pieces are not delimited: give lengths where two
    /// divisions of the same bytes must differ.
    #[must_use]
    pub fn digest(&self, parts: &[&[u8]]) -> Sha256 {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

impl std::fmt::Debug for Hmac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hmac(…)")
    }
}
