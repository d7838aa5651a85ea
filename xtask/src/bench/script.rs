// SPDX-License-Identifier: Apache-2.0
//! Scripts that compare Casemate with programs of others, which are Python.

use std::{
    ffi::{OsStr, OsString},
    process::Command,
};

use anyhow::Result;
use clap::Args;

use super::gateway;
use crate::tool;

/// What is given to a script.
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
pub(crate) struct Script {
    /// Options of the script; `--help` tells them
    #[arg(
        value_name = "OPTION",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    options: Vec<OsString>,
}

/// A script of `bench/`, run by an interpreter.
///
/// # Errors
/// When the directory we were called from is gone.
pub(super) fn command(python: impl AsRef<OsStr>, script: &str) -> Result<Command> {
    let mut command = tool::program(python);
    // From where we were called, so that names of files mean the same.
    command.current_dir(std::env::current_dir()?);
    command.arg(tool::root().join(script));
    Ok(command)
}

impl Script {
    /// Runs it on a Casemate that is built for it, unless one is named or nothing is measured.
    ///
    /// # Errors
    /// When Casemate cannot be built, or the script fails.
    pub(super) fn run(&self, mut command: Command) -> Result<()> {
        if self.needs_binary() {
            command.arg("--casemate").arg(gateway::build()?);
        }
        // The caller's options come last, so that they win.
        tool::run(command.args(&self.options))
    }

    fn needs_binary(&self) -> bool {
        !self.options.iter().any(|option| {
            let option = option.to_string_lossy();
            matches!(&*option, "--casemate" | "--help" | "-h") || option.starts_with("--casemate=")
        })
    }
}
