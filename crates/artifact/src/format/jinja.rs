// SPDX-License-Identifier: Apache-2.0
//! Chat templates: read word by word, with lists of what a chat needs.
//!
//! A template is a program. Those that render it may have a sandbox or not, so what reaches for the
//! insides of Python is refused, and what is not on the lists has to be read by somebody.

mod words;

use std::collections::HashSet;

use crate::{
    place::Place,
    rule::{self, Rule},
    scan::Scan,
};
use words::{Kind, Word};

/// Words in front of one that are looked at to say where it stands.
const NEAR: usize = 256;
/// Words of one template that are read.
const MOST: usize = 200_000;

/// Whether a text holds statements, or expressions that are no common text.
pub(super) fn is_template(text: &str) -> bool {
    holds(text, "{%", "%}") && holds(text, "{{", "}}")
}

/// Whether a text holds one or the other, as other texts do as well.
pub(super) fn may_be_template(text: &str) -> bool {
    holds(text, "{%", "%}") || holds(text, "{{", "}}")
}

fn holds(text: &str, open: &str, close: &str) -> bool {
    text.split_once(open)
        .is_some_and(|(_, rest)| rest.contains(close))
}

/// Reads a text that may be a template: only what is in no other text counts.
pub(super) fn scan_unsure(scan: &mut Scan<'_>, text: &str, place: &Place) {
    let found = findings(text);
    let clear = |(rule, why): &(&'static Rule, String)| {
        let kinds = ["the member", "the text", "the filter", "a member"];
        rule.id == rule::TEMPLATE_DANGEROUS.id && kinds.iter().any(|kind| why.starts_with(kind))
    };
    for (rule, why) in found.into_iter().filter(clear) {
        scan.format("jinja");
        scan.found(rule, place.whole(), why);
    }
}

/// Reads a template.
pub(super) fn scan(scan: &mut Scan<'_>, template: &str, place: &Place) {
    scan.format("jinja");
    for (rule, why) in findings(template) {
        scan.found(rule, place.whole(), why);
    }
}

fn findings(template: &str) -> Vec<(&'static Rule, String)> {
    let mut found: Vec<(&'static Rule, String)> = Vec::new();
    let mut own = HashSet::new();
    let mut blocks = Vec::new();
    let mut count = 0;
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let open = rest.get(at..).unwrap_or_default();
        let close = match open.get(..2) {
            Some("{{") => "}}",
            Some("{%") => "%}",
            Some("{#") => {
                let Some(end) = open.find("#}") else {
                    found.push((
                        &rule::TEMPLATE_UNKNOWN,
                        "a comment without an end".to_owned(),
                    ));
                    break;
                };
                rest = open.get(end + 2..).unwrap_or_default();
                continue;
            }
            _ => {
                rest = open.get(1..).unwrap_or_default();
                continue;
            }
        };
        let body = open.get(2..).unwrap_or_default();
        let Ok((words, end)) = words::read(body, close) else {
            found.push((
                &rule::TEMPLATE_UNKNOWN,
                "a part that cannot be read".to_owned(),
            ));
            break;
        };
        count += words.len();
        if count > MOST {
            found.push((
                &rule::TEMPLATE_UNKNOWN,
                "more words than were read".to_owned(),
            ));
            break;
        }
        if close == "%}" && words.first().is_some_and(|word| word.text == "raw") {
            // What is raw is text, up to its own end.
            let after = body.get(end..).unwrap_or_default();
            let end_raw = after
                .find("endraw")
                .and_then(|at| Some(at + after.get(at..)?.find("%}")? + 2));
            rest = end_raw.and_then(|at| after.get(at..)).unwrap_or_default();
            continue;
        }
        blocks.push((close == "%}", words));
        rest = body.get(end..).unwrap_or_default();
    }
    for (is_statement, words) in &blocks {
        if let ([first, name, ..], true) = (&words[..], *is_statement)
            && first.text == "macro"
        {
            own.insert(name.text.clone());
        }
        for pair in words.windows(2) {
            // Names that the template gives to values may be called if they are namespaces or loops;
            // macros may be called anyway.
            if let [word, next] = pair
                && next.text == "="
                && word.kind == Kind::Name
            {
                own.insert(word.text.clone());
            }
        }
    }
    for (is_statement, words) in &blocks {
        judge(words, *is_statement, &own, &mut found);
    }
    found
}

/// Whether a word is a whole number that is no count of anything in a chat.
fn is_large(word: &str) -> bool {
    let digits = word.replace('_', "");
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number && digits.len() > 4 && digits.trim_start_matches('0').len() > 4
}

