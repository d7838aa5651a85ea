// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask tidy`: the rules of the workspace that no compiler knows.
//!
//! Which crate may import which is the map of the whole (`ARCHITECTURE.md`); here it is code.

mod floors;
mod metadata;
mod sources;
mod weights;

#[cfg(test)]
mod tests;

use std::fmt;

use anyhow::{Context, Result, bail};

use crate::tool;
use metadata::Metadata;

/// Something that breaks a rule: where, what, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
struct Breach {
    place: String,
    what: String,
    hint: &'static str,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  hint: {}", self.place, self.what, self.hint)
    }
}

pub(crate) fn run() -> Result<()> {
    let metadata = metadata()?;
    let mut breaches = Vec::new();
    for package in &metadata.packages {
        breaches.extend(floors::check(package, &metadata.workspace_root));
        breaches.extend(weights::check(package));
    }
    let tracked = tracked()?;
    for path in &tracked {
        // A file that is tracked but deleted in the work tree is not there to be read.
        let Ok(content) = std::fs::read(tool::root().join(path)) else {
            continue;
        };
        breaches.extend(sources::check(path, &content));
        if let Some(lines) = sources::overlong(path, &content) {
            eprintln!("note: {path}: {lines} lines; look for the seam");
        }
    }
    for breach in &breaches {
        eprintln!("error: {breach}");
    }
    if !breaches.is_empty() {
        bail!("tidy: rules broken: {}", breaches.len());
    }
    eprintln!(
        "tidy: {} crates, {} files, fine",
        metadata.packages.len(),
        tracked.len()
    );
    Ok(())
}

/// What cargo knows of the workspace's own crates.
fn metadata() -> Result<Metadata> {
    let args = ["metadata", "--format-version", "1", "--no-deps"];
    let json = tool::output(&mut tool::cargo(args))?;
    serde_json::from_str(&json).context("cannot read what `cargo metadata` printed")
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> Result<std::path::PathBuf> {
    Ok(metadata()?.target_directory)
}

/// Every file that is tracked or would be with `git add --all`, relative to the root.
pub(crate) fn tracked() -> Result<Vec<String>> {
    let args = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    let list = tool::output(tool::program("git").args(args))?;
    Ok(list.split_terminator('\0').map(str::to_owned).collect())
}
