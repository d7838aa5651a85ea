// SPDX-License-Identifier: Apache-2.0
//! Models.

use casemate_store::{Row, StoreError, Tx};
use casemate_types::{ProjectId, Timestamp};

/// A model.
#[derive(Debug, Clone)]
pub(crate) struct ModelRow {
    pub(crate) id: i64,
    pub(crate) project: ProjectId,
    pub(crate) name: String,
    pub(crate) created: Timestamp,
    pub(crate) floor: i64,
    /// Sealed.
    pub(crate) signers: Option<Vec<u8>>,
}

fn model(row: &Row<'_>) -> Result<ModelRow, StoreError> {
    Ok(ModelRow {
        id: row.int(0)?,
        project: ProjectId::from_bytes(row.id(1)?),
        name: row.text(2)?,
        created: Timestamp::from_millis(row.int(3)?),
        floor: row.int(4)?,
        signers: row.blob_opt(5)?,
    })
}

pub(crate) fn model_get(
    tx: &Tx<'_>,
    project: ProjectId,
    name: &str,
) -> Result<Option<ModelRow>, StoreError> {
    tx.query_one(
        "SELECT id, project, name, created, floor, signers FROM models_model
         WHERE project = ?1 AND name = ?2",
        &[project.as_bytes().into(), name.into()],
        model,
    )
}

pub(crate) fn model_by_id(tx: &Tx<'_>, id: i64) -> Result<Option<ModelRow>, StoreError> {
    tx.query_one(
        "SELECT id, project, name, created, floor, signers FROM models_model WHERE id = ?1",
        &[id.into()],
        model,
    )
}

/// Models of a project, or of all, by name.
pub(crate) fn model_list(
    tx: &Tx<'_>,
    project: Option<ProjectId>,
) -> Result<Vec<ModelRow>, StoreError> {
    let project = project.as_ref().map(ProjectId::as_bytes);
    tx.query(
        "SELECT id, project, name, created, floor, signers FROM models_model
         WHERE ?1 IS NULL OR project = ?1 ORDER BY name, id",
        &[project.into()],
        model,
    )
}

/// Makes a model if there is none of the name.
pub(crate) fn model_insert(
    tx: &Tx<'_>,
    project: ProjectId,
    name: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO models_model (project, name, created, floor) VALUES (?1, ?2, ?3, 0)
         ON CONFLICT DO NOTHING",
        &[
            project.as_bytes().into(),
            name.into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn model_signers(tx: &Tx<'_>, id: i64, sealed: &[u8]) -> Result<(), StoreError> {
    let params = [id.into(), sealed.into()];
    tx.execute(
        "UPDATE models_model SET signers = ?2 WHERE id = ?1",
        &params,
    )?;
    Ok(())
}

pub(crate) fn model_floor(tx: &Tx<'_>, id: i64, floor: i64) -> Result<(), StoreError> {
    let params = [id.into(), floor.into()];
    tx.execute("UPDATE models_model SET floor = ?2 WHERE id = ?1", &params)?;
    Ok(())
}
