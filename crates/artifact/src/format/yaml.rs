// SPDX-License-Identifier: Apache-2.0
//! YAML: tags that make objects, and what configurations call. Lines suffice for both.

use super::{config, text::unescaped};
use crate::{
    place::Place,
    rule::{self, Rule},
    scan::Scan,
};

/// Reads the lines of a text that may be YAML.
pub(super) fn scan(scan: &mut Scan<'_>, text: &str, place: &Place) {
    let is_mlflow = text.contains("loader_module");
    // Lines end where YAML 1.1 ends them, which is in more places than elsewhere.
    let mut lines = text
        .split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with('#'))
        .peekable();
    while let Some((number, line)) = lines.next() {
        let line = unescaped(line);
        if let Some(tag) = python_tag(&line) {
            scan.format("yaml");
            let why = format!("line {}: `{}`", number + 1, config::short(&tag));
            scan.found(&rule::YAML_TAG, place.whole(), why);
        }
        if is_evaluated(&line) {
            scan.format("yaml");
            let why = format!("line {}: `{}`", number + 1, config::short(line.trim()));
            scan.found(&rule::CODE_SOURCE, place.whole(), why);
        }
        for (key, value) in pairs(&line) {
            // A value may stand in the next line.
            let next = lines.peek().map_or("", |(_, next)| next.trim());
            let value = match value {
                "" => plain(next.trim_start_matches(['?', ':', '-', ' '])),
                value => value,
            };
            let found = match key {
                "_target_" => config::target(value, scan.allow()),
                "target" => config::plain_target(value, scan.allow()),
                "loader_module" => config::loader_module(value),
                _ => own_code(key, value, is_mlflow),
            };
            if key == "_target_" || key == "loader_module" || found.is_some() {
                scan.format("yaml");
            }
            if let Some((rule, why)) = found {
                scan.found(rule, place.whole(), why);
            }
        }
    }
}

/// Whether a line is a list with a call in it: lists of layers are evaluated by those who build them.
fn is_evaluated(line: &str) -> bool {
    const CALLS: &[&str] = &[
        "__import__(",
        "compile(",
        "eval(",
        "exec(",
        "getattr(",
        "open(",
    ];
    let is_list = line.trim_start().starts_with("- [") || line.trim_start().starts_with('[');
    let mut quoted = line.split(['\'', '"']).skip(1);
    is_list && quoted.any(|text| CALLS.iter().any(|call| text.trim_start().starts_with(call)))
}

/// Keys of a line with their values: one, or several in braces.
fn pairs(line: &str) -> Vec<(&str, &str)> {
    const KEYS: &[&str] = &[
        "_target_",
        "class_name",
        "code",
        "function_type",
        "loader_module",
        "model_code_path",
        "python_model",
        "target",
    ];
    let mut pairs = Vec::new();
    for key in KEYS {
        for (at, _) in line.match_indices(key) {
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            let after = line.get(at + key.len()..).unwrap_or_default();
            let after = after.trim_start_matches(['\'', '"']).trim_start();
            let is_whole = !before.is_some_and(|c| c.is_alphanumeric() || "_.-/`".contains(c));
            let is_asked = line.trim_start().starts_with('?');
            match after.strip_prefix(':') {
                Some(value) if is_whole => pairs.push((*key, plain(value))),
                None if is_whole && is_asked && after.is_empty() => pairs.push((*key, "")),
                _ => {}
            }
        }
    }
    pairs
}

/// A value without its comment, its quotes and what ends it in braces.
fn plain(value: &str) -> &str {
    let value = value.split(" #").next().unwrap_or_default().trim();
    let quoted = value.starts_with(['\'', '"']);
    let value = value.trim_start_matches(['\'', '"']);
    let end = match quoted {
        true => value.find(['\'', '"']),
        false => value.find([',', '}', ']']),
    };
    value
        .get(..end.unwrap_or(value.len()))
        .unwrap_or_default()
        .trim()
}

/// Code that a model brings with it, in keys that mean this in one kind of file only.
fn own_code(key: &str, value: &str, is_mlflow: bool) -> Option<(&'static Rule, String)> {
    let is_empty = matches!(value, "" | "null" | "~" | "None");
    match key {
        "code" | "model_code_path" | "python_model" if is_mlflow && !is_empty => {
            let why = format!("code of its own: `{}`", config::short(value));
            Some((&rule::CODE_SOURCE, why))
        }
        "class_name" if value == "Lambda" => {
            Some((&rule::KERAS_LAMBDA, "a layer of class `Lambda`".to_owned()))
        }
        "function_type" if value == "lambda" => Some((
            &rule::KERAS_LAMBDA,
            "a function of type `lambda`".to_owned(),
        )),
        _ => None,
    }
}

/// A tag that makes objects of a language, in one of the ways in which it can be written.
fn python_tag(line: &str) -> Option<String> {
    const TAGS: &[&str] = &[
        "!!python/",
        "!!python:",
        "tag:yaml.org,2002:python",
        "!!javax.",
        "!!java.",
        "!ruby/",
    ];
    let line = match line.contains('!') && line.contains('%') {
        true => percent_decoded(line),
        false => line.to_owned(),
    };
    let mut places = TAGS
        .iter()
        .flat_map(|tag| line.match_indices(tag).map(|(at, _)| at));
    let found = places.find_map(|at| line.get(at..).filter(|rest| !is_plain_tag(rest)));
    if let Some(found) = found {
        return Some(found.to_owned());
    }
    // `%TAG ! tag:yaml.org,2002:` lets any short tag stand for one.
    let is_directive = line.starts_with("%TAG") && line.contains("yaml.org");
    is_directive.then_some(line)
}

/// Whether a tag makes a value of Python's and nothing else, as `yaml.dump` writes tuples.
fn is_plain_tag(rest: &str) -> bool {
    const PLAIN: &[&str] = &[
        "bool", "bytes", "complex", "dict", "float", "int", "list", "long", "none", "str", "tuple",
        "unicode",
    ];
    let Some(name) = rest.strip_prefix("!!python/") else {
        return false;
    };
    let end = name.find(|c: char| c.is_whitespace() || "[]{},".contains(c));
    PLAIN.contains(&name.get(..end.unwrap_or(name.len())).unwrap_or_default())
}

/// Tags may have their characters as percent signs and numbers.
fn percent_decoded(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let code = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                out.push(char::from(code));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out + rest
}
