// SPDX-License-Identifier: Apache-2.0
//! A Python environment with the official client packages, in the ignored folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::tool;

/// Makes the environment if it is not there as `xtask/requirements.txt` says, and gives its
/// interpreter.
///
/// # Errors
/// When no Python 3 is found or the packages cannot be had.
pub(crate) fn prepare() -> Result<PathBuf> {
    let list = tool::root().join("xtask").join("requirements.txt");
    let wanted = fs::read_to_string(&list).context("cannot read xtask/requirements.txt")?;
    let venv = tool::tools_dir().join("venv");
    let interpreter = venv.join("bin").join("python");
    // The copy of the list is written last: its presence says that the environment is complete.
    let stamp = venv.join("requirements.txt");
    let complete = fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted);
    if complete && tool::answers(tool::program(&interpreter).arg("--version")) {
        return Ok(interpreter);
    }
    build(&venv, &interpreter, &list).context(
        "cannot prepare the Python clients (hint: `cargo xtask test --without-sdks` leaves their \
         tests out)",
    )?;
    fs::write(&stamp, wanted).context("cannot write the stamp of the Python environment")?;
    Ok(interpreter)
}

/// The name of the Python that is installed here, of this version or a later one.
///
/// # Errors
/// When there is none.
pub(crate) fn system((major, minor): (u8, u8)) -> Result<&'static str> {
    let enough = format!("import sys; assert sys.version_info >= ({major}, {minor})");
    ["python3", "python"]
        .into_iter()
        .find(|name| tool::answers(tool::program(name).args(["-c", &enough])))
        .with_context(|| format!("no Python {major}.{minor} or later found"))
}

fn build(venv: &Path, interpreter: &Path, list: &Path) -> Result<()> {
    if venv.exists() {
        fs::remove_dir_all(venv).context("cannot remove the old Python environment")?;
    }
    let system = system((3, 10))?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ];
    if tool::run(tool::program(system).args(["-m", "venv"]).arg(venv)).is_ok() {
        return tool::run(tool::program(interpreter).args(pip).arg(list));
    }
    // Debian cuts `ensurepip` out of Python: an empty environment, filled by the system's pip.
    tool::run(
        tool::program(system)
            .args(["-m", "venv", "--clear", "--without-pip"])
            .arg(venv),
    )
    .context("Python has no usable `venv` (Debian: apt-get install python3-venv)")?;
    let mut command = tool::program(system);
    command
        .args(["-m", "pip", "--python"])
        .arg(interpreter)
        .args(&pip[2..])
        .arg(list);
    tool::run(&mut command)
}
