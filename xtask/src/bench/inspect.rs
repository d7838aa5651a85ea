// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask bench inspect`: what inspection finds in labelled rows, side by side with Presidio
//! and detect-secrets.
//!
//! The script that compares is `bench/inspect/compare.py`, since what is compared with is Python.

use anyhow::Result;

use super::script::{self, Script};
use crate::{python, tool};

/// Runs the script, which makes an environment of its own.
///
/// # Errors
/// When Casemate cannot be built, there is no Python 3.11, or the script fails.
pub(crate) fn run(script: &Script) -> Result<()> {
    let mut command = script::command(python::system((3, 11))?, "bench/inspect/compare.py")?;
    command.arg("--venv");
    command.arg(tool::tools_dir().join("bench-venv"));
    script.run(command)
}
