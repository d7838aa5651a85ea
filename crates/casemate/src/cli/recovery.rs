// SPDX-License-Identifier: Apache-2.0
//! Recovery kit, backups, restores.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::json;

use super::Global;
use crate::{backup, client::ask, output::text};

#[derive(Debug, Subcommand)]
pub(crate) enum RecoveryCommand {
    /// Prove that the kit opens a copy of the data
    Drill {
        /// The kit's page, or a file with its line or two of its three lines
        #[arg(long, value_name = "FILE")]
        kit: PathBuf,
    },
}

impl RecoveryCommand {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let Self::Drill { kit } = self;
        let lines = std::fs::read_to_string(&kit)
            .with_context(|| format!("`{}` cannot be read", kit.display()))?;
        let socket = global.home()?.socket();
        let body = json!({"lines": lines});
        let done = ask(&socket, Method::POST, "/v1/system/drill", Some(body)).await?;
        println!("{}", text(&done, "done"));
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// A file that does not exist yet
    file: PathBuf,
}

impl BackupArgs {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let socket = global.home()?.socket();
        let body = json!({"file": std::path::absolute(self.file)?});
        let done = ask(&socket, Method::POST, "/v1/system/backup", Some(body)).await?;
        println!("{}", text(&done, "done"));
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// The recovery kit's page, when the machine's key is lost
    #[arg(long, value_name = "FILE")]
    kit: Option<PathBuf>,
}

impl RestoreArgs {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let home = global.home()?;
        let kit = self
            .kit
            .map(|file| std::fs::read_to_string(&file).with_context(|| file.display().to_string()))
            .transpose()?;
        backup::restore(&home, &self.file, kit.as_deref())?;
        println!(
            "restored to `{}`; start it with `casemate up`",
            home.data.display()
        );
        Ok(ExitCode::SUCCESS)
    }
}
