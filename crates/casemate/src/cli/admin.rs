// SPDX-License-Identifier: Apache-2.0
//! Projects, services, keys, configuration: words for the admin API.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::Global;
use crate::{
    client::ask,
    output::{rows, text},
};

/// Limits as options.
#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// Requests in any 60 seconds
    #[arg(long, value_name = "N")]
    requests_per_minute: Option<u64>,
    /// Tokens in any 60 seconds
    #[arg(long, value_name = "N")]
    tokens_per_minute: Option<u64>,
    /// Requests at the same time
    #[arg(long, value_name = "N")]
    concurrency: Option<u64>,
    /// Money in a UTC day, e.g. 12.50
    #[arg(long, value_name = "AMOUNT", value_parser = micros)]
    per_day: Option<u64>,
    /// Money in a UTC month, e.g. 200
    #[arg(long, value_name = "AMOUNT", value_parser = micros)]
    per_month: Option<u64>,
}

impl LimitArgs {
    fn json(&self) -> Value {
        json!({
            "requests_per_minute": self.requests_per_minute,
            "tokens_per_minute": self.tokens_per_minute,
            "concurrency": self.concurrency,
            "micros_per_day": self.per_day,
            "micros_per_month": self.per_month,
        })
    }
}

/// An amount with at most six decimals, in millionths.
fn micros(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no amount such as 12.50");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 6 || !digits(whole) || !digits(part) {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let part: u64 = format!("{part:0<6}").parse().map_err(|_| wrong())?;
    whole
        .checked_mul(1_000_000)
        .and_then(|value| value.checked_add(part))
        .ok_or_else(wrong)
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectCommand {
    /// Make a project
    Create {
        name: String,
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// List projects
    List,
    /// Money spent and reserved today and this month, by the project, its services and keys
    Spend { project: String },
    /// Set a project's limits; what is not given has none
    Limits {
        project: String,
        #[command(flatten)]
        limits: LimitArgs,
    },
}

impl ProjectCommand {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let socket = global.home()?.socket();
        let list = match self {
            Self::Create { name, limits } => {
                let body = json!({"name": name, "limits": limits.json()});
                json!([ask(&socket, Method::POST, "/v1/projects", Some(body)).await?])
            }
            Self::List => ask(&socket, Method::GET, "/v1/projects", None).await?,
            Self::Spend { project } => {
                let path = format!("/v1/projects/{}/spend", segment(&project)?);
                show_spend(global, &ask(&socket, Method::GET, &path, None).await?);
                return Ok(ExitCode::SUCCESS);
            }
            Self::Limits { project, limits } => {
                let path = format!("/v1/projects/{}/limits", segment(&project)?);
                json!([ask(&socket, Method::PUT, &path, Some(limits.json())).await?])
            }
        };
        show(global, &list, &["name", "id", "created"]);
        Ok(ExitCode::SUCCESS)
    }
}

fn show_spend(global: &Global, list: &Value) {
    let table: Vec<_> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|account| {
            let limits = &account["limits"];
            vec![
                text(account, "kind"),
                text(account, "name"),
                amount(&account["micros_today"]),
                amount(&limits["micros_per_day"]),
                amount(&account["micros_this_month"]),
                amount(&limits["micros_per_month"]),
            ]
        })
        .collect();
    let heading = [
        "of",
        "name",
        "today",
        "of a day",
        "this month",
        "of a month",
    ];
    rows(global.format, &heading, &table, list);
}

