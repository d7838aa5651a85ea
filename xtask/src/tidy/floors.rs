// SPDX-License-Identifier: Apache-2.0
//! Which crate may import which.
//!
//! ```text
//! faces         casemate → console → api      casemate → demo
//! capabilities  iam · gateway · data · models · serve · train · watch · respond · assure
//! mechanisms    access → ledger → store → crypto    access → policy    quota · http · …
//! ground        types
//! beside        xtask   testkit
//! ```
//!
//! A crate may import what stands on a lower floor; on its own floor only along the arrows, over
//! as many of them as it likes.

use std::path::Path;

use super::Breach;
use super::metadata::{Package, short_name};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Floor {
    Ground,
    Mechanism,
    Capability,
    Face,
}

/// Breaches of one crate: its place in the workspace, and each of its imports.
pub(super) fn check(package: &Package, root: &Path) -> Vec<Breach> {
    let manifest = package
        .manifest_path
        .strip_prefix(root)
        .unwrap_or(&package.manifest_path);
    let place = manifest.to_string_lossy().into_owned();
    let name = package.name.as_str();
    let breach = |what, hint| Breach {
        place: place.clone(),
        what,
        hint,
    };
    let Some(short) = short_name(name) else {
        let what = format!("package `{name}` is not named `casemate-…`");
        return vec![breach(what, "package names are `casemate-<folder>`")];
    };
    let mut breaches = Vec::new();
    let folder = if short == "xtask" {
        "xtask".into()
    } else {
        format!("crates/{short}")
    };
    if manifest.parent() != Some(Path::new(&folder)) {
        let what = format!("package `{name}` does not live in `{folder}`");
        breaches.push(breach(
            what,
            "the folder has the name of the package's last part",
        ));
    }
    for dependency in &package.dependencies {
        let Some(to) = short_name(&dependency.name) else {
            continue;
        };
        if let Some(reason) = refusal(short, to, dependency.only_for_tests()) {
            let what = format!("`{name}` must not import `{}`", dependency.name);
            breaches.push(breach(what, reason));
        }
    }
    breaches
}

/// Why `from` may not import `to`, or none if it may.
pub(super) fn refusal(from: &str, to: &str, only_for_tests: bool) -> Option<&'static str> {
    match (from, to) {
        ("xtask", _) => return Some("xtask calls the product, it does not link it"),
        (_, "xtask") => return Some("nothing imports the automation"),
        (_, "testkit") if only_for_tests => return None,
        (_, "testkit") => return Some("fixtures are for [dev-dependencies]"),
        _ => {}
    }
    let unknown = "give the crate a floor in xtask/src/tidy/floors.rs and in ARCHITECTURE.md";
    // Fixtures see what the lower floors are made of and nothing of the product above them.
    let from_floor = if from == "testkit" {
        Some(Floor::Capability)
    } else {
        floor(from)
    };
    let (Some(from_floor), Some(to_floor)) = (from_floor, floor(to)) else {
        return Some(unknown);
    };
    if to_floor > from_floor {
        return Some("arrows point down only: let the upper crate implement a trait of the lower");
    }
    if to_floor < from_floor || reaches(from, to) {
        return None;
    }
    Some(match from_floor {
        Floor::Capability => {
            "capabilities never import one another: declare a trait, wire.rs plugs it in"
        }
        Floor::Face => "faces import one another only as casemate → console → api, casemate → demo",
        Floor::Ground => "the ground imports nothing of ours",
        Floor::Mechanism => "mechanisms import one another only along the arrows of the map",
    })
}

fn floor(name: &str) -> Option<Floor> {
    FLOORS
        .iter()
        .find(|(_, names)| names.contains(&name))
        .map(|(floor, _)| *floor)
}

fn reaches(from: &str, to: &str) -> bool {
    ARROWS
        .iter()
        .any(|(tail, head)| *tail == from && (*head == to || reaches(head, to)))
}

/// Every crate that exists or has its place reserved by the map.
const FLOORS: &[(Floor, &[&str])] = &[
    (Floor::Ground, &["types"]),
    (
        Floor::Mechanism,
        &[
            "access", "artifact", "crypto", "http", "inspect", "ledger", "policy", "quota",
            "sandbox", "store",
        ],
    ),
    (
        Floor::Capability,
        &[
            "assure", "data", "gateway", "iam", "models", "respond", "serve", "train", "watch",
        ],
    ),
    (Floor::Face, &["api", "casemate", "console", "demo"]),
];

/// Imports within a floor.
// INVARIANT: free of cycles, or `reaches` would not end.
const ARROWS: &[(&str, &str)] = &[
    ("access", "ledger"),
    ("access", "policy"),
    ("casemate", "console"),
    ("casemate", "demo"),
    ("console", "api"),
    ("ledger", "store"),
    ("store", "crypto"),
];
