// SPDX-License-Identifier: Apache-2.0
//! `casemate model rollback`.

use std::process::ExitCode;

use casemate_models::registry::AliasName;
use clap::Args;
use hyper::Method;
use serde_json::json;

use super::{
    promote::show_moved,
    registry::{Named, reference},
};
use crate::{cli::Global, client::ask};

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// PROJECT/MODEL
    model: Named,
    /// The alias that is to point back
    #[arg(long, default_value = AliasName::DEFAULT)]
    alias: AliasName,
    /// An earlier version it pointed at [default: the last one that is good]
    #[arg(long, value_name = "VERSION", value_parser = reference)]
    to: Option<String>,
    /// Why, for the book
    #[arg(long, default_value = "")]
    why: String,
}

/// Points an alias back at an earlier version.
pub(super) async fn rollback(global: &Global, args: &RollbackArgs) -> anyhow::Result<ExitCode> {
    let path = args
        .model
        .path(&format!("/aliases/{}/rollback", args.alias));
    let body = json!({"to": args.to, "why": args.why});
    let moved = ask(&global.home()?.socket(), Method::POST, &path, Some(body)).await?;
    show_moved(global, &json!([moved]));
    Ok(ExitCode::SUCCESS)
}
