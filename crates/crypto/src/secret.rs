// SPDX-License-Identifier: Apache-2.0
//! Key bytes that are wiped when dropped and never shown.

use aws_lc_rs::hkdf;
use casemate_types::Entropy;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Thirty-two secret bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret32([u8; 32]);

impl Secret32 {
    /// New random bytes.
    #[must_use]
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Takes over bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Takes over a slice of exactly 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes; handle with care.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key for one purpose: HKDF-SHA-256 (RFC 5869) with the purpose as info.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Self {
        self.derive_with(purpose, &[])
    }

    /// A key for one purpose and one thing, e.g. a project.
    #[must_use]
    pub fn derive_with(&self, purpose: &str, of: &[u8]) -> Self {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"casemate/v1");
        let info = [purpose.as_bytes(), b"\0", of];
        let mut out = Zeroizing::new([0; 32]);
        salt.extract(&self.0)
            .expand(&info, hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(out.as_mut()))
            .expect("32 bytes are within what HKDF-SHA-256 gives");
        Self(*out)
    }
}

impl std::fmt::Debug for Secret32 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret32(…)")
    }
}

/// The key that opens all others.
#[derive(Clone, Debug)]
pub struct RootKey(Secret32);

impl RootKey {
    /// A new root key.
    #[must_use]
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self(Secret32::random(entropy))
    }

    /// The root key from its bytes.
    #[must_use]
    pub const fn new(bytes: Secret32) -> Self {
        Self(bytes)
    }

    /// A key for one purpose of the installation.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Secret32 {
        self.0.derive(purpose)
    }

    pub(crate) const fn secret(&self) -> &Secret32 {
        &self.0
    }
}
