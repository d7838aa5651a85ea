// SPDX-License-Identifier: Apache-2.0
//! Policies.

use axum::{Json, extract::State};
use casemate_access::PolicyVersion;
use casemate_types::{
    ResourceKind, ResourceRef,
    actions::{PolicyApply, PolicyRead},
};
use serde_json::{Value, json};

use super::blocking;
use crate::{AdminApi, ApiError, body::Form, caller::Asker, dto::PolicyTextBody};

fn version(version: &PolicyVersion) -> Value {
    json!({
        "number": version.number,
        "id": version.id.to_string(),
        "time": version.time.to_rfc3339(),
        "author": version.author,
        "note": version.note,
        "text": version.text,
    })
}

fn policies() -> ResourceRef {
    ResourceRef::system(ResourceKind::PolicySet, "policies")
}

pub(crate) async fn history(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
) -> Result<Json<Vec<Value>>, ApiError> {
    let permit = api
        .door()
        .admit::<PolicyRead>(&caller, policies(), "")
        .await?;
    let door = api.door().clone();
    let list = blocking(move || door.policy_history(permit)).await??;
    Ok(Json(list.iter().map(version).collect()))
}

pub(crate) async fn apply(
    State(api): State<AdminApi>,
    Asker(caller): Asker,
    Form(body): Form<PolicyTextBody>,
) -> Result<Json<Value>, ApiError> {
    let permit = api
        .door()
        .admit::<PolicyApply>(&caller, policies(), &body.note)
        .await?;
    let door = api.door().clone();
    let applied = blocking(move || door.policy_apply(permit, &body.text, &body.note)).await??;
    Ok(Json(version(&applied)))
}
