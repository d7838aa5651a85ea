// SPDX-License-Identifier: Apache-2.0
//! `casemate model diff`.

use std::process::ExitCode;

use clap::Args;
use hyper::Method;
use serde_json::Value;

use super::registry::{Named, reference};
use crate::{cli::Global, client::ask, output::rows};

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// PROJECT/MODEL
    model: Named,
    /// The version to compare with
    #[arg(value_parser = reference)]
    from: String,
    /// The version that is compared
    #[arg(value_parser = reference)]
    to: String,
}

/// How the files of two versions differ.
pub(super) async fn diff(global: &Global, args: &DiffArgs) -> anyhow::Result<ExitCode> {
    let path = format!("/diff?from={}&to={}", args.from, args.to);
    let path = args.model.path(&path);
    let difference = ask(&global.home()?.socket(), Method::GET, &path, None).await?;
    let mut table = Vec::new();
    for sort in ["added", "changed", "removed"] {
        let names = difference[sort].as_array().into_iter().flatten();
        let names = names.filter_map(Value::as_str);
        table.extend(names.map(|name| vec![sort.to_owned(), name.to_owned()]));
    }
    rows(global.format, &["difference", "file"], &table, &difference);
    Ok(ExitCode::SUCCESS)
}
