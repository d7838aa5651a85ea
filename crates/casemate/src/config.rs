// SPDX-License-Identifier: Apache-2.0
//! `casemate.toml`: strict, and clear about what is wrong.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use casemate_gateway::GatewayConfig;
use casemate_inspect::{GuardProfile, ProfileName};
use casemate_ledger::VerifierKey;
use casemate_models::registry::PatrolConfig;
use casemate_types::GuardAction;
use miette::{Diagnostic, NamedSource, SourceSpan};
use serde::Deserialize;

use crate::wire::outside;

/// A client that is only tried out needs no patience.
const SOON: Duration = Duration::from_secs(1);

/// Everything that can be configured.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) data_plane: PlaneConfig,
    pub(crate) admin_plane: AdminConfig,
    pub(crate) tls: TlsConfig,
    pub(crate) ledger: LedgerConfig,
    pub(crate) gateway: GatewayConfig,
    pub(crate) models: ModelsConfig,
    pub(crate) telemetry: TelemetryConfig,
}

/// The registry of models.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ModelsConfig {
    /// Time from the beginning of one round of the patrol to that of the next.
    pub(crate) patrol_every_s: u64,
    /// Mebibytes that the patrol reads in a second at most.
    pub(crate) patrol_mib_per_s: u64,
    /// Mebibytes of the disk that stay free whatever is pushed.
    pub(crate) keep_free_mib: u64,
}

impl Default for ModelsConfig {
    fn default() -> Self {
        Self {
            patrol_every_s: 50,
            patrol_mib_per_s: 512,
            keep_free_mib: 1024,
        }
    }
}

impl ModelsConfig {
    /// Bytes of the disk that stay free.
    pub(crate) const fn keep_free(&self) -> u64 {
        self.keep_free_mib.saturating_mul(1 << 20)
    }

    pub(crate) fn patrol(&self) -> PatrolConfig {
        PatrolConfig {
            every: Duration::from_secs(self.patrol_every_s.max(1)),
            bytes_per_second: self.patrol_mib_per_s.saturating_mul(1 << 20),
        }
    }
}

/// Where spans of requests are sent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TelemetryConfig {
    /// An OTLP/HTTP receiver, without `/v1/traces`; none means that nothing is sent.
    pub(crate) traces: Option<String>,
    /// Reference to the value of its `Authorization` header.
    pub(crate) credential: Option<String>,
    /// Whether its name may lead to private addresses.
    pub(crate) allow_private: bool,
}

/// Where models are called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PlaneConfig {
    pub(crate) listen: SocketAddr,
    pub(crate) connections: usize,
}

impl Default for PlaneConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            connections: 4096,
        }
    }
}

/// Where Casemate is administered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AdminConfig {
    pub(crate) listen: SocketAddr,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
        }
    }
}

/// Certificates for listeners beyond loopback.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TlsConfig {
    /// Chain in PEM; without one, a local authority is made.
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    /// Names and addresses in a certificate of the local authority.
    pub(crate) names: Vec<String>,
    /// Authority of client certificates, in PEM.
    pub(crate) client_authority: Option<PathBuf>,
    pub(crate) require_client: bool,
}

/// The book.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LedgerConfig {
    /// Mebibytes kept free for what must still be written when the disk is full.
    pub(crate) reserve_mib: u64,
    /// Largest size in mebibytes; none means the disk's.
    pub(crate) max_mib: Option<u64>,
    /// Longest time between a record and its signed checkpoint.
    pub(crate) checkpoint_ms: u64,
    /// Who signs that the log only grew.
    pub(crate) witness: Vec<WitnessConfig>,
    /// Time between two visits to the witnesses.
    pub(crate) witness_every_s: u64,
}

/// A witness (C2SP tlog-witness).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WitnessConfig {
    /// What `/add-checkpoint` is appended to.
    pub(crate) url: String,
    /// Its public key, as it publishes it: `name+id+key`.
    pub(crate) key: String,
    /// Whether its name may lead to private addresses.
    #[serde(default)]
    pub(crate) allow_private: bool,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            reserve_mib: 16,
            max_mib: None,
            checkpoint_ms: 1_000,
            witness: Vec::new(),
            witness_every_s: 60,
        }
    }
}

