// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask bench sign`: the cost of signing and verifying a model, beside the reference
//! implementation and the speed of the digest.

use std::ffi::OsString;

use anyhow::Result;
use clap::Args;

use super::gateway;
use crate::{python, tool};

/// What is given to the script.
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Sign {
    /// Options of `bench/sign/compare.py`; `--help` tells them
    #[arg(
        value_name = "OPTION",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    options: Vec<OsString>,
}

/// Builds Casemate and runs the script with the Python packages of the tests.
///
/// # Errors
/// When Casemate cannot be built, the packages cannot be had, or the script fails.
pub(crate) fn run(sign: &Sign) -> Result<()> {
    let mut command = tool::program(python::prepare()?);
    // From where we were called, so that directories mean the same.
    command.current_dir(std::env::current_dir()?);
    command.arg(tool::root().join("bench/sign/compare.py"));
    command.arg("--casemate").arg(gateway::build()?);
    tool::run(command.args(&sign.options))
}
