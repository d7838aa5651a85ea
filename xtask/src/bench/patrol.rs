// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask bench patrol`: how fast models are taken in and read again at rest.

use anyhow::Result;

use super::script::{self, Script};
use crate::python;

/// Runs the script.
///
/// # Errors
/// When Casemate cannot be built, there is no Python 3.11, or the script fails.
pub(crate) fn run(script: &Script) -> Result<()> {
    let python = python::system((3, 11))?;
    script.run(script::command(python, "bench/patrol/measure.py")?)
}
