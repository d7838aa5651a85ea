// SPDX-License-Identifier: Apache-2.0
//! What is said about versions, and tied to their bytes before it counts.

use std::collections::BTreeSet;

use casemate_crypto::sha256;
use casemate_types::{Caller, actions::ModelAttest};
use serde_json::Value;

use super::{
    Place, Reference, Registry, RegistryError,
    manifest::Manifest,
    standing::{Found, document_place},
    version_of,
};
use crate::{
    hex,
    store::{self, DocumentRow},
};

/// Bytes of a document.
const MAX_DOCUMENT: usize = 1 << 20;
/// Documents of one kind about one version.
const MOST_DOCUMENTS: i64 = 32;

/// Sorts of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// A bill of materials: CycloneDX JSON that lists every file by its SHA-256.
    Bom,
    /// How well it does: an object with `name` and `metrics`.
    Evaluation,
    /// Where it comes from: an in-toto statement of SLSA provenance with the version as subject.
    Provenance,
}

impl DocumentKind {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bom => "bom",
            Self::Evaluation => "evaluation",
            Self::Provenance => "provenance",
        }
    }

    /// The sort of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Bom, Self::Evaluation, Self::Provenance];
        all.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl Registry {
    /// Records a document about a version. It has to speak of exactly these bytes.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] when it does not, or is not what it is said to be.
    pub async fn attest(
        &self,
        caller: &Caller,
        place: &Place,
        reference: &Reference,
        kind: DocumentKind,
        body: Value,
    ) -> Result<(), RegistryError> {
        let found = self.find(caller, place, reference).await?;
        let text = body.to_string();
        let digest = sha256(text.as_bytes());
        let note = format!("{} sha256:{}", kind.as_str(), hex::encode(&digest));
        let permit = self
            .admit_version::<ModelAttest>(caller, place, &found, "", &note, |asked| asked)
            .await?;
        self.blocking(move |registry| {
            registry.effect_by(permit, |resource, caller| {
                registry.check(&found, kind, &body, text.len())?;
                let place = document_place(&found.row, kind, &digest);
                let document = DocumentRow {
                    kind: kind.as_str().to_owned(),
                    digest,
                    body: registry.seal(found.model.project, &place, text.as_bytes())?,
                    created: registry.inner.parts.clock.now(),
                    author: caller.principal.id,
                };
                let kept = registry.tx("models.attest", |tx| {
                    let (_, row) = version_of(tx, resource)?;
                    let kept = store::document_insert(tx, row.id, &document, MOST_DOCUMENTS)?;
                    Ok::<_, RegistryError>(kept)
                });
                match kept? {
                    true => Ok(()),
                    false => Err(RegistryError::Conflict(format!(
                        "there are {MOST_DOCUMENTS} documents of this kind about the version already"
                    ))),
                }
            })
        })
        .await
    }

    fn check(
        &self,
        found: &Found,
        kind: DocumentKind,
        body: &Value,
        length: usize,
    ) -> Result<(), RegistryError> {
        if length > MAX_DOCUMENT {
            return Err(RegistryError::invalid("the document is longer than 1 MiB"));
        }
        match kind {
            DocumentKind::Bom => bom(&*self.manifest(&found.row)?, body),
            DocumentKind::Evaluation => evaluation(body),
            DocumentKind::Provenance => provenance(found, body),
        }
    }
}

fn bom(manifest: &Manifest, body: &Value) -> Result<(), RegistryError> {
    if body["bomFormat"] != "CycloneDX" {
        return Err(RegistryError::invalid(
            "it is no CycloneDX bill of materials",
        ));
    }
    let components = body["components"].as_array().into_iter().flatten();
    let hashes =
        components.flat_map(|component| component["hashes"].as_array().into_iter().flatten());
    let listed: BTreeSet<_> = hashes
        .filter(|hash| hash["alg"] == "SHA-256")
        .filter_map(|hash| hash["content"].as_str())
        .collect();
    let missing = manifest.files.iter().find(|file| {
        let digest = hex::encode(&file.sha256);
        !listed.contains(digest.as_str())
    });
    match missing {
        None => Ok(()),
        Some(file) => Err(RegistryError::Invalid(format!(
            "it does not list `{}` by its SHA-256, so it is of other bytes",
            file.name
        ))),
    }
}

fn evaluation(body: &Value) -> Result<(), RegistryError> {
    let named = body["name"].as_str().is_some_and(|name| !name.is_empty());
    let measured = body["metrics"]
        .as_object()
        .is_some_and(|metrics| !metrics.is_empty());
    match named && measured {
        true => Ok(()),
        false => Err(RegistryError::invalid(
            "an evaluation is an object with a `name` and `metrics` that are not empty",
        )),
    }
}

fn provenance(found: &Found, body: &Value) -> Result<(), RegistryError> {
    if body["_type"] != "https://in-toto.io/Statement/v1"
        || body["predicateType"] != "https://slsa.dev/provenance/v1"
    {
        return Err(RegistryError::invalid(
            "it is no in-toto statement of SLSA provenance v1",
        ));
    }
    let root = hex::encode(&found.row.root);
    let mut subjects = body["subject"].as_array().into_iter().flatten();
    match subjects.any(|subject| subject["digest"]["sha256"] == root.as_str()) {
        true => Ok(()),
        false => Err(RegistryError::Invalid(format!(
            "none of its subjects has the digest sha256:{root}"
        ))),
    }
}
