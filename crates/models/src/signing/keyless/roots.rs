// SPDX-License-Identifier: Apache-2.0
//! The trust root: authorities and logs that an operator pins (`trusted_root.json`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use casemate_crypto::{Certificate, ChainError, CryptoError, EcdsaPublic, Roots};
use casemate_types::Timestamp;
use serde::Deserialize;

use super::{Refusal, uncertified};

/// Authorities that give certificates for identities, and logs that take them and signatures down.
///
/// Logs with keys of other kinds than ECDSA on the three curves are as if they were not there.
/// Authorities of timestamps are not used.
#[derive(Debug, Clone)]
pub struct SigstoreRoots {
    authorities: Vec<Authority>,
    logs: Vec<Log>,
    certificate_logs: Vec<Log>,
}

#[derive(Debug, Clone)]
struct Authority {
    /// From that which issues to the root.
    chain: Vec<Certificate>,
    valid: Validity,
}

/// A log and its key.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) id: Vec<u8>,
    pub(super) key: EcdsaPublic,
    valid: Validity,
}

#[derive(Debug, Clone, Copy)]
struct Validity {
    from: Timestamp,
    until: Option<Timestamp>,
}

impl Validity {
    fn covers(self, time: Timestamp) -> bool {
        self.from <= time && self.until.is_none_or(|until| time <= until)
    }
}

impl SigstoreRoots {
    /// Bytes of a trust root at most; the public one has 10 KB.
    pub const MAX: usize = 4 << 20;

    /// Reads a trust root of version 0.1 or 0.2.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`]; also if it has no authority or no log of a kind, because nothing
    /// could ever be verified by it.
    pub fn from_json(bytes: &[u8]) -> Result<Self, CryptoError> {
        if bytes.len() > Self::MAX {
            return Err(malformed("it is larger than 4 MiB"));
        }
        let wire: Wire =
            serde_json::from_slice(bytes).map_err(|error| malformed(&error.to_string()))?;
        if !MEDIA_TYPES.contains(&wire.media_type.as_str()) {
            let why = format!("its media type is `{}`", wire.media_type.escape_debug());
            return Err(malformed(&why));
        }
        let logs = |wire: Vec<WireLog>| {
            let logs = wire.into_iter().map(WireLog::read);
            logs.filter_map(Result::transpose)
                .collect::<Result<Vec<_>, _>>()
        };
        let roots = Self {
            authorities: wire
                .authorities
                .into_iter()
                .map(WireAuthority::read)
                .collect::<Result<_, _>>()?,
            logs: logs(wire.logs)?,
            certificate_logs: logs(wire.certificate_logs)?,
        };
        if roots.authorities.is_empty() {
            return Err(malformed("it has no certificate authority"));
        }
        match roots.logs.is_empty() || roots.certificate_logs.is_empty() {
            true => Err(malformed(
                "it has no log of signatures, or none of certificates",
            )),
            false => Ok(roots),
        }
    }

    /// Logs of signatures that had this name at this time; after a rotation there may be several.
    pub(super) fn logs(&self, id: &[u8], time: Timestamp) -> impl Iterator<Item = &Log> {
        named(&self.logs, id, time)
    }

    /// Checks that an authority gave this certificate for code, that it was valid at `time`, and
    /// that a log of certificates knows it.
    pub(super) fn verify_chain(&self, leaf: &Certificate, time: Timestamp) -> Result<(), Refusal> {
        leaf.check_code_signing()?;
        let mut why = ChainError::UnknownIssuer(leaf.issuer().to_owned());
        for authority in self.authorities.iter().filter(|one| one.valid.covers(time)) {
            match authority.verify(leaf, time) {
                Ok(issuer) => return self.verify_timestamps(leaf, issuer),
                // Another of the same name may fit; what is against this one says more.
                Err(ChainError::UnknownIssuer(_)) => {}
                Err(error) => why = error,
            }
        }
        Err(Refusal::Chain(why))
    }

    /// At least one log that is known signed a timestamp, and no such timestamp is wrong.
    fn verify_timestamps(&self, leaf: &Certificate, issuer: &Certificate) -> Result<(), Refusal> {
        let timestamps = leaf
            .timestamps()
            .ok_or_else(|| uncertified("no log of certificates stands in the signer's"))?;
        let mut is_logged = false;
        for timestamp in &timestamps {
            let millis = i64::try_from(timestamp.millis).unwrap_or(i64::MAX);
            let time = Timestamp::from_millis(millis);
            let mut logs = named(&self.certificate_logs, &timestamp.log_id, time).peekable();
            if logs.peek().is_none() {
                continue;
            }
            if !logs.any(|log| timestamp.holds(leaf, issuer, &log.key)) {
                return Err(uncertified(
                    "a log's signature in the signer's certificate is wrong",
                ));
            }
            is_logged = true;
        }
        match is_logged {
            true => Ok(()),
            false => Err(uncertified(
                "no known log of certificates stands in the signer's",
            )),
        }
    }
}

