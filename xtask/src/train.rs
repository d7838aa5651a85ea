// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask train`: models from the development data and from generated rows. What trains is an
//! example of the crate that uses the model.

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::{generate, tool};

/// What can be trained.
#[derive(Debug, Subcommand)]
pub(crate) enum Train {
    /// The injection model, `crates/inspect/model/injection.bin`
    Injection(Options),
    /// The lists and the tagger of names, `crates/inspect/model/names.bin`
    Names(Options),
}

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Only measure, by leaving sources or templates out; write no model
    #[arg(long)]
    dry: bool,
}

pub(crate) fn run(train: &Train) -> Result<()> {
    match train {
        Train::Injection(options) => {
            generate::run(&generate::Generate::Injection(generate::Injection::usual()))?;
            let from = [
                "--data",
                "crates/inspect/training/injection/train.jsonl",
                "--generated",
                ".xtask/injection.jsonl",
                "--pii",
                "crates/inspect/training/pii/dev.jsonl",
                "--secrets",
                "crates/inspect/training/secrets/dev.jsonl",
            ];
            example(
                "train_injection",
                &from,
                options,
                "crates/inspect/model/injection.bin",
            )
        }
        Train::Names(options) => {
            let from = ["--training", "crates/inspect/training"];
            example(
                "train_names",
                &from,
                options,
                "crates/inspect/model/names.bin",
            )
        }
    }
}

/// Measures on what is left out, and writes the model unless only measuring was asked for.
fn example(name: &str, from: &[&str], options: &Options, model: &str) -> Result<()> {
    let mut arguments = vec![
        "run",
        "--quiet",
        "--release",
        "--package",
        "casemate-inspect",
    ];
    arguments.extend(["--example", name, "--"]);
    arguments.extend(from);
    arguments.extend(["--folds", "all"]);
    if !options.dry {
        arguments.extend(["--out", model]);
    }
    tool::run(tool::cargo(arguments).current_dir(tool::root()))
}
