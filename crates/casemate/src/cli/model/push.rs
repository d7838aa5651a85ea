// SPDX-License-Identifier: Apache-2.0
//! `casemate model push`.

use std::{path::PathBuf, process::ExitCode};

use casemate_models::signing::Bundle;
use clap::Args;

use super::{
    key,
    registry::{Named, local_files, send, show_pushed},
};
use crate::cli::Global;

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// Directory or file
    path: PathBuf,
    /// The model: PROJECT/MODEL
    model: Named,
    /// Its signature, as `casemate model sign` wrote it
    #[arg(long, value_name = "SIG")]
    signature: PathBuf,
}

/// Sends a signed model; what is there already is not sent again.
pub(super) async fn push(global: &Global, args: &PushArgs) -> anyhow::Result<ExitCode> {
    let files = local_files(&args.path, Some(&args.signature))?;
    let bundle = key::read(&args.signature, Bundle::MAX)?;
    let version = send(global, &args.model, &files, &bundle).await?;
    show_pushed(global, &version);
    Ok(ExitCode::SUCCESS)
}
