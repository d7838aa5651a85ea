// SPDX-License-Identifier: Apache-2.0
//! The one place that knows how Casemate is started to be measured.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::cells::{Target, Who};
use super::wire::MODEL;
use crate::bench::process::Process;
use crate::tool;

/// Where Casemate is told that the upstream resides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Locality {
    External,
    Local,
}

/// Casemate in front of `upstream`, on a directory that goes when it goes.
pub(super) fn target(binary: &Path, upstream: &str, locality: Locality) -> Result<Target> {
    let who = match locality {
        Locality::External => Who::CasemateExternal,
        Locality::Local => Who::CasemateLocal,
    };
    let directory = TempDir::new(locality)?;
    let started = start_casemate(binary, upstream, locality, &directory.0);
    let (process, url, key) = started.with_context(|| format!("cannot start {who}"))?;
    Ok(Target {
        who,
        process,
        url,
        key,
        directory: Some(directory),
    })
}

/// What `casemate up --ready-json` prints as its first line when it listens.
#[derive(Debug, Deserialize)]
struct Ready {
    /// The base URL of the data plane, `http://ADDRESS:PORT`.
    data_url: String,
    /// A key that may use the model.
    key: String,
}

/// Everything on: key check, policy, inspection, quota and ledger.
fn start_casemate(
    binary: &Path,
    upstream: &str,
    locality: Locality,
    directory: &Path,
) -> Result<(Process, String, String)> {
    let config = directory.join("casemate.toml");
    fs::write(&config, configuration(upstream, locality)).context("cannot write casemate.toml")?;
    let mut command = tool::program(binary);
    command.arg("up").arg("--config").arg(&config);
    command.arg("--data").arg(directory.join("data"));
    // The key of the data stays with them in the directory that goes, not in the user's own.
    command.arg("--key-file").arg(directory.join("root.key"));
    // `--try` for the key that it makes; its stand-in comes after our route and is never asked.
    command.args(["--try", "--ready-json"]);
    let mut process = Process::start(command.env("CASEMATE_BENCH_UPSTREAM_KEY", "sk-upstream"))?;
    let line = process.line()?;
    let ready: Ready =
        serde_json::from_str(&line).with_context(|| format!("not a ready line: `{line}`"))?;
    Ok((process, ready.data_url, ready.key))
}

fn configuration(upstream: &str, locality: Locality) -> String {
    let locality = match locality {
        Locality::External => "external",
        Locality::Local => "local",
    };
    format!(
        r#"[data_plane]
listen = "127.0.0.1:0"

[admin_plane]
listen = "127.0.0.1:0"

[[gateway.upstream]]
name = "mock"
kind = "openai"
url = "{upstream}"
credential = "env:CASEMATE_BENCH_UPSTREAM_KEY"
locality = "{locality}"
allow_private = true

[[gateway.route]]
model = "{MODEL}"
upstream = "mock"
"#
    )
}

/// A directory in the system's temporary one, removed with this value.
#[derive(Debug)]
pub(super) struct TempDir(PathBuf);

impl TempDir {
    fn new(locality: Locality) -> Result<Self> {
        let name = format!("casemate-bench-{}-{locality:?}", std::process::id());
        let path = std::env::temp_dir().join(name.to_lowercase());
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What stays lies in the temporary directory and is named after us.
        let _ = fs::remove_dir_all(&self.0);
    }
}
