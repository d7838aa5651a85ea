// SPDX-License-Identifier: Apache-2.0
//! Projects, services, keys, persons.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
};
use casemate_iam::{NewKey, NewProject, NewService, Project};
use casemate_quota::Limits;
use casemate_types::{
    Caller, KeyId, ProjectId, ResourceKind, ResourceRef,
    actions::{
        KeyCreate, KeyRead, KeyRevoke, KeyRotate, PersonRead, ProjectCreate, ProjectRead,
        ProjectUpdate, ServiceCreate, ServiceRead,
    },
};

use super::blocking;
use crate::{
    AdminApi, ApiError,
    body::Form,
    caller::Asker,
    dto::{
        KeyDto, NewKeyBody, NewProjectBody, NewServiceBody, PersonDto, ProjectDto, RotateBody,
        ServiceDto,
    },
};

type Answer<T> = Result<Json<T>, ApiError>;

/// A project the caller names. To a caller of one project every other one is missing, whether it
/// exists or not: an answer that told them apart would give away names. Callers of the whole
/// installation are left to the door.
pub(super) fn project(
    api: &AdminApi,
    caller: &Caller,
    name: &str,
) -> Result<Arc<Project>, ApiError> {
    api.iam()
        .project_named(name)
        .filter(|project| may_know(caller, Some(project.id)))
        .ok_or_else(|| ApiError::not_found("such project"))
}

/// Whether a caller may know that something of a project exists.
fn may_know(caller: &Caller, project: Option<ProjectId>) -> bool {
    caller.principal.project.is_none() || caller.principal.project == project
}

/// The project's resource, after asking for `A` on it.
fn of_project(kind: ResourceKind, project: &Project) -> ResourceRef {
    ResourceRef::of(kind, project.id, project.id)
}

pub(crate) async fn projects(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
) -> Answer<Vec<ProjectDto>> {
    let resource = ResourceRef {
        kind: ResourceKind::Project,
        id: "all".into(),
        project: caller.principal.project,
    };
    let permit = api
        .door()
        .admit::<ProjectRead>(&caller, resource, "")
        .await?;
    let list = api.iam().project_list(permit)?;
    Ok(Json(list.into_iter().map(Into::into).collect()))
}

pub(crate) async fn project_create(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Form(body): Form<NewProjectBody>,
) -> Answer<ProjectDto> {
    let resource = ResourceRef::system(ResourceKind::System, "projects");
    let permit = api
        .door()
        .admit::<ProjectCreate>(&caller, resource, &body.name)
        .await?;
    let iam = api.iam().clone();
    let new = NewProject {
        name: body.name,
        limits: body.limits,
    };
    Ok(Json(
        blocking(move || iam.project_create(permit, new))
            .await??
            .into(),
    ))
}

pub(crate) async fn project_limits(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path(name): Path<String>,
    Form(limits): Form<Limits>,
) -> Answer<ProjectDto> {
    let resource = of_project(ResourceKind::Project, &*project(&api, &caller, &name)?);
    let permit = api
        .door()
        .admit::<ProjectUpdate>(&caller, resource, "limits")
        .await?;
    let iam = api.iam().clone();
    Ok(Json(
        blocking(move || iam.project_update(permit, limits))
            .await??
            .into(),
    ))
}

pub(crate) async fn services(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path(name): Path<String>,
) -> Answer<Vec<ServiceDto>> {
    let resource = of_project(ResourceKind::Project, &*project(&api, &caller, &name)?);
    let permit = api
        .door()
        .admit::<ServiceRead>(&caller, resource, "")
        .await?;
    let list = api.iam().service_list(permit)?;
    Ok(Json(list.into_iter().map(Into::into).collect()))
}

pub(crate) async fn service_create(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path(name): Path<String>,
    Form(body): Form<NewServiceBody>,
) -> Answer<ServiceDto> {
    let resource = of_project(ResourceKind::Project, &*project(&api, &caller, &name)?);
    let permit = api
        .door()
        .admit::<ServiceCreate>(&caller, resource, &body.name)
        .await?;
    let iam = api.iam().clone();
    let new = NewService {
        name: body.name,
        roles: body.roles,
        limits: body.limits,
    };
    Ok(Json(
        blocking(move || iam.service_create(permit, new))
            .await??
            .into(),
    ))
}

pub(crate) async fn keys(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path(name): Path<String>,
) -> Answer<Vec<KeyDto>> {
    let resource = of_project(ResourceKind::Project, &*project(&api, &caller, &name)?);
    let permit = api.door().admit::<KeyRead>(&caller, resource, "").await?;
    let list = api.iam().key_list(permit)?;
    Ok(Json(
        list.into_iter().map(|key| KeyDto::new(key, None)).collect(),
    ))
}

pub(crate) async fn key_create(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path((name, service)): Path<(String, String)>,
    Form(body): Form<NewKeyBody>,
) -> Answer<KeyDto> {
    let project = project(&api, &caller, &name)?;
    let service = api
        .iam()
        .service_named(Some(project.id), &service)
        .ok_or_else(|| ApiError::not_found("such service"))?;
    let resource = ResourceRef::of(ResourceKind::Service, service.id, project.id);
    let permit = api
        .door()
        .admit::<KeyCreate>(&caller, resource, &body.label)
        .await?;
    let iam = api.iam().clone();
    let life = body.expires_in_seconds.map(Duration::from_secs);
    let new = NewKey {
        label: body.label,
        models: body.models,
        networks: body.networks,
        limits: body.limits,
        expires: life.map(|life| iam.now().plus(life)),
    };
    let (key, secret) = blocking(move || iam.key_create(permit, new)).await??;
    Ok(Json(KeyDto::new(key, Some(secret.expose()))))
}

/// A key as a resource of its project.
fn key_resource(api: &AdminApi, caller: &Caller, text: &str) -> Result<ResourceRef, ApiError> {
    let missing = || ApiError::not_found("such key");
    let id: KeyId = text.parse().map_err(|_| missing())?;
    let key = api
        .iam()
        .key(id)
        .filter(|key| may_know(caller, key.project))
        .ok_or_else(missing)?;
    Ok(ResourceRef {
        kind: ResourceKind::Key,
        id: id.to_string(),
        project: key.project,
    })
}

pub(crate) async fn key_revoke(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path(key): Path<String>,
) -> Answer<KeyDto> {
    let resource = key_resource(&api, &caller, &key)?;
    let permit = api.door().admit::<KeyRevoke>(&caller, resource, "").await?;
    let iam = api.iam().clone();
    let key = blocking(move || iam.key_revoke(permit)).await??;
    Ok(Json(KeyDto::new(key, None)))
}

pub(crate) async fn key_rotate(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path(key): Path<String>,
    Form(body): Form<RotateBody>,
) -> Answer<KeyDto> {
    let resource = key_resource(&api, &caller, &key)?;
    let permit = api.door().admit::<KeyRotate>(&caller, resource, "").await?;
    let iam = api.iam().clone();
    let overlap = Duration::from_secs(body.overlap_seconds);
    let (key, secret) = blocking(move || iam.key_rotate(permit, overlap)).await??;
    Ok(Json(KeyDto::new(key, Some(secret.expose()))))
}

pub(crate) async fn persons(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
) -> Answer<Vec<PersonDto>> {
    let resource = ResourceRef::system(ResourceKind::System, "persons");
    let permit = api
        .door()
        .admit::<PersonRead>(&caller, resource, "")
        .await?;
    let list = api.iam().person_list(permit)?;
    Ok(Json(list.into_iter().map(Into::into).collect()))
}
