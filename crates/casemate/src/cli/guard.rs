// SPDX-License-Identifier: Apache-2.0
//! `casemate guard`: fits inspection to a company: a threshold for its own texts, and the files by which
//! its tables and documents are known.

mod calibrate;
mod csv;
mod exact;
mod fingerprint;

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::Value;

use super::Global;
use crate::{home::replace_private, output::Format};

#[derive(Debug, Subcommand)]
pub(crate) enum GuardCommand {
    /// Find the threshold for injections that fits harmless texts of your own
    Calibrate(calibrate::CalibrateArgs),
    /// Tables: rows of customers, accounts, patients
    #[command(subcommand)]
    Exact(ExactCommand),
    /// Documents: what must not be copied
    #[command(subcommand)]
    Fingerprint(FingerprintCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExactCommand {
    /// Make a file of keyed digests from a CSV file with a heading
    Build(exact::BuildArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum FingerprintCommand {
    /// Make a file of fingerprints from the texts of a directory
    Build(fingerprint::BuildArgs),
}

impl GuardCommand {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let format = global.format;
        match self {
            Self::Calibrate(args) => args.run(global),
            Self::Exact(ExactCommand::Build(args)) => args.run(format),
            Self::Fingerprint(FingerprintCommand::Build(args)) => args.run(format),
        }
    }
}

/// Writes a file in one step, so that a reload sees the old one or the new.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    // The directory of a name alone is where we are.
    let place = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new(".").join(path),
        _ => path.to_owned(),
    };
    replace_private(&place, bytes)
        .with_context(|| format!("`{}` cannot be written", path.display()))
}

/// Says what was made: a sentence for people, an object for programs.
fn tell(format: Format, sentence: &str, object: &Value) {
    match format {
        Format::Json => println!("{object:#}"),
        _ => println!("{sentence}"),
    }
}
