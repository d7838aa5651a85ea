// SPDX-License-Identifier: Apache-2.0
//! Signatures over models by the OpenSSF Model Signing specification, v1.0 (OMS).
//!
//! A signature is a Sigstore bundle: a DSSE envelope around an in-toto statement that lists the
//! digest of every file. Checking one is a row of types, each made from the one before it only:
//!
//! ```text
//! bytes → Bundle → VerifiedStatement → VerifiedModel
//!         parsed   signature and       every file is there, unchanged,
//!                  signer hold         and nothing else is
//! ```
//!
//! ```no_run
//! use casemate_models::signing::{Effort, LocalModel, Trust, verify};
//! # fn example(bundle: &[u8], key: &[u8], now: casemate_types::Timestamp) -> Result<(), Box<dyn std::error::Error>> {
//! let trust = Trust::Key(casemate_crypto::EcdsaPublic::from_pem(key)?);
//! let model = LocalModel::open("models/resnet".as_ref())?;
//! let verified = verify(bundle, &trust, now, &model, &Effort::default())?;
//! println!("{} by {}", verified.statement().root(), verified.signer());
//! # Ok(()) }
//! ```

mod bundle;
mod check;
mod hashing;
#[cfg(feature = "keyless")]
mod keyless;
mod local;
mod refusal;
mod sign;
mod source;
mod statement;
mod trust;

pub use bundle::Bundle;
pub use check::VerifiedModel;
pub use hashing::Effort;
#[cfg(feature = "keyless")]
pub use keyless::{Identity, SigstoreRoots};
pub use local::LocalModel;
pub use refusal::{Difference, Irregularity, Refusal};
pub use sign::{SignOptions, Signed, Signer, SigningError, sign};
pub use source::{Content, Entry, EntryKind, LinkTarget, Links, ModelSource, SourceError};
pub use statement::{Method, Resource, RootDigest, Statement};
pub use trust::{SignerIdentity, Trust, VerifiedStatement};

use casemate_types::Timestamp;

/// Checks a bundle and the model it is for, in one step.
///
/// `now` is the instant at which certificates must be valid. The model is read once, with all
/// processors and little memory, see [`Effort`].
///
/// # Errors
/// [`Refusal`]: anything but a model whose every file is signed, by somebody who is trusted. What
/// the specification lets pass and a person should know of is in
/// [`VerifiedModel::irregularities`]; [`VerifiedModel::strict`] refuses it.
pub fn verify(
    bundle: &[u8],
    trust: &Trust,
    now: Timestamp,
    model: &dyn ModelSource,
    effort: &Effort<'_>,
) -> Result<VerifiedModel, Refusal> {
    Bundle::parse(bundle)?
        .verify(trust, now)?
        .check(model, effort)
}
