// SPDX-License-Identifier: Apache-2.0
//! What an entry of a log is about: exactly this payload, this signature, this certificate.
//!
//! An entry of somebody else's signature is as good a proof as any; only what stands in it ties it
//! to the one at hand.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use casemate_crypto::{Certificate, certificates_from_pem, sha256};
use serde::Deserialize;

use super::{Refusal, Sealed, log, malformed, signed_bytes};
use crate::signing::statement::hex;

/// Refuses an entry of another kind than it says (`kind`, with its version), and one about anything
/// else.
pub(super) fn check(
    body: &[u8],
    kind: (&str, &str),
    leaf: &Certificate,
    sealed: Sealed<'_>,
) -> Result<(), Refusal> {
    let head: Head = read(body)?;
    if (head.kind.as_str(), head.version.as_str()) != kind {
        return Err(malformed(
            "an entry of a log is of another kind than it says",
        ));
    }
    let entry = match kind {
        ("dsse", "0.0.1") => read::<Body<Dsse>>(body)?.spec.read()?,
        ("hashedrekord", "0.0.1") => read::<Body<Hashed>>(body)?.spec.read(),
        ("intoto", "0.0.2") => read::<Body<Intoto>>(body)?.spec.read()?,
        (kind, version) => {
            return Err(Refusal::Unsupported(format!(
                "the signature's entry in the log is of a kind that is not supported: `{} {}`",
                super::shown(kind),
                super::shown(version),
            )));
        }
    };
    entry.is_about(leaf, sealed)
}

/// What every kind of entry says in its own way.
struct About {
    digest: Digest,
    of: Of,
    signature: Vec<u8>,
    /// A certificate in PEM.
    signer: Vec<u8>,
}

/// What the digest of an entry is of.
enum Of {
    Payload,
    /// The bytes that the signature is over.
    Signed,
}

impl About {
    fn is_about(&self, leaf: &Certificate, sealed: Sealed<'_>) -> Result<(), Refusal> {
        let digest = match self.of {
            Of::Payload => sha256(sealed.payload),
            Of::Signed => sha256(&signed_bytes(sealed.payload)),
        };
        if self.digest.algorithm != "sha256" || self.digest.value != hex(&digest) {
            return Err(log("its entry is about another payload"));
        }
        if self.signature != sealed.signature {
            return Err(log("its entry is about another signature"));
        }
        let signers = certificates_from_pem(&self.signer);
        match signers.as_deref() {
            Ok([signer]) if signer.as_der() == leaf.as_der() => Ok(()),
            _ => Err(log("its entry is about another certificate")),
        }
    }
}

#[derive(Deserialize)]
struct Head {
    kind: String,
    #[serde(rename = "apiVersion")]
    version: String,
}

#[derive(Deserialize)]
struct Body<T> {
    spec: T,
}

#[derive(Deserialize)]
struct Digest {
    algorithm: String,
    /// Hexadecimal, in lower case.
    value: String,
}

#[derive(Deserialize)]
struct Dsse {
    #[serde(rename = "payloadHash")]
    digest: Digest,
    signatures: Vec<DsseSignature>,
}

#[derive(Deserialize)]
struct DsseSignature {
    signature: Bytes,
    verifier: Bytes,
}

impl Dsse {
    fn read(self) -> Result<About, Refusal> {
        let one = sole(self.signatures)?;
        Ok(About {
            digest: self.digest,
            of: Of::Payload,
            signature: one.signature.0,
            signer: one.verifier.0,
        })
    }
}

#[derive(Deserialize)]
struct Hashed {
    data: HashedData,
    signature: HashedSignature,
}

#[derive(Deserialize)]
struct HashedData {
    hash: Digest,
}

#[derive(Deserialize)]
struct HashedSignature {
    content: Bytes,
    #[serde(rename = "publicKey")]
    key: HashedKey,
}

#[derive(Deserialize)]
struct HashedKey {
    content: Bytes,
}

impl Hashed {
    fn read(self) -> About {
        About {
            digest: self.data.hash,
            of: Of::Signed,
            signature: self.signature.content.0,
            signer: self.signature.key.content.0,
        }
    }
}

#[derive(Deserialize)]
struct Intoto {
    content: IntotoContent,
}

#[derive(Deserialize)]
struct IntotoContent {
    envelope: IntotoEnvelope,
    #[serde(rename = "payloadHash")]
    digest: Digest,
}

#[derive(Deserialize)]
struct IntotoEnvelope {
    signatures: Vec<IntotoSignature>,
}

#[derive(Deserialize)]
struct IntotoSignature {
    /// The base64 of an envelope, in base64 once more.
    sig: Bytes,
    #[serde(rename = "publicKey")]
    key: Bytes,
}

impl Intoto {
    fn read(self) -> Result<About, Refusal> {
        let one = sole(self.content.envelope.signatures)?;
        Ok(About {
            digest: self.content.digest,
            of: Of::Payload,
            signature: STANDARD
                .decode(&one.sig.0)
                .map_err(|_| malformed("an entry of a log holds a signature that is not base64"))?,
            signer: one.key.0,
        })
    }
}

/// Bytes that are written as base64.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = STANDARD.decode(text).map_err(serde::de::Error::custom)?;
        Ok(Self(bytes))
    }
}

fn sole<T>(list: Vec<T>) -> Result<T, Refusal> {
    let one = <[T; 1]>::try_from(list);
    one.map(|[one]| one)
        .map_err(|_| malformed("an entry of a log is not about one signature"))
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| malformed(format!("an entry of a log: {error}")))
}
