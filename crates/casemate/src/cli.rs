// SPDX-License-Identifier: Apache-2.0
//! The command line: what can be typed.

mod admin;
mod doctor;
mod explain;
mod guard;
mod inspect;
mod ledger;
mod model;
mod policy;
mod recovery;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory as _, Parser, Subcommand, error::ErrorKind};

use crate::{demo, home::Home, output::Format, up::UpArgs};

/// Puts AI into production safely: every call authenticated, decided, inspected, recorded.
#[derive(Debug, Parser)]
#[command(name = "casemate", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Data directory [default: ~/.local/share/casemate]
    #[arg(long, global = true, value_name = "DIR", env = "CASEMATE_DATA")]
    data: Option<PathBuf>,
    /// File with the machine's key, outside the data directory
    #[arg(long, global = true, value_name = "FILE", env = "CASEMATE_KEY_FILE")]
    key_file: Option<PathBuf>,
    /// Form of what is printed
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) format: Format,
}

impl Global {
    pub(crate) fn home(&self) -> anyhow::Result<Home> {
        Home::new(self.data.as_deref(), self.key_file.as_deref())
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start Casemate
    Up(UpArgs),
    /// See it work, without network or account
    Demo,
    /// Check everything a newcomer gets wrong
    Doctor(doctor::DoctorArgs),
    /// Look for personal data, secrets and injections in files and rows
    Inspect(inspect::InspectArgs),
    /// Say why a request ended as it did
    Explain(explain::ExplainArgs),
    /// Fit inspection to your own texts, tables and documents
    #[command(subcommand)]
    Guard(guard::GuardCommand),
    /// Projects
    #[command(subcommand)]
    Project(admin::ProjectCommand),
    /// Services: programs that call models
    #[command(subcommand)]
    Service(admin::ServiceCommand),
    /// API keys, and the root key
    #[command(subcommand)]
    Key(admin::KeyCommand),
    /// Policies
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Models: look into their files before anything loads them
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// The book of everything that happened
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// The recovery kit
    #[command(subcommand)]
    Recovery(recovery::RecoveryCommand),
    /// Configuration
    #[command(subcommand)]
    Config(admin::ConfigCommand),
    /// Write an encrypted backup
    Backup(recovery::BackupArgs),
    /// Put a backup into an empty place
    Restore(recovery::RestoreArgs),
}

impl Command {
    /// Whether SARIF can be asked for.
    const fn has_sarif(&self) -> bool {
        match self {
            Self::Inspect(args) => args.has_sarif(),
            Self::Model(command) => command.is_scan(),
            _ => false,
        }
    }

    /// Whether CycloneDX can be asked for.
    const fn has_cyclonedx(&self) -> bool {
        matches!(self, Self::Model(command) if command.is_scan())
    }
}

impl Cli {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let global = &self.global;
        if global.format == Format::Sarif && !self.command.has_sarif() {
            return wrong(
                "`--format sarif` is for files that `casemate inspect` and `casemate model scan` \
                 look at",
            );
        }
        if global.format == Format::Cyclonedx && !self.command.has_cyclonedx() {
            return wrong("`--format cyclonedx` is for files that `casemate model scan` looks at");
        }
        match self.command {
            Command::Up(args) => args.run(&global.home()?).await,
            Command::Demo => demo::run().await,
            Command::Doctor(args) => args.run(global).await,
            Command::Inspect(args) => args.run(global),
            Command::Explain(args) => args.run(global).await,
            Command::Guard(command) => command.run(global),
            Command::Project(command) => command.run(global).await,
            Command::Service(command) => command.run(global).await,
            Command::Key(command) => command.run(global).await,
            Command::Policy(command) => command.run(global).await,
            Command::Model(command) => command.run(global).await,
            Command::Ledger(command) => command.run(global).await,
            Command::Recovery(command) => command.run(global).await,
            Command::Config(command) => command.run(global).await,
            Command::Backup(args) => args.run(global).await,
            Command::Restore(args) => args.run(global),
        }
    }
}

/// Says that a form cannot be had here.
fn wrong(what: &str) -> anyhow::Result<ExitCode> {
    Cli::command()
        .error(ErrorKind::InvalidValue, what)
        .print()?;
    Ok(wrong_usage())
}

/// Says what is wrong with what was typed, or what was asked for by `--help` and `--version`.
pub(crate) fn not_understood(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.exit_code() {
        0 => ExitCode::SUCCESS,
        _ => wrong_usage(),
    }
}

/// Wrong usage ends with 2. Where 3 says that a signature does not hold, pipelines were promised
/// that everything they can change themselves is 1.
fn wrong_usage() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let is_signing = words.windows(2).any(|pair| {
        let verb = pair.get(1).and_then(|word| word.to_str());
        pair.first().is_some_and(|word| word == "model")
            && verb.is_some_and(|verb| ["convert", "keygen", "sign", "verify"].contains(&verb))
    });
    ExitCode::from(if is_signing { 1 } else { 2 })
}
