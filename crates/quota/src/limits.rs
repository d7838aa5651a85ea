// SPDX-License-Identifier: Apache-2.0
//! What may be used, and what is said when it is used up.

use casemate_types::{Micros, Tokens};
use serde::{Deserialize, Serialize};

use crate::Account;

/// Limits of one account. `None` means no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests in any 60 seconds.
    pub requests_per_minute: Option<u64>,
    /// Prompt plus completion tokens in any 60 seconds.
    pub tokens_per_minute: Option<Tokens>,
    /// Requests at the same time.
    pub concurrency: Option<u64>,
    /// Money in a UTC day, in millionths of the currency unit.
    pub micros_per_day: Option<Micros>,
    /// Money in a UTC month, in millionths of the currency unit.
    pub micros_per_month: Option<Micros>,
}

/// Which limit was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Requests at the same time.
    Concurrency,
    /// Money of the day.
    MoneyPerDay,
    /// Money of the month.
    MoneyPerMonth,
    /// Requests per minute.
    RequestsPerMinute,
    /// Tokens per minute.
    TokensPerMinute,
}

impl Limit {
    /// A stable word for records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Concurrency => "concurrency",
            Self::MoneyPerDay => "money_per_day",
            Self::MoneyPerMonth => "money_per_month",
            Self::RequestsPerMinute => "requests_per_minute",
            Self::TokensPerMinute => "tokens_per_minute",
        }
    }

    /// Whether it is money that is spent, rather than a rate that recovers by itself.
    #[must_use]
    pub const fn is_money(self) -> bool {
        matches!(self, Self::MoneyPerDay | Self::MoneyPerMonth)
    }
}

/// A request that found no room. Nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit `{}` of `{account}` is reached", .limit.as_str())]
pub struct Refusal {
    /// Whose limit.
    pub account: Account,
    /// Which limit.
    pub limit: Limit,
    /// Seconds after which the same request may find room; `None` when it never will, because it
    /// alone exceeds the limit.
    pub retry_after: Option<u64>,
}
