// SPDX-License-Identifier: Apache-2.0
//! `casemate ledger`: reading, checking and handing out the book.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use casemate_ledger::{LedgerError, Note, Proof, Report, VerifierKey, verify_export};
use clap::Subcommand;
use hyper::Method;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{Global, admin::segment, explain};
use crate::{
    client::ask,
    output::{Format, rows, text},
    wire::open_reader,
};

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Check the whole book: the running one, the one at rest, or an export
    Verify {
        /// A directory that `ledger export` wrote; needs nothing else but the keys
        #[arg(long, value_name = "DIR", requires = "keys")]
        export: Option<PathBuf>,
        /// The log's public keys, one a line, from a place you trust
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
        /// A checkpoint kept from earlier: finds cuts and old copies
        #[arg(long, value_name = "FILE", requires = "export")]
        kept: Option<PathBuf>,
    },
    /// The newest records
    Tail {
        /// How many
        #[arg(short = 'n', long, default_value_t = 20)]
        count: usize,
    },
    /// One record and everything about it
    Show { record: String },
    /// Evidence that a record stands in the signed log, as a `.tlog-proof`
    Prove {
        record: String,
        /// Where to write it [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Check a `.tlog-proof` offline
    CheckProof {
        file: PathBuf,
        /// The log's public keys, one a line
        #[arg(long, value_name = "FILE")]
        keys: PathBuf,
    },
    /// The newest signed checkpoint; keep it somewhere else
    Checkpoint,
    /// The log's public keys
    Keys,
    /// Write a copy that anyone can verify offline
    Export { directory: PathBuf },
    /// Show the newest checkpoint to the configured witnesses and keep what they sign
    Witness,
    /// Destroy a subject's key: its texts are gone for good, every proof stays valid
    Erase { subject: String },
}

