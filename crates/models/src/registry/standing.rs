// SPDX-License-Identifier: Apache-2.0
//! What is known of a version at this moment: what gates decide on.

use casemate_access::Door;
use casemate_artifact::ScanOutcome;
use casemate_crypto::Place as Sealed;
use casemate_store::{Scope, StoreError};
use casemate_types::{
    Caller, PrincipalId, ProjectId, ResourceKind, ResourceRef, Standing, Timestamp,
};
use serde_json::Value;

use super::{
    DocumentInfo, DocumentKind, FileInfo, Place, Reference, Registry, RegistryError, Stopped,
    VersionInfo, VersionSummary,
    manifest::Manifest,
    signature::{self, AllowedSigner},
};
use crate::{
    hex,
    store::{self, DocumentRow, ModelRow, VersionRow},
};

/// A version with everything that is known of it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) model: ModelRow,
    pub(super) row: VersionRow,
    pub(super) manifest: Manifest,
    pub(super) bundle: Vec<u8>,
    pub(super) why: String,
    pub(super) signer: Result<String, String>,
    pub(super) reports: Vec<Value>,
    pub(super) outcome: ScanOutcome,
    pub(super) documents: Vec<DocumentInfo>,
    pub(super) approvals: Vec<(String, PrincipalId, Timestamp)>,
    pub(super) aliases: Vec<String>,
}

impl Found {
    /// The resource that policies know it as.
    pub(super) fn resource(&self, place: &Place) -> ResourceRef {
        let id = format!("{}@sha256:{}", place.model, hex::encode(&self.row.root));
        ResourceRef::of(ResourceKind::ModelVersion, id, place.project)
    }

    /// What is known of it, for an access of `caller` through `alias`.
    pub(super) fn standing(&self, door: &Door, caller: &Caller, alias: &str) -> Vec<Standing> {
        let has = |kind| self.documents.iter().any(|document| document.kind == kind);
        // Whoever asks does not count as the second person, nor who may be the same by another name.
        let other = |author| !door.one_hand(author, caller.principal.id);
        let second = self
            .approvals
            .iter()
            .any(|(approved, author, _)| approved == alias && other(*author));
        let known = [
            (Standing::Approved, second),
            (Standing::BelowFloor, self.below_floor()),
            (Standing::Bom, has(DocumentKind::Bom)),
            (Standing::Clean, self.outcome == ScanOutcome::Clean),
            (Standing::Evaluation, has(DocumentKind::Evaluation)),
            (Standing::Provenance, has(DocumentKind::Provenance)),
            (Standing::Quarantined, self.is_quarantined()),
            (Standing::Review, self.outcome == ScanOutcome::Review),
            (Standing::Signed, self.signer.is_ok()),
        ];
        let held = known.into_iter().filter(|(_, held)| *held);
        held.map(|(standing, _)| standing).collect()
    }

    pub(super) const fn below_floor(&self) -> bool {
        self.row.number < self.model.floor
    }

    pub(super) const fn is_quarantined(&self) -> bool {
        self.row.quarantined.is_some()
    }

    /// What it is stopped for, in words.
    pub(super) fn stopped(&self) -> String {
        format!("version {} is quarantined: {}", self.row.number, self.why)
    }

    pub(super) fn info(self) -> VersionInfo {
        let files = self.manifest.files.iter().zip(self.reports);
        let files = files.map(|(file, report)| FileInfo {
            name: file.name.clone(),
            sha256: file.sha256,
            length: file.length,
            report,
        });
        VersionInfo {
            outcome: self.outcome.as_str(),
            signer: self.signer,
            below_floor: self.row.number < self.model.floor,
            files: files.collect(),
            documents: self.documents,
            approvals: self.approvals,
            aliases: self.aliases,
            summary: VersionSummary {
                number: self.row.number,
                root: self.row.root,
                created: self.row.created,
                author: self.row.author,
                stopped: self.row.quarantined.map(|since| Stopped {
                    since,
                    why: self.why,
                }),
            },
        }
    }
}

impl Registry {
    /// A version and everything about it. Blocks.
    pub(super) fn look_up(
        &self,
        place: &Place,
        reference: &Reference,
    ) -> Result<Option<Found>, RegistryError> {
        let read = self.tx("models.look_up", |tx| {
            let Some(model) = store::model_get(tx, place.project, place.model.as_str())? else {
                return Ok::<_, StoreError>(None);
            };
            let Some(row) = store::version_find(tx, model.id, reference)? else {
                return Ok(None);
            };
            let documents = store::document_list(tx, row.id)?;
            let approvals = store::approval_list(tx, row.id)?;
            let aliases = store::alias_list(tx, model.id)?;
            Ok(Some((model, row, documents, approvals, aliases)))
        })?;
        let Some((model, row, documents, approvals, aliases)) = read else {
            return Ok(None);
        };
        let manifest = self.manifest(&row)?;
        let (outcome, reports) = self.reports(place.project, &manifest)?;
        let bundle = self.open(&version_place(row.model, &row.root, "bundle"), &row.bundle)?;
        let pointing = aliases.into_iter().filter(|alias| alias.version == row.id);
        Ok(Some(Found {
            signer: self.signer(&model, &row, &bundle),
            why: self.why(&row)?,
            documents: self.documents(&row, documents)?,
            aliases: pointing.map(|alias| alias.name).collect(),
            approvals,
            manifest,
            reports,
            outcome,
            bundle,
            model,
            row,
        }))
    }

