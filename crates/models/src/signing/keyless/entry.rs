// SPDX-License-Identifier: Apache-2.0
//! Entries of a log of signatures (Rekor, version 1), as bundles carry them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use casemate_crypto::Certificate;
use casemate_types::Timestamp;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{Refusal, Sealed, SigstoreRoots, body, log, malformed, proof::Proof, roots::Log};
use crate::signing::statement::hex;

/// An entry. Nothing of it is believed yet.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    log_id: Vec<u8>,
    /// Among all trees of the log.
    index: u64,
    /// Seconds since 1970.
    time: i64,
    kind: String,
    version: String,
    /// The log's signature over index, time and body.
    promise: Vec<u8>,
    proof: Proof,
    body: Vec<u8>,
}

impl Entry {
    pub(super) fn read(json: &str) -> Result<Self, Refusal> {
        let wire: Wire =
            serde_json::from_str(json).map_err(|error| malformed(error.to_string()))?;
        let kind = wire.kind.unwrap_or_default();
        // `intoto` has had this version in logs of version 1 for years.
        if kind.version == "0.0.2" && kind.kind != "intoto" {
            return Err(Refusal::Unsupported(SECOND_VERSION.to_owned()));
        }
        let promise = wire.promise.ok_or_else(|| log(NO_PROMISE))?;
        let proof = wire.proof.ok_or_else(|| log(NO_PROOF))?;
        Ok(Self {
            log_id: base64(&wire.log_id.id)?,
            index: wire.index.0,
            time: i64::try_from(wire.time.0)
                .ok()
                .filter(|time| (1..=LAST).contains(time))
                .ok_or_else(|| malformed("an entry of a log has no time"))?,
            kind: kind.kind,
            version: kind.version,
            promise: base64(&promise.signature)?,
            proof: Proof {
                index: proof.index.0,
                size: proof.size.0,
                root: digest(&proof.root)?,
                path: proof.path()?,
                checkpoint: proof.checkpoint.envelope,
            },
            body: base64(&wire.body)?,
        })
    }

    /// What no two entries have in common.
    pub(super) fn place(&self) -> (&[u8], u64) {
        (&self.log_id, self.index)
    }

    /// When the log took it, if a log that is known says so, holds it, and it is about this
    /// signature.
    pub(super) fn verify(
        &self,
        roots: &SigstoreRoots,
        leaf: &Certificate,
        sealed: Sealed<'_>,
    ) -> Result<Timestamp, Refusal> {
        let time = Timestamp::from_millis(self.time.saturating_mul(1_000));
        let mut why = log("its entry is of a log that is not known, or was not at that time");
        for known in roots.logs(&self.log_id, time) {
            match self.verify_by(known) {
                Ok(()) => {
                    body::check(&self.body, (&self.kind, &self.version), leaf, sealed)?;
                    return Ok(time);
                }
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    fn verify_by(&self, known: &Log) -> Result<(), Refusal> {
        if !known.key.verify(self.promised().as_bytes(), &self.promise) {
            return Err(log("the promise of its entry was not signed by the log"));
        }
        self.proof.verify(&self.body, known)
    }

    /// What the promise signs: canonical JSON (RFC 8785), which has its members in this order.
    fn promised(&self) -> String {
        format!(
            r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
            STANDARD.encode(&self.body),
            self.time,
            hex(&self.log_id),
            self.index,
        )
    }
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "logIndex", default)]
    index: Int,
    #[serde(rename = "logId")]
    log_id: WireId,
    #[serde(rename = "kindVersion")]
    kind: Option<WireKind>,
    #[serde(rename = "integratedTime", default)]
    time: Int,
    #[serde(rename = "inclusionPromise")]
    promise: Option<WirePromise>,
    #[serde(rename = "inclusionProof")]
    proof: Option<WireProof>,
    #[serde(rename = "canonicalizedBody")]
    body: String,
}

#[derive(Deserialize)]
struct WireId {
    #[serde(rename = "keyId")]
    id: String,
}

#[derive(Deserialize, Default)]
struct WireKind {
    kind: String,
    version: String,
}

#[derive(Deserialize)]
struct WirePromise {
    #[serde(rename = "signedEntryTimestamp")]
    signature: String,
}

#[derive(Deserialize)]
struct WireProof {
    #[serde(rename = "logIndex", default)]
    index: Int,
    #[serde(rename = "rootHash")]
    root: String,
    #[serde(rename = "treeSize")]
    size: Int,
    #[serde(rename = "hashes", default)]
    path: Vec<String>,
    checkpoint: WireCheckpoint,
}

#[derive(Deserialize)]
struct WireCheckpoint {
    envelope: String,
}

impl WireProof {
    fn path(&self) -> Result<Vec<[u8; 32]>, Refusal> {
        match self.path.len() <= Proof::MAX_PATH {
            true => self.path.iter().map(|hash| digest(hash)).collect(),
            false => Err(malformed("a proof of a log is too long")),
        }
    }
}

/// A number of 64 bits, which JSON of protocol buffers writes as text and leaves out if it is zero.
#[derive(Default)]
struct Int(u64);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(u64),
            Text(String),
        }
        match Form::deserialize(from)? {
            Form::Number(number) => Ok(Self(number)),
            Form::Text(text) => decimal(&text)
                .map(Self)
                .ok_or_else(|| D::Error::custom("a number of 64 bits was expected")),
        }
    }
}

/// A number in its shortest form, without a sign.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let is_shortest = text == "0" || !text.starts_with('0');
    let is_number = is_shortest && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn digest(text: &str) -> Result<[u8; 32], Refusal> {
    let bytes = base64(text)?;
    bytes
        .try_into()
        .map_err(|_| malformed("an entry of a log has a digest that is not SHA-256"))
}

fn base64(text: &str) -> Result<Vec<u8>, Refusal> {
    STANDARD
        .decode(text)
        .map_err(|_| malformed("an entry of a log holds bytes that are not base64"))
}

/// The end of the year 9999.
const LAST: i64 = 253_402_300_799;
const NO_PROMISE: &str = "its entry has no promise of the log, so that nobody vouches for the time";
const NO_PROOF: &str = "its entry has no proof that the log holds it";
const SECOND_VERSION: &str = "the signature's entry is of a log of version 2, whose time is said by \
     authorities of timestamps, which are not supported";
