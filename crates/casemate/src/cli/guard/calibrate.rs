// SPDX-License-Identifier: Apache-2.0
//! `casemate guard calibrate`: which threshold fits a company's own harmless texts, and whether that has
//! changed since.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    num::NonZero,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use casemate_inspect::{Inspector, Segment};
use casemate_types::{Channel, Role};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::write;
use crate::{
    cli::{Global, inspect::segment_role},
    output::rows,
};

/// Bins of a score, for telling whether texts have changed.
const BINS: usize = 10;
/// A population stability index above this is taken for a change; 0.25 is the usual figure.
const DRIFT: f64 = 0.25;
/// Scores below this are not recorded, so no threshold is lower.
const LOWEST: f32 = 0.5;
/// Fewer texts say nothing of a share of one in a hundred.
const FEWEST: usize = 100;
/// The role of rows that name none.
const USER: &str = "user";

#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    /// Harmless texts of your own, `{"text", "role"?}`, one a line
    path: PathBuf,
    /// The share of harmless texts that may be taken for attacks
    #[arg(long, default_value_t = 0.01, value_name = "SHARE")]
    alarms: f64,
    /// Write what was measured, to compare with later
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What was measured before; the exit code is 3 when texts have changed since
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Row {
    text: String,
    #[serde(default)]
    role: Option<String>,
}

/// What was measured of one kind of text.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Measured {
    texts: usize,
    /// How many scores lie in each tenth.
    bins: [usize; BINS],
    /// The lowest threshold with no more alarms than are allowed; none where even 1 has more.
    threshold: Option<f32>,
}

type Measures = BTreeMap<String, Measured>;

impl CalibrateArgs {
    pub(crate) fn run(&self, global: &Global) -> anyhow::Result<ExitCode> {
        ensure!(
            (0.0..1.0).contains(&self.alarms),
            "`--alarms` is a share between 0 and 1, such as 0.01"
        );
        let scores = scores(&Inspector::new(&[])?, rows_of(&self.path)?);
        let measured = |(role, scores): (String, Vec<f32>)| {
            let measured = Measured::of(scores, self.alarms);
            (role, measured)
        };
        let now: Measures = scores.into_iter().map(measured).collect();
        let before = self.since.as_deref().map(read).transpose()?;
        if let Some(out) = &self.out {
            let text = serde_json::to_string_pretty(&now)? + "\n";
            write(out, text.as_bytes())?;
        }
        let changed = show(global, &now, before.as_ref());
        Ok(ExitCode::from(if changed { 3 } else { 0 }))
    }
}

/// A row that was read, with who speaks and where.
struct Spoken {
    row: Row,
    role: Role,
    channel: Channel,
}

impl Spoken {
    /// The role's word.
    fn word(&self) -> &str {
        self.row.role.as_deref().unwrap_or(USER)
    }
}

fn rows_of(path: &Path) -> anyhow::Result<Vec<Spoken>> {
    let file = std::fs::File::open(path)
        .with_context(|| format!("`{}` cannot be read", path.display()))?;
    let mut all = Vec::new();
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let number = at + 1;
        let line = line.with_context(|| format!("line {number} cannot be read"))?;
        if line.trim().is_empty() {
            continue;
        }
        let row: Row = serde_json::from_str(&line)
            .with_context(|| format!("line {number} is no `{{\"text\", \"role\"?}}`"))?;
        let word = row.role.as_deref().unwrap_or(USER);
        let (role, channel) = segment_role(word).with_context(|| format!("line {number}"))?;
        all.push(Spoken { row, role, channel });
    }
    ensure!(!all.is_empty(), "`{}` has no rows", path.display());
    Ok(all)
}

/// Scores of all texts by role, on all processors.
fn scores(inspector: &Inspector, rows: Vec<Spoken>) -> BTreeMap<String, Vec<f32>> {
    let score = |one: &Spoken| {
        let segment = Segment::new(&one.row.text, one.role, one.channel);
        (one.word().to_owned(), inspector.injection(segment).score)
    };
    let threads = std::thread::available_parallelism().map_or(2, NonZero::get);
    let part = rows.len().div_ceil(threads);
    let scored = std::thread::scope(|scope| {
        let parts: Vec<_> = rows
            .chunks(part)
            .map(|part| scope.spawn(move || part.iter().map(score).collect::<Vec<_>>()))
            .collect();
        let parts = parts.into_iter();
        parts
            .flat_map(|part| {
                part.join()
                    .unwrap_or_else(|why| std::panic::resume_unwind(why))
            })
            .collect::<Vec<_>>()
    });
    let mut all: BTreeMap<String, Vec<f32>> = BTreeMap::new();
    for (role, score) in scored {
        all.entry(role).or_default().push(score);
    }
    all
}

