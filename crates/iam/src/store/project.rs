// SPDX-License-Identifier: Apache-2.0
//! Projects and services.

use casemate_quota::Limits;
use casemate_store::{StoreError, Tx};
use casemate_types::{PrincipalId, ProjectId, ServiceId, Timestamp};

use super::{limits_text, list_text, parse};
use crate::{Project, ServiceInfo};

pub(crate) fn project_insert(tx: &Tx<'_>, project: &Project) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO iam_project (id, name, limits, created) VALUES (?1, ?2, ?3, ?4)",
        &[
            project.id.as_bytes().into(),
            (&project.name).into(),
            (&limits_text(&project.limits)).into(),
            project.created.as_millis().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn project_limits(
    tx: &Tx<'_>,
    id: ProjectId,
    limits: &Limits,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE iam_project SET limits = ?2 WHERE id = ?1",
        &[id.as_bytes().into(), (&limits_text(limits)).into()],
    )?;
    Ok(())
}

pub(crate) fn project_list(tx: &Tx<'_>) -> Result<Vec<Project>, StoreError> {
    tx.query(
        "SELECT id, name, limits, created FROM iam_project ORDER BY name",
        &[],
        |row| {
            Ok(Project {
                id: ProjectId::from_bytes(row.id(0)?),
                name: row.text(1)?,
                limits: parse(&row.text(2)?)?,
                created: Timestamp::from_millis(row.int(3)?),
            })
        },
    )
}

pub(crate) fn service_insert(tx: &Tx<'_>, service: &ServiceInfo) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO iam_service (id, project, name, roles, limits, created, made_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            service.id.as_bytes().into(),
            service.project.as_bytes().into(),
            (&service.name).into(),
            (&list_text(&service.roles)).into(),
            (&limits_text(&service.limits)).into(),
            service.created.as_millis().into(),
            service.made_by.as_ref().map(PrincipalId::as_bytes).into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn service_list(tx: &Tx<'_>) -> Result<Vec<ServiceInfo>, StoreError> {
    tx.query(
        "SELECT id, project, name, roles, limits, created, made_by FROM iam_service ORDER BY name",
        &[],
        |row| {
            Ok(ServiceInfo {
                id: ServiceId::from_bytes(row.id(0)?),
                project: ProjectId::from_bytes(row.id(1)?),
                name: row.text(2)?,
                roles: parse(&row.text(3)?)?,
                limits: parse(&row.text(4)?)?,
                created: Timestamp::from_millis(row.int(5)?),
                made_by: row.id_opt(6)?.map(PrincipalId::from_bytes),
            })
        },
    )
}
