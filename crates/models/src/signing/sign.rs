// SPDX-License-Identifier: Apache-2.0
//! Signing a model.

use std::ops::Range;

use casemate_crypto::{Certificate, ChainError, CryptoError, EcdsaPrivate, HashAlgorithm};
use casemate_types::Timestamp;

use super::{
    Bundle, Effort, Entry, EntryKind, LinkTarget, Links, Method, ModelSource, Resource, RootDigest,
    SourceError, Statement,
    bundle::{Material, signed_bytes},
    check::{DEFAULT, Ignored},
    hashing::{self, Part},
    refusal::visible,
    statement::{MAX_RESOURCES, hex},
};

/// Who signs: a private key, with certificates or alone.
#[derive(Debug)]
pub struct Signer {
    key: EcdsaPrivate,
    material: Material,
}

impl Signer {
    /// Signs with a key that verifiers know.
    ///
    /// # Errors
    /// [`SigningError::Crypto`] when the provider refuses.
    pub fn with_key(key: EcdsaPrivate) -> Result<Self, SigningError> {
        let hint = Some(hex(&key.public()?.hint()));
        let material = Material::Key { hint };
        Ok(Self { key, material })
    }

    /// Signs with a key and its certificate, which comes first in `chain`. Whether the chain leads
    /// to a root is for verifiers to say.
    ///
    /// # Errors
    /// [`SigningError::Certificate`] if the certificate may not sign at `now`, and
    /// [`SigningError::OtherKey`] if it is of another key.
    pub fn with_chain(
        key: EcdsaPrivate,
        chain: Vec<Certificate>,
        now: Timestamp,
    ) -> Result<Self, SigningError> {
        let leaf = chain.first().ok_or(ChainError::Empty)?;
        if leaf.public_key()? != key.public()? {
            return Err(SigningError::OtherKey(leaf.subject().to_owned()));
        }
        leaf.check_signer(now.as_secs())?;
        let material = Material::Chain(chain);
        Ok(Self { key, material })
    }
}

/// How a model is signed. The default is what every verifier understands.
#[derive(Debug, Clone)]
pub struct SignOptions {
    /// By what files are digested.
    pub algorithm: HashAlgorithm,
    /// Whether files are digested as wholes.
    pub method: Method,
    /// Whether links to files are signed as the files they lead to.
    pub links: Links,
    /// Paths within the model that are left out, beside those of version control.
    pub ignored: Vec<String>,
}

impl Default for SignOptions {
    fn default() -> Self {
        Self {
            algorithm: HashAlgorithm::Sha256,
            method: Method::Files,
            links: Links::Refuse,
            ignored: Vec::new(),
        }
    }
}

/// A signature that was made.
#[derive(Debug, Clone)]
pub struct Signed {
    /// What was signed.
    pub statement: Statement,
    /// The bundle's bytes, to be stored as they are.
    pub bundle: Vec<u8>,
    /// Files that are in it.
    pub files: usize,
}

/// Signs a model. It is read once; see [`Effort`].
///
/// # Errors
/// [`SigningError`]; nothing is written anywhere.
pub fn sign(
    model: &dyn ModelSource,
    signer: &Signer,
    options: &SignOptions,
    effort: &Effort<'_>,
) -> Result<Signed, SigningError> {
    let paths = left_out(model, options)?;
    // They were checked to lie within the model.
    let ignored = Ignored::of(&paths, &mut Vec::new());
    let entries = model.entries()?;
    let mut files = Vec::new();
    for entry in &entries {
        if model.is_single_file() || !ignored.covers(&entry.name) {
            files.push(file(entry, options.links)?);
        }
    }
    files.sort();
    let parts = parts(&files, options.method)?;
    let digests = hashing::digests(model, &parts, options.algorithm, options.links, effort)?;
    let mut resources: Vec<_> = parts
        .iter()
        .zip(digests)
        .map(|(part, digest)| resource(model, options, part, digest))
        .collect();
    resources.sort_by_cached_key(Resource::listed_name);
    let statement = Statement {
        name: model.name(),
        root: RootDigest::of(&resources),
        resources,
        method: options.method,
        algorithm: options.algorithm,
        allows_links: options.links == Links::Follow,
        ignored: paths,
    };
    let bundle = envelope(&statement, signer)?;
    let files = files.len();
    Ok(Signed {
        statement,
        bundle,
        files,
    })
}

