// SPDX-License-Identifier: Apache-2.0
//! What is known of a version at this moment: what gates decide on.

use std::sync::Arc;

use casemate_access::Door;
use casemate_artifact::ScanOutcome;
use casemate_crypto::{Place as Sealed, Sha256};
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

/// How long (in milliseconds) the check of a signature counts: a certificate may expire, and who may
/// sign is compared each time.
const JUDGED_FOR: i64 = 10_000;

/// A version with what gates ask for. Its files, and what was said about it at length, are read when
/// they are wanted.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) model: ModelRow,
    pub(super) row: VersionRow,
    pub(super) why: String,
    pub(super) signer: Result<String, String>,
    /// The worst of its files.
    pub(super) outcome: ScanOutcome,
    /// Of which kinds there are documents.
    pub(super) documents: Vec<DocumentKind>,
    pub(super) approvals: Vec<(String, PrincipalId, Timestamp)>,
    pub(super) aliases: Vec<String>,
}

/// What the check of a version's signature gave.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    /// When.
    at: Timestamp,
    /// The digest of the list of signers it was checked against.
    signers: Option<Sha256>,
    signer: Result<String, String>,
}

impl Found {
    /// The resource that policies know it as.
    pub(super) fn resource(&self, place: &Place) -> ResourceRef {
        let id = format!("{}@sha256:{}", place.model, hex::encode(&self.row.root));
        ResourceRef::of(ResourceKind::ModelVersion, id, place.project)
    }

