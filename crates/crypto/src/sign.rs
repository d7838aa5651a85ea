// SPDX-License-Identifier: Apache-2.0
//! The ledger's two signatures: Ed25519 (RFC 8032) and ML-DSA-44 (FIPS 204).

use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, KeyPair, ML_DSA_44, ML_DSA_44_SIGNING, PqdsaKeyPair, UnparsedPublicKey,
};

use crate::{CryptoError, Secret32};

/// Length of an ML-DSA-44 signature in bytes.
const ML_DSA_44_SIGNATURE: usize = 2420;

/// A pair of signing keys made from one seed.
pub struct LogSigner {
    ed25519: Ed25519KeyPair,
    ml_dsa: PqdsaKeyPair,
}

impl LogSigner {
    /// The signer of a seed; the same seed gives the same keys.
    ///
    /// # Errors
    /// [`CryptoError::Provider`] when the provider refuses a seed.
    pub fn from_seed(seed: &Secret32) -> Result<Self, CryptoError> {
        let classic = seed.derive("log-signer/ed25519");
        let quantum = seed.derive("log-signer/ml-dsa-44");
        Ok(Self {
            ed25519: Ed25519KeyPair::from_seed_unchecked(classic.expose())
                .map_err(|_| CryptoError::Provider("Ed25519 seed"))?,
            ml_dsa: PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, quantum.expose())
                .map_err(|_| CryptoError::Provider("ML-DSA-44 seed"))?,
        })
    }

    /// The 32-byte Ed25519 public key.
    #[must_use]
    pub fn ed25519_public(&self) -> &[u8] {
        self.ed25519.public_key().as_ref()
    }

    /// The 1,312-byte ML-DSA-44 public key.
    #[must_use]
    pub fn ml_dsa_public(&self) -> &[u8] {
        self.ml_dsa.public_key().as_ref()
    }

    /// Signs with Ed25519; 64 bytes.
    #[must_use]
    pub fn sign_ed25519(&self, message: &[u8]) -> Vec<u8> {
        self.ed25519.sign(message).as_ref().to_vec()
    }

    /// Signs with ML-DSA-44; 2,420 bytes.
    ///
    /// # Errors
    /// [`CryptoError::Provider`] when the provider refuses.
    pub fn sign_ml_dsa(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut out = vec![0; ML_DSA_44_SIGNATURE];
        let length = self
            .ml_dsa
            .sign(message, &mut out)
            .map_err(|_| CryptoError::Provider("ML-DSA-44 signature"))?;
        out.truncate(length);
        Ok(out)
    }
}

impl std::fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogSigner(…)")
    }
}

/// Whether an Ed25519 signature is right.
#[must_use]
pub fn verify_ed25519(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public)
        .verify(message, signature)
        .is_ok()
}

/// Whether an ML-DSA-44 signature is right.
#[must_use]
pub fn verify_ml_dsa_44(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ML_DSA_44, public)
        .verify(message, signature)
        .is_ok()
}
