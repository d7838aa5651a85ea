// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask bench inspect`: what inspection finds in labelled rows, side by side with Presidio
//! and detect-secrets.
//!
//! The script that compares is `bench/inspect/compare.py`, since what is compared with is Python.

use std::ffi::OsString;

use anyhow::Result;
use clap::Args;

use super::gateway;
use crate::{python, tool};

/// What is given to the script.
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Inspect {
    /// Options of `bench/inspect/compare.py`; `--help` tells them
    #[arg(
        value_name = "OPTION",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    options: Vec<OsString>,
}

/// Builds Casemate, unless a binary is named, and runs the script.
///
/// # Errors
/// When Casemate cannot be built, there is no Python 3.11, or the script fails.
pub(crate) fn run(inspect: &Inspect) -> Result<()> {
    let mut command = tool::program(python::system((3, 11))?);
    // From where we were called, so that file names mean the same.
    command.current_dir(std::env::current_dir()?);
    command.arg(tool::root().join("bench/inspect/compare.py"));
    command.arg("--venv");
    command.arg(tool::tools_dir().join("bench-venv"));
    if needs_binary(&inspect.options) {
        command.arg("--casemate").arg(gateway::build()?);
    }
    // The caller's options come last, so that they win.
    tool::run(command.args(&inspect.options))
}

fn needs_binary(options: &[OsString]) -> bool {
    !options.iter().any(|option| {
        let option = option.to_string_lossy();
        matches!(&*option, "--casemate" | "--help" | "-h") || option.starts_with("--casemate=")
    })
}
