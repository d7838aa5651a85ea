// SPDX-License-Identifier: Apache-2.0
//! Who is trusted to sign, and who did.

use std::fmt;

use casemate_crypto::{EcdsaPublic, Roots};
use casemate_types::Timestamp;

use super::{
    Bundle, Irregularity, Refusal, Statement,
    bundle::{Material, signed_bytes},
    refusal::visible,
    statement::hex,
};
#[cfg(feature = "keyless")]
use super::{Identity, SigstoreRoots, keyless::Sealed};

/// Whom a verifier believes.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Whoever has the private key of this public one.
    Key(EcdsaPublic),
    /// Whoever has a certificate from one of these, valid now and made for signing.
    Roots(Roots),
    /// This one person or workflow, if authorities and logs of this trust root say so.
    #[cfg(feature = "keyless")]
    Sigstore(SigstoreRoots, Identity),
}

/// Who signed a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignerIdentity {
    /// Somebody with a certificate.
    Certificate {
        /// `CN=…,O=…`.
        subject: String,
        /// Who issued it, in the same form.
        issuer: String,
        /// Mail addresses, hosts and URIs that it is for.
        names: Vec<String>,
        /// SHA-256 of the certificate.
        fingerprint: [u8; 32],
    },
    /// The holder of a key.
    Key {
        /// SHA-256 of the public key's PEM text.
        hint: [u8; 32],
    },
    /// Somebody whom an identity provider knows, at the time when a log took the signature down.
    Keyless {
        /// A mail address or the URI of a workflow.
        identity: String,
        /// The URL of the provider.
        issuer: String,
        /// When; the certificate was valid then.
        signed_at: Timestamp,
        /// SHA-256 of the certificate.
        fingerprint: [u8; 32],
    },
}

/// `key sha256:…`, `CN=… issued by CN=… (certificate sha256:…)`, or `a@b.c signed in at https://… on
/// 2026-11-22T08:30:00.000Z (certificate sha256:…)`.
impl fmt::Display for SignerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate {
                subject,
                issuer,
                fingerprint,
                ..
            } => {
                let fingerprint = hex(fingerprint);
                write!(
                    f,
                    "{subject} issued by {issuer} (certificate sha256:{fingerprint})"
                )
            }
            Self::Key { hint } => write!(f, "key sha256:{}", hex(hint)),
            Self::Keyless {
                identity,
                issuer,
                signed_at,
                fingerprint,
            } => write!(
                f,
                "{} signed in at {} on {} (certificate sha256:{})",
                visible(identity),
                visible(issuer),
                signed_at.to_rfc3339(),
                hex(fingerprint)
            ),
        }
    }
}

/// A statement whose signature and signer hold. Only [`Bundle::verify`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedStatement {
    pub(super) statement: Statement,
    pub(super) signer: SignerIdentity,
    pub(super) irregularities: Vec<Irregularity>,
}

impl VerifiedStatement {
    /// What was signed.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Who signed it.
    #[must_use]
    pub const fn signer(&self) -> &SignerIdentity {
        &self.signer
    }
}

impl Bundle {
    /// Checks the signature and who made it. The model is not looked at: see
    /// [`VerifiedStatement::check`].
    ///
    /// # Errors
    /// [`Refusal`], for instance [`Refusal::OtherKey`], [`Refusal::Chain`] and
    /// [`Refusal::WrongSignature`].
    pub fn verify(self, trust: &Trust, now: Timestamp) -> Result<VerifiedStatement, Refusal> {
        let mut irregularities = self.passed_over;
        let (key, signer) = match (&self.material, trust) {
            (Material::Key { hint }, Trust::Key(key)) => {
                let known = key.hint();
                match hint {
                    None => irregularities.push(Irregularity::NoHint),
                    Some(hint) if *hint == hex(&known) => {}
                    Some(hint) => {
                        return Err(Refusal::OtherKey(hint.chars().take(64).collect()));
                    }
                }
                (key.clone(), SignerIdentity::Key { hint: known })
            }
            (Material::Chain(chain), Trust::Roots(roots)) => {
                roots.verify(chain, now.as_secs())?;
                signer_of(chain.first())?
            }
            (Material::Key { .. }, Trust::Roots(_)) => {
                return Err(Refusal::Unsupported(KEY_ALONE.to_owned()));
            }
            (Material::Chain(_), Trust::Key(_)) => {
                return Err(Refusal::Unsupported(CERTIFICATE.to_owned()));
            }
            #[cfg(feature = "keyless")]
            (Material::Keyless(keyless), Trust::Sigstore(roots, identity)) => {
                let (payload, signature) = (&self.payload, &self.signature);
                let sealed = Sealed { payload, signature };
                keyless.verify(roots, identity, sealed, now)?
            }
            #[cfg(feature = "keyless")]
            (Material::Keyless(_), _) => {
                return Err(Refusal::Unsupported(KEYLESS.to_owned()));
            }
            #[cfg(feature = "keyless")]
            (_, Trust::Sigstore(..)) => {
                return Err(Refusal::Unsupported(NOT_KEYLESS.to_owned()));
            }
        };
        if !key.verify(&signed_bytes(&self.payload), &self.signature) {
            // Before 1.0 other bytes were signed: what the format is says more.
            return match Statement::parse(&self.payload) {
                Err(refusal @ Refusal::Unsupported(_)) => Err(refusal),
                _ => Err(Refusal::WrongSignature),
            };
        }
        Ok(VerifiedStatement {
            statement: Statement::parse(&self.payload)?,
            signer,
            irregularities,
        })
    }
}

fn signer_of(
    certificate: Option<&casemate_crypto::Certificate>,
) -> Result<(EcdsaPublic, SignerIdentity), Refusal> {
    let certificate = certificate.ok_or(casemate_crypto::ChainError::Empty)?;
    let key = certificate
        .public_key()
        .map_err(|error| Refusal::malformed("the signer's certificate", error.to_string()))?;
    let signer = SignerIdentity::Certificate {
        subject: certificate.subject().to_owned(),
        issuer: certificate.issuer().to_owned(),
        names: certificate.names().to_vec(),
        fingerprint: certificate.fingerprint(),
    };
    Ok((key, signer))
}

const KEY_ALONE: &str = "the signature was made with a key and has no certificate; it is checked \
     with the public key, not with roots";
const CERTIFICATE: &str = "the signature was made with a certificate; it is checked with trusted \
     roots, not with a public key";
#[cfg(feature = "keyless")]
const KEYLESS: &str = "the signature was made by Sigstore's keyless signing; it is checked with a \
     trust root of Sigstore and an identity";
#[cfg(feature = "keyless")]
const NOT_KEYLESS: &str = "the signature was made with a key or a chain of certificates and not by \
     keyless signing; it is checked with a public key or trusted roots";
