// SPDX-License-Identifier: Apache-2.0
//! Errors as RFC 9457 problems.

use axum::response::{IntoResponse, Response};
use casemate_access::AccessError;
use casemate_http::problem_response;
use casemate_iam::{IamError, Rejection};
use casemate_ledger::LedgerError;
use casemate_models::registry::RegistryError;
use casemate_policy::PolicyError;
use casemate_types::{Problem, ProblemCode};

/// Whatever a handler answers instead of what was asked for.
#[derive(Debug)]
pub struct ApiError(pub Problem);

impl ApiError {
    pub(crate) fn new(code: ProblemCode, text: impl Into<String>) -> Self {
        Self(Problem::new(code, text))
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(ProblemCode::NotFound, format!("there is no {what}"))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        problem_response(&self.0).map(axum::body::Body::new)
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        if let AccessError::Policy(PolicyError::Invalid(faults)) = &error {
            let text: Vec<_> = faults.iter().map(|fault| fault.message.as_str()).collect();
            return Self::new(ProblemCode::Invalid, text.join("; "));
        }
        Self(error.problem())
    }
}

impl From<IamError> for ApiError {
    fn from(error: IamError) -> Self {
        Self(error.problem())
    }
}

impl From<RegistryError> for ApiError {
    fn from(error: RegistryError) -> Self {
        if let RegistryError::Store(cause) = &error {
            tracing::error!(error = ?cause, "the registry's storage failed");
        }
        Self(error.problem())
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        Self(rejection.problem())
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        let code = match error {
            // In the very words for a record that is there and may not be seen.
            LedgerError::NotFound => return Self::not_found("such record"),
            LedgerError::Path { .. } => ProblemCode::Invalid,
            _ => ProblemCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}
