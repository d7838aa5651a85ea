// SPDX-License-Identifier: Apache-2.0
//! Medians, ratios and goals.

use serde_json::{Value, json};

use super::casemate::Locality;
use super::cells::{Cell, Figures, Plan, Run, Who};
use crate::bench::table::{median, render};

/// Everything that was measured, ready to be shown.
#[derive(Debug)]
pub(super) struct Report {
    plan: Plan,
    upstream: Locality,
    figures: Figures,
}

/// One line of the table.
#[derive(Debug, Default)]
struct Row {
    what: &'static str,
    unit: &'static str,
    direct: Option<f64>,
    pass: Option<f64>,
    inspect: Option<f64>,
    casemate: Option<f64>,
    /// What the goal is about: a ratio, a difference, or the figure itself.
    judged: Option<f64>,
    judged_as: &'static str,
    /// None where a figure is only shown.
    goal: Option<f64>,
}

impl Report {
    pub(super) fn new(plan: &Plan, upstream: Locality, figures: Figures) -> Self {
        Self {
            plan: *plan,
            upstream,
            figures,
        }
    }

    /// Answers in all runs that were not as expected.
    pub(super) fn bad(&self) -> u64 {
        self.figures.runs.iter().map(|run| run.load.bad).sum()
    }

    pub(super) fn table(&self) -> String {
        let head = [
            "",
            "unit",
            "direct",
            "floor pass",
            "floor inspect",
            "casemate",
            "",
            "",
            "goal",
            "",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(self.rows().iter().map(Row::cells));
        let Plan { seconds, rounds } = self.plan;
        let upstream = match self.upstream {
            Locality::External => "external",
            Locality::Local => "local",
        };
        format!(
            "\n{}\nmedians of {rounds} runs of {seconds} s, taking turns; processor time with 16 \
             connections, {upstream} upstream; {} answers not as expected\n",
            render(&rows),
            self.bad()
        )
    }

    pub(super) fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows().iter().map(Row::json).collect();
        json!({
            "plan": self.plan,
            "upstream": self.upstream,
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
            "bad": self.bad(),
            "rows": rows,
            "idle_mib": self.figures.idle_mib,
            "runs": self.figures.runs,
        })
    }

    fn rows(&self) -> Vec<Row> {
        let rows = self.cpu_rows().into_iter().chain(self.latency_rows());
        rows.chain(self.memory_rows()).collect()
    }

    fn cpu_rows(&self) -> [Row; 4] {
        [
            (Cell::Plain, "CPU, 1 KB prompt", "µs/request", 4.0),
            (Cell::Long, "CPU, 16 KB prompt", "µs/request", 10.0),
            (Cell::History, "CPU, 16 KB seen before", "µs/request", 1.8),
            (Cell::Stream, "CPU, streamed", "µs/frame", 1.5),
        ]
        .map(|(cell, what, unit, goal)| {
            let of = |who| self.median(cell, who, |run| run.cpu_us);
            let (inspect, casemate) = (of(Who::FloorInspect), of(self.main()));
            Row {
                what,
                unit,
                pass: of(Who::FloorPass),
                inspect,
                casemate,
                judged: inspect
                    .zip(casemate)
                    .map(|(inspect, casemate)| casemate / inspect),
                judged_as: "÷ floor inspect",
                goal: Some(goal),
                ..Row::default()
            }
        })
    }

    fn latency_rows(&self) -> [Row; 4] {
        type Figure = fn(&Run) -> f64;
        let p50: Figure = |run| run.load.p50_us / 1e3;
        let p99: Figure = |run| run.load.p99_us / 1e3;
        [
            (
                Who::CasemateLocal,
                "latency p50, local upstream",
                p50,
                Some(0.4),
            ),
            (Who::CasemateLocal, "latency p99, local upstream", p99, None),
            (
                Who::CasemateExternal,
                "latency p50, external upstream",
                p50,
                Some(1.0),
            ),
            (
                Who::CasemateExternal,
                "latency p99, external upstream",
                p99,
                None,
            ),
        ]
        .map(|(casemate, what, latency, goal)| {
            let of = |who| self.median(Cell::Latency, who, latency);
            let (direct, casemate) = (of(Who::Mock), of(casemate));
            Row {
                what,
                unit: "ms",
                direct,
                inspect: of(Who::FloorInspect),
                casemate,
                judged: direct
                    .zip(casemate)
                    .map(|(direct, casemate)| casemate - direct),
                judged_as: "added",
                goal,
                ..Row::default()
            }
        })
    }

    fn memory_rows(&self) -> [Row; 2] {
        let row = |what, goal, of: &dyn Fn(Who) -> Option<f64>| Row {
            what,
            unit: "MiB",
            pass: of(Who::FloorPass),
            inspect: of(Who::FloorInspect),
            casemate: of(self.main()),
            judged: of(self.main()),
            judged_as: "resident",
            goal: Some(goal),
            ..Row::default()
        };
        let idle = |who| {
            let mut idle = self.figures.idle_mib.iter();
            idle.find(|(target, _)| *target == who).map(|(_, mib)| *mib)
        };
        let many = |who| self.median(Cell::Many, who, |run| run.resident_mib);
        [
            row("memory, idle", 25.0, &idle),
            row("memory, 64 connections", 64.0, &many),
        ]
    }

    /// The process that stands for Casemate where there is one column for it.
    fn main(&self) -> Who {
        match self.upstream {
            Locality::External => Who::CasemateExternal,
            Locality::Local => Who::CasemateLocal,
        }
    }

    fn median(&self, cell: Cell, who: Who, figure: impl Fn(&Run) -> f64) -> Option<f64> {
        let runs = self
            .figures
            .runs
            .iter()
            .filter(|run| run.cell == cell && run.target == who);
        median(runs.map(figure))
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let places = if self.unit == "ms" { 3 } else { 1 };
        let figure =
            |value: Option<f64>| value.map_or_else(|| "–".into(), |v| format!("{v:.places$}"));
        let judged = self
            .judged
            .map_or_else(|| "–".into(), |value| format!("{value:.2}"));
        let goal = self
            .goal
            .map_or_else(String::new, |goal| format!("≤ {goal}"));
        let verdict = match self.met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        vec![
            self.what.into(),
            self.unit.into(),
            figure(self.direct),
            figure(self.pass),
            figure(self.inspect),
            figure(self.casemate),
            judged,
            self.judged_as.into(),
            goal,
            verdict.into(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "what": self.what,
            "unit": self.unit,
            "direct": self.direct,
            "floor_pass": self.pass,
            "floor_inspect": self.inspect,
            "casemate": self.casemate,
            "judged": self.judged,
            "judged_as": self.judged_as,
            "goal": self.goal,
            "met": self.met(),
        })
    }

    /// Whether the goal is met; none without a goal or without a figure.
    fn met(&self) -> Option<bool> {
        self.judged
            .zip(self.goal)
            .map(|(value, goal)| value <= goal)
    }
}
