// SPDX-License-Identifier: Apache-2.0
//! YAML: tags that make objects, and what configurations call. Lines suffice for both.

use super::config;
use crate::{place::Place, rule, scan::Scan};

/// Reads the lines of a text that may be YAML.
pub(super) fn scan(scan: &mut Scan<'_>, text: &str, place: &Place) {
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with('#') {
            continue;
        }
        if let Some(tag) = python_tag(line) {
            scan.format("yaml");
            let why = format!("line {}: `{}`", number + 1, config::short(tag));
            scan.found(&rule::YAML_TAG, place.whole(), why);
        }
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let key = key
            .trim()
            .trim_start_matches("- ")
            .trim_matches(['\'', '"']);
        let value = value.split(" #").next().unwrap_or_default();
        let value = value.trim().trim_matches(['\'', '"', ',']);
        let found = match key {
            "_target_" => config::target(value, scan.allow()),
            "loader_module" => config::loader_module(value),
            _ => continue,
        };
        scan.format("yaml");
        if let Some((rule, why)) = found {
            scan.found(rule, place.whole(), why);
        }
    }
}

/// A tag of Python's own, in one of the ways in which it can be written.
fn python_tag(line: &str) -> Option<&str> {
    const TAGS: &[&str] = &[
        "!!python/",
        "!!python:",
        "tag:yaml.org,2002:python",
        "!!javax.",
        "!!java.",
        "!!ruby/",
        "%21%21python",
        "!!pyth%6fn",
        "!<tag:yaml.org,2002:python",
    ];
    let found = TAGS.iter().find_map(|tag| line.find(tag));
    if let Some(at) = found {
        return line.get(at..);
    }
    // `%TAG ! tag:yaml.org,2002:` lets any short tag stand for one.
    let is_directive = line.starts_with("%TAG") && line.contains("yaml.org");
    is_directive.then_some(line)
}
