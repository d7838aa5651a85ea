// SPDX-License-Identifier: Apache-2.0
//! SARIF 2.1.0: results as they come, what is about all of them at the end.
//!
//! Members of an object have no order, so a run of any length needs no more memory than its rules.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path, PathBuf},
};

use casemate_crypto::sha256_parts;
use casemate_types::{DataClass, Finding};
use serde_json::{Value, json};

use super::{
    files::{Out, Outcome, Seen},
    report::Report,
    why,
};

pub(in crate::cli) const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What paths are relative to.
const BASE: &str = "ARGUMENT";
const WORKING_DIRECTORY: &str = "WORKING_DIRECTORY";
/// Scores of injections from here on are errors: what a new installation acts upon.
const ACTED_UPON: f32 = 0.75;

/// A run that is being written.
pub(super) struct Sarif {
    argument: PathBuf,
    /// Rules that found something, in the order in which they did.
    rules: Vec<Value>,
    numbers: BTreeMap<&'static str, usize>,
    /// How often each rule found something in the file that is being written.
    file: PathBuf,
    counts: BTreeMap<&'static str, usize>,
    any: bool,
}

impl Sarif {
    pub(super) fn new(argument: &Path) -> Self {
        Self {
            argument: argument.to_owned(),
            rules: Vec::new(),
            numbers: BTreeMap::new(),
            file: PathBuf::new(),
            counts: BTreeMap::new(),
            any: false,
        }
    }

    /// The number of a finding's rule in the list of rules.
    fn rule(&mut self, seen: &Seen<'_>) -> usize {
        let name = seen.finding.rule;
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let text = seen.explainer.rule(seen.finding);
        let class = seen.finding.kind.class();
        let mut rule = json!({
            "id": name,
            "shortDescription": {"text": text.description},
            "defaultConfiguration": {"level": level_of(class)},
            "properties": {"tags": ["security", class.as_str(), seen.finding.kind.as_str()]},
        });
        if let Some(address) = text.address {
            rule["helpUri"] = json!(address);
        }
        self.rules.push(rule);
        self.numbers.insert(name, self.rules.len() - 1);
        self.rules.len() - 1
    }

    /// How many of this rule's findings stand before in the file.
    fn count(&mut self, seen: &Seen<'_>) -> usize {
        if self.file != seen.file {
            seen.file.clone_into(&mut self.file);
            self.counts.clear();
        }
        let count = self.counts.entry(seen.finding.rule).or_default();
        *count += 1;
        *count - 1
    }

    fn location(&self, file: &Path) -> Value {
        if file == Path::new("-") {
            return json!({"uri": "stdin", "description": {"text": "standard input"}});
        }
        json!({"uri": relative(&self.argument, file), "uriBaseId": BASE})
    }

    fn bases(&self) -> Value {
        let inside = match self.argument.is_dir() {
            true => self.argument.as_path(),
            false => self.argument.parent().unwrap_or(Path::new("")),
        };
        let base = "the directory that was given, or that of the file";
        let here = "where the command ran";
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        let uri = uri(inside);
        // What is absolute says much about a machine and nothing about the findings.
        if uri.is_empty() || !inside.components().all(plain) {
            return json!({BASE: {"description": {"text": base}}});
        }
        json!({
            BASE: {
                "uri": format!("{uri}/"), "uriBaseId": WORKING_DIRECTORY,
                "description": {"text": base},
            },
            WORKING_DIRECTORY: {"description": {"text": here}},
        })
    }

    fn result(&mut self, seen: &Seen<'_>) -> Value {
        let finding = seen.finding;
        let (number, count) = (self.rule(seen), self.count(seen));
        let location = self.location(seen.file);
        let place = location["uri"].as_str().unwrap_or_default();
        let fingerprint = fingerprint(finding.rule, place, count);
        let region = seen.region();
        let class = finding.kind.class();
        let text = seen.explainer.rule(finding).description;
        let mut result = json!({
            "ruleId": finding.rule,
            "ruleIndex": number,
            "level": level(finding),
            "message": {"text": format!("{class}: {text}")},
            "locations": [{"physicalLocation": {
                "artifactLocation": location,
                "region": {
                    "startLine": region.start_line, "startColumn": region.start_column,
                    "endLine": region.end_line, "endColumn": region.end_column,
                    "charOffset": region.offset, "charLength": region.length,
                },
            }}],
            "partialFingerprints": {"casemateFinding/v1": fingerprint},
            "properties": {
                "class": class.as_str(), "kind": finding.kind.as_str(), "score": finding.score,
            },
        });
        if let Some(why) = &seen.why {
            result["properties"]["why"] = why::object(why, seen.places);
        }
        result
    }
}

