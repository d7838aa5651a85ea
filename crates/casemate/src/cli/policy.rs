// SPDX-License-Identifier: Apache-2.0
//! `casemate policy`: check, test, put in force, look back, explain.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use casemate_policy::{BASE_POLICIES, Case, CompiledSet, PolicyError};
use clap::{Args, Subcommand};
use hyper::Method;
use miette::{LabeledSpan, MietteDiagnostic, NamedSource};
use serde::Deserialize;
use serde_json::json;

use super::{Global, admin};
use crate::{
    client::ask,
    output::{rows, text},
};

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Print the policies in force (those of a new installation if none runs)
    Show,
    /// Check a file against the schema, without putting it in force
    Check { file: PathBuf },
    /// Put a file in force from the next request on
    Apply {
        file: PathBuf,
        /// Why, for the book
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Run cases (TOML, `[[case]]`) against a file, or against the base policies
    Test {
        cases: PathBuf,
        /// The policies
        #[arg(long, value_name = "FILE")]
        policies: Option<PathBuf>,
    },
    /// Say what the policies answer to one question, and why
    Explain(Box<ExplainArgs>),
    /// Every set that was in force
    History,
}

/// One question.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The action
    #[arg(long, default_value = "model:invoke")]
    action: String,
    /// Sort of principal: service, person, agent, job, operator
    #[arg(long, default_value = "service")]
    principal: String,
    /// Role templates
    #[arg(long, default_value = "service")]
    role: Vec<String>,
    /// The model or other resource
    #[arg(long, default_value = "model")]
    resource: String,
    /// Data classes in the content
    #[arg(long)]
    class: Vec<String>,
    /// local or external
    #[arg(long, default_value = "external")]
    locality: String,
    /// The policies [default: the base policies]
    #[arg(long, value_name = "FILE")]
    policies: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    #[serde(default)]
    case: Vec<Case>,
}

impl PolicyCommand {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let socket = global.home()?.socket();
        match self {
            Self::Show => {
                let running = ask(&socket, Method::GET, "/v1/policies", None).await;
                match running {
                    Ok(list) => print!("{}", text(&list[0], "text")),
                    Err(_) => print!("{BASE_POLICIES}"),
                }
            }
            Self::Check { file } => {
                let Some(set) = compile(&file)? else {
                    return Ok(ExitCode::from(1));
                };
                println!("{} policies, all fit the schema", set.policies().count());
            }
            Self::Apply { file, note } => {
                if compile(&file)?.is_none() {
                    return Ok(ExitCode::from(1));
                }
                let body = json!({"text": std::fs::read_to_string(&file)?, "note": note});
                let applied = ask(&socket, Method::POST, "/v1/policies", Some(body)).await?;
                println!(
                    "policy set {} ({}) is in force",
                    text(&applied, "number"),
                    text(&applied, "id")
                );
            }
            Self::Test { cases, policies } => return test(global, &cases, policies.as_deref()),
            Self::Explain(args) => return args.run(),
            Self::History => {
                let list = ask(&socket, Method::GET, "/v1/policies", None).await?;
                admin::show(global, &list, &["number", "id", "time", "author", "note"]);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn test(global: &Global, cases: &Path, policies: Option<&Path>) -> anyhow::Result<ExitCode> {
    let Some(set) = compile_or_base(policies)? else {
        return Ok(ExitCode::from(1));
    };
    let source = std::fs::read_to_string(cases)
        .with_context(|| format!("`{}` cannot be read", cases.display()))?;
    let parsed: Cases = toml::from_str(&source)?;
    let results = parsed
        .case
        .iter()
        .map(|case| case.run(&set))
        .collect::<Result<Vec<_>, _>>()?;
    let table: Vec<Vec<String>> = results
        .iter()
        .map(|result| {
            let verdict = if result.passed { "ok" } else { "WRONG" };
            let got = format!("{} by {}", result.decision, result.because.join(", "));
            vec![
                verdict.into(),
                result.name.clone(),
                result.expected.clone(),
                got,
            ]
        })
        .collect();
    let json = serde_json::to_value(&results)?;
    rows(
        global.format,
        &["", "case", "expected", "answer"],
        &table,
        &json,
    );
    let passed = !results.is_empty() && results.iter().all(|result| result.passed);
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(3)
    })
}

impl ExplainArgs {
    fn run(self) -> anyhow::Result<ExitCode> {
        let Some(set) = compile_or_base(self.policies.as_deref())? else {
            return Ok(ExitCode::from(1));
        };
        let case: Case = serde_json::from_value(json!({
            "name": "explain", "principal": self.principal, "roles": self.role,
            "action": self.action, "resource": self.resource, "data_classes": self.class,
            "locality": self.locality, "expect": "allow",
        }))?;
        let answer = case.answer(&set)?;
        println!("{}", answer.decision);
        for reason in &answer.reasons {
            println!("  because {} ({})", reason.text, reason.policy);
        }
        for obligation in &answer.obligations {
            println!("  provided {obligation}");
        }
        let allowed = answer.decision == casemate_types::Decision::Allow;
        Ok(if allowed {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(3)
        })
    }
}

fn compile_or_base(file: Option<&Path>) -> anyhow::Result<Option<CompiledSet>> {
    match file {
        Some(file) => compile(file),
        None => Ok(Some(CompiledSet::parse(BASE_POLICIES)?)),
    }
}

/// Compiles a file; shows every fault with its place and gives `None` when there are some.
fn compile(file: &Path) -> anyhow::Result<Option<CompiledSet>> {
    let source = std::fs::read_to_string(file)
        .with_context(|| format!("`{}` cannot be read", file.display()))?;
    match CompiledSet::parse(&source) {
        Ok(set) if !set.keeps_operator() => Err(PolicyError::LockOut.into()),
        Ok(set) => Ok(Some(set)),
        Err(PolicyError::Invalid(faults)) => {
            for fault in faults {
                let mut shown = MietteDiagnostic::new(fault.message);
                shown.help = fault.hint;
                if let Some(offset) = fault.offset {
                    shown =
                        shown.with_label(LabeledSpan::at(offset..offset + fault.length, "here"));
                }
                let source = NamedSource::new(file.display().to_string(), source.clone());
                eprintln!("{:?}", miette::Report::new(shown).with_source_code(source));
            }
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}
