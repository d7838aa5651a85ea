// SPDX-License-Identifier: Apache-2.0
//! What is known of stored bytes, by project and digest.

use casemate_crypto::Sha256;
use casemate_store::{Row, StoreError, Tx};
use casemate_types::{ProjectId, Timestamp};

use super::digest;

/// Stored bytes.
#[derive(Debug, Clone)]
pub(crate) struct BlobRow {
    pub(crate) project: ProjectId,
    pub(crate) digest: Sha256,
    pub(crate) length: u64,
    /// The scan's outcome, as a word.
    pub(crate) outcome: String,
    /// The scan's report, sealed.
    pub(crate) report: Vec<u8>,
    pub(crate) created: Timestamp,
}

/// That bytes are stored, without what the scan said of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored {
    pub(crate) project: ProjectId,
    pub(crate) digest: Sha256,
    pub(crate) length: u64,
}

fn stored(row: &Row<'_>) -> Result<Stored, StoreError> {
    Ok(Stored {
        project: ProjectId::from_bytes(row.id(0)?),
        digest: digest(row.blob(1)?)?,
        length: u64::try_from(row.int(2)?).unwrap_or(0),
    })
}

fn blob(row: &Row<'_>) -> Result<BlobRow, StoreError> {
    Ok(BlobRow {
        project: ProjectId::from_bytes(row.id(0)?),
        digest: digest(row.blob(1)?)?,
        length: u64::try_from(row.int(2)?).unwrap_or(0),
        outcome: row.text(3)?,
        report: row.blob(4)?,
        created: Timestamp::from_millis(row.int(5)?),
    })
}

/// Lists bytes, or lists them anew with a fresh report.
pub(crate) fn blob_put(tx: &Tx<'_>, blob: &BlobRow) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO models_blob (project, digest, length, outcome, report, created)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (project, digest) DO UPDATE
         SET outcome = excluded.outcome, report = excluded.report, created = excluded.created",
        &[
            blob.project.as_bytes().into(),
            (&blob.digest).into(),
            i64::try_from(blob.length).unwrap_or(i64::MAX).into(),
            (&blob.outcome).into(),
            (&blob.report).into(),
            blob.created.as_millis().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn blob_get(
    tx: &Tx<'_>,
    project: ProjectId,
    digest: &Sha256,
) -> Result<Option<BlobRow>, StoreError> {
    tx.query_one(
        "SELECT project, digest, length, outcome, report, created FROM models_blob
         WHERE project = ?1 AND digest = ?2",
        &[project.as_bytes().into(), digest.into()],
        blob,
    )
}

/// Notes that bytes were sent for a model.
pub(crate) fn blob_sent(
    tx: &Tx<'_>,
    project: ProjectId,
    model: &str,
    digest: &Sha256,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO models_sent (project, model, digest, created) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (project, digest, model) DO UPDATE SET created = excluded.created",
        &[
            project.as_bytes().into(),
            model.into(),
            digest.into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Forgets who sent what before an instant. What became part of a version counts by that.
pub(crate) fn blob_sent_before(tx: &Tx<'_>, before: Timestamp) -> Result<(), StoreError> {
    let params = [before.as_millis().into()];
    tx.execute("DELETE FROM models_sent WHERE created < ?1", &params)?;
    Ok(())
}

/// Whether bytes were sent for a model, or belong to a version of it.
pub(crate) fn blob_is_of(
    tx: &Tx<'_>,
    project: ProjectId,
    model: &str,
    digest: &Sha256,
) -> Result<bool, StoreError> {
    let found = tx.query_one(
        "SELECT 1 FROM models_sent WHERE project = ?1 AND model = ?2 AND digest = ?3
         UNION ALL
         SELECT 1 FROM models_use AS u JOIN models_version AS v ON v.id = u.version
                       JOIN models_model AS m ON m.id = v.model
         WHERE u.project = ?1 AND u.digest = ?3 AND m.name = ?2",
        &[project.as_bytes().into(), model.into(), digest.into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// Whether bytes belong to a version that is quarantined.
pub(crate) fn blob_is_stopped(
    tx: &Tx<'_>,
    project: ProjectId,
    digest: &Sha256,
) -> Result<bool, StoreError> {
    let found = tx.query_one(
        "SELECT 1 FROM models_use AS u JOIN models_version AS v ON v.id = u.version
         WHERE u.project = ?1 AND u.digest = ?2 AND v.quarantined IS NOT NULL",
        &[project.as_bytes().into(), digest.into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// What scans said of the files of a version, each word once; an empty one for files that nobody
/// looked at.
pub(crate) fn blob_outcomes(tx: &Tx<'_>, version: i64) -> Result<Vec<String>, StoreError> {
    tx.query(
        "SELECT DISTINCT COALESCE(b.outcome, '') FROM models_use AS u
         LEFT JOIN models_blob AS b ON b.project = u.project AND b.digest = u.digest
         WHERE u.version = ?1",
        &[version.into()],
        |row| row.text(0),
    )
}

/// Everything that belongs to a version that is not quarantined: what the patrol looks at.
pub(crate) fn blob_list(tx: &Tx<'_>) -> Result<Vec<Stored>, StoreError> {
    tx.query(
        "SELECT project, digest, length FROM models_blob AS b
         WHERE EXISTS (SELECT 1 FROM models_use AS u JOIN models_version AS v ON v.id = u.version
                       WHERE u.project = b.project AND u.digest = b.digest
                         AND v.quarantined IS NULL)
         ORDER BY project, digest",
        &[],
        stored,
    )
}

/// Bytes that were sent before an instant and belong to no version.
pub(crate) fn blob_orphans(tx: &Tx<'_>, before: Timestamp) -> Result<Vec<Stored>, StoreError> {
    tx.query(
        "SELECT project, digest, length FROM models_blob AS b
         WHERE created < ?1 AND NOT EXISTS (SELECT 1 FROM models_use AS u
                       WHERE u.project = b.project AND u.digest = b.digest)",
        &[before.as_millis().into()],
        stored,
    )
}

/// Forgets bytes, unless a version uses them meanwhile; whether it did.
pub(crate) fn blob_delete(
    tx: &Tx<'_>,
    project: ProjectId,
    digest: &Sha256,
) -> Result<bool, StoreError> {
    let gone = tx.execute(
        "DELETE FROM models_blob WHERE project = ?1 AND digest = ?2 AND NOT EXISTS
             (SELECT 1 FROM models_use WHERE project = ?1 AND digest = ?2)",
        &[project.as_bytes().into(), digest.into()],
    )?;
    Ok(gone > 0)
}

/// Ids of the versions with these bytes.
pub(crate) fn blob_versions(
    tx: &Tx<'_>,
    project: ProjectId,
    digest: &Sha256,
) -> Result<Vec<i64>, StoreError> {
    tx.query(
        "SELECT version FROM models_use WHERE project = ?1 AND digest = ?2 ORDER BY version",
        &[project.as_bytes().into(), digest.into()],
        |row| row.int(0),
    )
}