fn judge(
    words: &[Word],
    is_statement: bool,
    own: &HashSet<String>,
    found: &mut Vec<(&'static Rule, String)>,
) {
    let dangerous = |what: String| (&rule::TEMPLATE_DANGEROUS, what);
    let unknown = |what: String| (&rule::TEMPLATE_UNKNOWN, what);
    if is_statement && let Some(first) = words.first() {
        if LOADS.contains(&first.text.as_str()) {
            found.push(dangerous(format!("the statement `{}`", first.text)));
        } else if !STATEMENTS.contains(&first.text.as_str()) {
            found.push(unknown(format!("the statement `{}`", first.text)));
        }
    }
    for (at, word) in words.iter().enumerate() {
        let before = at
            .checked_sub(1)
            .and_then(|at| words.get(at))
            .map_or("", |word| word.text.as_str());
        let after = words.get(at + 1).map_or("", |word| word.text.as_str());
        let text = word.text.as_str();
        // Chats count messages, not to ten thousand.
        let is_power = text == "*" && after == "*";
        if word.kind == Kind::Other && (is_power || is_large(text)) {
            found.push(unknown(
                "numbers that make an answer without end".to_owned(),
            ));
        }
        match word.kind {
            Kind::Text => {
                let is_member = before == "["
                    || after == "]"
                    || before == "~"
                    || before == "+"
                    || after == "~"
                    || after == "+";
                if text.contains("__") && is_insides(text) {
                    found.push(dangerous(format!("the text `{text}`")));
                } else if (text.starts_with("__") || text == "_" || text.ends_with("__"))
                    && is_member
                    && is_in_brackets(words, at)
                {
                    found.push(dangerous("a member whose name is put together".to_owned()));
                } else if text.contains("{0.") || text.contains("{.__") {
                    found.push(dangerous("a format that reads members".to_owned()));
                } else if let Some(why) = put_together(words, at) {
                    found.push(unknown(why.to_owned()));
                }
            }
            Kind::Name if before == "|" => {
                if text == "attr" {
                    found.push(dangerous("the filter `attr`".to_owned()));
                } else if !FILTERS.contains(&text) {
                    found.push(unknown(format!("the filter `{text}`")));
                }
            }
            Kind::Name if before == "." => {
                if text.starts_with('_') || INSIDES.contains(&text) {
                    found.push(dangerous(format!("the member `{text}`")));
                } else if after == "(" && text == "format" {
                    found.push(unknown("the method `format`".to_owned()));
                } else if after == "(" && !METHODS.contains(&text) && !own.contains(text) {
                    found.push(unknown(format!("the method `{text}`")));
                }
            }
            Kind::Name => {
                if (text.starts_with("__") && text.ends_with("__"))
                    || GLOBALS_DANGEROUS.contains(&text) && !own.contains(text)
                {
                    found.push(dangerous(format!("the name `{text}`")));
                } else if after == "("
                    && !FUNCTIONS.contains(&text)
                    && !own.contains(text)
                    && !KEYWORDS.contains(&text)
                {
                    found.push(unknown(format!("the function `{text}`")));
                }
            }
            Kind::Other if text == "[" && is_member_of_constant(words, at) => {
                found.push(dangerous(
                    "a member of a constant by a computed name".to_owned(),
                ));
            }
            Kind::Other => {}
        }
    }
}

/// Why a text looks like a part of a name that is put together elsewhere.
fn put_together(words: &[Word], at: usize) -> Option<&'static str> {
    let text = words.get(at)?.text.as_str();
    let word = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
    let before = at.checked_sub(1).map_or("", word);
    let first = at.checked_sub(2).map_or("", word);
    if before == "(" && matches!(first, "map" | "select" | "reject") && text == "attr" {
        return Some("a filter that reads members by name");
    }
    if text == "_" || text.contains("%c") {
        return Some("a text of which names are put together");
    }
    let is_edge = text.starts_with("__") || text.ends_with("__");
    if is_edge && text.chars().any(char::is_alphanumeric) {
        return Some("a text that begins or ends as names of Python do");
    }
    let changes = |word: &str| matches!(word, "+" | "~" | "*" | "%" | "|");
    let is_changed = changes(before) || changes(word(at + 1)) || word(at + 1) == ".";
    (is_changed && is_in_brackets(words, at)).then_some("a member by a name that is computed")
}

