// SPDX-License-Identifier: Apache-2.0
//! What a client is told when something does not work: RFC 9457 problem details.

use serde::Serialize;

use crate::{RecordId, class::words};

words! {
    /// Stable codes of problems.
    ProblemCode {
        /// The request is too large, too deep or too slow.
        BodyLimit = "body_limit",
        /// A budget or rate is spent.
        BudgetSpent = "budget_spent",
        /// Something like it exists already.
        Conflict = "conflict",
        /// The policy does not allow it.
        Denied = "denied",
        /// A guard found something that may not pass.
        GuardBlocked = "guard_blocked",
        /// Our own fault.
        Internal = "internal",
        /// The request cannot be understood.
        Invalid = "invalid",
        /// The address does not take this method.
        MethodNotAllowed = "method_not_allowed",
        /// Nothing of that name, or nothing you may know of.
        NotFound = "not_found",
        /// Too many requests; try again later.
        RateLimited = "rate_limited",
        /// No valid credential.
        Unauthenticated = "unauthenticated",
        /// Casemate cannot record the access and therefore refuses it.
        Unavailable = "unavailable",
        /// The upstream failed.
        Upstream = "upstream",
        /// The upstream took too long.
        UpstreamTimeout = "upstream_timeout",
    }
}

impl ProblemCode {
    /// The HTTP status that carries the code.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BodyLimit => 413,
            Self::BudgetSpent | Self::RateLimited => 429,
            Self::Conflict => 409,
            Self::Denied | Self::GuardBlocked => 403,
            Self::Internal => 500,
            Self::Invalid => 400,
            Self::MethodNotAllowed => 405,
            Self::NotFound => 404,
            Self::Unauthenticated => 401,
            Self::Unavailable => 503,
            Self::Upstream => 502,
            Self::UpstreamTimeout => 504,
        }
    }

    /// A short title for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::BodyLimit => "Request exceeds a limit",
            Self::BudgetSpent => "Budget spent",
            Self::Conflict => "Already exists",
            Self::Denied => "Denied by policy",
            Self::GuardBlocked => "Blocked by a guard",
            Self::Internal => "Internal error",
            Self::Invalid => "Invalid request",
            Self::MethodNotAllowed => "Method not allowed",
            Self::NotFound => "Not found",
            Self::RateLimited => "Too many requests",
            Self::Unauthenticated => "Not authenticated",
            Self::Unavailable => "Cannot be recorded now",
            Self::Upstream => "Upstream failed",
            Self::UpstreamTimeout => "Upstream timed out",
        }
    }
}

/// A problem as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The stable code.
    pub code: ProblemCode,
    /// What happened, in words that may leave the house.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The request it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RecordId>,
    /// Seconds after which another try makes sense.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A problem without hint.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            hint: None,
            request_id: None,
            retry_after: None,
        }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The body of an `application/problem+json` answer (RFC 9457).
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut value = serde_json::json!({
            "type": format!("urn:casemate:problem:{}", self.code),
            "title": self.code.title(),
            "status": self.code.status(),
            "code": self.code,
            "detail": self.detail,
        });
        if let Some(hint) = &self.hint {
            value["hint"] = hint.as_str().into();
        }
        if let Some(id) = self.request_id {
            value["request_id"] = id.to_string().into();
        }
        value
    }
}
