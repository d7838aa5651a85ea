// SPDX-License-Identifier: Apache-2.0
//! Models as OCI artefacts (CNCF ModelPack) in an OCI layout: the documents of it, without files.
//!
//! Each file of a model is a layer as it is, so that its digest is the file's SHA-256. The signature is
//! an artefact of its own that refers to the model. Nothing that is read is believed before its digest
//! was checked, and no name or path of it is opened: blobs are asked for by digest.

mod read;

use casemate_crypto::{Sha256, sha256};
use serde_json::{Value, json};

pub use read::read;

use crate::{hex, registry::FileName};

/// What stands in the file `oci-layout`.
pub const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// Bytes of `index.json`, of a manifest and of a configuration at most.
pub const MAX_DOCUMENT: usize = 8 << 20;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const MODEL: &str = "application/vnd.cncf.model.manifest.v1+json";
const CONFIG: &str = "application/vnd.cncf.model.config.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PATH: &str = "org.cncf.model.filepath";
const TITLE: &str = "org.opencontainers.image.title";

/// A layout that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OciError {
    /// A blob does not have the digest it is asked for by.
    #[error("the blob sha256:{0} has another digest")]
    Digest(String),
    /// It breaks the format, or uses a part of it that is not read here.
    #[error("the OCI layout {0}")]
    Malformed(String),
    /// A blob cannot be read.
    #[error("the blob sha256:{digest} cannot be read")]
    Read {
        /// Which blob.
        digest: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name.
    pub name: FileName,
    /// Its digest, which is its blob's.
    pub sha256: Sha256,
    /// Its length in bytes.
    pub length: u64,
}

/// A model as it stands in a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// Its files.
    pub layers: Vec<Layer>,
    /// The signature's bundle, if there is one.
    pub bundle: Option<Vec<u8>>,
}

/// The documents of a layout with one model.
#[derive(Debug)]
pub struct Documents {
    /// `index.json`.
    pub index: Vec<u8>,
    /// Blobs beside the model's files.
    pub blobs: Vec<(Sha256, Vec<u8>)>,
}

/// Makes the documents of a layout with one model and its signature.
#[must_use]
pub fn write(name: &str, version: &str, layers: &[Layer], bundle: &[u8]) -> Documents {
    let mut blobs = Vec::new();
    let mut put = |kind: &str, bytes: Vec<u8>| {
        let descriptor = json!({
            "mediaType": kind,
            "digest": address(&sha256(&bytes)),
            "size": bytes.len(),
        });
        blobs.push((sha256(&bytes), bytes));
        descriptor
    };
    let digests: Vec<_> = layers.iter().map(|layer| address(&layer.sha256)).collect();
    let config = json!({
        "descriptor": {"name": name, "version": version},
        "modelfs": {"type": "layers", "diffIds": digests},
        "config": {},
    });
    let config = put(CONFIG, config.to_string().into_bytes());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": MODEL,
        "config": config,
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
    });
    let mut model = put(MANIFEST, manifest.to_string().into_bytes());
    let (empty, bundle) = (put(EMPTY, b"{}".to_vec()), put(BUNDLE, bundle.to_vec()));
    let signature = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": BUNDLE,
        "config": empty,
        "layers": [bundle],
        "subject": model,
    });
    let mut signature = put(MANIFEST, signature.to_string().into_bytes());
    model["artifactType"] = json!(MODEL);
    model["annotations"] = json!({"org.opencontainers.image.ref.name": version});
    signature["artifactType"] = json!(BUNDLE);
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [model, signature]});
    Documents {
        index: index.to_string().into_bytes(),
        blobs,
    }
}

fn layer(layer: &Layer) -> Value {
    json!({
        "mediaType": media(layer.name.as_str()),
        "digest": address(&layer.sha256),
        "size": layer.length,
        "annotations": {PATH: layer.name.as_str(), TITLE: layer.name.as_str()},
    })
}

/// What a layer is called; only other tools ask for it.
fn media(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[".md", ".txt", ".pdf"]) || name.ends_with("license") {
        "application/vnd.cncf.model.doc.v1.raw"
    } else if ends(&[".json", ".yaml", ".yml", ".model", ".jinja", ".toml"]) {
        "application/vnd.cncf.model.weight.config.v1.raw"
    } else if ends(&[".py", ".sh", ".ipynb"]) {
        "application/vnd.cncf.model.code.v1.raw"
    } else {
        "application/vnd.cncf.model.weight.v1.raw"
    }
}

fn address(digest: &Sha256) -> String {
    format!("sha256:{}", hex::encode(digest))
}

#[cfg(test)]
mod tests;
