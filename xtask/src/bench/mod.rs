// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask bench <what>`: the figures of `docs/benchmarks.md`, repeatable by anyone.
//!
//! A measurement is a variant of [`Bench`] and a module. What measures the inside of a crate is an
//! example or bench target *of that crate*, which the module here builds, runs and tabulates: xtask
//! links nothing of the product.

mod gateway;
mod inspect;
mod patrol;
mod process;
mod scan;
mod script;
mod sign;
mod table;

use anyhow::Result;
use clap::Subcommand;

use crate::tool;

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// The request path against a mock upstream and an inspecting floor, all brought along.
    Gateway(gateway::Gateway),
    /// Findings against labelled rows, side by side with Presidio and detect-secrets.
    Inspect(script::Script),
    /// Durable records a second, proofs and verification of the ledger.
    Ledger,
    /// A model taken in, read again at rest, and found when one of its bits is flipped.
    Patrol(script::Script),
    /// One decision by policy, uncached and cached.
    Policy,
    /// One of the processes of a measurement; started by the others, or by hand to look closer.
    #[command(hide = true, subcommand)]
    Role(gateway::Role),
    /// Scanning hostile and harmless model files, side by side with four scanners.
    Scan(script::Script),
    /// Signing and verifying a model of 2 GB, side by side with model-signing.
    Sign(script::Script),
}

pub(crate) fn run(bench: Bench) -> Result<()> {
    if cfg!(debug_assertions) {
        return again_in_release();
    }
    match bench {
        Bench::Gateway(gateway) => gateway::run(&gateway),
        Bench::Inspect(inspect) => inspect::run(&inspect),
        Bench::Ledger => example("casemate-ledger", "ledger_bench"),
        Bench::Patrol(patrol) => patrol::run(&patrol),
        Bench::Policy => example("casemate-policy", "policy_bench"),
        Bench::Role(role) => gateway::play(role),
        Bench::Scan(scan) => scan::run(&scan),
        Bench::Sign(sign) => sign::run(&sign),
    }
}

/// An example of a crate that measures it, from a release build.
fn example(package: &str, name: &str) -> Result<()> {
    let arguments = [
        "run",
        "--quiet",
        "--release",
        "--package",
        package,
        "--example",
        name,
    ];
    tool::run(&mut tool::cargo(arguments))
}

/// What measures must be fast itself: the same command once more, from a release build.
fn again_in_release() -> Result<()> {
    let mut command = tool::cargo(["run", "--quiet", "--release", "--package", "xtask", "--"]);
    // From where we were called, so that file names mean the same.
    let here = std::env::current_dir()?;
    command.args(std::env::args_os().skip(1)).current_dir(here);
    tool::run(&mut command)
}