fn envelope(statement: &Statement, signer: &Signer) -> Result<Vec<u8>, SigningError> {
    let payload = statement.to_json().to_string().into_bytes();
    let bundle = Bundle {
        material: signer.material.clone(),
        signature: signer.key.sign(&signed_bytes(&payload))?,
        payload,
        passed_over: Vec::new(),
    };
    let bytes = bundle.to_json().to_string().into_bytes();
    match bytes.len() <= Bundle::MAX {
        true => Ok(bytes),
        false => Err(SigningError::TooMuch),
    }
}

/// Every path that is left out, in order.
fn left_out(model: &dyn ModelSource, options: &SignOptions) -> Result<Vec<String>, SigningError> {
    if model.is_single_file() {
        return Ok(Vec::new());
    }
    let mut paths: Vec<_> = DEFAULT.map(str::to_owned).to_vec();
    paths.extend(model.signature().map(str::to_owned));
    for path in &options.ignored {
        let plain = path.strip_suffix('/').unwrap_or(path);
        if !super::check::is_within(plain) {
            return Err(SigningError::Ignored(path.clone()));
        }
        paths.push(plain.to_owned());
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// Name and size of something that is to be signed.
fn file(entry: &Entry, links: Links) -> Result<(&str, u64), SigningError> {
    let refused = |kind| SigningError::NoFile(entry.name.clone(), kind);
    match entry.kind {
        EntryKind::File { bytes } => Ok((&entry.name, bytes)),
        EntryKind::Link(LinkTarget::File { bytes }) if links == Links::Follow => {
            Ok((&entry.name, bytes))
        }
        EntryKind::Link(LinkTarget::Directory) if links == Links::Follow => {
            Err(refused("a link to a directory"))
        }
        EntryKind::Link(LinkTarget::Nothing) => Err(refused("a link to no file")),
        EntryKind::Link(_) => Err(refused("a link")),
        EntryKind::Other(kind) => Err(refused(kind)),
    }
}

fn parts<'a>(files: &[(&'a str, u64)], method: Method) -> Result<Vec<Part<'a>>, SigningError> {
    let mut parts = Vec::new();
    for &(file, bytes) in files {
        let ranges: Box<dyn Iterator<Item = Range<u64>>> = match method {
            Method::Files => Box::new(std::iter::once(0..bytes)),
            Method::Shards { bytes: size } => Box::new(shards(bytes, size)),
        };
        for range in ranges {
            if parts.len() >= MAX_RESOURCES {
                return Err(SigningError::TooMuch);
            }
            parts.push(Part { file, bytes, range });
        }
    }
    match parts.is_empty() {
        true => Err(SigningError::Empty),
        false => Ok(parts),
    }
}

fn shards(bytes: u64, size: u64) -> impl Iterator<Item = Range<u64>> {
    let size = size.max(1);
    (0..bytes.div_ceil(size)).map(move |number| {
        let start = number * size;
        start..bytes.min(start.saturating_add(size))
    })
}

fn resource(
    model: &dyn ModelSource,
    options: &SignOptions,
    part: &Part<'_>,
    digest: Vec<u8>,
) -> Resource {
    // The specification names the file; the reference implementation looks for this name alone.
    let name = match model.is_single_file() {
        true => Resource::SELF,
        false => part.file,
    };
    Resource {
        name: name.to_owned(),
        range: matches!(options.method, Method::Shards { .. }).then(|| part.range.clone()),
        digest,
        algorithm: options.algorithm,
    }
}

/// A model cannot be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The signer's certificate may not sign.
    #[error("{0}")]
    Certificate(#[from] ChainError),
    /// A key or certificate cannot be used.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// There is nothing to sign.
    #[error("there are no files to sign")]
    Empty,
    /// A path to leave out does not lie within the model.
    #[error("the path `{}` does not lie within the model", visible(.0))]
    Ignored(String),
    /// Something in the model is no file.
    #[error("`{}` is {} and cannot be signed", visible(.0), .1)]
    NoFile(String, &'static str),
    /// The certificate belongs to another key.
    #[error("the certificate `{0}` is of another key")]
    OtherKey(String),
    /// The model cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A statement about so many files or shards is larger than verifiers take.
    #[error("there are too many files or shards for one signature")]
    TooMuch,
}
