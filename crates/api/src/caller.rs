// SPDX-License-Identifier: Apache-2.0
//! Who asks at the admin plane: the operator at the local socket, or the holder of a key.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, State},
    http::request::Parts,
};
use casemate_http::Peer;
use casemate_types::{Caller, Problem, ProblemCode, key_fits};

use crate::{AdminApi, ApiError};

/// The models that the caller's key is made for, `*` at the end for any ending; empty for all.
#[derive(Clone, Default)]
pub(crate) struct KeyModels(Arc<[String]>);

impl KeyModels {
    /// Refuses what the key is not made for.
    pub(crate) fn check(&self, model: &str) -> Result<(), ApiError> {
        if key_fits(&self.0, model) {
            return Ok(());
        }
        let text = "the API key is not for this model";
        Err(ApiError::new(ProblemCode::Denied, text))
    }
}

impl FromRequestParts<AdminApi> for KeyModels {
    type Rejection = ApiError;

    /// Behind an [`Asker`], who leaves it there.
    async fn from_request_parts(parts: &mut Parts, _: &AdminApi) -> Result<Self, ApiError> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| ApiError::new(ProblemCode::Unauthenticated, "nobody is asking"))
    }
}

/// An authenticated caller. A handler that wants one cannot be reached without.
pub(crate) struct Asker(pub(crate) Caller);

impl FromRequestParts<AdminApi> for Asker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &AdminApi) -> Result<Self, ApiError> {
        let State(api) = State::<AdminApi>::from_request_parts(parts, api)
            .await
            .unwrap_or_else(|never| match never {});
        let peer = parts.extensions.get::<Peer>().copied();
        match peer {
            Some(Peer::Unix { uid }) if api.is_operator(uid) => {
                parts.extensions.insert(KeyModels::default());
                Ok(Self(Caller::operator(uid)))
            }
            Some(Peer::Unix { .. }) => {
                let text = "the local socket is for the user that runs Casemate";
                Err(Problem::new(ProblemCode::Unauthenticated, text).into())
            }
            Some(Peer::Tcp { address, certified }) => {
                let header = parts.headers.get("authorization");
                let key = header
                    .and_then(|value| value.to_str().ok())
                    .and_then(|value| value.strip_prefix("Bearer "));
                let found = api.iam().authenticate(key, Some(address.ip()), certified);
                let found = found?;
                let models = KeyModels(found.key().models.clone().into());
                parts.extensions.insert(models);
                Ok(Self(found.caller))
            }
            None => Err(Problem::new(ProblemCode::Unauthenticated, "nobody is asking").into()),
        }
    }
}
