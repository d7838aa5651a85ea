// SPDX-License-Identifier: Apache-2.0
//! `casemate model list`.

use std::process::ExitCode;

use clap::Args;
use hyper::Method;
use serde_json::Value;

use crate::{
    cli::{Global, admin::segment},
    client::ask,
    output::{rows, text},
};

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The project
    project: String,
}

/// Models of a project: how many versions each has, and where its aliases point.
pub(super) async fn list(global: &Global, args: &ListArgs) -> anyhow::Result<ExitCode> {
    let path = format!("/v1/projects/{}/models", segment(&args.project)?);
    let models = ask(&global.home()?.socket(), Method::GET, &path, None).await?;
    let items = models.as_array().into_iter().flatten();
    let table: Vec<_> = items
        .map(|model| {
            let versions = model["versions"].as_array().map_or(0, Vec::len);
            vec![
                text(model, "name"),
                versions.to_string(),
                aliases(model),
                text(model, "signers"),
            ]
        })
        .collect();
    rows(
        global.format,
        &["model", "versions", "aliases", "signers"],
        &table,
        &models,
    );
    Ok(ExitCode::SUCCESS)
}

/// `production → 3, staging → 4`.
pub(super) fn aliases(model: &Value) -> String {
    let all = model["aliases"].as_array().into_iter().flatten();
    let one = |alias: &Value| format!("{} → {}", text(alias, "name"), text(alias, "version"));
    all.map(one).collect::<Vec<_>>().join(", ")
}
