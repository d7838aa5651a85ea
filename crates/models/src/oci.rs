// SPDX-License-Identifier: Apache-2.0
//! Models as OCI artefacts (CNCF ModelPack) in an OCI layout: the documents of it, without files.
//!
//! Each file of a model is a layer as it is, so that its digest is the file's SHA-256. The signature is
//! an artefact of its own that refers to the model. Nothing that is read is believed before its digest
//! was checked, and no name or path of it is opened: blobs are asked for by digest.

use casemate_crypto::{Sha256, sha256};
use serde_json::{Value, json};

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
const MOST_LAYERS: usize = 10_000;

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

fn malformed(why: impl Into<String>) -> OciError {
    OciError::Malformed(why.into())
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

/// Reads the one model of a layout. `blob` gives the bytes of a digest, [`MAX_DOCUMENT`] at most.
///
/// # Errors
/// [`OciError`]; layers that are archives are not read.
pub fn read(
    index: &[u8],
    blob: &mut dyn FnMut(&Sha256) -> std::io::Result<Vec<u8>>,
) -> Result<Artefact, OciError> {
    let index = parse(index, "index.json")?;
    let mut models = Vec::new();
    let mut signatures = Vec::new();
    for descriptor in list(&index["manifests"]).take(MOST_LAYERS) {
        let digest = digest_of(descriptor)?;
        let manifest = parse(&fetch(&digest, blob)?, "a manifest")?;
        match manifest["artifactType"].as_str() {
            Some(MODEL) => models.push((digest, manifest)),
            Some(BUNDLE) => signatures.push(manifest),
            // An index may hold what is none of ours.
            _ => {}
        }
    }
    let [(digest, model)] = models.as_slice() else {
        let why = format!("has {} models and not one", models.len());
        return Err(malformed(why));
    };
    let layers = list(&model["layers"]);
    let layers = layers.map(read_layer).collect::<Result<Vec<_>, _>>()?;
    if layers.len() > MOST_LAYERS {
        return Err(malformed(format!("has more than {MOST_LAYERS} layers")));
    }
    let of_this = |manifest: &&Value| manifest["subject"]["digest"] == address(digest).as_str();
    let bundle = signatures.iter().find(of_this).map(|signature| {
        let first = list(&signature["layers"]).next();
        let first = first.ok_or_else(|| malformed("has an empty signature"))?;
        fetch(&digest_of(first)?, blob)
    });
    Ok(Artefact {
        layers,
        bundle: bundle.transpose()?,
    })
}

fn read_layer(layer: &Value) -> Result<Layer, OciError> {
    let kind = layer["mediaType"].as_str().unwrap_or_default();
    if !kind.ends_with(".raw") {
        let why = format!(
            "has a layer `{}`; only files as they are are read",
            kind.escape_debug()
        );
        return Err(malformed(why));
    }
    let annotations = &layer["annotations"];
    let name = annotations[PATH].as_str().or(annotations[TITLE].as_str());
    let name = name.ok_or_else(|| malformed("has a layer without a name"))?;
    Ok(Layer {
        name: name
            .parse()
            .map_err(|error| malformed(format!("has a bad name: {error}")))?,
        sha256: digest_of(layer)?,
        length: layer["size"]
            .as_u64()
            .ok_or_else(|| malformed("has a layer without a size"))?,
    })
}

fn fetch(
    digest: &Sha256,
    blob: &mut dyn FnMut(&Sha256) -> std::io::Result<Vec<u8>>,
) -> Result<Vec<u8>, OciError> {
    let shown = hex::encode(digest);
    match blob(digest) {
        Ok(bytes) if sha256(&bytes) == *digest => Ok(bytes),
        Ok(_) => Err(OciError::Digest(shown)),
        Err(source) => Err(OciError::Read {
            digest: shown,
            source,
        }),
    }
}

fn parse(bytes: &[u8], what: &str) -> Result<Value, OciError> {
    serde_json::from_slice(bytes)
        .map_err(|error| malformed(format!("has {what} that is no JSON: {error}")))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn address(digest: &Sha256) -> String {
    format!("sha256:{}", hex::encode(digest))
}

fn digest_of(descriptor: &Value) -> Result<Sha256, OciError> {
    let text = descriptor["digest"].as_str().unwrap_or_default();
    let digest = text.strip_prefix("sha256:").and_then(hex::decode);
    digest.ok_or_else(|| malformed(format!("has a digest `{}`", text.escape_debug())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn layers() -> Vec<Layer> {
        let layer = |name: &str, bytes: &[u8]| Layer {
            name: name.parse().unwrap(),
            sha256: sha256(bytes),
            length: bytes.len() as u64,
        };
        vec![
            layer("config.json", b"{}"),
            layer("onnx/model.onnx", b"onnx"),
        ]
    }

    fn reread(documents: &Documents) -> Result<Artefact, OciError> {
        read(&documents.index, &mut |digest| {
            let found = documents.blobs.iter().find(|(known, _)| known == digest);
            found
                .map(|(_, bytes)| bytes.clone())
                .ok_or(std::io::ErrorKind::NotFound.into())
        })
    }

    #[test]
    fn what_was_written_is_read() {
        let artefact = reread(&write("fraud", "3", &layers(), b"bundle")).unwrap();
        assert_eq!(artefact.layers, layers());
        assert_eq!(artefact.bundle.as_deref(), Some(&b"bundle"[..]));
    }

    #[test]
    fn a_document_that_was_changed_is_refused() {
        for changed in 0..5 {
            let mut documents = write("fraud", "3", &layers(), b"bundle");
            let Some((_, bytes)) = documents.blobs.get_mut(changed) else {
                continue;
            };
            bytes.push(b' ');
            let result = reread(&documents);
            // What nobody asks for is not read: the configuration and the empty one.
            let asked = matches!(changed, 1 | 3 | 4);
            assert_eq!(result.is_err(), asked, "{changed} {result:?}");
        }
    }

    #[test]
    fn hostile_layouts_are_refused() {
        let base = write("fraud", "3", &layers(), b"bundle");
        let (_, manifest) = base.blobs.get(1).unwrap();
        let text = String::from_utf8(manifest.clone()).unwrap();
        for (from, to) in [
            ("onnx/model.onnx", "../../etc/passwd"),
            ("onnx/model.onnx", "/etc/passwd"),
            ("weight.v1.raw", "weight.v1.tar"),
            ("\"digest\":\"sha256:", "\"digest\":\"sha256:../../"),
            ("\"digest\":\"sha256:", "\"digest\":\"md5:"),
        ] {
            let changed = text.replace(from, to).into_bytes();
            assert_ne!(&changed, manifest, "{from}");
            let digest = sha256(&changed);
            let index = json!({"manifests": [{"digest": address(&digest)}]});
            let documents = Documents {
                index: index.to_string().into_bytes(),
                blobs: vec![(digest, changed)],
            };
            assert!(
                matches!(reread(&documents), Err(OciError::Malformed(_))),
                "{to}"
            );
        }
        for index in [
            "",
            "null",
            "[]",
            "{\"manifests\":[{}]}",
            "{\"manifests\":{}}",
        ] {
            let result = read(index.as_bytes(), &mut |_| Ok(Vec::new()));
            assert!(result.is_err(), "{index}");
        }
    }
}
