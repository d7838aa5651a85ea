// SPDX-License-Identifier: Apache-2.0
//! Taking bytes in: digested, scanned and sealed in the pass in which they come.

use std::time::Duration;

use bytes::Bytes;
use casemate_artifact::{Intake, ScanReport};
use casemate_crypto::Sha256;
use casemate_store::{BlobDraft, FinishedBlob, Scope, StoreError};
use casemate_types::{Caller, ProjectId, actions::ModelPush};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Place, Registry, RegistryError, standing::report_place};
use crate::{
    hex,
    store::{self, BlobRow},
};

/// Time in which the next part of a body has to come.
const IDLE: Duration = Duration::from_secs(60);
/// Parts of a body that wait for the disk.
const AHEAD: usize = 8;
/// Files up to this size are read a second time for the scan where their header does not suffice.
const READ_AGAIN: u64 = 256 << 20;

impl Registry {
    /// Which of these digests have to be sent for a version of a model. Bytes whose file is damaged
    /// have to be, too.
    ///
    /// # Errors
    /// [`RegistryError::Access`] for who may not push.
    pub async fn missing(
        &self,
        caller: &Caller,
        place: &Place,
        digests: Vec<Sha256>,
    ) -> Result<Vec<Sha256>, RegistryError> {
        let permit = self
            .admit::<ModelPush>(caller, place, "which bytes are there")
            .await?;
        self.blocking(move |registry| {
            registry.effect(permit, |resource| {
                let project = resource.project.ok_or(RegistryError::NotFound("project"))?;
                let mut missing = Vec::new();
                for digest in digests {
                    if !registry.is_there(project, &digest)? {
                        missing.push(digest);
                    }
                }
                Ok(missing)
            })
        })
        .await
    }