/// Millionths as people write amounts, the reverse of [`micros`]; a dash where there is no limit.
fn amount(micros: &Value) -> String {
    let Some(micros) = micros.as_u64() else {
        return "–".into();
    };
    let part = format!("{:06}", micros % 1_000_000);
    let part = part.trim_end_matches('0');
    format!("{}.{part:0<2}", micros / 1_000_000)
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Make a service in a project
    Create {
        project: String,
        name: String,
        /// Role templates [default: service]
        #[arg(long)]
        role: Vec<String>,
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// List services of a project
    List { project: String },
}

impl ServiceCommand {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let socket = global.home()?.socket();
        let list = match self {
            Self::Create {
                project,
                name,
                role,
                limits,
            } => {
                let body = json!({"name": name, "roles": role, "limits": limits.json()});
                let path = format!("/v1/projects/{}/services", segment(&project)?);
                json!([ask(&socket, Method::POST, &path, Some(body)).await?])
            }
            Self::List { project } => {
                let path = format!("/v1/projects/{}/services", segment(&project)?);
                ask(&socket, Method::GET, &path, None).await?
            }
        };
        show(global, &list, &["name", "id", "roles", "created"]);
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make an API key; its secret is shown once
    Create {
        project: String,
        service: String,
        /// What people call it
        #[arg(long, default_value = "")]
        label: String,
        /// Models it is for, `*` at the end for any ending [default: all the policies allow]
        #[arg(long)]
        model: Vec<String>,
        /// Networks it may be used from [default: all]
        #[arg(long, value_name = "CIDR")]
        network: Vec<String>,
        /// Days it lives [default: until revoked]
        #[arg(long, value_name = "DAYS")]
        days: Option<u64>,
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// List keys of a project, without secrets
    List { project: String },
    /// Refuse a key from the next request on
    Revoke { key: String },
    /// Seal an upstream's credential, read from standard input, for a `sealed:` reference
    Seal {
        /// The file to make
        file: std::path::PathBuf,
    },
    /// Make a key's successor, or a new root key with --root
    Rotate {
        /// The API key's id
        #[arg(required_unless_present = "root")]
        key: Option<String>,
        /// Seconds the old API key lives on
        #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
        overlap: u64,
        /// Replace the root key instead; nothing stops meanwhile
        #[arg(long, conflicts_with = "key")]
        root: bool,
    },
}

impl KeyCommand {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let socket = global.home()?.socket();
        let (list, secret) = match self {
            Self::Create {
                project,
                service,
                label,
                model,
                network,
                days,
                limits,
            } => {
                let body = json!({
                    "label": label, "models": model, "networks": network,
                    "limits": limits.json(),
                    "expires_in_seconds": days.map(|days| days.saturating_mul(86_400)),
                });
                let (project, service) = (segment(&project)?, segment(&service)?);
                let path = format!("/v1/projects/{project}/services/{service}/keys");
                (
                    json!([ask(&socket, Method::POST, &path, Some(body)).await?]),
                    true,
                )
            }
            Self::List { project } => {
                let path = format!("/v1/projects/{}/keys", segment(&project)?);
                (ask(&socket, Method::GET, &path, None).await?, false)
            }
            Self::Revoke { key } => {
                let path = format!("/v1/keys/{}/revoke", segment(&key)?);
                (
                    json!([ask(&socket, Method::POST, &path, None).await?]),
                    false,
                )
            }
            Self::Seal { file } => {
                let mut secret = zeroize::Zeroizing::new(String::new());
                std::io::Read::read_to_string(&mut std::io::stdin(), &mut secret)?;
                let body = json!({"secret": secret.trim(), "file": std::path::absolute(file)?});
                let done = ask(&socket, Method::POST, "/v1/system/seal", Some(body)).await?;
                println!("{}", text(&done, "done"));
                return Ok(ExitCode::SUCCESS);
            }
            Self::Rotate { key: None, .. } => {
                let done = ask(&socket, Method::POST, "/v1/system/rotate", None).await?;
                println!("{}", text(&done, "done"));
                return Ok(ExitCode::SUCCESS);
            }
            Self::Rotate {
                key: Some(key),
                overlap,
                ..
            } => {
                let path = format!("/v1/keys/{}/rotate", segment(&key)?);
                let body = json!({"overlap_seconds": overlap});
                (
                    json!([ask(&socket, Method::POST, &path, Some(body)).await?]),
                    true,
                )
            }
        };
        let columns: &[&str] = if secret {
            &["id", "label", "secret", "expires"]
        } else {
            &[
                "id", "label", "owner", "models", "created", "expires", "revoked",
            ]
        };
        show(global, &list, columns);
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read the configuration again, without dropping a request
    Reload,
}

impl ConfigCommand {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let Self::Reload = self;
        let socket = global.home()?.socket();
        let done = ask(&socket, Method::POST, "/v1/system/reload", None).await?;
        println!("{}", text(&done, "done"));
        Ok(ExitCode::SUCCESS)
    }
}

/// A name that can stand in a path as it is; ids and names never need more.
pub(crate) fn segment(name: &str) -> anyhow::Result<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) {
        anyhow::bail!("`{name}` is neither a name nor an id");
    }
    Ok(name)
}

/// Shows a list of objects with some of their members as columns.
pub(crate) fn show(global: &Global, list: &Value, columns: &[&str]) {
    let items = list.as_array().cloned().unwrap_or_default();
    let table: Vec<Vec<String>> = items
        .iter()
        .map(|item| columns.iter().map(|name| text(item, name)).collect())
        .collect();
    rows(global.format, columns, &table, list);
}
