// SPDX-License-Identifier: Apache-2.0
//! Digests of files by several algorithms, piece by piece.

use aws_lc_rs::digest;
use blake2::{Blake2b512, Digest as _};

/// An algorithm that digests files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// BLAKE2b with 64 bytes (RFC 7693).
    Blake2b,
    /// BLAKE3 with 32 bytes.
    Blake3,
    /// SHA-256 (FIPS 180-4).
    Sha256,
}

impl HashAlgorithm {
    /// Length of its digests in bytes.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Blake2b => 64,
            Self::Blake3 | Self::Sha256 => 32,
        }
    }

    /// Begins with nothing.
    #[must_use]
    pub fn stream(self) -> HashStream {
        HashStream(match self {
            Self::Blake2b => State::Blake2b(Box::default()),
            Self::Blake3 => State::Blake3(Box::default()),
            Self::Sha256 => State::Sha256(Box::new(digest::Context::new(&digest::SHA256))),
        })
    }

    /// The digest of one piece.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.stream();
        stream.update(bytes);
        stream.finish()
    }
}

/// A digest that is being made. BLAKE3 is fastest with pieces of 128 KiB and more.
pub struct HashStream(State);

enum State {
    Blake2b(Box<Blake2b512>),
    Blake3(Box<blake3::Hasher>),
    Sha256(Box<digest::Context>),
}

impl HashStream {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.0 {
            State::Blake2b(state) => state.update(piece),
            State::Blake3(state) => _ = state.update(piece),
            State::Sha256(state) => state.update(piece),
        }
    }

    /// The digest of all pieces; [`HashAlgorithm::length`] bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        match self.0 {
            State::Blake2b(state) => state.finalize().to_vec(),
            State::Blake3(state) => state.finalize().as_bytes().to_vec(),
            State::Sha256(state) => state.finish().as_ref().to_vec(),
        }
    }
}

impl std::fmt::Debug for HashStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashStream(…)")
    }
}
