// SPDX-License-Identifier: Apache-2.0
//! What needs no authentication.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use casemate_types::{ProblemCode, ResourceKind, ResourceRef, actions::PersonBootstrap};
use serde_json::{Value, json};

use super::blocking;
use crate::{AdminApi, ApiError, body::Form, document, dto::BootstrapBody};

const PAGE: &str = include_str!("../../static/start.html");
const SCRIPT: &str = include_str!("../../static/start.js");
/// Nothing but our own script and styles, no frames, no foreign hosts.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; \
    connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) async fn live() -> &'static str {
    "ok"
}

pub(crate) async fn ready(State(api): State<AdminApi>) -> (StatusCode, &'static str) {
    if api.door().is_pressed() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the ledger's disk is full");
    }
    (StatusCode::OK, "ok")
}

pub(crate) async fn openapi() -> Json<Value> {
    Json(document())
}

pub(crate) async fn start() -> Response {
    page("text/html; charset=utf-8", PAGE)
}

pub(crate) async fn start_script() -> Response {
    page("text/javascript; charset=utf-8", SCRIPT)
}

fn page(kind: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}

pub(crate) async fn bootstrap(
    State(api): State<AdminApi>,
    Form(body): Form<BootstrapBody>,
) -> Result<Json<Value>, ApiError> {
    // Nobody had to prove anything to come here, so few attempts are written down, and none once
    // there is an administrator.
    if api.iam().has_person() {
        return Err(ApiError::not_found("such token; it works once, for a day"));
    }
    if !api.may_try_bootstrap() {
        let text = "there were too many attempts; try again in a minute";
        return Err(ApiError::new(ProblemCode::RateLimited, text));
    }
    let resource = ResourceRef::system(ResourceKind::System, "bootstrap");
    let caller = AdminApi::sign_in();
    let permit = api
        .door()
        .admit::<PersonBootstrap>(&caller, resource, "")
        .await?;
    let iam = api.iam().clone();
    let made = blocking(move || iam.bootstrap(permit, &body.token, &body.name)).await??;
    let (person, key, secret) = made;
    Ok(Json(json!({
        "person": person.id.to_string(),
        "key": key.id.to_string(),
        "secret": secret.expose(),
    })))
}

pub(crate) async fn wrong_method() -> ApiError {
    let text = "this address does not take this method; `GET /openapi.json` lists them all";
    ApiError::new(ProblemCode::MethodNotAllowed, text)
}

pub(crate) async fn nothing_here() -> ApiError {
    ApiError::not_found("such address; `GET /openapi.json` lists them all")
}
