// SPDX-License-Identifier: Apache-2.0
//! SARIF 2.1.0: results as they come, rules at the end.

use std::collections::BTreeMap;

use casemate_artifact::{Finding, Rule, ScanOutcome};
use serde_json::{Value, json};

use super::{
    files::Scanned,
    report::{Report, digest},
};
use crate::cli::inspect::{
    files::Out,
    sarif::{SCHEMA, fingerprint, uri},
};

/// What paths are relative to.
const BASE: &str = "ARGUMENT";

/// A run that is being written.
#[derive(Default)]
pub(super) struct Sarif {
    rules: Vec<Value>,
    numbers: BTreeMap<&'static str, usize>,
    artifacts: Vec<Value>,
    any: bool,
}

impl Sarif {
    fn rule(&mut self, rule: &'static Rule) -> usize {
        if let Some(number) = self.numbers.get(rule.id) {
            return *number;
        }
        self.rules.push(json!({
            "id": rule.id,
            "shortDescription": {"text": rule.title},
            "help": {"text": rule.advice},
            "defaultConfiguration": {"level": level(rule)},
            "properties": {"tags": ["security", rule.reference], "outcome": rule.outcome.as_str()},
        }));
        self.numbers.insert(rule.id, self.rules.len() - 1);
        self.rules.len() - 1
    }

    fn result(&mut self, scanned: &Scanned, finding: &Finding, count: usize) -> Value {
        let number = self.rule(finding.rule);
        let place = uri(&scanned.path);
        let mark = fingerprint(finding.rule.id, &place, count);
        json!({
            "ruleId": finding.rule.id,
            "ruleIndex": number,
            "level": level(finding.rule),
            "message": {"text": format!("{}: {}", finding.rule.title, finding.why)},
            "locations": [{
                "physicalLocation": {"artifactLocation": {
                    "uri": place, "uriBaseId": BASE, "index": self.artifacts.len(),
                }},
                "logicalLocations": [{"fullyQualifiedName": finding.place}],
            }],
            "partialFingerprints": {"casemateFinding/v1": mark},
        })
    }
}

impl Report for Sarif {
    fn begin(&mut self, out: &mut Out) -> anyhow::Result<()> {
        let base = json!({BASE: {"description": {"text": "the argument, or its directory"}}});
        out.text(&format!(
            "{{\"$schema\":{},\"version\":\"2.1.0\",\"runs\":[{{\
             \"originalUriBaseIds\":{base},\n\"results\":[",
            json!(SCHEMA),
        ))
    }

    fn file(&mut self, out: &mut Out, scanned: &Scanned) -> anyhow::Result<()> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in &scanned.report.findings {
            let count = counts.entry(finding.rule.id).or_default();
            *count += 1;
            let result = self.result(scanned, finding, *count - 1);
            out.text(if self.any { ",\n" } else { "\n" })?;
            self.any = true;
            out.text(&result.to_string())?;
        }
        let mut artifact = json!({
            "location": {"uri": uri(&scanned.path), "uriBaseId": BASE},
            "properties": {
                "outcome": scanned.report.outcome.as_str(), "formats": scanned.report.formats,
            },
        });
        if scanned.digest.is_some() {
            artifact["hashes"] = json!({"sha-256": digest(scanned)});
        }
        self.artifacts.push(artifact);
        Ok(())
    }

    fn end(&mut self, out: &mut Out) -> anyhow::Result<()> {
        let driver = json!({
            "name": "Casemate",
            "version": env!("CARGO_PKG_VERSION"),
            "rules": self.rules,
        });
        out.line(&format!(
            "\n],\n\"artifacts\":{},\n\"invocations\":[{{\"executionSuccessful\":true}}],\n\
             \"tool\":{}}}]}}",
            json!(self.artifacts),
            json!({"driver": driver}),
        ))
    }
}

const fn level(rule: &Rule) -> &'static str {
    match rule.outcome {
        ScanOutcome::Clean => "note",
        ScanOutcome::Refuse => "error",
        ScanOutcome::Review | ScanOutcome::Unreadable => "warning",
    }
}
