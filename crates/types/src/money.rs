// SPDX-License-Identifier: Apache-2.0
//! Tokens and money, and how an access books them.

use serde::{Deserialize, Serialize};

/// Tokens as the provider counts them.
pub type Tokens = u64;

/// Millionths of the currency unit that the operator's price list uses.
pub type Micros = u64;

/// What an access reserves or settles; it stands inside the decision or outcome record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// Prompt plus completion tokens.
    pub tokens: Tokens,
    /// Money in millionths.
    pub micros: Micros,
}

/// Tokens of one answer, as reported or, failing that, as estimated from its bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the request.
    pub input: Tokens,
    /// Tokens of the answer.
    pub output: Tokens,
    /// True when the provider did not report and the figures are estimates.
    pub estimated: bool,
}
