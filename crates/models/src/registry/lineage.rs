// SPDX-License-Identifier: Apache-2.0
//! Everything that is said about a version, tied to one digest, in a form to take along.

use casemate_types::{Caller, actions::ModelRead};
use serde_json::{Value, json};

use super::{DocumentKind, Place, Reference, Registry, RegistryError, standing::Found};
use crate::{hex, store};

/// The sort of statement that a scan makes.
const SCAN: &str = "urn:casemate:predicate:scan:v1";
/// The sort of statement that an evaluation makes.
const EVALUATION: &str = "urn:casemate:predicate:evaluation:v1";

impl Registry {
    /// Signature, verdict of the scan, bills of materials, evaluations and provenance of a version
    /// as statements about its root digest, and what it was made from.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`], [`RegistryError::Access`].
    pub async fn lineage(
        &self,
        caller: &Caller,
        place: &Place,
        reference: &Reference,
    ) -> Result<Value, RegistryError> {
        let found = self.find(caller, place, reference).await?;
        let permit =
            self.admit_version::<ModelRead>(caller, place, &found, "", "lineage", |asked| asked);
        let (permit, place) = (permit.await?, place.clone());
        self.blocking(move |registry| {
            registry.effect(permit, |_| registry.lineage_of(&place, &found))
        })
        .await
    }

    fn lineage_of(&self, place: &Place, found: &Found) -> Result<Value, RegistryError> {
        let documents = self.documents(&found.row)?;
        let of = |kind| {
            documents
                .iter()
                .filter(move |document| document.kind == kind)
        };
        let mut statements = vec![statement(place, found, SCAN, self.scan_of(found)?)];
        for evaluation in of(DocumentKind::Evaluation) {
            statements.push(statement(place, found, EVALUATION, evaluation.body.clone()));
        }
        let provenance: Vec<&Value> = of(DocumentKind::Provenance)
            .map(|document| &document.body)
            .collect();
        statements.extend(provenance.iter().map(|body| (*body).clone()));
        let materials: Vec<&Value> = provenance
            .iter()
            .flat_map(|body| list(&body["predicate"]["buildDefinition"]["resolvedDependencies"]))
            .collect();
        let runs: Vec<&Value> = provenance
            .iter()
            .map(|body| &body["predicate"]["runDetails"]["metadata"]["invocationId"])
            .filter(|run| run.is_string())
            .collect();
        let bundle: Value = serde_json::from_slice(&self.bundle(&found.row)?).unwrap_or_default();
        Ok(json!({
            "subject": subject(place, found),
            "version": found.row.number,
            "created": found.row.created.to_rfc3339(),
            "signer": found.signer.as_ref().ok(),
            "signature": bundle,
            "statements": statements,
            "boms": of(DocumentKind::Bom).map(|document| &document.body).collect::<Vec<_>>(),
            "lineage": {
                "runs": runs,
                "materials": materials,
                "parents": self.parents(place, &materials)?,
            },
        }))
    }

    fn scan_of(&self, found: &Found) -> Result<Value, RegistryError> {
        let manifest = self.manifest(&found.row)?;
        let reports = self.reports(found.model.project, &manifest)?;
        let files = manifest.files.iter().zip(reports);
        let files = files.map(|(file, report)| {
            json!({
                "name": file.name,
                "digest": {"sha256": hex::encode(&file.sha256)},
                "report": report,
            })
        });
        Ok(json!({
            "scanner": {"name": "casemate", "version": env!("CARGO_PKG_VERSION")},
            "outcome": found.outcome.as_str(),
            "files": files.collect::<Vec<_>>(),
        }))
    }

    /// Those of the materials that are versions in this registry.
    fn parents(&self, place: &Place, materials: &[&Value]) -> Result<Vec<Value>, RegistryError> {
        let digests = materials.iter().filter_map(|material| {
            material["digest"]["sha256"]
                .as_str()
                .and_then(hex::decode::<32>)
        });
        let digests: Vec<_> = digests.collect();
        self.tx("models.parents", |tx| {
            let mut parents = Vec::new();
            for model in store::model_list(tx, Some(place.project))? {
                for digest in &digests {
                    let wanted = Reference::Digest(*digest);
                    if let Some(row) = store::version_find(tx, model.id, &wanted)? {
                        parents.push(json!({
                            "model": model.name,
                            "version": row.number,
                            "digest": {"sha256": hex::encode(digest)},
                        }));
                    }
                }
            }
            Ok(parents)
        })
    }
}

fn subject(place: &Place, found: &Found) -> Value {
    json!({
        "name": place.model.as_str(),
        "digest": {"sha256": hex::encode(&found.row.root)},
    })
}

/// An in-toto statement about the version.
fn statement(place: &Place, found: &Found, kind: &str, predicate: Value) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject(place, found)],
        "predicateType": kind,
        "predicate": predicate,
    })
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