impl LedgerConfig {
    pub(crate) const fn checkpoint_every(&self) -> Duration {
        Duration::from_millis(self.checkpoint_ms)
    }
}

/// Something is wrong with the file, shown with its place.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub(crate) struct ConfigError {
    message: String,
    #[source_code]
    source_code: NamedSource<String>,
    #[label("{label}")]
    span: Option<SourceSpan>,
    label: String,
    #[help]
    help: Option<String>,
}

#[expect(
    clippy::result_large_err,
    reason = "made at most once a start, and shown at once"
)]
impl Config {
    /// Reads a file, or the defaults when there is none.
    pub(crate) fn load(path: Option<&Path>) -> Result<(Self, String), ConfigError> {
        let Some(path) = path else {
            return Ok((Self::default(), String::new()));
        };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
            message: format!("`{name}` cannot be read: {error}"),
            source_code: NamedSource::new(&name, String::new()),
            span: None,
            label: String::new(),
            help: Some("`casemate up` works without a file; see docs/reference/config.md".into()),
        })?;
        Ok((Self::parse(&name, &text)?, text))
    }

    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let message = error.message().to_owned();
            ConfigError {
                help: hint(&message),
                label: "here".into(),
                span: error.span().map(Into::into),
                source_code: NamedSource::new(name, text.to_owned()),
                message,
            }
        })?;
        config.check(name, text)?;
        Ok(config)
    }

    /// Settings that cannot work together.
    fn check(&self, name: &str, text: &str) -> Result<(), ConfigError> {
        if self.data_plane.listen == self.admin_plane.listen && self.data_plane.listen.port() != 0 {
            let why = "the data plane and the admin plane listen on the same address";
            let hint = "give one of them another port";
            return Err(at(
                name,
                text,
                &self.admin_plane.listen.to_string(),
                why,
                hint,
            ));
        }
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            let why = "`tls.certificate` and `tls.key` belong together";
            return Err(at(
                name,
                text,
                "[tls]",
                why,
                "give both, or neither for a local authority",
            ));
        }
        if self.tls.require_client && self.tls.client_authority.is_none() {
            let why = "`tls.require_client` needs `tls.client_authority`";
            return Err(at(
                name,
                text,
                "require_client",
                why,
                "name the authority's PEM file",
            ));
        }
        let limits = &self.gateway.request;
        if limits.body_bytes == 0 || limits.answer_bytes == 0 || limits.body_ms == 0 {
            let why = "a limit of zero lets nothing pass";
            return Err(at(
                name,
                text,
                "[gateway.request]",
                why,
                "leave the line out for the default",
            ));
        }
        let guard = &self.gateway.guard;
        for (word, threshold) in [
            ("attack_threshold", guard.attack_threshold),
            ("embedded_threshold", guard.embedded_threshold),
        ] {
            if !(0.0..=1.0).contains(&threshold) {
                let why = format!("`{word}` is not between 0 and 1");
                return Err(at(name, text, word, &why, "0.75 is the default"));
            }
        }
        if self
            .ledger
            .max_mib
            .is_some_and(|max| max <= self.ledger.reserve_mib)
        {
            let why = "`ledger.max_mib` leaves no room beside the reserve";
            return Err(at(
                name,
                text,
                "max_mib",
                why,
                "make it larger than `reserve_mib`",
            ));
        }
        self.check_outside(name, text)?;
        self.check_guards(name, text)?;
        self.check_routes(name, text)
    }

    /// Keys and addresses of those who are told something.
    fn check_outside(&self, name: &str, text: &str) -> Result<(), ConfigError> {
        for witness in &self.ledger.witness {
            if let Err(error) = VerifierKey::parse(&witness.key) {
                let why = format!("the key of the witness `{}`: {error}", witness.url);
                let hint = "witnesses publish it as `name+id+key`";
                return Err(at(name, text, &witness.key, &why, hint));
            }
            if let Err(error) = outside(&witness.url, witness.allow_private, SOON) {
                let why = format!("the address of the witness `{}`: {error:#}", witness.url);
                let hint = "a private address needs `allow_private = true`";
                return Err(at(name, text, &witness.url, &why, hint));
            }
        }
        if let Some(url) = &self.telemetry.traces
            && let Err(error) = outside(url, self.telemetry.allow_private, SOON)
        {
            let why = format!("the receiver of traces `{url}`: {error:#}");
            let hint = "a private address needs `allow_private = true`";
            return Err(at(name, text, url, &why, hint));
        }
        Ok(())
    }

    /// Guards that would be set and never act.
    fn check_guards(&self, name: &str, text: &str) -> Result<(), ConfigError> {
        let guard = &self.gateway.guard;
        for (word, rule) in [
            ("attack", &guard.attack),
            ("health", &guard.health),
            ("person", &guard.person),
            ("special", &guard.special),
        ] {
            if rule.output > GuardAction::Flag {
                let why =
                    format!("answers are not searched for `{word}`, so this would do nothing");
                let hint = "set its `output` to `allow` or `flag`";
                return Err(at(name, text, &format!("guard.{word}"), &why, hint));
            }
        }
        for (word, rule) in [
            ("active", &guard.active),
            ("leak", &guard.leak),
            ("link", &guard.link),
        ] {
            if rule.trusted.max(rule.untrusted) > GuardAction::Flag {
                let why =
                    format!("requests are not searched for `{word}`, so this would do nothing");
                let hint = "set its `trusted` and `untrusted` to `allow` or `flag`";
                return Err(at(name, text, &format!("guard.{word}"), &why, hint));
            }
        }
        let of_profile = |name| GuardProfile::named(name).link == guard.link;
        if self.gateway.link_hosts.is_none() && !ProfileName::ALL.iter().copied().any(of_profile) {
            let why = "no link is looked at without a list of hosts";
            let hint = "add `link_hosts = [\"example.org\"]` to `[gateway]`";
            return Err(at(name, text, "guard.link", why, hint));
        }
        Ok(())
    }

    /// Routes that lead nowhere.
    fn check_routes(&self, name: &str, text: &str) -> Result<(), ConfigError> {
        let known: Vec<_> = self.gateway.upstream.iter().map(|one| &one.name).collect();
        if let Some(twice) = (1..known.len()).find(|at| known[..*at].contains(&known[*at])) {
            let why = format!("there are two upstreams `{}`", known[twice]);
            let word = format!("\"{}\"", known[twice]);
            return Err(at(name, text, &word, &why, "give one of them another name"));
        }
        for route in &self.gateway.route {
            let targets = [Some(&route.upstream), route.fallback.as_ref()];
            let unknown = targets
                .into_iter()
                .flatten()
                .find(|target| !known.contains(target));
            if let Some(unknown) = unknown {
                let why = format!(
                    "the route of `{}` leads to `{unknown}`, and no upstream is called so",
                    route.model
                );
                let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                let hint = match names.is_empty() {
                    true => "add a `[[gateway.upstream]]`".to_owned(),
                    false => format!("there is {}", names.join(", ")),
                };
                return Err(at(name, text, &format!("\"{unknown}\""), &why, &hint));
            }
        }
        Ok(())
    }
}

/// An error about a word of the file, with the word marked.
pub(crate) fn at(name: &str, text: &str, word: &str, why: &str, hint: &str) -> ConfigError {
    let span = text.find(word).map(|start| (start, word.len()).into());
    ConfigError {
        message: why.to_owned(),
        source_code: NamedSource::new(name, text.to_owned()),
        span,
        label: "here".into(),
        help: Some(hint.to_owned()),
    }
}

fn hint(message: &str) -> Option<String> {
    if message.contains("unknown field") {
        return Some("nothing is ignored here: a mistyped setting would silently not work".into());
    }
    if message.contains("missing field") {
        return Some("add the line; examples/ has whole files".into());
    }
    let known = ["invalid ", "unknown variant"];
    let hint = match known.iter().any(|known| message.contains(known)) {
        true => "docs/reference/config.md says what each setting may be",
        false => "this is not TOML; examples/ has whole files",
    };
    Some(hint.into())
}
