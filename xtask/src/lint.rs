// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask lint`: everything that can be said about the code without running it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::{tidy, tool};

/// What `lint` may do beyond looking.
#[derive(Args, Debug)]
pub(crate) struct Lint {
    /// Install cargo-deny into `.xtask/` when it is missing (CI always does).
    #[arg(long)]
    install: bool,
}

/// Names the files; `cargo fmt` shows the rest by mending it.
const FORMAT: [&str; 3] = ["--", "--check", "--files-with-diff"];

/// The version that is installed when none is found.
const CARGO_DENY: &str = "0.20.2";

pub(crate) fn run(lint: &Lint) -> Result<()> {
    // All of it even when something fails: one round of corrections instead of four.
    let install = lint.install || tool::in_ci();
    let steps = [
        format_check(),
        tidy::run(),
        deny(install),
        clippy(&[]),
        // What is behind features is off by default, and must not rot.
        clippy(&["--all-features"]),
        fuzz_targets(),
    ];
    let mut failures = steps.into_iter().filter_map(Result::err).peekable();
    if failures.peek().is_none() {
        eprintln!("\nlint: fine");
        return Ok(());
    }
    let failures: Vec<String> = failures.map(|error| format!("{error:#}")).collect();
    bail!("lint: {}", failures.join("; "))
}

/// The workspace, and the packages that stand outside of it (fuzz targets, measurements).
fn format_check() -> Result<()> {
    let mut done = tool::run(tool::cargo(["fmt", "--all"]).args(FORMAT));
    for manifest in tidy::tracked()? {
        let outside = manifest.starts_with("fuzz/") || manifest.starts_with("bench/");
        if outside && manifest.ends_with("/Cargo.toml") {
            let mut command = tool::cargo(["fmt", "--manifest-path", &manifest]);
            done = tool::run(command.args(FORMAT)).and(done);
        }
    }
    done
}

fn clippy(features: &[&str]) -> Result<()> {
    let mut command = tool::cargo(["clippy", "--workspace", "--all-targets", "--keep-going"]);
    command.args(features);
    if tool::in_ci() {
        command.arg("--locked");
    }
    tool::run(command.args(["--", "-D", "warnings"]))
}

/// What is fuzzed by hand must not rot either. Without its feature, no C++ compiler is needed.
fn fuzz_targets() -> Result<()> {
    let mut command = tool::cargo(["clippy", "--manifest-path", "fuzz/Cargo.toml", "--bins"]);
    command.arg("--no-default-features");
    if tool::in_ci() {
        command.arg("--locked");
    }
    tool::run(command.args(["--", "-D", "warnings"]))
}

/// Licences, bans and sources of every dependency, from `deny.toml`, without network.
fn deny(install: bool) -> Result<()> {
    let Some(mut deny) = cargo_deny(install) else {
        let words = "cargo-deny cannot be had here: licences, bans and sources were NOT checked";
        if tool::in_ci() {
            bail!("{words}");
        }
        eprintln!("\nwarning: {words}\n  hint: `cargo xtask lint --install` puts it into .xtask/");
        return Ok(());
    };
    // The check itself is offline; this brings the sources it reads, of every platform in the
    // lock file. Without network it fails, and then the check says what it misses, if anything.
    if !tool::answers(&mut tool::cargo(["fetch", "--locked"])) {
        eprintln!("\nnote: `cargo fetch` failed; checking with what is here");
    }
    tool::run(deny.args(["--offline", "check", "licenses", "bans", "sources"]))
}

fn cargo_deny(install: bool) -> Option<Command> {
    let own: PathBuf = tool::tools_dir().join("bin").join("cargo-deny");
    for candidate in [own.clone(), PathBuf::from("cargo-deny")] {
        if tool::answers(tool::program(&candidate).arg("--version")) {
            return Some(tool::program(candidate));
        }
    }
    if !install {
        return None;
    }
    let root = tool::tools_dir();
    let mut command = tool::cargo(["install", "--locked", "--no-default-features", "--root"]);
    command
        .arg(&root)
        .args(["--version", CARGO_DENY, "cargo-deny"]);
    match tool::run(&mut command) {
        Ok(()) => Some(tool::program(own)),
        Err(error) => {
            eprintln!("warning: {error:#}");
            None
        }
    }
}
