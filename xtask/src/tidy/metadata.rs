// SPDX-License-Identifier: Apache-2.0
//! The part of `cargo metadata --no-deps` that we read.

use std::path::PathBuf;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) packages: Vec<Package>,
    pub(super) target_directory: PathBuf,
    pub(super) workspace_root: PathBuf,
}

#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) manifest_path: PathBuf,
    pub(super) dependencies: Vec<Dependency>,
}

/// A line under one of the `[…dependencies]` headings.
#[derive(Debug, Deserialize)]
pub(super) struct Dependency {
    /// The package's name, also where the manifest renames it.
    pub(super) name: String,
    /// None for a normal one.
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Build,
    Dev,
}

impl Dependency {
    pub(super) fn only_for_tests(&self) -> bool {
        self.kind == Some(Kind::Dev)
    }
}

/// `types` for `casemate-types`; the binary and xtask have their whole name.
pub(super) fn short_name(package: &str) -> Option<&str> {
    match package {
        "casemate" | "xtask" => Some(package),
        _ => package.strip_prefix("casemate-"),
    }
}
