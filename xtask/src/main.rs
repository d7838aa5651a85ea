// SPDX-License-Identifier: Apache-2.0
//! All automation of the project: `cargo xtask <verb>`.
//!
//! Nothing here is part of the product, and nothing of the product is imported here.

mod bench;
mod generate;
mod lint;
mod python;
mod test;
mod tidy;
mod tool;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Automation for the Casemate workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Measures, against stand-ins that it brings along.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Training data, written by grammars of our own.
    #[command(subcommand)]
    Generate(generate::Generate),
    /// Formatting, clippy, tidy, and licences and sources of dependencies.
    Lint(lint::Lint),
    /// Every test; prepares what the tests need in `.xtask/`.
    Test(test::Test),
    /// Models that ship, from data that stands in the project.
    #[command(subcommand)]
    Train(train::Train),
    /// The rules of the workspace that no compiler knows: floors, weights, headers.
    Tidy,
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Bench(bench) => bench::run(bench),
        Verb::Generate(generate) => generate::run(&generate),
        Verb::Lint(lint) => lint::run(&lint),
        Verb::Test(test) => test::run(&test),
        Verb::Tidy => tidy::run(),
        Verb::Train(train) => train::run(&train),
    };
    let Err(error) = done else {
        return ExitCode::SUCCESS;
    };
    // The chain in one line: where in xtask it arose helps nobody.
    eprintln!("\nerror: {error:#}");
    ExitCode::FAILURE
}
