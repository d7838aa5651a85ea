// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask test`: every test of the workspace.

use std::time::Instant;

use anyhow::Result;
use clap::Args;

use crate::{python, tool};

/// What `test` runs beside the tests of the crates.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Also run the demo from a release build; it must exit with 0.
    #[arg(long)]
    demo: bool,
    /// Leave out the tests with the official Python clients (they need a package index once).
    #[arg(long)]
    without_sdks: bool,
    /// Given to the test runner as they are, for instance a name to filter by.
    #[arg(last = true)]
    runner_args: Vec<String>,
}

pub(crate) fn run(test: &Test) -> Result<()> {
    let started = Instant::now();
    let python = if test.without_sdks {
        None
    } else {
        Some(python::prepare()?)
    };
    let nextest = tool::answers(tool::cargo(["nextest", "--version"]).arg("--quiet"));
    let mut command = match nextest {
        true => tool::cargo(["nextest", "run", "--workspace", "--no-tests", "pass"]),
        false => tool::cargo(["test", "--workspace"]),
    };
    if tool::in_ci() {
        command.arg("--locked");
    }
    if let Some(python) = &python {
        command.env("CASEMATE_TEST_PYTHON", python);
    }
    if !test.runner_args.is_empty() {
        // nextest takes filters as its own arguments, `cargo test` needs them after `--`.
        command
            .args(if nextest { &[][..] } else { &["--"] })
            .args(&test.runner_args);
    }
    tool::run(&mut command)?;
    // What must not compile stands in examples, which nextest does not run.
    if nextest && test.runner_args.is_empty() {
        let mut examples = tool::cargo(["test", "--doc", "--package", "casemate-access"]);
        if tool::in_ci() {
            examples.arg("--locked");
        }
        tool::run(&mut examples)?;
    }
    // Off by default, so that the run above has not seen it.
    if test.runner_args.is_empty() {
        let mut keyless = tool::cargo(["test", "--package", "casemate-models", "--all-features"]);
        if tool::in_ci() {
            keyless.arg("--locked");
        }
        tool::run(&mut keyless)?;
    }
    if test.demo {
        tool::run(&mut tool::cargo([
            "run",
            "--release",
            "--quiet",
            "--",
            "demo",
        ]))?;
    }
    let sdks = if python.is_some() {
        ""
    } else {
        ", WITHOUT the Python clients"
    };
    let demo = if test.demo { " and the demo" } else { "" };
    eprintln!(
        "\ntest: all tests{demo} passed{sdks} ({} s)",
        started.elapsed().as_secs()
    );
    Ok(())
}
