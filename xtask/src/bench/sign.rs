// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask bench sign`: the cost of signing and verifying a model, beside the reference
//! implementation and the speed of the digest.

use anyhow::Result;

use super::script::{self, Script};
use crate::python;

/// Runs the script with the Python packages of the tests.
///
/// # Errors
/// When Casemate cannot be built, the packages cannot be had, or the script fails.
pub(crate) fn run(script: &Script) -> Result<()> {
    script.run(script::command(
        python::prepare()?,
        "bench/sign/compare.py",
    )?)
}
