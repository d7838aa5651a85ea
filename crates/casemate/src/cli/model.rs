// SPDX-License-Identifier: Apache-2.0
//! `casemate model`: model files, before anything loads them, and signatures over them.

mod bom;
mod files;
mod key;
mod keygen;
mod report;
mod sarif;
mod sign;
mod verify;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use super::Global;

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Make a key that signs models
    Keygen(keygen::KeygenArgs),
    /// Say what model files would do to whoever loads them; exit 0 only if every file is clean
    Scan(ScanArgs),
    /// Sign a model: a directory or a single file
    Sign(sign::SignArgs),
    /// Check a model's signature and every file of it; exit 0 only if all is as it was signed
    Verify(verify::VerifyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// Files, and directories with everything below them
    #[arg(required = true)]
    path: Vec<PathBuf>,
}

impl ModelCommand {
    /// Whether it looks into files, whose forms of answers it shares with `inspect`.
    pub(crate) const fn is_scan(&self) -> bool {
        matches!(self, Self::Scan(_))
    }

    pub(crate) fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        match self {
            Self::Keygen(args) => keygen::keygen(global.format, &args),
            Self::Scan(args) => files::scan(global.format, &args.path),
            Self::Sign(args) => sign::sign(global.format, &args),
            Self::Verify(args) => verify::verify(global.format, &args),
        }
    }
}
