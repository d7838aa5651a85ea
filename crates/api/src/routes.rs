// SPDX-License-Identifier: Apache-2.0
//! Handlers, by resource.

mod identity;
mod ledger;
mod model;
mod policy;
mod public;
mod system;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post, put},
};

use crate::AdminApi;

/// Bodies of the admin plane are small.
const MAX_BODY: usize = 2 << 20;
/// Those that list the files of a model, with their signature.
const MAX_VERSION: usize = 32 << 20;

pub(crate) fn router() -> Router<AdminApi> {
    Router::new()
        .route("/livez", get(public::live))
        .route("/readyz", get(public::ready))
        .route("/openapi.json", get(public::openapi))
        .route("/start", get(public::start))
        .route("/start.js", get(public::start_script))
        .route("/v1/bootstrap", post(public::bootstrap))
        .route("/v1/ledger/keys", get(ledger::keys))
        .route("/metrics", get(system::metrics))
        .route("/v1/system", get(system::state))
        .route("/v1/system/reload", post(system::reload))
        .route("/v1/system/rotate", post(system::rotate))
        .route("/v1/system/backup", post(system::backup))
        .route("/v1/system/drill", post(system::drill))
        .route("/v1/system/seal", post(system::seal))
        .route(
            "/v1/projects",
            get(identity::projects).post(identity::project_create),
        )
        .route(
            "/v1/projects/{project}/limits",
            put(identity::project_limits),
        )
        .route(
            "/v1/projects/{project}/services",
            get(identity::services).post(identity::service_create),
        )
        .route("/v1/projects/{project}/keys", get(identity::keys))
        .route(
            "/v1/projects/{project}/services/{service}/keys",
            post(identity::key_create),
        )
        .route("/v1/keys/{key}/revoke", post(identity::key_revoke))
        .route("/v1/keys/{key}/rotate", post(identity::key_rotate))
        .route("/v1/persons", get(identity::persons))
        .route("/v1/policies", get(policy::history).post(policy::apply))
        .route("/v1/ledger/checkpoint", get(ledger::checkpoint))
        .route("/v1/ledger/records", get(ledger::records))
        .route("/v1/ledger/records/{record}", get(ledger::record))
        .route("/v1/ledger/records/{record}/proof", get(ledger::proof))
        .route("/v1/ledger/verify", post(ledger::verify))
        .route("/v1/ledger/export", post(ledger::export))
        .route("/v1/ledger/witness", post(ledger::witness))
        .route("/v1/ledger/erase", post(system::erase))
        .route("/v1/projects/{project}/spend", get(system::spend))
        .route("/v1/projects/{project}/models", get(model::list))
        .route("/v1/projects/{project}/models/{model}", get(model::show))
        .route(
            "/v1/projects/{project}/models/{model}/signers",
            put(model::signers),
        )
        .route(
            "/v1/projects/{project}/models/{model}/floor",
            put(model::floor),
        )
        .route(
            "/v1/projects/{project}/models/{model}/missing",
            post(model::missing),
        )
        .route(
            "/v1/projects/{project}/models/{model}/blobs/{digest}",
            // Never in memory as a whole: it is stored as it comes, and cut at what was announced.
            put(model::blob_put).layer(DefaultBodyLimit::disable()),
        )
        .route(
            "/v1/projects/{project}/models/{model}/versions",
            post(model::register).layer(DefaultBodyLimit::max(MAX_VERSION)),
        )
        .route(
            "/v1/projects/{project}/models/{model}/versions/{version}",
            get(model::version),
        )
        .route(
            "/v1/projects/{project}/models/{model}/versions/{version}/lineage",
            get(model::lineage),
        )
        .route(
            "/v1/projects/{project}/models/{model}/versions/{version}/signature",
            get(model::signature),
        )
        .route(
            "/v1/projects/{project}/models/{model}/versions/{version}/blobs/{digest}",
            get(model::blob_get),
        )
        .route(
            "/v1/projects/{project}/models/{model}/versions/{version}/documents/{kind}",
            post(model::document),
        )
        .route(
            "/v1/projects/{project}/models/{model}/versions/{version}/approve",
            post(model::approve),
        )
        .route(
            "/v1/projects/{project}/models/{model}/versions/{version}/quarantine",
            post(model::quarantine),
        )
        .route(
            "/v1/projects/{project}/models/{model}/versions/{version}/release",
            post(model::release),
        )
        .route(
            "/v1/projects/{project}/models/{model}/diff",
            get(model::diff),
        )
        .route(
            "/v1/projects/{project}/models/{model}/aliases/{alias}",
            put(model::promote),
        )
        .route(
            "/v1/projects/{project}/models/{model}/aliases/{alias}/rollback",
            post(model::rollback),
        )
        .fallback(public::nothing_here)
        .method_not_allowed_fallback(public::wrong_method)
        // Before any handler reads: a body larger than this is none of ours.
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// Runs what may block away from the threads that serve.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, crate::ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        let code = casemate_types::ProblemCode::Internal;
        crate::ApiError::new(code, "the work was broken off")
    })
}
