// SPDX-License-Identifier: Apache-2.0
//! Sigstore bundles, version 0.3, with a DSSE envelope.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use casemate_crypto::Certificate;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json, value::RawValue};

#[cfg(feature = "keyless")]
use super::keyless::Keyless;
use super::{Irregularity, Refusal};

/// A signature as it lies in a file: parsed, and nothing of it believed yet.
#[derive(Debug, Clone)]
pub struct Bundle {
    pub(super) material: Material,
    /// The statement's bytes, as they were signed.
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
    /// What is in it and is not checked.
    pub(super) passed_over: Vec<Irregularity>,
}

/// By what a signature is to be checked.
#[derive(Debug, Clone)]
pub(super) enum Material {
    /// The signer's certificate, then those of its issuers.
    Chain(Vec<Certificate>),
    /// A key that is known otherwise.
    Key {
        /// SHA-256 of its PEM text, in hexadecimal.
        hint: Option<String>,
    },
    /// A certificate for minutes, and what logs say.
    #[cfg(feature = "keyless")]
    Keyless(Box<Keyless>),
}

impl Bundle {
    /// Bytes of a bundle at most.
    pub const MAX: usize = 128 << 20;

    /// Reads a bundle. JSON of any formatting and order is taken; members that are not known are
    /// passed over, members that stand twice are refused.
    ///
    /// # Errors
    /// [`Refusal::Malformed`], and [`Refusal::Unsupported`] for bundles of keyless signing in builds
    /// without the feature `keyless`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > Self::MAX {
            return Err(malformed("it is larger than 128 MiB"));
        }
        let wire: Wire<'_> =
            serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        if wire.media_type != MEDIA_TYPE {
            let why = format!("its media type is `{}`", wire.media_type.escape_debug());
            return Err(malformed(why));
        }
        let envelope = wire
            .envelope
            .ok_or_else(|| malformed("it has no DSSE envelope"))?;
        if envelope.payload_type != PAYLOAD_TYPE {
            let why = format!("its payload is `{}`", envelope.payload_type.escape_debug());
            return Err(malformed(why));
        }
        let [signature] = <[Signature; 1]>::try_from(envelope.signatures)
            .map_err(|all| malformed(format!("it has {} signatures and not one", all.len())))?;
        Ok(Self {
            passed_over: wire.material.passed_over(),
            material: wire.material.read()?,
            payload: base64(&envelope.payload, "payload")?,
            signature: base64(&signature.sig, "signature")?,
        })
    }

    /// The JSON of the bundle.
    pub(super) fn to_json(&self) -> Value {
        let mut material = match &self.material {
            Material::Chain(chain) => {
                let certificates: Vec<_> = chain
                    .iter()
                    .map(|certificate| json!({"rawBytes": STANDARD.encode(certificate.as_der())}))
                    .collect();
                json!({"x509CertificateChain": {"certificates": certificates}})
            }
            // Only verified here; who signs without a key needs a network.
            #[cfg(feature = "keyless")]
            Material::Keyless(_) => json!({}),
            Material::Key { hint } => json!({"publicKey": {"hint": hint}}),
        };
        material["tlogEntries"] = json!([]);
        json!({
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": material,
            "dsseEnvelope": {
                "payload": STANDARD.encode(&self.payload),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": STANDARD.encode(&self.signature), "keyid": ""}],
            },
        })
    }
}

/// What is signed: DSSE's pre-authentication encoding.
pub(super) fn signed_bytes(payload: &[u8]) -> Vec<u8> {
    let (length, size) = (PAYLOAD_TYPE.len(), payload.len());
    let mut out = format!("DSSEv1 {length} {PAYLOAD_TYPE} {size} ").into_bytes();
    out.extend_from_slice(payload);
    out
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(rename = "mediaType")]
    media_type: String,
    #[serde(rename = "verificationMaterial")]
    #[serde(borrow)]
    material: WireMaterial<'a>,
    #[serde(rename = "dsseEnvelope", borrow)]
    envelope: Option<Envelope<'a>>,
}

#[derive(Deserialize)]
struct WireMaterial<'a> {
    #[serde(rename = "publicKey")]
    public_key: Option<WireKey>,
    #[serde(rename = "x509CertificateChain")]
    chain: Option<WireChain>,
    /// Keyless signing.
    certificate: Option<WireCertificate>,
    #[serde(rename = "tlogEntries", borrow)]
    log_entries: Option<Vec<&'a RawValue>>,
    #[serde(rename = "timestampVerificationData")]
    timestamps: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct WireKey {
    hint: Option<String>,
}

#[derive(Deserialize)]
struct WireChain {
    certificates: Vec<WireCertificate>,
}

#[derive(Deserialize)]
struct WireCertificate {
    #[serde(rename = "rawBytes")]
    bytes: String,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    /// Large, and without escapes as everybody writes it: not copied then.
    #[serde(borrow)]
    payload: std::borrow::Cow<'a, str>,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    sig: String,
}

impl WireMaterial<'_> {
    /// Logs vouch for keyless signatures and are checked there.
    fn passed_over(&self) -> Vec<Irregularity> {
        let has_entries = self.log_entries.as_ref().is_some_and(|all| !all.is_empty());
        match (&self.certificate, &self.timestamps) {
            (Some(_), Some(_)) => vec![Irregularity::Timestamps],
            (None, _) if has_entries => vec![Irregularity::LogEntries],
            _ => Vec::new(),
        }
    }

    fn read(self) -> Result<Material, Refusal> {
        match (self.public_key, self.chain, self.certificate) {
            (Some(key), None, None) => Ok(Material::Key {
                hint: key.hint.filter(|hint| !hint.is_empty()),
            }),
            (None, Some(chain), None) => chain.read(),
            (None, None, Some(certificate)) => {
                keyless(&certificate, &self.log_entries.unwrap_or_default())
            }
            (None, None, None) => Err(malformed("it names neither key nor certificate")),
            _ => Err(malformed(
                "it names more than one of key, chain and certificate",
            )),
        }
    }
}

impl WireChain {
    fn read(self) -> Result<Material, Refusal> {
        if !(1..=MAX_CERTIFICATES).contains(&self.certificates.len()) {
            let why = format!("it has {} certificates", self.certificates.len());
            return Err(malformed(why));
        }
        self.certificates
            .iter()
            .map(|certificate| {
                let bytes = base64(&certificate.bytes, "certificate")?;
                Certificate::from_der(&bytes).map_err(|error| malformed(error.to_string()))
            })
            .collect::<Result<_, _>>()
            .map(Material::Chain)
    }
}

#[cfg(feature = "keyless")]
fn keyless(certificate: &WireCertificate, entries: &[&RawValue]) -> Result<Material, Refusal> {
    let certificate = base64(&certificate.bytes, "certificate")?;
    Keyless::read(&certificate, entries).map(|read| Material::Keyless(Box::new(read)))
}

#[cfg(not(feature = "keyless"))]
fn keyless(_: &WireCertificate, _: &[&RawValue]) -> Result<Material, Refusal> {
    Err(Refusal::Unsupported(KEYLESS.to_owned()))
}

fn base64(text: &str, what: &str) -> Result<Vec<u8>, Refusal> {
    STANDARD
        .decode(text)
        .map_err(|_| malformed(format!("its {what} is not base64")))
}

fn malformed(why: impl Into<String>) -> Refusal {
    Refusal::malformed("the signature", why)
}

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const MAX_CERTIFICATES: usize = 33;
#[cfg(not(feature = "keyless"))]
const KEYLESS: &str = "the signature was made by Sigstore's keyless signing, which this build does \
     not check; one with the cargo feature `keyless` does";
