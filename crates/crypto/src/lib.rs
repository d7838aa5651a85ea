// SPDX-License-Identifier: Apache-2.0
//! Keys and what is done with them: hierarchy, sealing, wraps, signatures, digests.
//!
//! The root key opens project keys, a project key opens subject keys; each seals values bound to
//! the place they stand in. The root key itself is never stored: it is wrapped at least twice, once
//! for the machine and once for an offline recovery kit. Beside these there are keys of people
//! ([`EcdsaPrivate`]) and certificates ([`Certificate`]), which sign models. Provider is
//! `aws-lc-rs`; Argon2id comes from `argon2`, digests of files also from `blake3` and `blake2`.
//! This crate has no storage.
//!
//! ```
//! use casemate_crypto::{DataKey, Place, Secret32, SystemEntropy};
//! let key = DataKey::new(7, &Secret32::random(&SystemEntropy));
//! let place = Place { table: "iam_person", row: b"usr_1", column: "name" };
//! let sealed = key.seal(&SystemEntropy, place, b"Ada");
//! assert_eq!(*key.open(place, &sealed).unwrap(), b"Ada");
//! ```

mod aead;
mod blob;
mod certificate;
mod der;
mod digest;
mod ecdsa;
mod entropy;
mod error;
mod hash;
mod keyslots;
mod pem;
mod pkcs8;
mod recovery;
mod secret;
mod shares;
mod sign;

pub use aead::{DataKey, Place, key_id_of};
pub use blob::{BlobOpener, BlobSealer, open_blob, seal_blob};
pub use certificate::{
    Certificate, CertificateTimestamp, ChainError, Roots, certificates_from_pem,
};
pub use digest::{Hmac, Sha256, Sha256Stream, sha256, sha256_parts};
pub use ecdsa::{Curve, EcdsaPrivate, EcdsaPublic};
pub use entropy::SystemEntropy;
pub use error::CryptoError;
pub use hash::{HashAlgorithm, HashStream};
pub use keyslots::{Keyslots, MachineSource, Slot, SlotKind};
pub use recovery::{RecoveryKit, RecoveryPublic};
pub use secret::{RootKey, Secret32};
pub use shares::{Share, combine, split};
pub use sign::{LogSigner, verify_ed25519, verify_ml_dsa_44};