    /// Takes `length` bytes in under their digest. What breaks off leaves nothing; what is there
    /// already is not harmed by being sent again.
    ///
    /// # Errors
    /// [`RegistryError::Transfer`] when the body is shorter or longer or does not come;
    /// [`RegistryError::Store`] when it has another digest or the disk is full.
    pub async fn receive<B>(
        &self,
        caller: &Caller,
        place: &Place,
        digest: Sha256,
        length: u64,
        body: B,
    ) -> Result<Value, RegistryError>
    where
        B: http_body::Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        // Waiting comes first: a permit is for an effect that begins now.
        let turn = self.inner.receiving.acquire().await;
        let _turn =
            turn.map_err(|_| RegistryError::Transfer("nothing is taken in any more".into()))?;
        let note = format!("{length} bytes sha256:{}", hex::encode(&digest));
        let permit = self.admit::<ModelPush>(caller, place, &note).await?;
        let (sender, pieces) = mpsc::channel(AHEAD);
        let stored = self.blocking(move |registry| {
            registry.effect(permit, |resource| {
                let project = resource.project.ok_or(RegistryError::NotFound("project"))?;
                registry.take_in(project, digest, length, pieces)
            })
        });
        // The end of the body is told to the thread that stores, which then has the last word.
        let (_, stored) = tokio::join!(forward(body, sender), stored);
        stored
    }

    fn is_there(&self, project: ProjectId, digest: &Sha256) -> Result<bool, RegistryError> {
        let row = self.tx("models.blob_get", |tx| store::blob_get(tx, project, digest))?;
        let Some(row) = row else { return Ok(false) };
        let file = self.inner.parts.blobs.read(Scope::Project(project), digest);
        Ok(file.is_ok_and(|file| file.length() == row.length))
    }

    fn take_in(
        &self,
        project: ProjectId,
        digest: Sha256,
        length: u64,
        mut pieces: mpsc::Receiver<Result<Bytes, String>>,
    ) -> Result<Value, RegistryError> {
        let mut draft = self
            .inner
            .parts
            .blobs
            .create(Scope::Project(project), digest)?;
        let mut intake = Intake::new(&self.inner.scanner, length);
        let mut ended = false;
        while let Some(piece) = pieces.blocking_recv() {
            let piece = piece.map_err(RegistryError::Transfer)?;
            if piece.is_empty() {
                ended = true;
                break;
            }
            fits(&draft, &piece, length)?;
            draft.push(&piece)?;
            intake.push(&piece);
        }
        if !ended || draft.length() != length {
            let why = format!("the body ended after {} of {length} bytes", draft.length());
            return Err(RegistryError::Transfer(why));
        }
        // First the digest: what was not announced is not scanned to its end.
        let finished = draft.finish()?;
        match intake.finish() {
            Ok(report) => self.keep(project, digest, length, finished, &report),
            Err(_) => self.keep_after_reading(project, digest, length, finished),
        }
    }

    fn keep(
        &self,
        project: ProjectId,
        digest: Sha256,
        length: u64,
        finished: FinishedBlob,
        report: &ScanReport,
    ) -> Result<Value, RegistryError> {
        let value = report_value(report);
        let row = BlobRow {
            project,
            digest,
            length,
            outcome: report.outcome.as_str().to_owned(),
            report: self.seal(
                project,
                &report_place(project, &digest),
                value.to_string().as_bytes(),
            )?,
            created: self.inner.parts.clock.now(),
        };
        finished.settle(|| {
            self.tx("models.blob_put", |tx| {
                Ok::<_, RegistryError>(store::blob_put(tx, &row)?)
            })
        })?;
        Ok(value)
    }

    /// For files that say at their end that there is more to them than their header told.
    fn keep_after_reading(
        &self,
        project: ProjectId,
        digest: Sha256,
        length: u64,
        finished: FinishedBlob,
    ) -> Result<Value, RegistryError> {
        let unread = self
            .inner
            .scanner
            .unread("it has to be read whole, and is too large".into());
        // Until it was read it counts as unreadable, also if the process ends in between.
        let value = self.keep(project, digest, length, finished, &unread)?;
        if length > READ_AGAIN {
            return Ok(value);
        }
        let bytes = self.read_whole(project, &digest)?;
        let report = self.inner.scanner.scan(&bytes);
        let value = report_value(&report);
        let place = report_place(project, &digest);
        let row = BlobRow {
            project,
            digest,
            length,
            outcome: report.outcome.as_str().to_owned(),
            report: self.seal(project, &place, value.to_string().as_bytes())?,
            created: self.inner.parts.clock.now(),
        };
        self.tx("models.blob_put", |tx| store::blob_put(tx, &row))?;
        Ok(value)
    }

    fn read_whole(&self, project: ProjectId, digest: &Sha256) -> Result<Vec<u8>, StoreError> {
        let mut file = self
            .inner
            .parts
            .blobs
            .read(Scope::Project(project), digest)?;
        let mut bytes = Vec::new();
        loop {
            let piece = file.read_at(bytes.len() as u64)?;
            if piece.is_empty() {
                return Ok(bytes);
            }
            bytes.extend_from_slice(&piece);
        }
    }
}

fn fits(draft: &BlobDraft, piece: &[u8], length: u64) -> Result<(), RegistryError> {
    if draft.length().saturating_add(piece.len() as u64) <= length {
        return Ok(());
    }
    let why = format!("the body is longer than the {length} bytes announced");
    Err(RegistryError::Transfer(why))
}

/// Hands a body on, piece by piece; an empty piece says that it ended as it should.
async fn forward<B>(mut body: B, to: mpsc::Sender<Result<Bytes, String>>)
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    loop {
        let piece = match tokio::time::timeout(IDLE, body.frame()).await {
            Err(_) => Err("the body did not come in time".to_owned()),
            Ok(None) => Ok(Bytes::new()),
            Ok(Some(Err(error))) => Err(format!("the body broke off: {error}")),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if data.is_empty() => continue,
                Ok(data) => Ok(data),
                Err(_) => continue,
            },
        };
        let is_last = !matches!(&piece, Ok(piece) if !piece.is_empty());
        // Nobody takes it any more once storing has failed.
        if to.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

fn report_value(report: &ScanReport) -> Value {
    let findings = report.findings.iter().map(|finding| {
        json!({
            "rule": finding.rule.id,
            "severity": finding.rule.severity(),
            "place": finding.place,
            "why": finding.why,
            "reference": finding.rule.reference,
        })
    });
    json!({
        "outcome": report.outcome.as_str(),
        "formats": report.formats,
        "findings": findings.collect::<Vec<_>>(),
    })
}
