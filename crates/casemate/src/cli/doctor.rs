// SPDX-License-Identifier: Apache-2.0
//! `casemate doctor`: everything a newcomer gets wrong, with what to do about it.

use std::{net::TcpListener, path::PathBuf, process::ExitCode};

use casemate_crypto::SlotKind;
use clap::Args;
use serde_json::json;

use super::Global;
use crate::{
    config::Config,
    home::{Home, is_open_to_others},
    output::rows,
    wire::is_private_directory,
};

/// Less free disk than this is worth a warning, in bytes.
const LITTLE_DISK: u64 = 1 << 30;
/// How long an upstream may take to accept a connection.
const REACH: std::time::Duration = std::time::Duration::from_secs(2);

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Good,
    Warning,
    Wrong,
}

struct Finding {
    level: Level,
    what: &'static str,
    text: String,
}

impl DoctorArgs {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let home = global.home()?;
        let mut found = Vec::new();
        let config = check_config(self.config.as_deref(), &mut found);
        let running = tokio::net::UnixStream::connect(home.socket()).await.is_ok();
        check_home(&home, &mut found);
        check_keys(&home, &mut found);
        check_disk(&home, &mut found);
        if let Some(config) = &config {
            check_upstreams(config, &mut found);
            check_reach(config, &mut found).await;
            check_tls(config, &mut found);
            check_witnesses(config, &mut found);
            if !running {
                check_ports(config, &mut found);
            }
        }
        add(
            &mut found,
            Level::Good,
            "server",
            if running { "runs" } else { "does not run" },
        );
        let table: Vec<Vec<String>> = found
            .iter()
            .map(|one| {
                let word = match one.level {
                    Level::Good => "ok",
                    Level::Warning => "warning",
                    Level::Wrong => "WRONG",
                };
                vec![word.to_owned(), one.what.to_owned(), one.text.clone()]
            })
            .collect();
        let json = json!(
            table
                .iter()
                .map(|row| json!({
                    "level": row[0], "what": row[1], "text": row[2],
                }))
                .collect::<Vec<_>>()
        );
        rows(global.format, &["", "what", "finding"], &table, &json);
        let wrong = found.iter().any(|one| one.level == Level::Wrong);
        Ok(if wrong {
            ExitCode::from(1)
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn add(found: &mut Vec<Finding>, level: Level, what: &'static str, text: impl Into<String>) {
    found.push(Finding {
        level,
        what,
        text: text.into(),
    });
}

fn check_config(file: Option<&std::path::Path>, found: &mut Vec<Finding>) -> Option<Config> {
    match Config::load(file) {
        Ok((config, _)) => {
            add(found, Level::Good, "configuration", "can be read");
            Some(config)
        }
        Err(error) => {
            add(found, Level::Wrong, "configuration", error.to_string());
            None
        }
    }
}

fn check_home(home: &Home, found: &mut Vec<Finding>) {
    let data = home.data.display();
    if !home.data.exists() {
        add(
            found,
            Level::Good,
            "data",
            format!("`{data}` is not there yet; `casemate up` makes it"),
        );
    } else if !is_private_directory(&home.data) {
        let text = format!("others may look into `{data}`: chmod 700 it");
        add(found, Level::Wrong, "data", text);
    } else if !home.exists() {
        let text = format!("`{data}` is no installation; give --data another directory");
        add(found, Level::Wrong, "data", text);
    } else {
        add(found, Level::Good, "data", format!("`{data}` is private"));
    }
}

fn check_keys(home: &Home, found: &mut Vec<Finding>) {
    if !home.exists() {
        return;
    }
    let slots = match home.keyslots() {
        Ok(slots) => slots,
        Err(error) => return add(found, Level::Wrong, "key slots", format!("{error:#}")),
    };
    let has = |kind| slots.slots.iter().any(|slot| slot.kind == kind);
    if !has(SlotKind::Recovery) {
        add(
            found,
            Level::Wrong,
            "recovery",
            "the root key has no wrap for a recovery kit",
        );
    }
    let newest = slots.generations().last().copied().unwrap_or(0);
    match home.source().map(|source| slots.open(newest, &source)) {
        Ok(Ok(_)) => add(found, Level::Good, "root key", "opens"),
        Ok(Err(error)) => add(found, Level::Wrong, "root key", error.to_string()),
        Err(error) => add(found, Level::Wrong, "root key", format!("{error:#}")),
    }
    if has(SlotKind::File) {
        let file = home.key_file.display();
        if is_open_to_others(&home.key_file) {
            add(
                found,
                Level::Wrong,
                "key file",
                format!("others may read `{file}`: chmod 600 it"),
            );
        }
        let text = format!(
            "`{file}` opens the data for whoever copies both; a systemd credential \
             (casemate-root) or a passphrase is better"
        );
        add(found, Level::Warning, "key file", text);
    }
    if home.kit_file().exists() {
        let text = format!(
            "the recovery kit is still in `{}`: print it, and delete the file",
            home.kit_file().display()
        );
        add(found, Level::Warning, "recovery", text);
    }
}

fn check_disk(home: &Home, found: &mut Vec<Finding>) {
    let place = home.data.ancestors().find(|path| path.exists());
    let Some(stat) = place.and_then(|path| rustix::fs::statvfs(path).ok()) else {
        return;
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let mib = free >> 20;
    if free < LITTLE_DISK {
        let text = format!("only {mib} MiB free; when it is full, requests are refused");
        add(found, Level::Warning, "disk", text);
    } else {
        add(found, Level::Good, "disk", format!("{mib} MiB free"));
    }
}

fn check_upstreams(config: &Config, found: &mut Vec<Finding>) {
    if config.gateway.route.is_empty() {
        let text = "no model is routed anywhere; `casemate up --try` adds a stand-in";
        add(found, Level::Warning, "routes", text);
    }
    for upstream in &config.gateway.upstream {
        let name = &upstream.name;
        let missing = match upstream
            .credential
            .as_deref()
            .map(|text| text.split_once(':'))
        {
            Some(Some(("env", variable))) => std::env::var_os(variable).is_none().then(|| {
                format!("upstream `{name}`: the environment variable `{variable}` is not set")
            }),
            Some(Some(("file" | "sealed", path))) => (!std::path::Path::new(path).exists())
                .then(|| format!("upstream `{name}`: the file `{path}` is not there")),
            Some(_) => Some(format!(
                "upstream `{name}`: its credential is no `env:`, `file:` or `sealed:` reference"
            )),
            None => None,
        };
        match missing {
            Some(text) => add(found, Level::Wrong, "upstream", text),
            None => add(
                found,
                Level::Good,
                "upstream",
                format!("`{name}` is complete"),
            ),
        }
    }
}

/// Whether somebody listens where upstreams are said to be. Nothing is sent.
async fn check_reach(config: &Config, found: &mut Vec<Finding>) {
    for upstream in &config.gateway.upstream {
        let name = &upstream.name;
        let Ok(url) = upstream.url.parse::<hyper::Uri>() else {
            let text = format!("upstream `{name}`: `{}` is no URL", upstream.url);
            add(found, Level::Wrong, "upstream", text);
            continue;
        };
        let port = url
            .port_u16()
            .unwrap_or(if url.scheme_str() == Some("http") {
                80
            } else {
                443
            });
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let address = (host.to_owned(), port);
        let connected = tokio::time::timeout(REACH, tokio::net::TcpStream::connect(address)).await;
        let why = match connected {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        let text = format!("upstream `{name}`: {host} port {port} cannot be reached: {why}");
        add(found, Level::Warning, "upstream", text);
    }
}

fn check_tls(config: &Config, found: &mut Vec<Finding>) {
    let tls = &config.tls;
    for file in [&tls.certificate, &tls.key, &tls.client_authority]
        .into_iter()
        .flatten()
    {
        if let Err(error) = std::fs::File::open(file) {
            let text = format!("`{}` cannot be read: {error}", file.display());
            add(found, Level::Wrong, "tls", text);
        }
    }
    if let Some(key) = tls.key.as_ref().filter(|key| is_open_to_others(key)) {
        let text = format!("others may read `{}`: chmod 600 it", key.display());
        add(found, Level::Wrong, "tls", text);
    }
}

fn check_witnesses(config: &Config, found: &mut Vec<Finding>) {
    match config.ledger.witness.len() {
        0 => {
            let text = "nobody else signs that the book only grew: name one in `[[ledger.witness]]`, \
                        or keep `casemate ledger checkpoint` somewhere else now and then";
            add(found, Level::Warning, "witness", text);
        }
        count => add(found, Level::Good, "witness", format!("{count} configured")),
    }
}

fn check_ports(config: &Config, found: &mut Vec<Finding>) {
    for (what, address) in [
        ("data plane", config.data_plane.listen),
        ("admin plane", config.admin_plane.listen),
    ] {
        match TcpListener::bind(address) {
            Ok(_) => add(found, Level::Good, what, format!("{address} is free")),
            Err(error) => add(found, Level::Wrong, what, format!("{address}: {error}")),
        }
    }
}
