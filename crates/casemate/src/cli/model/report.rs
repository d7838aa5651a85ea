// SPDX-License-Identifier: Apache-2.0
//! The forms in which outcomes are written.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use casemate_artifact::Finding;
use serde_json::{Value, json};

use super::{bom::Bom, files::Scanned, sarif::Sarif};
use crate::{
    cli::inspect::files::{Out, shown},
    output::{Format, table},
};

/// A form. Files come in their order.
pub(super) trait Report {
    fn begin(&mut self, _: &mut Out) -> anyhow::Result<()> {
        Ok(())
    }
    fn file(&mut self, out: &mut Out, scanned: &Scanned) -> anyhow::Result<()>;
    fn end(&mut self, _: &mut Out) -> anyhow::Result<()> {
        Ok(())
    }
}

/// The form that was asked for.
pub(super) fn of(format: Format) -> Box<dyn Report> {
    match format {
        Format::Cyclonedx => Box::<Bom>::default(),
        Format::Human => Box::<Human>::default(),
        Format::Json => Box::new(Json),
        Format::Plain => Box::new(Plain),
        Format::Sarif => Box::<Sarif>::default(),
    }
}

/// A table of findings, what to do about them, and how many files came to what.
#[derive(Default)]
struct Human {
    rows: Vec<Vec<String>>,
    advice: BTreeMap<&'static str, &'static str>,
    counts: BTreeMap<&'static str, usize>,
}

impl Report for Human {
    fn file(&mut self, _: &mut Out, scanned: &Scanned) -> anyhow::Result<()> {
        let outcome = scanned.report.outcome.as_str();
        *self.counts.entry(outcome).or_default() += 1;
        let name = shown(&scanned.path);
        for finding in &scanned.report.findings {
            self.rows.push(vec![
                name.clone(),
                outcome.to_owned(),
                finding.rule.id.to_owned(),
                visible(&finding.place),
                visible(&finding.why),
            ]);
            self.advice.insert(finding.rule.id, finding.rule.advice);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Out) -> anyhow::Result<()> {
        if !self.rows.is_empty() {
            let heading = ["file", "outcome", "rule", "place", "why"];
            out.line(&table(&heading, &self.rows).to_string())?;
            for (rule, advice) in &self.advice {
                out.line(&format!("{rule}: {advice}"))?;
            }
        }
        let counts: Vec<_> = self
            .counts
            .iter()
            .map(|(outcome, count)| format!("{count} {outcome}"))
            .collect();
        let files: usize = self.counts.values().sum();
        let s = if files == 1 { "" } else { "s" };
        match files {
            0 => out.line("no files"),
            _ => out.line(&format!("{files} file{s}: {}", counts.join(", "))),
        }
    }
}

/// A line a file, and a line a finding behind it; columns parted by tabs.
struct Plain;

impl Report for Plain {
    fn file(&mut self, out: &mut Out, scanned: &Scanned) -> anyhow::Result<()> {
        let name = shown(&scanned.path);
        let outcome = scanned.report.outcome.as_str();
        let formats = scanned.report.formats.join(",");
        out.line(&[&name, outcome, &formats, &digest(scanned)].join("\t"))?;
        for finding in &scanned.report.findings {
            let (place, why) = (visible(&finding.place), visible(&finding.why));
            out.line(
                &[
                    &name,
                    finding.rule.severity(),
                    finding.rule.id,
                    &place,
                    &why,
                ]
                .join("\t"),
            )?;
        }
        Ok(())
    }
}

/// An object a line and file.
struct Json;

impl Report for Json {
    fn file(&mut self, out: &mut Out, scanned: &Scanned) -> anyhow::Result<()> {
        let findings: Vec<Value> = scanned.report.findings.iter().map(object).collect();
        let line = json!({
            "path": scanned.path.display().to_string(),
            "outcome": scanned.report.outcome.as_str(),
            "formats": scanned.report.formats,
            "sha256": scanned.digest.map(|_| digest(scanned)),
            "findings": findings,
        });
        out.line(&line.to_string())
    }
}

/// A finding as JSON.
pub(super) fn object(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule.id,
        "severity": finding.rule.severity(),
        "place": finding.place,
        "why": finding.why,
        "reference": finding.rule.reference,
    })
}

/// In hexadecimal digits; empty if there is none.
pub(super) fn digest(scanned: &Scanned) -> String {
    let bytes = scanned.digest.iter().flatten();
    bytes.fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Text of a file for a line of text, without what a terminal would obey.
pub(super) fn visible(text: &str) -> String {
    shown(Path::new(text))
}
