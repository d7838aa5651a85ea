// SPDX-License-Identifier: Apache-2.0
//! Keyless signatures of Sigstore, checked without a network.
//!
//! Somebody signs in at an identity provider; an authority gives a certificate for some minutes
//! that names the person and the provider; the key signs once and is thrown away; and a public log
//! takes the signature down, with the time. What stands between "the signature fits" and "this
//! person signed" is checked here, each part by what is pinned in a trust root:
//!
//! ```text
//! entry of the log ── promise ──► the time of signing ──► certificate valid then, of a known
//!        │                                                authority, known to a log of certificates
//!        ├── proof ─────► the log holds this entry
//!        └── body ──────► it is about this payload, this signature, this certificate
//! ```
//!
//! The time is believed for the log's promise alone: the hash in the tree does not cover it, so
//! that a proof without promise would let the finder of an old key choose when he signed.

mod body;
mod entry;
mod proof;
mod roots;

use casemate_crypto::{Certificate, ChainError, EcdsaPublic};
use casemate_types::Timestamp;
use serde_json::value::RawValue;

use super::{Refusal, SignerIdentity, bundle::signed_bytes, refusal::visible};
use entry::Entry;
pub use roots::SigstoreRoots;

/// Who must have signed, and who must have said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    name: String,
    issuer: String,
}

impl Identity {
    /// A mail address or the URI of a workflow, and the URL of the provider that it signed in at;
    /// both exactly as they stand in the certificate. Empty ones are nobody's.
    #[must_use]
    pub const fn new(name: String, issuer: String) -> Self {
        Self { name, issuer }
    }

    /// Refuses the certificate of anybody else.
    fn check(&self, certificate: &Certificate) -> Result<(), Refusal> {
        let names = certificate.identities();
        let issuer = issuer(certificate)?;
        let is_named = !self.name.is_empty() && names.contains(&self.name);
        match is_named && !self.issuer.is_empty() && issuer == self.issuer {
            true => Ok(()),
            false => Err(Refusal::OtherIdentity {
                found: shown(&names.join(", ")),
                issuer: shown(&issuer),
            }),
        }
    }
}

/// What a keyless signature comes with. Nothing of it is believed yet.
#[derive(Debug, Clone)]
pub(super) struct Keyless {
    pub(super) certificate: Certificate,
    entries: Vec<Entry>,
}

impl Keyless {
    /// Reads a certificate and the entries of logs beside it.
    pub(super) fn read(certificate: &[u8], entries: &[&RawValue]) -> Result<Self, Refusal> {
        if entries.len() > MAX_ENTRIES {
            return Err(malformed("it has too many entries of logs"));
        }
        Ok(Self {
            certificate: Certificate::from_der(certificate)
                .map_err(|error| malformed(error.to_string()))?,
            entries: entries
                .iter()
                .map(|raw| Entry::read(raw.get()))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Checks everything but the signature itself, which the key that is given back must hold.
    pub(super) fn verify(
        &self,
        roots: &SigstoreRoots,
        identity: &Identity,
        sealed: Sealed<'_>,
        now: Timestamp,
    ) -> Result<(EcdsaPublic, SignerIdentity), Refusal> {
        let leaf = &self.certificate;
        self.entries_are_different()?;
        let mut signed_at = None;
        for entry in &self.entries {
            let time = entry.verify(roots, leaf, sealed)?;
            if time > now {
                return Err(log(format!(
                    "its entry is of {}, which is yet to come",
                    time.to_rfc3339()
                )));
            }
            roots.verify_chain(leaf, time)?;
            signed_at = signed_at.min(Some(time)).or(Some(time));
        }
        let signed_at = signed_at.ok_or_else(|| log("it has no entry of a log"))?;
        identity.check(leaf)?;
        let key = leaf
            .public_key()
            .map_err(|error| Refusal::malformed("the signer's certificate", error.to_string()))?;
        let signer = SignerIdentity::Keyless {
            identity: identity.name.clone(),
            issuer: identity.issuer.clone(),
            signed_at,
            fingerprint: leaf.fingerprint(),
        };
        Ok((key, signer))
    }

    /// One entry listed twice would count as two witnesses.
    fn entries_are_different(&self) -> Result<(), Refusal> {
        let mut places: Vec<_> = self.entries.iter().map(Entry::place).collect();
        places.sort_unstable();
        match places.windows(2).any(|pair| pair.first() == pair.last()) {
            true => Err(malformed("it has one entry of a log twice")),
            false => Ok(()),
        }
    }
}

/// What was signed, and the signature.
#[derive(Clone, Copy)]
pub(super) struct Sealed<'a> {
    pub(super) payload: &'a [u8],
    pub(super) signature: &'a [u8],
}

/// The provider that a certificate names (Fulcio's extensions, the newer one first).
fn issuer(certificate: &Certificate) -> Result<String, Refusal> {
    let wrong = |why: &str| Refusal::malformed("the signer's certificate", why);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let newer = certificate
        .extension(ISSUER_V2)
        .map(|value| utf8_string(value).and_then(text));
    let older = certificate.extension(ISSUER_V1).map(text);
    match (newer, older) {
        (Some(None), _) | (_, Some(None)) => Err(wrong("its identity provider is no text")),
        (Some(Some(one)), Some(Some(other))) if one != other => {
            Err(wrong("it names two identity providers"))
        }
        (Some(Some(issuer)), _) | (None, Some(Some(issuer))) => Ok(issuer),
        (None, None) => Err(wrong("it names no identity provider")),
    }
}

/// The content of a `UTF8String` of up to 65,535 bytes that is all there is.
fn utf8_string(der: &[u8]) -> Option<&[u8]> {
    let (length, content) = match der {
        [0x0c, length @ 0..=0x7f, content @ ..] => (usize::from(*length), content),
        [0x0c, 0x81, length @ 0x80..=0xff, content @ ..] => (usize::from(*length), content),
        [0x0c, 0x82, high @ 1..=0xff, low, content @ ..] => {
            (usize::from(u16::from_be_bytes([*high, *low])), content)
        }
        _ => return None,
    };
    (content.len() == length).then_some(content)
}

/// For messages: short, and nothing that harms a terminal.
fn shown(text: &str) -> String {
    visible(text).chars().take(200).collect()
}

fn malformed(why: impl Into<String>) -> Refusal {
    Refusal::malformed("the signature", why)
}

fn log(why: impl Into<String>) -> Refusal {
    Refusal::Log(why.into())
}

fn uncertified(why: &str) -> Refusal {
    Refusal::Chain(ChainError::Invalid(why.to_owned()))
}

/// One is usual.
const MAX_ENTRIES: usize = 16;
/// 1.3.6.1.4.1.57264.1.8: a `UTF8String`.
const ISSUER_V2: &[u8] = b"\x2b\x06\x01\x04\x01\x83\xbf\x30\x01\x08";
/// 1.3.6.1.4.1.57264.1.1: the text as it is.
const ISSUER_V1: &[u8] = b"\x2b\x06\x01\x04\x01\x83\xbf\x30\x01\x01";
