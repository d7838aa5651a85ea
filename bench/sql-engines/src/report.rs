// SPDX-License-Identifier: Apache-2.0
//! The table, in Markdown, so that it can be pasted.

use crate::Round;
use std::time::Duration;

/// Prints the head of the table.
pub(crate) fn header() {
    println!(
        "| engine | layout | group | records/s | slowest–fastest round | groups/s | p50 µs | p99 µs \
         | CPU µs/record | server µs/record |"
    );
    println!("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|");
}

/// Prints one cell.
pub(crate) fn line(engine: &str, layout: &str, group: usize, rounds: &[Round]) {
    let records: u64 = rounds.iter().map(|round| round.records).sum();
    let seconds: f64 = rounds.iter().map(|round| round.elapsed.as_secs_f64()).sum();
    let mut commits: Vec<_> = rounds
        .iter()
        .flat_map(|round| &round.commits)
        .copied()
        .collect();
    commits.sort_unstable();
    let rates = rounds
        .iter()
        .map(|round| round.records as f64 / round.elapsed.as_secs_f64());
    let slowest = rates.clone().fold(f64::INFINITY, f64::min);
    let fastest = rates.fold(0.0, f64::max);
    let cpu: Duration = rounds.iter().map(|round| round.cpu).sum();
    let server: Option<Duration> = rounds.iter().map(|round| round.server_cpu).sum();
    let server = server.map_or_else(|| "–".to_owned(), |cpu| per_record(cpu, records));
    println!(
        "| {engine} | {layout} | {group} | {:.0} | {slowest:.0}–{fastest:.0} | {:.0} | {} | {} | {} | {server} |",
        records as f64 / seconds,
        commits.len() as f64 / seconds,
        percentile(&commits, 50),
        percentile(&commits, 99),
        per_record(cpu, records),
    );
}

fn per_record(cpu: Duration, records: u64) -> String {
    format!("{:.1}", cpu.as_secs_f64() * 1e6 / records.max(1) as f64)
}

fn percentile(sorted: &[Duration], percent: usize) -> u128 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0, Duration::as_micros)
}