/// Whether brackets choose a member of a text or of an empty tuple, list or dict, by more than a
/// number.
fn is_member_of_constant(words: &[Word], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| words.get(at));
    let is_empty = match (before(2), before(1)) {
        (Some(open), Some(close)) => {
            matches!((open.text.as_str(), close.text.as_str()), ("(", ")") | ("{", "}"))
                // `f()[0]` is a member of what a call gives.
                && !before(3).is_some_and(|word| word.kind != Kind::Other)
        }
        _ => false,
    };
    let is_text = before(1).is_some_and(|word| word.kind == Kind::Text);
    let inner = words.get(at + 1..).unwrap_or_default().iter();
    let mut inner = inner.take_while(|word| word.text != "]").take(NEAR);
    (is_text || is_empty) && inner.any(|word| word.kind != Kind::Other)
}

/// Whether a word stands in brackets that choose a member, and not in a list.
fn is_in_brackets(words: &[Word], at: usize) -> bool {
    let mut depth = 0_i32;
    for place in (0..at).rev().take(NEAR) {
        match words.get(place).map(|word| word.text.as_str()) {
            Some("]" | ")") => depth += 1,
            Some("(") => depth -= 1,
            Some("[") if depth > 0 => depth -= 1,
            Some("[") => {
                let before = place.checked_sub(1).and_then(|at| words.get(at));
                return before.is_some_and(|word| {
                    word.kind != Kind::Other && !KEYWORDS.contains(&word.text.as_str())
                        || matches!(word.text.as_str(), ")" | "]")
                });
            }
            _ => {}
        }
    }
    false
}

/// Whether a text names something inside of Python: two underscores on both sides of a word.
fn is_insides(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find("__") {
        let after = rest.get(at + 2..).unwrap_or_default();
        let word: String = after
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        let name = word.trim_matches('_').to_ascii_lowercase();
        if word.len() > 3 && word.ends_with("__") && !name.is_empty() {
            return INSIDES.contains(&name.as_str()) || PYTHON.contains(&name.as_str());
        }
        rest = after;
    }
    false
}

const LOADS: &[&str] = &["extends", "from", "import", "include", "do"];
const STATEMENTS: &[&str] = &[
    "block",
    "break",
    "call",
    "continue",
    "elif",
    "else",
    "endblock",
    "endcall",
    "endfilter",
    "endfor",
    "endgeneration",
    "endif",
    "endmacro",
    "endraw",
    "endset",
    "endwith",
    "filter",
    "for",
    "generation",
    "if",
    "macro",
    "raw",
    "set",
    "with",
];
const KEYWORDS: &[&str] = &[
    "and",
    "elif",
    "else",
    "if",
    "in",
    "is",
    "not",
    "or",
    "recursive",
    "for",
    "set",
    "macro",
    "call",
    "true",
    "false",
    "none",
    "True",
    "False",
    "None",
    "with",
    "filter",
];
const FILTERS: &[&str] = &[
    "abs",
    "batch",
    "bool",
    "capitalize",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "format",
    "from_json",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "wordcount",
];
const METHODS: &[&str] = &[
    "append",
    "capitalize",
    "copy",
    "count",
    "endswith",
    "extend",
    "find",
    "get",
    "index",
    "insert",
    "isdigit",
    "items",
    "join",
    "keys",
    "lower",
    "lstrip",
    "pop",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strftime",
    "strip",
    "title",
    "update",
    "upper",
    "values",
];
const FUNCTIONS: &[&str] = &[
    "caller",
    "cycler",
    "dict",
    "joiner",
    "loop",
    "namespace",
    "raise_exception",
    "range",
    "strftime_now",
];
/// Names that templates of web frameworks have, and what leads from them to everything.
const GLOBALS_DANGEROUS: &[&str] = &[
    "application",
    "app",
    "breakpoint",
    "builtins",
    "compile",
    "config",
    "current_app",
    "eval",
    "exec",
    "g",
    "get_flashed_messages",
    "getattr",
    "globals",
    "importlib",
    "lipsum",
    "locals",
    "open",
    "os",
    "request",
    "self",
    "session",
    "setattr",
    "subprocess",
    "sys",
    "url_for",
    "vars",
];
const INSIDES: &[&str] = &[
    "builtins",
    "co_code",
    "cr_frame",
    "f_builtins",
    "f_globals",
    "f_locals",
    "func_globals",
    "gi_code",
    "gi_frame",
    "im_func",
    "mro",
    "os",
    "popen",
    "subprocess",
    "system",
];
const PYTHON: &[&str] = &[
    "base",
    "bases",
    "call",
    "class",
    "closure",
    "code",
    "delattr",
    "dict",
    "func",
    "getattr",
    "getattribute",
    "getitem",
    "globals",
    "import",
    "init",
    "loader",
    "module",
    "mro",
    "new",
    "reduce",
    "reduce_ex",
    "self",
    "setattr",
    "spec",
    "subclasses",
    "wrapped",
];
