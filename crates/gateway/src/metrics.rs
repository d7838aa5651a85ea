// SPDX-License-Identifier: Apache-2.0
//! Counters for Prometheus. Labels are values of enums, so their number is bounded.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use casemate_types::{FindingKind, GuardAction, ProblemCode};

use crate::dialect::Endpoint;

/// Names of all metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    Findings,
    InFlight,
    Remembered,
    Requests,
    Tokens,
    UpstreamSeconds,
}

impl Metric {
    const fn name(self) -> &'static str {
        match self {
            Self::Findings => "casemate_guard_findings_total",
            Self::InFlight => "casemate_gateway_requests_in_flight",
            Self::Remembered => "casemate_guard_texts_total",
            Self::Requests => "casemate_gateway_requests_total",
            Self::Tokens => "casemate_gateway_tokens_total",
            Self::UpstreamSeconds => "casemate_upstream_first_byte_seconds",
        }
    }

    const fn help(self) -> &'static str {
        match self {
            Self::Findings => "What guards saw, by kind and action",
            Self::InFlight => "Requests being worked on",
            Self::Remembered => "Texts of 256 bytes or more, remembered or inspected",
            Self::Requests => "Requests by endpoint and how they ended",
            Self::Tokens => "Tokens settled",
            Self::UpstreamSeconds => "Time to the head of the upstream's answer",
        }
    }
}

const BOUNDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
const ENDPOINTS: usize = Endpoint::ALL.len();
/// One column for what went well, one for each problem.
const RESULTS: usize = 1 + ProblemCode::ALL.len();
const KINDS: usize = FindingKind::ALL.len();
const ACTIONS: usize = GuardAction::ALL.len();

/// The gateway's counters.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: [[AtomicU64; RESULTS]; ENDPOINTS],
    findings: [[AtomicU64; ACTIONS]; KINDS],
    tokens: [AtomicU64; 2],
    in_flight: AtomicU64,
    upstream: [AtomicU64; BOUNDS.len() + 1],
    upstream_micros: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
            findings: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
            tokens: std::array::from_fn(|_| AtomicU64::new(0)),
            in_flight: AtomicU64::new(0),
            upstream: std::array::from_fn(|_| AtomicU64::new(0)),
            upstream_micros: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    pub(crate) fn request(&self, endpoint: Endpoint, problem: Option<ProblemCode>) {
        let column = problem.map_or(0, |code| 1 + code as usize);
        self.requests[endpoint as usize][column].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn finding(&self, kind: FindingKind, action: GuardAction, count: u32) {
        let cell = &self.findings[kind as usize][action as usize];
        cell.fetch_add(u64::from(count), Ordering::Relaxed);
    }

    pub(crate) fn tokens(&self, input: u64, output: u64) {
        self.tokens[0].fetch_add(input, Ordering::Relaxed);
        self.tokens[1].fetch_add(output, Ordering::Relaxed);
    }

    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn first_byte(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS
            .iter()
            .position(|bound| seconds <= *bound)
            .unwrap_or(BOUNDS.len());
        self.upstream[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.upstream_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// The Prometheus text format, version 0.0.4. `texts` counts those that were remembered and those
    /// that were not.
    pub(crate) fn text(&self, texts: (u64, u64)) -> String {
        let mut out = String::with_capacity(4096);
        let load = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        head(&mut out, Metric::Requests, "counter");
        for (endpoint, row) in Endpoint::ALL.iter().zip(&self.requests) {
            let words = std::iter::once("ok").chain(ProblemCode::ALL.iter().map(|c| c.as_str()));
            for (word, cell) in words.zip(row).filter(|(_, cell)| load(cell) > 0) {
                let (name, operation) = (Metric::Requests.name(), endpoint.operation());
                let _ = writeln!(
                    out,
                    "{name}{{operation=\"{operation}\",result=\"{word}\"}} {}",
                    load(cell)
                );
            }
        }
        head(&mut out, Metric::Findings, "counter");
        for (kind, row) in FindingKind::ALL.iter().zip(&self.findings) {
            for (action, cell) in GuardAction::ALL
                .iter()
                .zip(row)
                .filter(|(_, c)| load(c) > 0)
            {
                let name = Metric::Findings.name();
                let _ = writeln!(
                    out,
                    "{name}{{kind=\"{kind}\",action=\"{action}\"}} {}",
                    load(cell)
                );
            }
        }
        head(&mut out, Metric::Remembered, "counter");
        for (word, count) in [("remembered", texts.0), ("inspected", texts.1)] {
            let name = Metric::Remembered.name();
            let _ = writeln!(out, "{name}{{result=\"{word}\"}} {count}");
        }
        head(&mut out, Metric::Tokens, "counter");
        for (word, cell) in ["input", "output"].iter().zip(&self.tokens) {
            let _ = writeln!(
                out,
                "{}{{type=\"{word}\"}} {}",
                Metric::Tokens.name(),
                load(cell)
            );
        }
        head(&mut out, Metric::InFlight, "gauge");
        let _ = writeln!(out, "{} {}", Metric::InFlight.name(), load(&self.in_flight));
        self.histogram(&mut out);
        out
    }

    fn histogram(&self, out: &mut String) {
        let name = Metric::UpstreamSeconds.name();
        head(out, Metric::UpstreamSeconds, "histogram");
        let mut sum = 0;
        for (bound, cell) in BOUNDS.iter().zip(&self.upstream) {
            sum += cell.load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {sum}");
        }
        sum += self
            .upstream
            .last()
            .map_or(0, |cell| cell.load(Ordering::Relaxed));
        let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {sum}");
        let micros = self.upstream_micros.load(Ordering::Relaxed);
        let _ = writeln!(out, "{name}_sum {}", micros as f64 / 1e6);
        let _ = writeln!(out, "{name}_count {sum}");
    }
}

fn head(out: &mut String, metric: Metric, kind: &str) {
    let name = metric.name();
    let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help());
}