impl Report for Sarif {
    fn begin(&mut self, out: &mut Out) -> anyhow::Result<()> {
        out.text(&format!(
            "{{\"$schema\":{},\"version\":\"2.1.0\",\"runs\":[{{\
             \"columnKind\":\"unicodeCodePoints\",\"defaultEncoding\":\"utf-8\",\
             \"originalUriBaseIds\":{},\n\"results\":[",
            json!(SCHEMA),
            self.bases()
        ))
    }

    fn finding(&mut self, out: &mut Out, seen: &Seen<'_>) -> anyhow::Result<()> {
        out.text(if self.any { ",\n" } else { "\n" })?;
        self.any = true;
        let result = self.result(seen);
        out.text(&result.to_string())
    }

    fn end(&mut self, out: &mut Out, outcome: &Outcome) -> anyhow::Result<()> {
        let told: Vec<Value> = outcome
            .troubles
            .iter()
            .map(|trouble| {
                json!({
                    "level": if trouble.partly { "warning" } else { "error" },
                    "message": {"text": trouble.text},
                    "locations": [{"physicalLocation": {
                        "artifactLocation": self.location(&trouble.file),
                    }}],
                })
            })
            .collect();
        let invocation = json!({
            "executionSuccessful": outcome.is_whole(),
            "toolExecutionNotifications": told,
        });
        let driver = json!({
            "name": "Casemate",
            "version": env!("CARGO_PKG_VERSION"),
            "rules": self.rules,
        });
        out.line(&format!(
            "\n],\n\"invocations\":[{invocation}],\n\"tool\":{}}}]}}",
            json!({"driver": driver})
        ))
    }
}

/// How grave findings of a class are, if they are certain.
const fn level_of(class: DataClass) -> &'static str {
    match class {
        DataClass::Attack | DataClass::Canary | DataClass::Payment | DataClass::Secret => "error",
        DataClass::Active
        | DataClass::Custom
        | DataClass::Health
        | DataClass::Leak
        | DataClass::Link
        | DataClass::Opaque
        | DataClass::Person
        | DataClass::Personal
        | DataClass::Special => "warning",
    }
}

fn level(finding: &Finding) -> &'static str {
    let class = finding.kind.class();
    match class == DataClass::Attack && finding.score < ACTED_UPON {
        true => "note",
        false => level_of(class),
    }
}

/// What tells a finding from others when lines move. It is made of the rule, the file and a count,
/// and not of the value: a digest of a number with nine digits is the number.
pub(in crate::cli) fn fingerprint(rule: &str, place: &str, count: usize) -> String {
    let count = count.to_string();
    let parts: [&[u8]; 5] = [
        rule.as_bytes(),
        b"\0",
        place.as_bytes(),
        b"\0",
        count.as_bytes(),
    ];
    let digest = sha256_parts(&parts);
    let half = digest.iter().take(16);
    half.fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A file below the argument, or the argument's own name.
fn relative(argument: &Path, file: &Path) -> String {
    match file.strip_prefix(argument) {
        Ok(below) if below != Path::new("") => uri(below),
        _ => uri(Path::new(file.file_name().unwrap_or(file.as_os_str()))),
    }
}

/// The names of a path, joined, as a relative reference (RFC 3986). Bytes that are no text are
/// written as they are.
pub(in crate::cli) fn uri(path: &Path) -> String {
    let mut out = String::new();
    for part in path.components() {
        let Component::Normal(name) = part else {
            continue;
        };
        if !out.is_empty() {
            out.push('/');
        }
        for byte in name.as_bytes() {
            match byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
                true => out.push(char::from(*byte)),
                false => _ = write!(out, "%{byte:02X}"),
            }
        }
    }
    out
}
