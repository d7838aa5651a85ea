// SPDX-License-Identifier: Apache-2.0
//! The request path in front of language models.
//!
//! Bytes become [`Received`](steps) → authenticated → admitted → parsed → inspected → permitted →
//! reserved → forwarded → answered → settled, each step a type that only the step before can make.
//! Bytes that are not edited pass as they came; what cannot be inspected is refused.

mod answer;
mod config;
mod datamark;
mod dialect;
mod error;
mod gateway;
mod guard;
mod json;
mod memory;
mod metrics;
mod sets;
mod splice;
mod sse;
pub mod steps;
mod stream;
mod trace;
mod upstream;
mod verified;

pub use config::{
    ExactConfig, GatewayConfig, RequestLimits, RouteConfig, SetConfig, TimeoutConfig,
    UpstreamConfig, UpstreamKind,
};
pub use dialect::{Dialect, Endpoint};
pub use error::GatewayError;
pub use gateway::{Authenticator, Gateway, GatewayParts, Guest};
pub use trace::{Span, SpanSink, Target};
pub use upstream::CredentialSource;
pub use verified::{Unverified, VerifiedModels};

/// Readers of foreign bytes, for fuzzing.
#[doc(hidden)]
pub mod fuzz;

/// Every place where a text can stand, for tests.
#[doc(hidden)]
pub mod matrix {
    pub use crate::dialect::cells::{ABSENT, Absent, Cell, Fate, HOLE, Shape, cells};
}