    /// Whether the signature holds now: its signer may have been struck off since, or have expired.
    fn signer(&self, model: &ModelRow, row: &VersionRow, bundle: &[u8]) -> Result<String, String> {
        let signers = self.signers(model).map_err(|error| error.to_string())?;
        let signed = signature::check(bundle, &signers, self.inner.parts.clock.now())
            .map_err(|error| error.to_string())?;
        match signed.root() == row.root {
            true => Ok(signed.signer().to_owned()),
            false => Err("the stored signature is of another version".into()),
        }
    }

    /// Who may sign a model.
    pub(super) fn signers(&self, model: &ModelRow) -> Result<Vec<AllowedSigner>, RegistryError> {
        let Some(sealed) = &model.signers else {
            return Ok(Vec::new());
        };
        let text = self.open(&signers_place(model), sealed)?;
        Ok(serde_json::from_slice(&text).map_err(|_| corrupt("signers"))?)
    }

    pub(super) fn manifest(&self, row: &VersionRow) -> Result<Manifest, RegistryError> {
        let place = version_place(row.model, &row.root, "manifest");
        let text = self.open(&place, &row.manifest)?;
        Ok(serde_json::from_slice(&text).map_err(|_| corrupt("manifest"))?)
    }

    pub(super) fn why(&self, row: &VersionRow) -> Result<String, RegistryError> {
        let Some(sealed) = &row.why else {
            return Ok(String::new());
        };
        let text = self.open(&version_place(row.model, &row.root, "why"), sealed)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The worst outcome, and the report of each file.
    fn reports(
        &self,
        project: ProjectId,
        manifest: &Manifest,
    ) -> Result<(ScanOutcome, Vec<Value>), RegistryError> {
        let rows = self.tx("models.reports", |tx| {
            let files = manifest.files.iter();
            files
                .map(|file| store::blob_get(tx, project, &file.sha256))
                .collect::<Result<Vec<_>, StoreError>>()
        })?;
        let mut worst = ScanOutcome::Clean;
        let mut reports = Vec::with_capacity(rows.len());
        for row in rows {
            // What nobody looked at is not known to be harmless.
            let Some(row) = row else {
                worst = worst.worse(ScanOutcome::Unreadable);
                reports.push(Value::Null);
                continue;
            };
            worst = worst.worse(outcome(&row.outcome));
            let text = self.open(&report_place(project, &row.digest), &row.report)?;
            reports.push(serde_json::from_slice(&text).map_err(|_| corrupt("report"))?);
        }
        Ok((worst, reports))
    }

    fn documents(
        &self,
        row: &VersionRow,
        documents: Vec<DocumentRow>,
    ) -> Result<Vec<DocumentInfo>, RegistryError> {
        let open = |document: DocumentRow| {
            let kind = DocumentKind::from_word(&document.kind).ok_or_else(|| corrupt("kind"))?;
            let place = document_place(row, kind, &document.digest);
            let text = self.open(&place, &document.body)?;
            Ok(DocumentInfo {
                kind,
                sha256: document.digest,
                created: document.created,
                author: document.author,
                body: serde_json::from_slice(&text).map_err(|_| corrupt("document"))?,
            })
        };
        documents.into_iter().map(open).collect()
    }

    /// Opens a sealed value. One whose key was destroyed is gone.
    pub(super) fn open(&self, at: &At, sealed: &[u8]) -> Result<Vec<u8>, RegistryError> {
        let opened = self.inner.parts.keyring.open_value(at.place(), sealed)?;
        Ok(opened.ok_or_else(|| corrupt("key"))?.to_vec())
    }

    pub(super) fn seal(
        &self,
        project: ProjectId,
        at: &At,
        plain: &[u8],
    ) -> Result<Vec<u8>, RegistryError> {
        let keyring = &self.inner.parts.keyring;
        Ok(keyring.seal(Scope::Project(project), at.place(), plain)?)
    }
}

/// Where a sealed value stands.
pub(super) struct At {
    table: &'static str,
    row: Vec<u8>,
    column: &'static str,
}

impl At {
    fn place(&self) -> Sealed<'_> {
        Sealed {
            table: self.table,
            row: &self.row,
            column: self.column,
        }
    }
}

pub(super) fn version_place(model: i64, root: &[u8; 32], column: &'static str) -> At {
    let row = [&model.to_be_bytes()[..], root].concat();
    At {
        table: "models_version",
        row,
        column,
    }
}

pub(super) fn signers_place(model: &ModelRow) -> At {
    At {
        table: "models_model",
        row: model.id.to_be_bytes().to_vec(),
        column: "signers",
    }
}

pub(super) fn report_place(project: ProjectId, digest: &[u8; 32]) -> At {
    At {
        table: "models_blob",
        row: [&project.as_bytes()[..], digest].concat(),
        column: "report",
    }
}

pub(super) fn document_place(row: &VersionRow, kind: DocumentKind, digest: &[u8; 32]) -> At {
    At {
        table: "models_document",
        row: [&row.id.to_be_bytes()[..], kind.as_str().as_bytes(), digest].concat(),
        column: "body",
    }
}

/// An outcome by its word; an unknown one is the worst.
pub(super) fn outcome(word: &str) -> ScanOutcome {
    let all = [
        ScanOutcome::Clean,
        ScanOutcome::Review,
        ScanOutcome::Unreadable,
    ];
    let found = all.into_iter().find(|outcome| outcome.as_str() == word);
    found.unwrap_or(ScanOutcome::Refuse)
}

fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(format!("a {what} of the registry cannot be read"))
}