    /// What is known of it, for an access of `caller` through `alias`.
    pub(super) fn standing(&self, door: &Door, caller: &Caller, alias: &str) -> Vec<Standing> {
        let has = |kind| self.documents.contains(&kind);
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
}

impl Registry {
    /// A version and what gates ask for. Blocks.
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
            Ok(Some(Found {
                // Looked at below, where no transaction waits for it.
                signer: Err(String::new()),
                why: String::new(),
                outcome: worst(&store::blob_outcomes(tx, row.id)?),
                documents: kinds(&store::document_kinds(tx, row.id)?)?,
                approvals: store::approval_list(tx, row.id)?,
                aliases: aliases_of(store::alias_list(tx, model.id)?, row.id),
                model,
                row,
            }))
        })?;
        let Some(mut found) = read else {
            return Ok(None);
        };
        found.signer = self.signer(&found.model, &found.row);
        found.why = self.why(&found.row)?;
        Ok(Some(found))
    }

    /// Everything about a version. Blocks.
    pub(super) fn info(&self, found: Found) -> Result<VersionInfo, RegistryError> {
        let manifest = self.manifest(&found.row)?;
        let reports = self.reports(found.model.project, &manifest)?;
        let files = manifest.files.iter().zip(reports);
        let files = files.map(|(file, report)| FileInfo {
            name: file.name.clone(),
            sha256: file.sha256,
            length: file.length,
            report,
        });
        Ok(VersionInfo {
            outcome: found.outcome.as_str(),
            below_floor: found.below_floor(),
            files: files.collect(),
            documents: self.documents(&found.row)?,
            signer: found.signer,
            approvals: found.approvals,
            aliases: found.aliases,
            summary: VersionSummary {
                number: found.row.number,
                root: found.row.root,
                created: found.row.created,
                author: found.row.author,
                stopped: found.row.quarantined.map(|since| Stopped {
                    since,
                    why: found.why,
                }),
            },
        })
    }

    /// Whether the signature holds now: its signer may have been struck off since, or have expired.
    pub(super) fn signer(&self, model: &ModelRow, row: &VersionRow) -> Result<String, String> {
        let now = self.inner.parts.clock.now();
        let signers = model.signers.as_deref().map(casemate_crypto::sha256);
        let known = self.inner.signatures.get(&row.id);
        if let Some(known) = known.filter(|known| known.counts(now, signers)) {
            return known.signer;
        }
        let signer = self.check_signer(model, row, now);
        let judged = Judged {
            at: now,
            signers,
            signer: signer.clone(),
        };
        self.inner.signatures.put(row.id, judged);
        signer
    }

    fn check_signer(
        &self,
        model: &ModelRow,
        row: &VersionRow,
        now: Timestamp,
    ) -> Result<String, String> {
        let signers = self.signers(model).map_err(|error| error.to_string())?;
        let bundle = self.bundle(row).map_err(|error| error.to_string())?;
        let signed = signature::check(&bundle, &signers, now).map_err(|error| error.to_string())?;
        match signed.root() == row.root {
            true => Ok(signed.signer().to_owned()),
            false => Err("the stored signature is of another version".into()),
        }
    }

    /// The bundle of a version's signature.
    pub(super) fn bundle(&self, row: &VersionRow) -> Result<Vec<u8>, RegistryError> {
        let sealed = self.tx("models.bundle", |tx| store::version_bundle(tx, row.id))?;
        let sealed = sealed.ok_or(RegistryError::NotFound("version"))?;
        self.open(&version_place(row.model, &row.root, "bundle"), &sealed)
    }

    /// Who may sign a model.
    pub(super) fn signers(&self, model: &ModelRow) -> Result<Vec<AllowedSigner>, RegistryError> {
        let Some(sealed) = &model.signers else {
            return Ok(Vec::new());
        };
        let text = self.open(&signers_place(model), sealed)?;
        Ok(serde_json::from_slice(&text).map_err(|_| corrupt("signers"))?)
    }

    /// The files of a version.
    pub(super) fn manifest(&self, row: &VersionRow) -> Result<Arc<Manifest>, RegistryError> {
        if let Some(known) = self.inner.manifests.get(&row.id) {
            return Ok(known);
        }
        let sealed = self.tx("models.manifest", |tx| store::version_manifest(tx, row.id))?;
        let sealed = sealed.ok_or(RegistryError::NotFound("version"))?;
        let text = self.open(&version_place(row.model, &row.root, "manifest"), &sealed)?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|_| corrupt("manifest"))?;
        let manifest = Arc::new(manifest);
        self.inner.manifests.put(row.id, manifest.clone());
        Ok(manifest)
    }

    pub(super) fn why(&self, row: &VersionRow) -> Result<String, RegistryError> {
        let Some(sealed) = &row.why else {
            return Ok(String::new());
        };
        let text = self.open(&version_place(row.model, &row.root, "why"), sealed)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The report of each file; nothing for one that nobody looked at.
    pub(super) fn reports(
        &self,
        project: ProjectId,
        manifest: &Manifest,
    ) -> Result<Vec<Value>, RegistryError> {
        let rows = self.tx("models.reports", |tx| {
            let files = manifest.files.iter();
            files
                .map(|file| store::blob_get(tx, project, &file.sha256))
                .collect::<Result<Vec<_>, StoreError>>()
        })?;
        let open = |row: Option<store::BlobRow>| {
            let Some(row) = row else {
                return Ok(Value::Null);
            };
            let text = self.open(&report_place(project, &row.digest), &row.report)?;
            Ok(serde_json::from_slice(&text).map_err(|_| corrupt("report"))?)
        };
        rows.into_iter().map(open).collect()
    }

    /// What was said about a version.
    pub(super) fn documents(&self, row: &VersionRow) -> Result<Vec<DocumentInfo>, RegistryError> {
        let documents = self.tx("models.documents", |tx| store::document_list(tx, row.id))?;
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

impl Judged {
    fn counts(&self, now: Timestamp, signers: Option<Sha256>) -> bool {
        let age = now.as_millis().saturating_sub(self.at.as_millis());
        self.signers == signers && (0..JUDGED_FOR).contains(&age)
    }
}

/// What nobody looked at is not known to be harmless: its word is none.
fn worst(outcomes: &[String]) -> ScanOutcome {
    let outcomes = outcomes.iter().map(|word| match word.as_str() {
        "" => ScanOutcome::Unreadable,
        word => outcome(word),
    });
    outcomes.fold(ScanOutcome::Clean, ScanOutcome::worse)
}

fn kinds(words: &[String]) -> Result<Vec<DocumentKind>, StoreError> {
    let kind = |word: &String| DocumentKind::from_word(word).ok_or_else(|| corrupt("kind"));
    words.iter().map(kind).collect()
}

fn aliases_of(all: Vec<store::AliasRow>, version: i64) -> Vec<String> {
    let pointing = all.into_iter().filter(|alias| alias.version == version);
    pointing.map(|alias| alias.name).collect()
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
