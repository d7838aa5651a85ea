// SPDX-License-Identifier: Apache-2.0
//! `casemate model show`.

use std::process::ExitCode;

use clap::Args;
use hyper::Method;
use serde_json::Value;

use super::{
    list::aliases,
    registry::{Named, Versioned},
};
use crate::{
    cli::Global,
    client::ask,
    output::{rows, text},
};

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// PROJECT/MODEL, or PROJECT/MODEL@VERSION
    model: String,
    /// Everything that is said about a version, as JSON to take along
    #[arg(long)]
    lineage: bool,
}

/// A model with its versions, a version with its files, or what is said about one.
pub(super) async fn show(global: &Global, args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let socket = global.home()?.socket();
    if !args.model.contains('@') && !args.lineage {
        let named: Named = args.model.parse().map_err(anyhow::Error::msg)?;
        let model = ask(&socket, Method::GET, &named.path(""), None).await?;
        versions(global, &model);
        return Ok(ExitCode::SUCCESS);
    }
    let version: Versioned = args.model.parse().map_err(anyhow::Error::msg)?;
    if args.lineage {
        let lineage = ask(&socket, Method::GET, &version.path("/lineage"), None).await?;
        println!("{lineage:#}");
        return Ok(ExitCode::SUCCESS);
    }
    files(
        global,
        &ask(&socket, Method::GET, &version.path(""), None).await?,
    );
    Ok(ExitCode::SUCCESS)
}

fn versions(global: &Global, model: &Value) {
    let all = model["versions"].as_array().into_iter().flatten();
    let table: Vec<_> = all
        .map(|version| {
            vec![
                text(version, "version"),
                text(version, "digest"),
                text(version, "created"),
                text(&version["quarantined"], "why"),
            ]
        })
        .collect();
    eprintln!("aliases: {}", aliases(model));
    eprintln!("may sign: {}", text(model, "signers"));
    rows(
        global.format,
        &["version", "digest", "created", "quarantined"],
        &table,
        model,
    );
}

fn files(global: &Global, version: &Value) {
    let all = version["files"].as_array().into_iter().flatten();
    let table: Vec<_> = all
        .map(|file| {
            vec![
                text(file, "name"),
                text(file, "bytes"),
                text(&file["scan"], "outcome"),
                text(file, "sha256"),
            ]
        })
        .collect();
    let signer = match version["signer"].as_str() {
        Some(signer) => format!("signed by {signer}"),
        None => format!("not validly signed: {}", text(version, "unsigned")),
    };
    eprintln!("version {}, {signer}", text(version, "version"));
    if let Some(why) = version["quarantined"]["why"].as_str() {
        eprintln!("quarantined: {why}");
    }
    let documents = version["documents"].as_array().into_iter().flatten();
    let kinds: Vec<_> = documents.map(|document| text(document, "kind")).collect();
    eprintln!("recorded: {}", kinds.join(", "));
    rows(
        global.format,
        &["file", "bytes", "scan", "sha256"],
        &table,
        version,
    );
}
