// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask bench scan`: what a scan finds in hostile, malformed and harmless model files, side
//! by side with picklescan, modelscan, fickling and modelaudit.
//!
//! The script that compares is `bench/scan/compare.py`, since what is compared with is Python.

use anyhow::Result;

use super::script::{self, Script};
use crate::{python, tool};

/// Runs the script, which makes an environment of its own.
///
/// # Errors
/// When Casemate cannot be built, there is no Python 3.11, or the script fails.
pub(crate) fn run(script: &Script) -> Result<()> {
    let mut command = script::command(python::system((3, 11))?, "bench/scan/compare.py")?;
    command.arg("--venv");
    command.arg(tool::tools_dir().join("bench-scan-venv"));
    script.run(command)
}
