// SPDX-License-Identifier: Apache-2.0
//! Errors in the shape of each wire format, so that the official clients raise their own
//! exceptions.

use casemate_types::{Problem, ProblemCode};

use super::Dialect;

/// The body of an error answer.
pub(crate) fn error_body(dialect: Dialect, problem: &Problem) -> Vec<u8> {
    let request = problem.request_id.map(|id| id.to_string());
    let message = match &problem.hint {
        Some(hint) => format!("{} ({hint})", problem.detail),
        None => problem.detail.clone(),
    };
    let value = match dialect {
        Dialect::OpenAi => serde_json::json!({"error": {
            "message": message,
            "type": openai_type(problem.code),
            "param": null,
            "code": openai_code(problem.code),
            "request_id": request,
        }}),
        Dialect::Anthropic => serde_json::json!({
            "type": "error",
            "error": {"type": anthropic_type(problem.code), "message": message},
            "request_id": request,
        }),
    };
    value.to_string().into_bytes()
}

/// An error in the middle of a stream.
pub(crate) fn error_event(dialect: Dialect, problem: &Problem) -> Vec<u8> {
    let head: &[u8] = match dialect {
        Dialect::OpenAi => b"data: ",
        Dialect::Anthropic => b"event: error\ndata: ",
    };
    [head, &error_body(dialect, problem), b"\n\n"].concat()
}

const fn openai_type(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::BodyLimit
        | ProblemCode::Conflict
        | ProblemCode::Invalid
        | ProblemCode::MethodNotAllowed => "invalid_request_error",
        ProblemCode::BudgetSpent => "insufficient_quota",
        ProblemCode::Denied | ProblemCode::GuardBlocked => "permission_error",
        ProblemCode::NotFound => "not_found_error",
        ProblemCode::RateLimited => "rate_limit_error",
        ProblemCode::Unauthenticated => "authentication_error",
        ProblemCode::Internal
        | ProblemCode::Unavailable
        | ProblemCode::Upstream
        | ProblemCode::UpstreamTimeout => "server_error",
    }
}

const fn openai_code(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::BudgetSpent => "insufficient_quota",
        ProblemCode::NotFound => "model_not_found",
        ProblemCode::RateLimited => "rate_limit_exceeded",
        ProblemCode::Unauthenticated => "invalid_api_key",
        other => other.as_str(),
    }
}

const fn anthropic_type(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::BodyLimit => "request_too_large",
        ProblemCode::BudgetSpent | ProblemCode::RateLimited => "rate_limit_error",
        ProblemCode::Conflict | ProblemCode::Invalid | ProblemCode::MethodNotAllowed => {
            "invalid_request_error"
        }
        ProblemCode::Denied | ProblemCode::GuardBlocked => "permission_error",
        ProblemCode::NotFound => "not_found_error",
        ProblemCode::Unauthenticated => "authentication_error",
        ProblemCode::Unavailable => "overloaded_error",
        ProblemCode::UpstreamTimeout => "timeout_error",
        ProblemCode::Internal | ProblemCode::Upstream => "api_error",
    }
}
