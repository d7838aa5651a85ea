// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask bench gateway`: what Casemate costs per request, as a ratio to the inspecting floor
//! of the same run.
//!
//! Mock, floor, gateway and load are processes of their own, so that the processor time of each can
//! be read from `/proc`. Runs of floor and gateway take turns and medians are compared: on a machine
//! that others use, an absolute figure does not hold.

mod casemate;
mod cells;
mod driver;
mod floor;
mod mock;
mod report;
mod server;
mod wire;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};

use super::process::Process;
use crate::{tidy, tool};
use casemate::Locality;
use cells::{Plan, Target, Targets, Who};

/// How the measurement is made.
#[derive(Args, Debug)]
pub(crate) struct Gateway {
    /// Seconds of each run.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Runs of each target in each cell.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measure only the stand-ins.
    #[arg(long)]
    floor_only: bool,
    /// Where the upstream of the processor-time cells resides, as Casemate is told: before a byte
    /// goes to an external one, the decision is durable.
    #[arg(long, default_value = "external")]
    upstream: Locality,
    /// Measure this binary instead of building one.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Also write every run and all medians to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The processes that take part in a measurement.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    Driver(driver::Driver),
    Floor(floor::Floor),
    Mock(mock::Mock),
}

pub(crate) fn play(role: Role) -> Result<()> {
    match role {
        Role::Driver(driver) => driver::run(&driver),
        Role::Floor(floor) => floor::run(floor),
        Role::Mock(mock) => mock::run(&mock),
    }
}

pub(crate) fn run(gateway: &Gateway) -> Result<()> {
    ensure!(
        gateway.rounds > 0 && gateway.seconds > 0.0,
        "nothing to measure"
    );
    let binary = match (&gateway.binary, gateway.floor_only) {
        (_, true) => None,
        (Some(binary), false) => Some(binary.canonicalize().context("there is no such binary")?),
        (None, false) => Some(build()?),
    };
    let plan = Plan {
        seconds: gateway.seconds,
        rounds: gateway.rounds,
    };
    let targets = start(binary.as_deref(), gateway.upstream)?;
    let figures = cells::measure(&plan, &targets)?;
    let report = report::Report::new(&plan, gateway.upstream, figures);
    print!("{}", report.table());
    if let Some(file) = &gateway.json {
        let json = serde_json::to_string_pretty(&report.json())?;
        std::fs::write(file, json + "\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    ensure!(
        report.bad() == 0,
        "{} answers were not as expected",
        report.bad()
    );
    Ok(())
}

/// The product's binary, from a release build.
pub(super) fn build() -> Result<PathBuf> {
    tool::run(&mut tool::cargo([
        "build",
        "--release",
        "--package",
        "casemate",
        "--bin",
        "casemate",
    ]))?;
    Ok(tidy::target_directory()?.join("release").join("casemate"))
}

fn start(binary: Option<&std::path::Path>, upstream: Locality) -> Result<Targets> {
    let mock = role(Who::Mock, &["mock"])?;
    let floor = |name, mode| {
        role(
            name,
            &[
                "floor",
                "--mode",
                mode,
                "--upstream",
                &mock.url,
                "--key",
                KEY,
            ],
        )
    };
    let (pass, inspect) = (
        floor(Who::FloorPass, "pass")?,
        floor(Who::FloorInspect, "inspect")?,
    );
    let casemate = |locality| binary.map(|binary| casemate::target(binary, &mock.url, locality));
    let (external, local) = (casemate(Locality::External), casemate(Locality::Local));
    Ok(Targets {
        external: external.transpose()?,
        local: local.transpose()?,
        external_is_main: upstream == Locality::External,
        pass,
        inspect,
        mock,
    })
}

/// This program once more, as one of the processes; its first line is its base URL.
fn role(who: Who, args: &[&str]) -> Result<Target> {
    let mut process = Process::start(
        tool::program(std::env::current_exe()?)
            .args(["bench", "role"])
            .args(args),
    )?;
    let url = process
        .line()
        .with_context(|| format!("cannot start {who}"))?;
    Ok(Target {
        who,
        process,
        url,
        key: KEY.to_owned(),
        directory: None,
    })
}

/// The key that the floor knows; Casemate makes one of its own.
const KEY: &str = "sk-test";
