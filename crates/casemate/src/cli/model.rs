// SPDX-License-Identifier: Apache-2.0
//! `casemate model`: model files, before anything loads them.

mod bom;
mod convert;
mod files;
mod report;
mod sarif;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use super::Global;

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Say what model files would do to whoever loads them; exit 0 only if every file is clean
    Scan(ScanArgs),
    /// Write the tensors of a torch file or pickle as safetensors, without running anything in it
    Convert(convert::ConvertArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// Files, and directories with everything below them
    #[arg(required = true)]
    path: Vec<PathBuf>,
}

impl ModelCommand {
    /// Whether it looks at files, so that there are findings to be written in forms of their own.
    pub(crate) const fn is_scan(&self) -> bool {
        matches!(self, Self::Scan(_))
    }

    pub(crate) fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        match self {
            Self::Convert(args) => convert::convert(global.format, args),
            Self::Scan(args) => files::scan(global.format, &args.path),
        }
    }
}