fn named<'a>(logs: &'a [Log], id: &[u8], time: Timestamp) -> impl Iterator<Item = &'a Log> {
    logs.iter()
        .filter(move |log| log.id == id && log.valid.covers(time))
}

impl Authority {
    /// The certificate that issued `leaf`.
    fn verify(&self, leaf: &Certificate, time: Timestamp) -> Result<&Certificate, ChainError> {
        let unknown = || ChainError::UnknownIssuer(leaf.issuer().to_owned());
        let (root, between) = self.chain.split_last().ok_or_else(unknown)?;
        let mut chain = vec![leaf.clone()];
        chain.extend_from_slice(between);
        Roots::new(vec![root.clone()]).verify(&chain, time.as_secs())?;
        // A root is no signer, even if it is marked as one.
        self.chain
            .first()
            .filter(|issuer| issuer.as_der() != leaf.as_der())
            .ok_or_else(unknown)
    }
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "mediaType")]
    media_type: String,
    #[serde(rename = "certificateAuthorities", default)]
    authorities: Vec<WireAuthority>,
    #[serde(rename = "tlogs", default)]
    logs: Vec<WireLog>,
    #[serde(rename = "ctlogs", default)]
    certificate_logs: Vec<WireLog>,
}

#[derive(Deserialize)]
struct WireAuthority {
    #[serde(rename = "certChain")]
    chain: WireChain,
    #[serde(rename = "validFor")]
    valid: WireValidity,
}

#[derive(Deserialize)]
struct WireChain {
    certificates: Vec<WireBytes>,
}

#[derive(Deserialize)]
struct WireBytes {
    #[serde(rename = "rawBytes")]
    bytes: String,
}

#[derive(Deserialize)]
struct WireLog {
    #[serde(rename = "publicKey")]
    key: WireKey,
    #[serde(rename = "logId")]
    id: WireId,
}

#[derive(Deserialize)]
struct WireKey {
    #[serde(rename = "rawBytes")]
    bytes: String,
    #[serde(rename = "keyDetails")]
    kind: String,
    #[serde(rename = "validFor")]
    valid: WireValidity,
}

#[derive(Deserialize)]
struct WireId {
    #[serde(rename = "keyId")]
    id: String,
}

#[derive(Deserialize)]
struct WireValidity {
    /// Always written; without it a key would be valid since ever.
    start: String,
    end: Option<String>,
}

impl WireAuthority {
    fn read(self) -> Result<Authority, CryptoError> {
        let chain = self.chain.certificates;
        if !(1..=MAX_CHAIN).contains(&chain.len()) {
            return Err(malformed("an authority has no certificate, or too many"));
        }
        let chain = chain
            .iter()
            .map(|one| Certificate::from_der(&base64(&one.bytes)?));
        Ok(Authority {
            chain: chain.collect::<Result<_, _>>()?,
            valid: self.valid.read()?,
        })
    }
}

impl WireLog {
    /// Nothing for a log with another kind of key.
    fn read(self) -> Result<Option<Log>, CryptoError> {
        if !KEYS.contains(&self.key.kind.as_str()) {
            return Ok(None);
        }
        Ok(Some(Log {
            id: base64(&self.id.id)?,
            key: EcdsaPublic::from_spki(&base64(&self.key.bytes)?)?,
            valid: self.key.valid.read()?,
        }))
    }
}

impl WireValidity {
    fn read(&self) -> Result<Validity, CryptoError> {
        let time = |text: &str| {
            Timestamp::from_rfc3339(text).ok_or_else(|| malformed("a time is not RFC 3339 in UTC"))
        };
        Ok(Validity {
            from: time(&self.start)?,
            until: self.end.as_deref().map(time).transpose()?,
        })
    }
}

fn base64(text: &str) -> Result<Vec<u8>, CryptoError> {
    STANDARD
        .decode(text)
        .map_err(|_| malformed("it holds bytes that are not base64"))
}

fn malformed(why: &str) -> CryptoError {
    CryptoError::Malformed {
        what: "the trust root",
        why: why.to_owned(),
    }
}

const MEDIA_TYPES: [&str; 3] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];
/// RSA is in the public trust root for a log that was closed in 2022, Ed25519 for logs whose entries
/// have no time.
const KEYS: [&str; 3] = [
    "PKIX_ECDSA_P256_SHA_256",
    "PKIX_ECDSA_P384_SHA_384",
    "PKIX_ECDSA_P521_SHA_512",
];
const MAX_CHAIN: usize = 16;
