// SPDX-License-Identifier: Apache-2.0
//! Who asks at the admin plane: the operator at the local socket, or the holder of a key.

use axum::{
    extract::{FromRequestParts, State},
    http::request::Parts,
};
use casemate_http::Peer;
use casemate_types::{Caller, Problem, ProblemCode};

use crate::{AdminApi, ApiError};

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
            Some(Peer::Unix { uid }) if api.is_operator(uid) => Ok(Self(Caller::operator(uid))),
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
                Ok(Self(found?.caller))
            }
            None => Err(Problem::new(ProblemCode::Unauthenticated, "nobody is asking").into()),
        }
    }
}
