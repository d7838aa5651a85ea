// SPDX-License-Identifier: Apache-2.0
//! `casemate model push`.

use std::{path::PathBuf, process::ExitCode};

use casemate_models::signing::Bundle;
use clap::Args;

use super::{
    key, oci,
    registry::{Named, local_files, send, show_pushed},
};
use crate::cli::Global;

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// Directory or file, or `oci:DIR` for an OCI layout with one model (CNCF ModelPack)
    path: PathBuf,
    /// The model: PROJECT/MODEL
    model: Named,
    /// Its signature, as `casemate model sign` wrote it [default: the one in the OCI layout]
    #[arg(long, value_name = "SIG")]
    signature: Option<PathBuf>,
}

/// Sends a signed model; what is there already is not sent again.
pub(super) async fn push(global: &Global, args: &PushArgs) -> anyhow::Result<ExitCode> {
    let (files, bundle) = match oci::directory(&args.path) {
        Some(layout) => oci::open(&layout)?,
        None => (local_files(&args.path, args.signature.as_deref())?, None),
    };
    let bundle = match (&args.signature, bundle) {
        (Some(signature), _) => key::read(signature, Bundle::MAX)?.to_vec(),
        (None, Some(bundle)) => bundle,
        (None, None) => anyhow::bail!("the model is not signed; name its signature by --signature"),
    };
    let version = send(global, &args.model, &files, &bundle).await?;
    show_pushed(global, &version);
    Ok(ExitCode::SUCCESS)
}
