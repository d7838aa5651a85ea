// SPDX-License-Identifier: Apache-2.0
//! The gateway's part of the configuration.

use std::{path::PathBuf, time::Duration};

use casemate_inspect::GuardProfile;
use casemate_types::Locality;
use serde::Deserialize;

/// Everything the gateway is told.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// Servers that models run on.
    pub upstream: Vec<UpstreamConfig>,
    /// Which model goes where; the first that fits counts.
    pub route: Vec<RouteConfig>,
    /// What is done about findings.
    pub guard: GuardProfile,
    /// Strings that must never appear anywhere, at least eight bytes each.
    pub canaries: Vec<String>,
    /// Word lists of the operator's own.
    pub dictionary: Vec<SetConfig>,
    /// Tables of the operator's own.
    pub exact: Vec<ExactConfig>,
    /// Documents of the operator's own.
    pub fingerprint: Vec<SetConfig>,
    /// Hosts that links in answers may lead to, `*.` in front for all below one; where nothing is
    /// said, links are not looked at.
    pub link_hosts: Option<Vec<String>>,
    /// Limits on requests.
    pub request: RequestLimits,
}

/// A word list, or fingerprints of documents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetConfig {
    /// Name, for records: 1 to 64 of `a-z`, `0-9`, `-` and `_`.
    pub name: String,
    /// The list, or what `casemate guard fingerprint build` wrote.
    pub file: PathBuf,
}

/// A table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactConfig {
    /// Name, for records: 1 to 64 of `a-z`, `0-9`, `-` and `_`.
    pub name: String,
    /// What `casemate guard exact build` wrote.
    pub file: PathBuf,
    /// Reference to the salt it was made with: `env:NAME`, `file:PATH` or `sealed:NAME`.
    pub salt: String,
}

/// Wire format of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpstreamKind {
    /// Anthropic Messages.
    Anthropic,
    /// `OpenAI` and whatever is compatible with it.
    OpenAi,
}

impl UpstreamKind {
    /// The word for records and policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
        }
    }
}

/// A server that models run on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// Name, for routes, policies and records.
    pub name: String,
    /// Wire format.
    pub kind: UpstreamKind,
    /// Base URL, with the path in front of `/v1`, e.g. `https://api.openai.com`.
    pub url: String,
    /// Reference to its key: `env:NAME`, `file:PATH` or `sealed:NAME`.
    #[serde(default)]
    pub credential: Option<String>,
    /// `local` or `external`; a local one computes on machines of your own.
    pub locality: Locality,
    /// Region, for policies.
    #[serde(default)]
    pub region: String,
    /// The version of a model that this server runs, by the root digest of its signature:
    /// `sha256:…`. For routes that need a verified model.
    #[serde(default)]
    pub digest: Option<String>,
    /// Whether its name may lead to private addresses.
    #[serde(default)]
    pub allow_private: bool,
    /// Ask for usage in streams even if the caller does not.
    #[serde(default = "yes")]
    pub stream_usage: bool,
    /// Timeouts.
    #[serde(default)]
    pub timeout: TimeoutConfig,
}

const fn yes() -> bool {
    true
}

/// Timeouts in milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeoutConfig {
    /// To a connection.
    pub connect_ms: u64,
    /// To the answer's head.
    pub first_byte_ms: u64,
    /// Between two parts of the answer.
    pub idle_ms: u64,
    /// To the answer's end.
    pub total_ms: u64,
}

impl Default for TimeoutConfig {
    fn default() -> Self {
        Self {
            connect_ms: 5_000,
            first_byte_ms: 60_000,
            idle_ms: 30_000,
            total_ms: 600_000,
        }
    }
}

impl From<TimeoutConfig> for casemate_http::Timeouts {
    fn from(config: TimeoutConfig) -> Self {
        Self {
            connect: Duration::from_millis(config.connect_ms),
            first_byte: Duration::from_millis(config.first_byte_ms),
            idle: Duration::from_millis(config.idle_ms),
            total: Duration::from_millis(config.total_ms),
        }
    }
}

/// Which model goes where.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// Model as callers name it; `*` at the end stands for any ending.
    pub model: String,
    /// The upstream.
    pub upstream: String,
    /// Another upstream of the same wire format, asked when the first cannot answer.
    #[serde(default)]
    pub fallback: Option<String>,
    /// The version in the registry that must be what the upstream runs, as `project/model@alias`.
    /// While it may not be served, nothing is routed.
    #[serde(default)]
    pub verified: Option<String>,
    /// The model's name there, if it differs.
    #[serde(default)]
    pub upstream_model: Option<String>,
    /// Price of a million prompt tokens, in millionths of the currency unit.
    #[serde(default)]
    pub input_micros_per_million: u64,
    /// Price of a million completion tokens, in millionths of the currency unit.
    #[serde(default)]
    pub output_micros_per_million: u64,
    /// Fields of provider-side state that callers may use, by name; see the guide on state.
    #[serde(default)]
    pub provider_state: Vec<String>,
}

/// Limits on requests.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestLimits {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Milliseconds a body may take to arrive.
    pub body_ms: u64,
    /// Bytes of an answer that is not streamed.
    pub answer_bytes: usize,
    /// Completion tokens reserved when the caller names no maximum.
    pub default_max_tokens: u64,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            body_bytes: 8 << 20,
            body_ms: 30_000,
            answer_bytes: 32 << 20,
            default_max_tokens: 4_096,
        }
    }
}
