// SPDX-License-Identifier: Apache-2.0
//! Taking bytes in: digested and sealed as they come, scanned before anybody can have them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use casemate_artifact::{Intake, ScanReport};
use casemate_crypto::Sha256;
use casemate_store::{BlobDraft, FinishedBlob, Scope, StoreError};
use casemate_types::{Caller, ProjectId, ResourceRef, actions::ModelPush};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Place, Registry, RegistryError, entered, finish, may_know, standing::report_place};
use crate::{
    hex,
    store::{self, BlobRow},
};

/// Time in which the next part of a body has to come.
const IDLE: Duration = Duration::from_secs(60);
/// Bytes that have to come in a second on average, once [`IDLE`] has passed.
const SLOWEST: u64 = 16 << 10;
/// Parts of a body that wait for the disk.
const AHEAD: usize = 8;
/// Files up to this size are read a second time for the scan where their header does not suffice.
const READ_AGAIN: u64 = 256 << 20;

impl Registry {
    /// Which of these digests have to be sent for a version of a model. Bytes have to be that were
    /// sent for another model only, or whose file is damaged, or that belong to a version in
    /// quarantine, which may be for damage.
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
                    if !registry.is_there(project, &resource.id, &digest)? {
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
    /// The bytes are written first and scanned then: a scan may hold all of them in memory, and who
    /// sends slowly is not to keep others from theirs.
    ///
    /// # Errors
    /// [`RegistryError::Transfer`] when the body is shorter or longer or does not come;
    /// [`RegistryError::Store`] when it has another digest or the disk is full;
    /// [`RegistryError::Busy`] when too many are sending.
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
        may_know(caller, place.project)?;
        // Waiting comes first: a permit is for an effect that begins now.
        let _turn = self.inner.turns.to_receive(place.project).await?;
        let note = format!("{length} bytes sha256:{}", hex::encode(&digest));
        let permit = self.admit::<ModelPush>(caller, place, &note).await?;
        let (resource, receipt) = entered(permit)?;
        let result = self.take_in(&resource, digest, length, body).await;
        finish(receipt, &result);
        result
    }

    fn is_there(
        &self,
        project: ProjectId,
        model: &str,
        digest: &Sha256,
    ) -> Result<bool, RegistryError> {
        let row = self.tx("models.blob_get", |tx| {
            let counts = store::blob_is_of(tx, project, model, digest)?
                && !store::blob_is_stopped(tx, project, digest)?;
            match counts {
                true => store::blob_get(tx, project, digest),
                false => Ok(None),
            }
        })?;
        let Some(row) = row else { return Ok(false) };
        let file = self.inner.parts.blobs.read(Scope::Project(project), digest);
        Ok(file.is_ok_and(|file| file.length() == row.length))
    }

    async fn take_in<B>(
        &self,
        resource: &ResourceRef,
        digest: Sha256,
        length: u64,
        body: B,
    ) -> Result<Value, RegistryError>
    where
        B: http_body::Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        let project = resource.project.ok_or(RegistryError::NotFound("project"))?;
        let (sender, pieces) = mpsc::channel(AHEAD);
        let written =
            self.blocking(move |registry| registry.write(project, digest, length, pieces));
        // The end of the body is told to the thread that writes, which then has the last word.
        let (_, written) = tokio::join!(forward(body, sender), written);
        let (written, model) = (written?, resource.id.clone());
        let turn = self.inner.turns.to_read().await?;
        self.blocking(move |registry| {
            let _turn = turn;
            let report = registry.scan(&written, length)?;
            registry.keep(project, &model, digest, length, written, &report)
        })
        .await
    }

    fn write(
        &self,
        project: ProjectId,
        digest: Sha256,
        length: u64,
        mut pieces: mpsc::Receiver<Result<Bytes, String>>,
    ) -> Result<FinishedBlob, RegistryError> {
        let blobs = &self.inner.parts.blobs;
        let mut draft = blobs.create(Scope::Project(project), digest, length)?;
        let mut ended = false;
        while let Some(piece) = pieces.blocking_recv() {
            let piece = piece.map_err(RegistryError::Transfer)?;
            if piece.is_empty() {
                ended = true;
                break;
            }
            fits(&draft, &piece, length)?;
            draft.push(&piece)?;
        }
        if !ended || draft.length() != length {
            let why = format!("the body ended after {} of {length} bytes", draft.length());
            return Err(RegistryError::Transfer(why));
        }
        Ok(draft.finish()?)
    }

    fn scan(&self, written: &FinishedBlob, length: u64) -> Result<ScanReport, StoreError> {
        let scanner = &self.inner.scanner;
        let mut intake = Intake::new(scanner, length);
        let mut file = written.read()?;
        file.each_piece(|piece| {
            intake.push(piece);
            true
        })?;
        if let Ok(report) = intake.finish() {
            return Ok(report);
        }
        // Its end says that there is more to it than its header told.
        if length > READ_AGAIN {
            return Ok(scanner.unread("it has to be read whole, and is too large".into()));
        }
        let mut bytes = Vec::new();
        file.each_piece(|piece| {
            bytes.extend_from_slice(piece);
            true
        })?;
        Ok(scanner.scan(&bytes))
    }

    fn keep(
        &self,
        project: ProjectId,
        model: &str,
        digest: Sha256,
        length: u64,
        written: FinishedBlob,
        report: &ScanReport,
    ) -> Result<Value, RegistryError> {
        let value = report_value(report);
        let place = report_place(project, &digest);
        let row = BlobRow {
            project,
            digest,
            length,
            outcome: report.outcome.as_str().to_owned(),
            report: self.seal(project, &place, value.to_string().as_bytes())?,
            created: self.inner.parts.clock.now(),
        };
        written.settle(|| {
            self.tx("models.blob_put", |tx| {
                store::blob_put(tx, &row)?;
                store::blob_sent(tx, project, model, &digest, row.created)?;
                Ok::<_, RegistryError>(())
            })
        })?;
        Ok(value)
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
    let (began, mut came) = (Instant::now(), 0);
    loop {
        let piece = match tokio::time::timeout(IDLE, body.frame()).await {
            Err(_) => Err("the body did not come in time".to_owned()),
            Ok(Some(Ok(_))) if is_too_slow(came, began.elapsed()) => {
                Err("the body came too slowly".to_owned())
            }
            Ok(None) => Ok(Bytes::new()),
            Ok(Some(Err(error))) => Err(format!("the body broke off: {error}")),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if data.is_empty() => continue,
                Ok(data) => {
                    came += data.len() as u64;
                    Ok(data)
                }
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

fn is_too_slow(bytes: u64, after: Duration) -> bool {
    after > IDLE && bytes < after.as_secs().saturating_mul(SLOWEST)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_is_what_stays_behind_for_long() {
        for (bytes, seconds, slow) in [
            (0, 60, false),
            (0, 61, true),
            (61 * SLOWEST, 61, false),
            (61 * SLOWEST - 1, 61, true),
            (1 << 40, 100_000, false),
        ] {
            let after = Duration::from_secs(seconds);
            assert_eq!(is_too_slow(bytes, after), slow, "{bytes} {seconds}");
        }
        let after = Duration::from_millis(60_001);
        assert!(is_too_slow(60 * SLOWEST - 1, after));
    }
}
