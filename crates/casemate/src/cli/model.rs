// SPDX-License-Identifier: Apache-2.0
//! `casemate model`: model files, before anything loads them, signatures over them, and the registry.

mod bom;
mod convert;
mod diff;
mod files;
mod govern;
mod import;
mod key;
mod keygen;
mod links;
mod list;
mod oci;
mod promote;
mod pull;
mod push;
mod quarantine;
mod registry;
mod report;
mod rollback;
mod sarif;
mod show;
mod sign;
mod verify;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use super::Global;

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Agree, as another person, that an alias may point at a version
    Approve(govern::ApproveArgs),
    /// Record a bill of materials, an evaluation or provenance of a version
    Attest(govern::AttestArgs),
    /// Write the tensors of a torch file or pickle as safetensors, without running anything in it
    Convert(convert::ConvertArgs),
    /// Say how the files of two versions differ
    Diff(diff::DiffArgs),
    /// Set the number below which versions need another person's approval
    Floor(govern::FloorArgs),
    /// Scan, sign and register a directory that was downloaded from the Hub
    Import(import::ImportArgs),
    /// Make a key that signs models
    Keygen(keygen::KeygenArgs),
    /// List the models of a project
    List(list::ListArgs),
    /// Point an alias at a version
    Promote(promote::PromoteArgs),
    /// Take a version into a new directory
    Pull(pull::PullArgs),
    /// Send a signed model and register it as a version
    Push(push::PushArgs),
    /// Stop a version from being handed out, or let it go again
    Quarantine(quarantine::QuarantineArgs),
    /// Point an alias back at the last good version
    Rollback(rollback::RollbackArgs),
    /// Say what model files would do to whoever loads them; exit 0 only if every file is clean
    Scan(ScanArgs),
    /// Show a model, a version, or everything that is said about a version
    Show(show::ShowArgs),
    /// Say who may sign a model; makes it in the registry if need be
    Signers(govern::SignersArgs),
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

    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        match self {
            Self::Approve(args) => govern::approve(global, &args).await,
            Self::Attest(args) => govern::attest(global, &args).await,
            Self::Convert(args) => convert::convert(global.format, args),
            Self::Diff(args) => diff::diff(global, &args).await,
            Self::Floor(args) => govern::floor(global, &args).await,
            Self::Import(args) => import::import(global, &args).await,
            Self::List(args) => list::list(global, &args).await,
            Self::Promote(args) => promote::promote(global, &args).await,
            Self::Pull(args) => pull::pull(global, &args).await,
            Self::Push(args) => push::push(global, &args).await,
            Self::Quarantine(args) => quarantine::quarantine(global, &args).await,
            Self::Rollback(args) => rollback::rollback(global, &args).await,
            Self::Show(args) => show::show(global, &args).await,
            Self::Signers(args) => govern::signers(global, &args).await,
            Self::Keygen(args) => keygen::keygen(global.format, &args),
            Self::Scan(args) => files::scan(global.format, &args.path),
            Self::Sign(args) => sign::sign(global.format, &args),
            Self::Verify(args) => verify::verify(global.format, &args),
        }
    }
}
