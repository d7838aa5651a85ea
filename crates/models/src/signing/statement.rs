// SPDX-License-Identifier: Apache-2.0
//! The statement that is signed: in-toto v1 with the predicate of OMS 1.0.

mod wire;

use std::{
    fmt::{self, Write as _},
    ops::Range,
    str::FromStr,
};

use casemate_crypto::{HashAlgorithm, sha256_parts};
use serde_json::{Value, json};

use super::Refusal;

/// What a model's files are, as a signer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub(super) name: String,
    pub(super) root: RootDigest,
    pub(super) resources: Vec<Resource>,
    pub(super) method: Method,
    pub(super) algorithm: HashAlgorithm,
    pub(super) allows_links: bool,
    pub(super) ignored: Vec<String>,
}

impl Statement {
    /// Reads the payload of an envelope. What is read is believed only if its signature holds:
    /// see [`Bundle::verify`](super::Bundle::verify).
    ///
    /// # Errors
    /// [`Refusal::Malformed`], and [`Refusal::Unsupported`] for the format before 1.0.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Refusal> {
        wire::read(payload)
    }

    /// Name of the directory or file at signing; informative only.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The digest over all resources, which is the identity of the model.
    #[must_use]
    pub const fn root(&self) -> RootDigest {
        self.root
    }

    /// Files or parts of files, in the order they were listed.
    #[must_use]
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// Whether files are digested as wholes.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// By what files are digested.
    #[must_use]
    pub const fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// Whether links to files were followed at signing.
    #[must_use]
    pub const fn allows_links(&self) -> bool {
        self.allows_links
    }

    /// Paths that were left out at signing.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The JSON that is signed.
    pub(super) fn to_json(&self) -> Value {
        let algorithm = spelling(self.algorithm);
        let resources: Vec<_> = self
            .resources
            .iter()
            .map(|resource| {
                json!({
                    "name": resource.listed_name(),
                    "digest": hex(&resource.digest),
                    "algorithm": algorithm,
                })
            })
            .collect();
        let mut serialization = json!({
            "method": "files",
            "hash_type": algorithm,
            "allow_symlinks": self.allows_links,
            "ignore_paths": self.ignored,
        });
        if let Method::Shards { bytes } = self.method {
            serialization["method"] = json!("shards");
            serialization["shard_size"] = json!(bytes);
        }
        json!({
            "_type": STATEMENT,
            "subject": [{"name": self.name, "digest": {"sha256": self.root.to_string()}}],
            "predicateType": PREDICATE,
            "predicate": {"serialization": serialization, "resources": resources},
        })
    }
}

/// A file, or a part of one, with its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The file, relative to the model with `/` between components; never absolute, without `..`.
    /// [`SELF`](Self::SELF) is the file itself if the model is a single file.
    pub name: String,
    /// The bytes of the file that it is of; none is all of them.
    pub range: Option<Range<u64>>,
    /// The digest, as long as the algorithm makes it.
    pub digest: Vec<u8>,
    /// By what it was digested.
    pub algorithm: HashAlgorithm,
}

impl Resource {
    /// The name that the reference implementation gives a model that is a single file.
    pub const SELF: &str = ".";

    pub(super) fn listed_name(&self) -> String {
        match &self.range {
            None => self.name.clone(),
            Some(range) => format!("{}:{}:{}", self.name, range.start, range.end),
        }
    }
}

/// How files become resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Each file is one.
    Files,
    /// Each file is cut into pieces of a size; empty files are not listed.
    Shards {
        /// The size; the last piece of a file may be shorter. Never 0.
        bytes: u64,
    },
}

/// SHA-256 over the digests of all resources in their listed order: the identity of a model.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RootDigest([u8; 32]);

impl RootDigest {
    /// The root of these resources.
    #[must_use]
    pub fn of(resources: &[Resource]) -> Self {
        let digests: Vec<&[u8]> = resources
            .iter()
            .map(|resource| resource.digest.as_slice())
            .collect();
        Self(sha256_parts(&digests))
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Sixty-four lower-case hexadecimal digits.
impl fmt::Display for RootDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for RootDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootDigest({self})")
    }
}

impl FromStr for RootDigest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let bytes = unhex(text).ok_or(NoDigest)?;
        Ok(Self(bytes.try_into().map_err(|_| NoDigest)?))
    }
}

/// A text is no root digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a root digest is 64 lower-case hexadecimal digits")]
pub struct NoDigest;

/// The name of an algorithm in statements.
pub(super) const fn spelling(algorithm: HashAlgorithm) -> &'static str {
    match algorithm {
        HashAlgorithm::Blake2b => "blake2b",
        HashAlgorithm::Blake3 => "blake3",
        HashAlgorithm::Sha256 => "sha256",
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Bytes of lower-case digits; the specification knows no others.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |&[high, low]: &[u8; 2]| Some(value(high)? << 4 | value(low)?);
    rest.is_empty().then_some(())?;
    pairs.iter().map(byte).collect()
}

pub(super) const STATEMENT: &str = "https://in-toto.io/Statement/v1";
pub(super) const PREDICATE: &str = "https://model_signing/signature/v1.0";
/// Resources of a statement at most.
pub(super) const MAX_RESOURCES: usize = 500_000;
