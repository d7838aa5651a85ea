// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask bench scan`: what a scan finds in hostile, malformed and harmless model files, side
//! by side with picklescan, modelscan, fickling and modelaudit.
//!
//! The script that compares is `bench/scan/compare.py`, since what is compared with is Python.

use std::ffi::OsString;

use anyhow::Result;
use clap::Args;

use super::gateway;
use crate::{python, tool};

/// What is given to the script.
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Scan {
    /// Options of `bench/scan/compare.py`; `--help` tells them
    #[arg(
        value_name = "OPTION",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    options: Vec<OsString>,
}

/// Builds Casemate and runs the script, which makes an environment of its own.
///
/// # Errors
/// When Casemate cannot be built, there is no Python 3.11, or the script fails.
pub(crate) fn run(scan: &Scan) -> Result<()> {
    let mut command = tool::program(python::system((3, 11))?);
    // From where we were called, so that directories mean the same.
    command.current_dir(std::env::current_dir()?);
    command.arg(tool::root().join("bench/scan/compare.py"));
    command.arg("--venv");
    command.arg(tool::tools_dir().join("bench-scan-venv"));
    command.arg("--casemate").arg(gateway::build()?);
    tool::run(command.args(&scan.options))
}
