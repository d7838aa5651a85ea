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
