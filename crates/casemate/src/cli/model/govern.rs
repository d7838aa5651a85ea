// SPDX-License-Identifier: Apache-2.0
//! `casemate model signers`, `floor`, `approve` and `attest`: what gates ask for.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use casemate_models::registry::AliasName;
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use super::{
    key,
    registry::{Named, Versioned},
};
use crate::{cli::Global, client::ask};

/// Bytes of a document at most.
const MAX_DOCUMENT: usize = 1 << 20;

#[derive(Debug, Args)]
pub(crate) struct SignersArgs {
    /// PROJECT/MODEL
    model: Named,
    /// Public key that may sign it; its file's name becomes the signer's
    #[arg(long, value_name = "KEY.pub.pem")]
    key: Vec<PathBuf>,
    /// Certificates of an authority, and whom the signer's certificate must be for
    #[arg(long, value_name = "ROOT.pem", requires = "identity")]
    authority: Option<PathBuf>,
    /// Mail address, host or URI in the signer's certificate
    #[arg(long, value_name = "NAME", requires = "authority")]
    identity: Option<String>,
}

/// Says who may sign a model, instead of whoever might before.
pub(super) async fn signers(global: &Global, args: &SignersArgs) -> anyhow::Result<ExitCode> {
    let mut signers = Vec::new();
    for path in &args.key {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.context("a key's file has no name")?;
        signers.push(json!({"name": name, "pem": text(path)?}));
    }
    if let (Some(authority), Some(identity)) = (&args.authority, &args.identity) {
        signers.push(json!({"name": identity, "pem": text(authority)?, "identity": identity}));
    }
    let body = Some(json!({"signers": signers}));
    let path = args.model.path("/signers");
    ask(&global.home()?.socket(), Method::PUT, &path, body).await?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Args)]
pub(crate) struct FloorArgs {
    /// PROJECT/MODEL
    model: Named,
    /// The first version that needs no other person's approval
    floor: i64,
    /// Why, for the book
    #[arg(long, default_value = "")]
    why: String,
}

/// Sets how far back aliases may go without another person.
pub(super) async fn floor(global: &Global, args: &FloorArgs) -> anyhow::Result<ExitCode> {
    let body = Some(json!({"floor": args.floor, "why": args.why}));
    let path = args.model.path("/floor");
    ask(&global.home()?.socket(), Method::PUT, &path, body).await?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// PROJECT/MODEL@VERSION
    version: Versioned,
    /// The alias that may point at it
    #[arg(long, default_value = AliasName::DEFAULT)]
    alias: AliasName,
    /// Why, for the book
    #[arg(long, default_value = "")]
    why: String,
}

/// Agrees to a promotion by somebody else.
pub(super) async fn approve(global: &Global, args: &ApproveArgs) -> anyhow::Result<ExitCode> {
    let body = Some(json!({"alias": args.alias.as_str(), "why": args.why}));
    let path = args.version.path("/approve");
    ask(&global.home()?.socket(), Method::POST, &path, body).await?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Args)]
pub(crate) struct AttestArgs {
    /// PROJECT/MODEL@VERSION
    version: Versioned,
    /// What sort of document it is
    #[arg(value_parser = ["bom", "evaluation", "provenance"])]
    kind: String,
    /// The document: JSON
    file: PathBuf,
}

/// Records a document about a version.
pub(super) async fn attest(global: &Global, args: &AttestArgs) -> anyhow::Result<ExitCode> {
    let bytes = key::read(&args.file, MAX_DOCUMENT)?;
    let body: Value = serde_json::from_slice(&bytes)
        .with_context(|| format!("`{}` is no JSON", args.file.display()))?;
    let path = args.version.path(&format!("/documents/{}", args.kind));
    ask(&global.home()?.socket(), Method::POST, &path, Some(body)).await?;
    Ok(ExitCode::SUCCESS)
}

fn text(path: &Path) -> anyhow::Result<String> {
    let bytes = key::pem(path)?;
    let text = std::str::from_utf8(&bytes);
    Ok(text
        .with_context(|| format!("`{}` is no PEM", path.display()))?
        .to_owned())
}
