// SPDX-License-Identifier: Apache-2.0
//! `casemate model import`: a directory from the Hub is scanned, signed and registered.

use std::{path::PathBuf, process::ExitCode};

use casemate_artifact::{ScanOutcome, Scanner};
use casemate_models::signing::{Effort, Links, LocalModel, SignOptions, Signer, sign};
use casemate_types::{Clock as _, SystemClock};
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use super::{
    bom, files, key, links,
    registry::{LocalFile, Named, local_files, send, show_pushed},
};
use crate::{
    cli::Global,
    client::ask,
    output::{rows, text},
};

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Directory as the Hub's clients make it: a `--local-dir`, or a snapshot of the cache
    path: PathBuf,
    /// The model: PROJECT/MODEL
    model: Named,
    /// Private key that signs it (PEM)
    #[arg(long, value_name = "KEY.pem")]
    key: PathBuf,
    /// File with the key's password [default: `CASEMATE_KEY_PASSWORD`, else it is asked for]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Certificate of the key, then those of its issuers (PEM)
    #[arg(long, value_name = "CHAIN.pem")]
    certificate_chain: Option<PathBuf>,
}

impl ImportArgs {
    fn signer(&self) -> anyhow::Result<Signer> {
        let private = key::private(&self.key, self.password_file.as_ref())?;
        Ok(match &self.certificate_chain {
            None => Signer::with_key(private)?,
            Some(path) => Signer::with_chain(private, key::certificates(path)?, SystemClock.now())?,
        })
    }
}

/// Scans first: what is not clean is neither signed nor sent.
pub(super) async fn import(global: &Global, args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let signer = args.signer()?;
    let mut found = local_files(&args.path, None)?;
    let scanned = scan(&found);
    let unclean = |scanned: &&files::Scanned| scanned.report.outcome != ScanOutcome::Clean;
    if scanned.iter().any(|scanned| unclean(&scanned)) {
        refuse(global, scanned.iter().filter(unclean));
        return Ok(ExitCode::from(3));
    }
    // What is sent is what was scanned: the server compares it with what was signed.
    for (file, scanned) in found.iter_mut().zip(&scanned) {
        file.sha256 = scanned.digest;
    }
    let options = SignOptions {
        links: Links::Follow,
        ignored: vec![".cache".to_owned()],
        ..SignOptions::default()
    };
    let signed = sign(
        &LocalModel::open(&args.path)?,
        &signer,
        &options,
        &Effort::default(),
    )?;
    let version = send(global, &args.model, &found, &signed.bundle).await?;
    let path = format!("/versions/{}/documents/bom", text(&version, "version"));
    let path = args.model.path(&path);
    let socket = global.home()?.socket();
    ask(&socket, Method::POST, &path, Some(bom::whole(&scanned))).await?;
    show_pushed(global, &version);
    Ok(ExitCode::SUCCESS)
}

fn scan(found: &[LocalFile]) -> Vec<files::Scanned> {
    let scanner = Scanner::default();
    let bar = files::progress(found.iter().map(|file| file.bytes).sum());
    let scanned = found.iter().map(|file| {
        let read = links::open(&file.path).and_then(|open| files::read(&scanner, open, &bar));
        let (digest, report) = match read {
            Ok((digest, report)) => (Some(digest), report),
            Err(error) => (None, scanner.unread(error.to_string())),
        };
        files::Scanned {
            path: PathBuf::from(file.name.as_str()),
            digest,
            report,
        }
    });
    let scanned = scanned.collect();
    bar.finish_and_clear();
    scanned
}

/// Says why nothing was imported.
fn refuse<'a>(global: &Global, unclean: impl Iterator<Item = &'a files::Scanned>) {
    let mut table = Vec::new();
    for scanned in unclean {
        for finding in &scanned.report.findings {
            let shown = |text: &str| crate::cli::inspect::files::shown(std::path::Path::new(text));
            table.push(vec![
                scanned.path.display().to_string(),
                scanned.report.outcome.to_string(),
                finding.rule.id.to_owned(),
                shown(&finding.why),
            ]);
        }
    }
    let json: Vec<Value> = table
        .iter()
        .map(|row| json!({"file": row.first(), "outcome": row.get(1), "rule": row.get(2), "why": row.get(3)}))
        .collect();
    eprintln!("nothing was imported: not every file is clean");
    rows(
        global.format,
        &["file", "outcome", "rule", "why"],
        &table,
        &Value::Array(json),
    );
}
