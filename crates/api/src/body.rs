// SPDX-License-Identifier: Apache-2.0
//! Bodies and queries whose refusals are problems like all others.

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{StatusCode, request::Parts},
};
use casemate_types::ProblemCode;
use serde::de::DeserializeOwned;

use crate::ApiError;

/// A JSON body.
pub(crate) struct Form<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(refused) => Err(problem(refused.status(), refused.body_text())),
        }
    }
}

/// What stands after the `?`.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(refused) => Err(problem(refused.status(), refused.body_text())),
        }
    }
}

fn problem(status: StatusCode, text: String) -> ApiError {
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => ProblemCode::BodyLimit,
        _ => ProblemCode::Invalid,
    };
    ApiError::new(code, text)
}
