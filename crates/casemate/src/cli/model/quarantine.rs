// SPDX-License-Identifier: Apache-2.0
//! `casemate model quarantine`.

use std::process::ExitCode;

use clap::Args;
use hyper::Method;
use serde_json::json;

use super::{promote::show_moved, registry::Versioned};
use crate::{cli::Global, client::ask};

#[derive(Debug, Args)]
pub(crate) struct QuarantineArgs {
    /// PROJECT/MODEL@VERSION
    version: Versioned,
    /// Why, for the book and for whoever asks for it
    #[arg(long)]
    why: String,
    /// Let it go again instead, after reading all its bytes
    #[arg(long)]
    lift: bool,
}

/// Stops a version, or lets it go again.
pub(super) async fn quarantine(global: &Global, args: &QuarantineArgs) -> anyhow::Result<ExitCode> {
    let socket = global.home()?.socket();
    let body = Some(json!({"why": args.why}));
    if args.lift {
        ask(&socket, Method::POST, &args.version.path("/release"), body).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let moved = ask(
        &socket,
        Method::POST,
        &args.version.path("/quarantine"),
        body,
    )
    .await?;
    show_moved(global, &moved);
    Ok(ExitCode::SUCCESS)
}
