// SPDX-License-Identifier: Apache-2.0
//! The forms in which findings in files are written.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    files::{Out, Outcome, Seen},
    sarif::Sarif,
    why,
};
use crate::output::{Format, table};

/// A form. Findings come in the order of the files.
pub(super) trait Report {
    fn begin(&mut self, _: &mut Out) -> anyhow::Result<()> {
        Ok(())
    }
    fn finding(&mut self, out: &mut Out, seen: &Seen<'_>) -> anyhow::Result<()>;
    fn end(&mut self, _: &mut Out, _: &Outcome) -> anyhow::Result<()> {
        Ok(())
    }
}

/// The form that was asked for.
pub(super) fn of(format: Format, path: &Path) -> Box<dyn Report> {
    match format {
        Format::Human => Box::<Human>::default(),
        Format::Cyclonedx | Format::Json => Box::<Json>::default(),
        Format::Plain => Box::new(Plain),
        Format::Sarif => Box::new(Sarif::new(path)),
    }
}

/// A finding as a row of the table.
fn row(seen: &Seen<'_>) -> Vec<String> {
    let finding = seen.finding;
    vec![
        seen.place(),
        finding.kind.class().to_string(),
        finding.rule.to_owned(),
        format!("{:.2}", finding.score),
    ]
}

/// A table; with explanations, a paragraph for every finding.
#[derive(Default)]
struct Human {
    rows: Vec<Vec<String>>,
}

impl Report for Human {
    fn finding(&mut self, out: &mut Out, seen: &Seen<'_>) -> anyhow::Result<()> {
        let row = row(seen);
        let Some(why) = &seen.why else {
            self.rows.push(row);
            return Ok(());
        };
        out.line(&row.join("  "))?;
        for (name, text) in why::lines(why, seen.places) {
            out.line(&format!("    {name:<10} {text}"))?;
        }
        out.line("")
    }

    fn end(&mut self, out: &mut Out, outcome: &Outcome) -> anyhow::Result<()> {
        if !self.rows.is_empty() {
            let heading = ["place", "class", "rule", "score"];
            out.line(&table(&heading, &self.rows).to_string())?;
        }
        if outcome.found == 0 && outcome.is_whole() {
            out.line("nothing found")?;
        }
        Ok(())
    }
}

/// A line a finding, columns parted by tabs.
struct Plain;

impl Report for Plain {
    fn finding(&mut self, out: &mut Out, seen: &Seen<'_>) -> anyhow::Result<()> {
        let mut row = row(seen);
        if let Some(why) = &seen.why {
            let told = why::lines(why, seen.places).into_iter();
            let told: Vec<_> = told.map(|(name, text)| format!("{name}: {text}")).collect();
            row.push(told.join("; "));
        }
        out.line(&row.join("\t"))
    }
}

/// A list, an object a line.
#[derive(Default)]
struct Json {
    any: bool,
}

impl Report for Json {
    fn finding(&mut self, out: &mut Out, seen: &Seen<'_>) -> anyhow::Result<()> {
        out.text(if self.any { ",\n  " } else { "[\n  " })?;
        self.any = true;
        out.text(&object(seen).to_string())
    }

    fn end(&mut self, out: &mut Out, _: &Outcome) -> anyhow::Result<()> {
        out.line(if self.any { "\n]" } else { "[]" })
    }
}

/// A finding for programs.
fn object(seen: &Seen<'_>) -> Value {
    let (finding, start, end) = (seen.finding, seen.start(), seen.end());
    let mut object = json!({
        "file": seen.file.display().to_string(),
        "line": start.line(), "column": start.column(),
        "start": start.byte, "end": end.byte,
        "class": finding.kind.class().as_str(), "kind": finding.kind.as_str(),
        "rule": finding.rule, "score": finding.score,
    });
    if let Some(why) = &seen.why {
        object["why"] = why::object(why, seen.places);
    }
    object
}