impl LedgerCommand {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let home = global.home()?;
        let socket = home.socket();
        match self {
            Self::Verify {
                export: Some(directory),
                keys,
                kept,
            } => {
                let keys = read_keys(&keys.context("--keys is needed")?)?;
                let kept = kept.map(|path| read_note(&path)).transpose()?;
                let bar = progress();
                let report = verify_export(&directory, &keys, kept.as_ref(), &|at, all| {
                    bar.set_length(all);
                    bar.set_position(at);
                });
                bar.finish_and_clear();
                return match report {
                    Ok(report) => Ok(report_result(global.format, &report)),
                    Err(error) => not_proved(error),
                };
            }
            Self::Verify { export: None, .. } => return verify_here(global).await,
            Self::Tail { count } => {
                let path = format!("/v1/ledger/records?limit={count}");
                tail(global, &ask(&socket, Method::GET, &path, None).await?);
            }
            Self::Show { record } => {
                let path = format!("/v1/ledger/records/{}", segment(&record)?);
                let found = ask(&socket, Method::GET, &path, None).await?;
                if global.format == Format::Json {
                    println!("{found:#}");
                } else {
                    let all = found.as_array().into_iter().flatten();
                    all.for_each(|record| println!("{}", explain::lines(record).join("\n")));
                }
            }
            Self::Prove { record, out } => {
                let path = format!("/v1/ledger/records/{}/proof", segment(&record)?);
                let proof = text(&ask(&socket, Method::GET, &path, None).await?, "proof");
                match out {
                    Some(file) => std::fs::write(&file, proof)?,
                    None => print!("{proof}"),
                }
            }
            Self::CheckProof { file, keys } => {
                let proof = Proof::parse(&std::fs::read_to_string(&file)?)?;
                let entry = proof
                    .extra
                    .clone()
                    .context("the proof does not carry its record")?;
                let checkpoint = match proof.verify(&entry, &read_keys(&keys)?) {
                    Ok(checkpoint) => checkpoint,
                    Err(error) => return not_proved(error),
                };
                println!(
                    "record {} of {} entries of {}: proved",
                    proof.index, checkpoint.size, checkpoint.origin
                );
            }
            Self::Checkpoint => {
                let found = ask(&socket, Method::GET, "/v1/ledger/checkpoint", None).await?;
                print!("{}", text(&found, "note"));
            }
            Self::Keys => {
                let keys = ask(&socket, Method::GET, "/v1/ledger/keys", None).await?;
                keys.as_array()
                    .into_iter()
                    .flatten()
                    .for_each(|key| println!("{}", key.as_str().unwrap_or_default()));
            }
            Self::Export { directory } => {
                let directory = std::path::absolute(directory)?;
                let body = json!({"directory": directory});
                let done = ask(&socket, Method::POST, "/v1/ledger/export", Some(body)).await?;
                println!(
                    "{} records in `{}`",
                    text(&done, "records"),
                    directory.display()
                );
            }
            Self::Witness => {
                let visits = ask(&socket, Method::POST, "/v1/ledger/witness", None).await?;
                return Ok(witnesses(global, &visits));
            }
            Self::Erase { subject } => {
                let body = json!({"subject": subject});
                let done = ask(&socket, Method::POST, "/v1/ledger/erase", Some(body)).await?;
                println!("{}", text(&done, "done"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The book of this installation: through the socket when it runs, from its file when it does not.
async fn verify_here(global: &Global) -> anyhow::Result<ExitCode> {
    let home = global.home()?;
    if tokio::net::UnixStream::connect(home.socket()).await.is_ok() {
        let report = ask(&home.socket(), Method::POST, "/v1/ledger/verify", None).await?;
        let whole = report["faults"].as_array().is_some_and(Vec::is_empty);
        show_report(global.format, &report);
        return Ok(if whole {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(3)
        });
    }
    let bar = progress();
    let report = open_reader(&home)?.verify(&|at, all| {
        bar.set_length(all);
        bar.set_position(at);
    })?;
    bar.finish_and_clear();
    Ok(report_result(global.format, &report))
}

/// A signature or a path that does not hold is a finding; a file that cannot be read is a mistake.
fn not_proved(error: LedgerError) -> anyhow::Result<ExitCode> {
    match error {
        LedgerError::Malformed { .. } | LedgerError::Tampered(_) => {
            eprintln!("error: {error}");
            Ok(ExitCode::from(3))
        }
        other => Err(other.into()),
    }
}

fn report_result(format: Format, report: &Report) -> ExitCode {
    show_report(format, &serde_json::to_value(report).unwrap_or_default());
    if report.is_whole() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(3)
    }
}

fn show_report(format: Format, report: &Value) {
    if format == Format::Json {
        println!("{report:#}");
        return;
    }
    let (entries, signed) = (text(report, "entries"), text(report, "signed"));
    let faults = report["faults"].as_array().cloned().unwrap_or_default();
    if faults.is_empty() {
        let checkpoints = text(report, "checkpoints");
        println!("whole: {entries} records, {signed} signed, {checkpoints} checkpoint(s) compared");
        return;
    }
    println!("TAMPERED: {} fault(s) in {entries} records", faults.len());
    for fault in &faults {
        println!(
            "  #{} {}: {}",
            text(fault, "index"),
            text(fault, "record"),
            text(fault, "what")
        );
    }
}

fn tail(global: &Global, records: &Value) {
    let table: Vec<Vec<String>> = records
        .as_array()
        .into_iter()
        .flatten()
        .map(|record| {
            let facts = &record["facts"];
            let result = match text(facts, "decision") {
                empty if empty.is_empty() => text(facts, "ending"),
                decision => decision,
            };
            let reasons = facts["reasons"].as_array().cloned().unwrap_or_default();
            let why = reasons
                .first()
                .map(|reason| text(reason, "policy"))
                .unwrap_or_default();
            let (about, kind) = (text(record, "about"), text(record, "kind"));
            vec![
                text(record, "index"),
                text(record, "time"),
                about,
                kind,
                text(facts, "action"),
                result,
                why,
            ]
        })
        .collect();
    let heading = ["#", "time", "request", "kind", "action", "result", "policy"];
    rows(global.format, &heading, &table, records);
}

/// Who signed what; a witness that did not sign is a finding.
fn witnesses(global: &Global, visits: &Value) -> ExitCode {
    let all = visits.as_array().map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() && global.format == Format::Human {
        println!("no witness is configured; see `[[ledger.witness]]` in docs/reference/config.md");
        return ExitCode::SUCCESS;
    }
    let table: Vec<_> = all
        .iter()
        .map(|visit| {
            ["witness", "url", "signed", "error"]
                .map(|name| text(visit, name))
                .to_vec()
        })
        .collect();
    let heading = ["witness", "url", "records signed", "error"];
    rows(global.format, &heading, &table, visits);
    match all.iter().all(|visit| visit["error"].is_null()) {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(3),
    }
}

fn read_keys(path: &Path) -> anyhow::Result<Vec<VerifierKey>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("`{}` cannot be read", path.display()))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let keys = lines
        .map(VerifierKey::parse)
        .collect::<Result<Vec<_>, _>>()?;
    anyhow::ensure!(!keys.is_empty(), "`{}` has no keys", path.display());
    Ok(keys)
}

fn read_note(path: &Path) -> anyhow::Result<Note> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("`{}` cannot be read", path.display()))?;
    Ok(Note::parse(&text)?)
}

/// A bar on a terminal, nothing elsewhere.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} records {eta}") {
        bar.set_style(style);
    }
    bar
}
