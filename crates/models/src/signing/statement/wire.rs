// SPDX-License-Identifier: Apache-2.0
//! Statements as they are written, by this program and by others.

use std::ops::Range;

use casemate_crypto::HashAlgorithm;
use serde::Deserialize;
use serde_json::Number;

use super::{MAX_RESOURCES, Method, PREDICATE, Resource, RootDigest, STATEMENT, Statement, unhex};
use crate::signing::Refusal;

/// What every statement has. A member that stands twice is refused by `serde`.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(rename = "predicateType")]
    predicate_type: String,
}

#[derive(Deserialize)]
struct Body {
    subject: Vec<Subject>,
    predicate: Predicate,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    name: String,
    digest: Digests,
}

#[derive(Deserialize)]
struct Digests {
    sha256: String,
}

#[derive(Deserialize)]
struct Predicate {
    serialization: Serialization,
    resources: Vec<Listed>,
}

#[derive(Deserialize)]
struct Serialization {
    method: String,
    hash_type: String,
    #[serde(default)]
    shard_size: Option<Number>,
    #[serde(default)]
    allow_symlinks: bool,
    #[serde(default)]
    ignore_paths: Vec<String>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    digest: String,
    algorithm: String,
}

pub(super) fn read(payload: &[u8]) -> Result<Statement, Refusal> {
    let head: Head = json(payload)?;
    if head.kind != STATEMENT {
        return Err(malformed(format!(
            "its type is `{}`",
            head.kind.escape_debug()
        )));
    }
    match head.predicate_type.as_str() {
        PREDICATE => {}
        BEFORE_1_0 => return Err(Refusal::Unsupported(LEGACY.to_owned())),
        other => {
            let why = format!("its predicate is of the type `{}`", other.escape_debug());
            return Err(malformed(why));
        }
    }
    let body: Body = json(payload)?;
    let [subject] = <[Subject; 1]>::try_from(body.subject)
        .map_err(|subjects| malformed(format!("it has {} subjects and not one", subjects.len())))?;
    statement(subject, body.predicate)
}

fn statement(subject: Subject, predicate: Predicate) -> Result<Statement, Refusal> {
    let Predicate {
        serialization,
        resources,
    } = predicate;
    let algorithm = algorithm(&serialization.hash_type)?;
    let method = method(&serialization)?;
    match resources.len() {
        0 => return Err(malformed("it lists no files")),
        1..=MAX_RESOURCES => {}
        many => return Err(malformed(format!("it lists {many} files"))),
    }
    let resources = resources
        .into_iter()
        .map(|listed| resource(listed, method, algorithm))
        .collect::<Result<Vec<_>, _>>()?;
    let root = RootDigest::of(&resources);
    if subject.digest.sha256.parse() != Ok(root) {
        return Err(malformed(
            "its root digest is not that of the files it lists",
        ));
    }
    Ok(Statement {
        name: subject.name,
        root,
        resources,
        method,
        algorithm,
        allows_links: serialization.allow_symlinks,
        ignored: serialization.ignore_paths,
    })
}

fn method(serialization: &Serialization) -> Result<Method, Refusal> {
    match (serialization.method.as_str(), &serialization.shard_size) {
        ("files", _) => Ok(Method::Files),
        ("shards", Some(size)) => {
            let bytes = whole(size).filter(|&bytes| bytes > 0);
            let bytes =
                bytes.ok_or_else(|| malformed(format!("its shards are of {size} bytes")))?;
            Ok(Method::Shards { bytes })
        }
        ("shards", None) => Err(malformed("it does not say how large its shards are")),
        (other, _) => {
            let name = other.escape_debug();
            Err(Refusal::Unsupported(format!(
                "the serialization `{name}` is not known"
            )))
        }
    }
}

/// Protocol buffers write every number as a fraction: `1000.0`.
fn whole(number: &Number) -> Option<u64> {
    number.as_u64().or_else(|| {
        let value = number.as_f64()?;
        // Beyond 2^53 fractions are not exact.
        let is_whole = value.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&value);
        is_whole.then_some(value as u64)
    })
}

fn algorithm(name: &str) -> Result<HashAlgorithm, Refusal> {
    match name {
        "blake2b" | "blake2" => Ok(HashAlgorithm::Blake2b),
        "blake3" => Ok(HashAlgorithm::Blake3),
        "sha256" => Ok(HashAlgorithm::Sha256),
        other => {
            let name = other.escape_debug();
            Err(Refusal::Unsupported(format!(
                "digests by `{name}` are not known"
            )))
        }
    }
}

fn resource(listed: Listed, method: Method, expected: HashAlgorithm) -> Result<Resource, Refusal> {
    let shown = listed.name.escape_debug();
    let (spelled, size) = match listed.algorithm.split_once("-sharded-") {
        Some((name, size)) => (name, Some(size)),
        None => (listed.algorithm.as_str(), None),
    };
    let agrees = match (method, size) {
        (_, None) => true,
        (Method::Shards { bytes }, Some(size)) => {
            size.parse::<Number>().ok().and_then(|size| whole(&size)) == Some(bytes)
        }
        (Method::Files, Some(_)) => false,
    };
    if algorithm(spelled)? != expected || !agrees {
        let why = format!("`{shown}` is digested in another way than the model");
        return Err(malformed(why));
    }
    let digest = unhex(&listed.digest).filter(|digest| digest.len() == expected.length());
    let digest = digest.ok_or_else(|| malformed(format!("the digest of `{shown}` is none")))?;
    let (name, range) = match method {
        Method::Files => (listed.name.as_str(), None),
        Method::Shards { bytes } => {
            let shard = shard(&listed.name, bytes);
            let (name, range) = shard.ok_or_else(|| malformed(format!("`{shown}` is no shard")))?;
            (name, Some(range))
        }
    };
    if !is_plain(name) {
        let why = format!("the name `{shown}` does not stay within a model");
        return Err(malformed(why));
    }
    Ok(Resource {
        name: name.to_owned(),
        range,
        digest,
        algorithm: expected,
    })
}

/// Names may hold colons: the last two parts are the range.
fn shard(name: &str, size: u64) -> Option<(&str, Range<u64>)> {
    let (rest, end) = name.rsplit_once(':')?;
    let (name, start) = rest.rsplit_once(':')?;
    let (start, end) = (decimal(start)?, decimal(end)?);
    let fits = start % size == 0 && start < end && end - start <= size;
    fits.then_some((name, start..end))
}

/// Digits alone: `parse` takes a sign as well.
fn decimal(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// A path below a directory in its only spelling, or the model itself.
pub(super) fn is_plain(name: &str) -> bool {
    let is_plain = |component: &str| !matches!(component, "" | "." | "..");
    name == Resource::SELF || (name.split('/').all(is_plain) && !name.contains('\0'))
}

fn json<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(payload).map_err(|error| malformed(error.to_string()))
}

fn malformed(why: impl Into<String>) -> Refusal {
    Refusal::malformed("the statement", why)
}

const BEFORE_1_0: &str = "https://model_signing/Digests/v0.1";
const LEGACY: &str = "the signature is of a format before OMS 1.0 (`Digests/v0.1`), which is not \
     supported; sign the model again";
