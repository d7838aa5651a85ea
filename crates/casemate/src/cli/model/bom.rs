// SPDX-License-Identifier: Apache-2.0
//! CycloneDX 1.6: what there is, with digests, formats and outcomes.
//!
//! It says what can be checked against bytes and nothing else: names of files, digests, formats.

use serde_json::{Value, json};

use super::{
    files::Scanned,
    report::{Report, digest},
};
use crate::cli::inspect::{files::Out, sarif::uri};

/// Formats that come with models and are none.
const NO_MODELS: &[&str] = &[
    "text", "json", "jinja", "yaml", "xml", "html", "python", "png", "jpeg", "empty", "unknown",
];

/// A list that is being written.
#[derive(Default)]
pub(super) struct Bom {
    any: bool,
}

fn tool() -> Value {
    json!({"type": "application", "name": "casemate", "version": env!("CARGO_PKG_VERSION")})
}

/// The whole list at once.
pub(super) fn whole(scanned: &[Scanned]) -> Value {
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"tools": {"components": [tool()]}},
        "components": scanned.iter().map(component).collect::<Vec<_>>(),
    })
}

impl Report for Bom {
    fn begin(&mut self, out: &mut Out) -> anyhow::Result<()> {
        out.text(&format!(
            "{{\"$schema\":\"http://cyclonedx.org/schema/bom-1.6.schema.json\",\
             \"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"version\":1,\
             \"metadata\":{},\n\"components\":[",
            json!({"tools": {"components": [tool()]}}),
        ))
    }

    fn file(&mut self, out: &mut Out, scanned: &Scanned) -> anyhow::Result<()> {
        out.text(if self.any { ",\n" } else { "\n" })?;
        self.any = true;
        out.text(&component(scanned).to_string())
    }

    fn end(&mut self, out: &mut Out) -> anyhow::Result<()> {
        out.line("\n]}")
    }
}

fn component(scanned: &Scanned) -> Value {
    let formats = &scanned.report.formats;
    let is_model = formats.iter().any(|format| !NO_MODELS.contains(format));
    let name = scanned.path.display().to_string();
    let mut properties = vec![json!({
        "name": "casemate:scan:outcome", "value": scanned.report.outcome.as_str(),
    })];
    properties.extend(
        formats
            .iter()
            .map(|format| json!({"name": "casemate:scan:format", "value": format})),
    );
    properties.extend(scanned.report.findings.iter().map(|finding| {
        let value = format!("{} at {}: {}", finding.rule.id, finding.place, finding.why);
        json!({"name": "casemate:scan:finding", "value": value})
    }));
    let mut component = json!({
        "type": if is_model { "machine-learning-model" } else { "file" },
        "bom-ref": format!("file:{}", uri(&scanned.path)),
        "name": name,
        "properties": properties,
    });
    if scanned.digest.is_some() {
        component["hashes"] = json!([{"alg": "SHA-256", "content": digest(scanned)}]);
    }
    component
}
