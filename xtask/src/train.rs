// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask train injection`: rows from the grammars, then the model from them and the
//! development data. What trains is an example of the crate that uses the model.

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::{generate, tool};

/// What can be trained.
#[derive(Debug, Subcommand)]
pub(crate) enum Train {
    /// The injection model, `crates/inspect/model/injection.bin`
    Injection(Injection),
}

#[derive(Args, Debug)]
pub(crate) struct Injection {
    /// Only measure, by leaving sources out; write no model
    #[arg(long)]
    dry: bool,
}

pub(crate) fn run(train: &Train) -> Result<()> {
    let Train::Injection(injection) = train;
    generate::run(&generate::Generate::Injection(generate::Injection::usual()))?;
    let mut arguments = vec![
        "run",
        "--quiet",
        "--release",
        "--package",
        "casemate-inspect",
        "--example",
        "train_injection",
        "--",
        "--data",
        "crates/inspect/training/injection/train.jsonl",
        "--generated",
        ".xtask/injection.jsonl",
        "--folds",
        "all",
    ];
    if !injection.dry {
        arguments.extend(["--out", "crates/inspect/model/injection.bin"]);
    }
    tool::run(tool::cargo(arguments).current_dir(tool::root()))
}