/// The setting by which a role's threshold is set.
fn setting(role: &str) -> &'static str {
    match role {
        USER => "attack_threshold",
        _ => "embedded_threshold",
    }
}

fn read(path: &Path) -> anyhow::Result<Measures> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("`{}` cannot be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| {
        format!(
            "`{}` was not written by `casemate guard calibrate --out`",
            path.display()
        )
    })
}

impl Measured {
    fn of(mut scores: Vec<f32>, alarms: f64) -> Self {
        scores.sort_by(f32::total_cmp);
        let mut bins = [0; BINS];
        for score in &scores {
            bins[((score * BINS as f32) as usize).min(BINS - 1)] += 1;
        }
        let allowed = (scores.len() as f64 * alarms) as usize;
        // The highest score that is one too many, and the next hundredth above it.
        let over = scores.len().checked_sub(allowed + 1).map(|at| scores[at]);
        let threshold = (over.unwrap_or(0.0) * 100.0).floor() / 100.0 + 0.01;
        Self {
            texts: scores.len(),
            bins,
            threshold: (threshold <= 1.0).then_some(threshold.max(LOWEST)),
        }
    }

    /// The population stability index against another measurement: 0 for the same shares.
    fn drift(&self, other: &Self) -> f64 {
        // An empty bin counts as half a text, so that the logarithm stays finite.
        let share = |bin: usize, texts: usize| (bin as f64).max(0.5) / texts.max(1) as f64;
        let bins = self.bins.iter().zip(&other.bins);
        bins.map(|(now, before)| {
            let (now, before) = (share(*now, self.texts), share(*before, other.texts));
            (now - before) * (now / before).ln()
        })
        .sum()
    }
}

/// Prints what was measured; true when it is not what it was.
fn show(global: &Global, now: &Measures, before: Option<&Measures>) -> bool {
    let (mut table, mut json, mut changed) = (Vec::new(), Vec::new(), false);
    for (role, measured) in now {
        let old = before.and_then(|before| before.get(role));
        let drift = old.map(|old| measured.drift(old));
        let moved = drift.is_some_and(|drift| drift > DRIFT);
        changed |= moved;
        let threshold = measured
            .threshold
            .map(|threshold| format!("{threshold:.2}"));
        let word = match (moved, measured.texts < FEWEST) {
            (true, _) => "texts have changed: calibrate again",
            (_, true) => "too few texts to rely on",
            _ => "",
        };
        table.push(vec![
            role.clone(),
            measured.texts.to_string(),
            setting(role).to_owned(),
            threshold.unwrap_or_else(|| "none".to_owned()),
            drift.map_or_else(String::new, |drift| format!("{drift:.2}")),
            word.to_owned(),
        ]);
        json.push(json!({
            "role": role, "texts": measured.texts, "setting": setting(role),
            "threshold": measured.threshold,
            "drift": drift, "changed": moved,
        }));
    }
    let heading = ["role", "texts", "setting", "threshold", "drift", "remark"];
    rows(global.format, &heading, &table, &json.into());
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_has_no_more_alarms_than_allowed_and_none_to_spare() {
        let scores: Vec<f32> = (0..1000).map(|at| at as f32 / 1000.0).collect();
        for alarms in [0.0, 0.001, 0.01, 0.1, 0.4] {
            let threshold = Measured::of(scores.clone(), alarms).threshold.unwrap();
            let over = scores.iter().filter(|score| **score >= threshold).count();
            assert!(over <= (1000.0 * alarms) as usize, "{alarms}: {over}");
            assert!(over + 12 > (1000.0 * alarms) as usize, "{alarms}: {over}");
        }
        assert_eq!(Measured::of(vec![0.1; 200], 0.01).threshold, Some(LOWEST));
        assert_eq!(Measured::of(vec![1.0; 200], 0.01).threshold, None);
    }

    #[test]
    fn the_same_texts_do_not_drift_and_others_do() {
        let low = Measured::of((0..500).map(|at| at as f32 / 2000.0).collect(), 0.01);
        let high = Measured::of((0..500).map(|at| 0.5 + at as f32 / 2000.0).collect(), 0.01);
        assert!(low.drift(&low) < 1e-9);
        assert!(low.drift(&high) > DRIFT);
    }
}
