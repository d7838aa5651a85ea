// SPDX-License-Identifier: Apache-2.0
//! Layouts that somebody else wrote.

use std::{collections::HashSet, fmt, marker::PhantomData};

use casemate_crypto::{Sha256, sha256};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, SeqAccess, Visitor},
};

use super::{Artefact, BUNDLE, Layer, MODEL, OciError};
use crate::hex;

/// Manifests of an index and layers of a manifest at most.
const MOST: usize = 10_000;
/// Letters of a foreign text that are told.
const TOLD: usize = 100;

/// Reads the one model of a layout. `blob` gives the bytes of a digest, [`MAX_DOCUMENT`](super::MAX_DOCUMENT) at most; each
/// digest of a manifest is asked for once.
///
/// Memory: one document, and of signatures two digests.
///
/// # Errors
/// [`OciError`]; layers that are archives are not read.
pub fn read(
    index: &[u8],
    blob: &mut dyn FnMut(&Sha256) -> std::io::Result<Vec<u8>>,
) -> Result<Artefact, OciError> {
    let index: Index = parse(index, "index.json")?;
    let mut known = HashSet::new();
    let mut model: Option<(Sha256, Vec<Layer>)> = None;
    let mut signatures = Vec::new();
    for descriptor in index.manifests.0 {
        let digest = digest_of(&descriptor.digest)?;
        if !known.insert(digest) {
            continue;
        }
        let bytes = fetch(&digest, descriptor.size, blob)?;
        let manifest: Manifest = parse(&bytes, "a manifest")?;
        match manifest.artifact_type.as_deref() {
            Some(MODEL) if model.is_some() => {
                return Err(malformed("has more than one model"));
            }
            Some(MODEL) => model = Some((digest, files(&manifest)?)),
            Some(BUNDLE) => signatures.push(Signature::of(manifest)?),
            // An index may hold what is none of ours.
            _ => {}
        }
    }
    let (digest, layers) = model.ok_or_else(|| malformed("has no model"))?;
    let of_this = |signature: &&Signature| signature.subject == Some(digest);
    let bundle = signatures.iter().find(of_this).map(|signature| {
        let (digest, size) = signature
            .bundle
            .ok_or_else(|| malformed("has an empty signature"))?;
        fetch(&digest, size, blob)
    });
    Ok(Artefact {
        layers,
        bundle: bundle.transpose()?,
    })
}

/// `index.json`. What is not asked for is passed over and not kept.
#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Bounded<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    artifact_type: Option<String>,
    #[serde(default)]
    layers: Bounded<Descriptor>,
    subject: Option<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    digest: String,
    size: Option<u64>,
    annotations: Option<Annotations>,
}

/// Where a layer says what its file is called.
#[derive(Deserialize)]
struct Annotations {
    #[serde(rename = "org.cncf.model.filepath")]
    path: Option<String>,
    #[serde(rename = "org.opencontainers.image.title")]
    title: Option<String>,
}

/// What is kept of a signature: of what it is one, and where its bundle stands.
struct Signature {
    subject: Option<Sha256>,
    bundle: Option<(Sha256, Option<u64>)>,
}

impl Signature {
    fn of(manifest: Manifest) -> Result<Self, OciError> {
        let subject = manifest.subject.map(|subject| digest_of(&subject.digest));
        let first = manifest.layers.0.into_iter().next();
        let bundle = first.map(|first| Ok((digest_of(&first.digest)?, first.size)));
        Ok(Self {
            subject: subject.transpose()?,
            bundle: bundle.transpose()?,
        })
    }
}

/// A list that ends with an error when it is longer than any that is of use: an item takes more room
/// than its text.
struct Bounded<T>(Vec<T>);

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Items(PhantomData))
    }
}

struct Items<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
    type Value = Bounded<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of no more than {MOST}")
    }

    /// An empty list, as some tools write it.
    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Bounded::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            if all.len() == MOST {
                return Err(de::Error::invalid_length(MOST + 1, &self));
            }
            all.push(item);
        }
        Ok(Bounded(all))
    }
}

/// The files of a model, each by a name of its own.
fn files(manifest: &Manifest) -> Result<Vec<Layer>, OciError> {
    let layers = manifest.layers.0.iter().map(read_layer);
    let layers = layers.collect::<Result<Vec<_>, _>>()?;
    let mut names = HashSet::new();
    if let Some(twice) = layers.iter().find(|layer| !names.insert(&layer.name)) {
        return Err(malformed(format!("has two layers `{}`", twice.name)));
    }
    match layers.is_empty() {
        true => Err(malformed("has a model without files")),
        false => Ok(layers),
    }
}

fn read_layer(layer: &Descriptor) -> Result<Layer, OciError> {
    if !layer.media_type.ends_with(".raw") {
        let why = format!(
            "has a layer `{}`; only files as they are are read",
            told(&layer.media_type)
        );
        return Err(malformed(why));
    }
    let annotations = layer.annotations.as_ref();
    let name = annotations.and_then(|all| all.path.as_ref().or(all.title.as_ref()));
    let name = name.ok_or_else(|| malformed("has a layer without a name"))?;
    Ok(Layer {
        name: name
            .parse()
            .map_err(|error| malformed(format!("has a bad name: {error}")))?,
        sha256: digest_of(&layer.digest)?,
        length: layer
            .size
            .ok_or_else(|| malformed("has a layer without a size"))?,
    })
}

fn fetch(
    digest: &Sha256,
    size: Option<u64>,
    blob: &mut dyn FnMut(&Sha256) -> std::io::Result<Vec<u8>>,
) -> Result<Vec<u8>, OciError> {
    let shown = hex::encode(digest);
    match blob(digest) {
        Ok(bytes) if size.is_some_and(|size| size != bytes.len() as u64) => {
            let why = format!("says another size of the blob sha256:{shown} than it has");
            Err(malformed(why))
        }
        Ok(bytes) if sha256(&bytes) == *digest => Ok(bytes),
        Ok(_) => Err(OciError::Digest(shown)),
        Err(source) => Err(OciError::Read {
            digest: shown,
            source,
        }),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, OciError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let error = error.to_string();
        malformed(format!("has {what} that is none: {}", told(&error)))
    })
}

/// The beginning of a foreign text, without what a terminal would obey.
fn told(text: &str) -> String {
    let beginning: String = text.chars().take(TOLD).collect();
    beginning.escape_debug().to_string()
}

fn digest_of(text: &str) -> Result<Sha256, OciError> {
    let digest = text.strip_prefix("sha256:").and_then(hex::decode);
    digest.ok_or_else(|| malformed(format!("has a digest `{}`", told(text))))
}

fn malformed(why: impl Into<String>) -> OciError {
    OciError::Malformed(why.into())
}
