// SPDX-License-Identifier: Apache-2.0
//! What is measured, in which order.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use super::casemate::TempDir;
use super::driver::Report;
use super::wire::{FRAMES, Load};
use crate::bench::process::{CpuTime, Process, resident_kib};
use crate::tool;

/// How long and how often.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Plan {
    pub(super) seconds: f64,
    pub(super) rounds: usize,
}

/// Who is asked in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Who {
    CasemateExternal,
    CasemateLocal,
    FloorInspect,
    FloorPass,
    Mock,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CasemateExternal => "casemate (external upstream)",
            Self::CasemateLocal => "casemate (local upstream)",
            Self::FloorInspect => "floor inspect",
            Self::FloorPass => "floor pass",
            Self::Mock => "mock",
        })
    }
}

/// A process that answers chat completions.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) who: Who,
    // Dropped, and so ended, before its directory.
    pub(super) process: Process,
    pub(super) url: String,
    pub(super) key: String,
    #[expect(
        dead_code,
        reason = "held so that the directory lives as long as the process"
    )]
    pub(super) directory: Option<TempDir>,
}

/// All processes of a measurement.
#[derive(Debug)]
pub(super) struct Targets {
    pub(super) external: Option<Target>,
    pub(super) local: Option<Target>,
    /// Which of the two the processor-time cells take.
    pub(super) external_is_main: bool,
    pub(super) pass: Target,
    pub(super) inspect: Target,
    pub(super) mock: Target,
}

impl Targets {
    fn main(&self) -> Option<&Target> {
        if self.external_is_main {
            self.external.as_ref()
        } else {
            self.local.as_ref()
        }
    }
}

/// The measured situations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cell {
    /// A chat whose messages but the last were seen before.
    History,
    /// One connection, so that latency is not queueing.
    Latency,
    Long,
    /// 64 connections, for the memory they take.
    Many,
    Plain,
    Stream,
}

impl Cell {
    fn load(self) -> Load {
        match self {
            Self::Latency | Self::Many | Self::Plain => Load::Plain,
            Self::History => Load::History,
            Self::Long => Load::Long,
            Self::Stream => Load::Stream,
        }
    }

    fn connections(self) -> usize {
        match self {
            Self::Latency => 1,
            Self::Many => 64,
            Self::History | Self::Long | Self::Plain | Self::Stream => 16,
        }
    }

    /// What processor time is divided by: a request, or a frame of one.
    pub(super) fn units(self) -> usize {
        if self == Self::Stream { FRAMES } else { 1 }
    }
}

/// One run of one target in one cell.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Run {
    pub(super) cell: Cell,
    pub(super) target: Who,
    pub(super) load: Report,
    /// Of the target, per request or frame.
    pub(super) cpu_us: f64,
    /// Of the mock in the same run, likewise.
    pub(super) mock_cpu_us: f64,
    /// The most that was seen during the run.
    pub(super) resident_mib: f64,
}

/// Everything that was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Figures {
    pub(super) runs: Vec<Run>,
    /// Memory of a target that has not yet been asked anything.
    pub(super) idle_mib: Vec<(Who, f64)>,
}

/// Runs all cells; in each, the targets take turns.
pub(super) fn measure(plan: &Plan, targets: &Targets) -> Result<Figures> {
    let Targets {
        pass,
        inspect,
        mock,
        ..
    } = targets;
    let mut figures = Figures::default();
    // A process settles for a moment after it has said that it is ready.
    std::thread::sleep(Duration::from_secs(2));
    for target in [Some(pass), Some(inspect), targets.main()]
        .into_iter()
        .flatten()
    {
        figures
            .idle_mib
            .push((target.who, mib(resident_kib(target.process.pid()))));
    }
    let mut measure = |cell, targets: &[Option<&Target>]| -> Result<()> {
        for round in 1..=plan.rounds {
            for target in targets.iter().flatten() {
                let run = run(plan, cell, target, mock)
                    .with_context(|| format!("{cell:?}, {}, round {round}", target.who))?;
                eprintln!(
                    "{cell:?} {round}/{}: {}: {:.1} µs CPU, {:.0} requests/s, p50 {:.0} µs, {} bad",
                    plan.rounds,
                    target.who,
                    run.cpu_us,
                    per_second(&run.load),
                    run.load.p50_us,
                    run.load.bad
                );
                figures.runs.push(run);
            }
        }
        Ok(())
    };
    let cells = [
        Cell::Plain,
        Cell::Long,
        Cell::History,
        Cell::Stream,
        Cell::Many,
    ];
    for cell in cells {
        measure(cell, &[Some(inspect), targets.main(), Some(pass)])?;
    }
    let casemates = [targets.local.as_ref(), targets.external.as_ref()];
    measure(
        Cell::Latency,
        &[Some(mock), Some(inspect), casemates[0], casemates[1]],
    )?;
    Ok(figures)
}

fn run(plan: &Plan, cell: Cell, target: &Target, mock: &Target) -> Result<Run> {
    let mut driver = Process::start(
        tool::program(std::env::current_exe()?)
            .args([
                "bench",
                "role",
                "driver",
                "--url",
                &target.url,
                "--key",
                &target.key,
            ])
            .args(["--load", load_name(cell.load())])
            .args(["--connections", &cell.connections().to_string()])
            .args(["--seconds", &plan.seconds.to_string()])
            .args(["--warm", &(plan.seconds / 4.0).to_string()]),
    )?;
    driver.line().context("the warm-up failed")?;
    let (pid, mock_pid) = (target.process.pid(), mock.process.pid());
    let before = (CpuTime::of(pid), CpuTime::of(mock_pid));
    driver.say("go")?;
    let (line, resident) = watch_memory(pid, || driver.line())?;
    let after = (CpuTime::of(pid), CpuTime::of(mock_pid));
    let load: Report = serde_json::from_str(&line).context("not a report")?;
    let units = number(load.requests).max(1.0) * number(cell.units() as u64);
    Ok(Run {
        cell,
        target: target.who,
        cpu_us: number(after.0.since(&before.0)) / 1e3 / units,
        mock_cpu_us: number(after.1.since(&before.1)) / 1e3 / units,
        resident_mib: mib(resident),
        load,
    })
}

/// Does `work` and sees how much memory `pid` holds meanwhile, in KiB.
fn watch_memory(pid: u32, work: impl FnOnce() -> Result<String>) -> Result<(String, u64)> {
    let (done, watch) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let watcher = scope.spawn(move || {
            let mut most = 0;
            while watch
                .recv_timeout(Duration::from_millis(250))
                .is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                most = most.max(resident_kib(pid));
            }
            most.max(resident_kib(pid))
        });
        let result = work();
        drop(done);
        let most = watcher.join().unwrap_or_default();
        Ok((result?, most))
    })
}

fn load_name(load: Load) -> &'static str {
    match load {
        Load::Long => "long",
        Load::Plain => "plain",
        Load::History => "history",
        Load::Stream => "stream",
    }
}

pub(super) fn per_second(load: &Report) -> f64 {
    number(load.requests) / load.seconds
}

fn mib(kib: u64) -> f64 {
    number(kib) / 1024.0
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and times of one run have far fewer than 52 bits"
)]
fn number(value: u64) -> f64 {
    value as f64
}
