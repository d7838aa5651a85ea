// SPDX-License-Identifier: Apache-2.0
//! `casemate model promote`.

use std::process::ExitCode;

use casemate_models::registry::AliasName;
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use super::registry::Versioned;
use crate::{cli::Global, cli::admin::show, client::ask};

#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    /// PROJECT/MODEL@VERSION
    version: Versioned,
    /// The alias that is to point at it
    #[arg(long, default_value = AliasName::DEFAULT)]
    alias: AliasName,
    /// Only if it points at this version before; 0 for none
    #[arg(long, value_name = "NUMBER")]
    from: Option<i64>,
    /// Why, for the book
    #[arg(long, default_value = "")]
    why: String,
}

/// Points an alias at a version, through the gates.
pub(super) async fn promote(global: &Global, args: &PromoteArgs) -> anyhow::Result<ExitCode> {
    let path = args.version.named.path(&format!("/aliases/{}", args.alias));
    let body = json!({"to": args.version.version, "from": args.from, "why": args.why});
    let moved = ask(&global.home()?.socket(), Method::PUT, &path, Some(body)).await?;
    show_moved(global, &json!([moved]));
    Ok(ExitCode::SUCCESS)
}

/// Aliases that point elsewhere now.
pub(super) fn show_moved(global: &Global, moved: &Value) {
    show(global, moved, &["alias", "from", "to"]);
}
