// SPDX-License-Identifier: Apache-2.0
//! The installation itself.

use axum::{
    Json,
    extract::{Path, State},
};
use casemate_access::Permit;
use casemate_quota::Account;
use casemate_types::{
    Action, Caller, ProblemCode, ResourceKind, ResourceRef,
    actions::{
        ConfigReload, LedgerErase, ProjectRead, SystemBackup, SystemDrill, SystemRead,
        SystemRotate, SystemSeal,
    },
    event::Ending,
};
use serde_json::{Value, json};

use super::blocking;
use crate::{
    AdminApi, ApiError,
    body::Form,
    caller::Asker,
    dto::{BackupBody, DrillBody, EraseBody, SealBody, SpendDto},
};

type Answer = Result<Json<Value>, ApiError>;

async fn admit<A: Action>(
    api: &AdminApi,
    caller: &Caller,
    note: &str,
) -> Result<Permit<A>, ApiError> {
    let resource = ResourceRef::system(ResourceKind::System, "casemate");
    Ok(api.door().admit::<A>(caller, resource, note).await?)
}

/// Ends a reading access at once: what it gives is made in memory.
fn read(permit: Permit<SystemRead>) {
    if let Some((_, receipt)) = permit.enter() {
        receipt.settle(Ending::Completed, |_| ());
    }
}

fn done(text: String) -> Answer {
    Ok(Json(json!({"done": text})))
}

pub(crate) async fn metrics(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
) -> Result<String, ApiError> {
    read(admit::<SystemRead>(&api, &caller, "metrics").await?);
    Ok(api.system().metrics())
}

pub(crate) async fn state(State(api): State<AdminApi>, Asker(caller): Asker) -> Answer {
    read(admit::<SystemRead>(&api, &caller, "state").await?);
    Ok(Json(api.system().state()))
}

/// Of a project, its services and their keys: money of the running day and month beside its limits.
pub(crate) async fn spend(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Path(name): Path<String>,
) -> Result<Json<Vec<SpendDto>>, ApiError> {
    let project = super::identity::project(&api, &caller, &name)?;
    let resource = ResourceRef::of(ResourceKind::Project, project.id, project.id);
    let permit = api
        .door()
        .admit::<ProjectRead>(&caller, resource, "spend")
        .await?;
    let entered = permit.enter();
    let (_, receipt) = entered
        .ok_or_else(|| ApiError::new(ProblemCode::Denied, "the permit has expired; ask again"))?;
    let (services, keys) = api.iam().members(project.id);
    let row = |kind, name: String, account, limits| {
        SpendDto::new(kind, name, account, limits, api.system().spend(account))
    };
    let mut rows = vec![row(
        "project",
        project.name.clone(),
        Account::Project(project.id),
        project.limits,
    )];
    rows.extend(services.into_iter().map(|service| {
        let account = Account::Principal(service.id.into());
        row("service", service.name, account, service.limits)
    }));
    rows.extend(keys.into_iter().map(|key| {
        let account = Account::Key(key.id);
        row("key", key.label, account, key.limits)
    }));
    receipt.settle(Ending::Completed, |_| ());
    Ok(Json(rows))
}

pub(crate) async fn reload(State(api): State<AdminApi>, Asker(caller): Asker) -> Answer {
    let permit = admit::<ConfigReload>(&api, &caller, "").await?;
    let system = api.system();
    done(blocking(move || system.reload(permit)).await??)
}

pub(crate) async fn rotate(State(api): State<AdminApi>, Asker(caller): Asker) -> Answer {
    let permit = admit::<SystemRotate>(&api, &caller, "").await?;
    let system = api.system();
    done(blocking(move || system.rotate(permit)).await??)
}

pub(crate) async fn backup(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Form(body): Form<BackupBody>,
) -> Answer {
    let permit = admit::<SystemBackup>(&api, &caller, &body.file).await?;
    let system = api.system();
    done(blocking(move || system.backup(permit, &body.file)).await??)
}

pub(crate) async fn drill(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Form(body): Form<DrillBody>,
) -> Answer {
    let permit = admit::<SystemDrill>(&api, &caller, "").await?;
    let system = api.system();
    done(blocking(move || system.drill(permit, &body.lines)).await??)
}

pub(crate) async fn erase(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Form(body): Form<EraseBody>,
) -> Answer {
    let permit = admit::<LedgerErase>(&api, &caller, &body.subject).await?;
    let system = api.system();
    done(blocking(move || system.erase(permit, &body.subject)).await??)
}

pub(crate) async fn seal(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Form(body): Form<SealBody>,
) -> Answer {
    let permit = admit::<SystemSeal>(&api, &caller, &body.file).await?;
    let system = api.system();
    done(blocking(move || system.seal(permit, &body.secret, &body.file)).await??)
}
