// SPDX-License-Identifier: Apache-2.0
//! Graphs that were written as text: words, texts in either quotes and brackets, however they are laid out.

use std::collections::HashSet;

use crate::{place::Place, rule, scan::Scan};

/// Words of one text that are kept.
const MOST: usize = 8_000_000;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word<'a> {
    Name(&'a str),
    /// Without quotes and escapes; those that stand beside each other are one.
    Text(String),
    Sign(char),
}

/// Reads the operators of a graph that was written as text.
pub(crate) fn scan(scan: &mut Scan<'_>, text: &str, place: &Place) {
    if !may_be_graph(text) {
        return;
    }
    let words = words(text);
    if words.len() < MOST && !is_graph(&words) {
        return;
    }
    scan.format("tensorflow-graph");
    if words.len() >= MOST {
        let why = "more words than are read of a graph".to_owned();
        scan.found(&rule::PROTOBUF_MALFORMED, place.whole(), why);
    }
    let own = functions(&words);
    let operators: HashSet<&str> = values(&words, "op").collect();
    let prints = operators.contains("PrintV2");
    let mut operators: Vec<&str> = operators.into_iter().collect();
    operators.sort_unstable();
    for operator in operators {
        super::judge(scan, operator, &own, place);
    }
    let is_file = |word: &Word<'_>| matches!(word, Word::Text(text) if text.contains("file://"));
    if prints && words.iter().any(is_file) {
        let why = "the operator `PrintV2` writes to a file".to_owned();
        scan.found(&rule::TENSORFLOW_OPERATOR, place.whole(), why);
    }
}

/// Whether a node stands somewhere that could be a message; this asks without keeping any words.
fn may_be_graph(text: &str) -> bool {
    let mut found = text.match_indices("node");
    found.any(|(at, node)| {
        let behind = text.get(at + node.len()..).unwrap_or_default();
        let behind = behind.strip_prefix("_def").unwrap_or(behind);
        behind.trim_start().starts_with([':', '{', '<', '#'])
    })
}

/// Whether there is a node, as a message.
fn is_graph(words: &[Word<'_>]) -> bool {
    words.iter().enumerate().any(|(at, word)| {
        let is_node = matches!(word, Word::Name("node" | "node_def"));
        let behind = words.get(at + 1..).unwrap_or_default();
        is_node
            && matches!(
                behind,
                [Word::Sign(':'), Word::Sign('{' | '<' | '['), ..] | [Word::Sign('{' | '<'), ..]
            )
    })
}

/// Texts of all fields of a name.
fn values<'a>(words: &'a [Word<'_>], name: &'a str) -> impl Iterator<Item = &'a str> {
    words.iter().enumerate().filter_map(move |(at, word)| {
        if *word != Word::Name(name) {
            return None;
        }
        match words.get(at + 1..)? {
            [Word::Sign(':'), Word::Text(text), ..] | [Word::Text(text), ..] => Some(text.as_str()),
            _ => None,
        }
    })
}

/// Names of the functions that the graph brings with it: those right in a `signature`.
fn functions(words: &[Word<'_>]) -> HashSet<String> {
    let mut names = HashSet::new();
    let mut open: Vec<bool> = Vec::new();
    let mut last = "";
    for (at, word) in words.iter().enumerate() {
        match word {
            Word::Name(name) => {
                last = name;
                let value = match words.get(at + 1..).unwrap_or_default() {
                    [Word::Sign(':'), Word::Text(text), ..] => text,
                    _ => continue,
                };
                if *name == "name" && open.last() == Some(&true) {
                    names.insert(value.clone());
                }
            }
            Word::Sign('{' | '<') => open.push(last == "signature"),
            Word::Sign('}' | '>') => drop(open.pop()),
            _ => {}
        }
    }
    names
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next().filter(|_| words.len() < MOST) {
        if first == '#' {
            let end = rest.find('\n').unwrap_or(rest.len());
            rest = rest.get(end..).unwrap_or_default();
        } else if matches!(first, '"' | '\'') {
            let (text, behind) = quoted(rest, first);
            match words.last_mut() {
                Some(Word::Text(before)) => before.push_str(&text),
                _ => words.push(Word::Text(text)),
            }
            rest = behind;
        } else if first.is_ascii_alphanumeric() || first == '_' {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let (name, behind) = rest.split_at(end);
            words.push(Word::Name(name));
            rest = behind;
        } else {
            if !first.is_whitespace() {
                words.push(Word::Sign(first));
            }
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    words
}

/// A text with its escapes undone, and what stands behind it. Lines end it as well.
fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut out = String::new();
    let mut rest = text.get(1..).unwrap_or_default();
    while let Some(c) = rest.chars().next() {
        if c == '\n' {
            break;
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        if c == quote {
            break;
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(kind) = rest.chars().next().filter(|kind| *kind != '\n') else {
            break;
        };
        // Numbers of bytes: eight and sixteen to a digit; of characters: always as many digits.
        let (skip, radix, most) = match kind {
            '0'..='7' => (0, 8, 3),
            'x' | 'X' => (1, 16, 2),
            'u' => (1, 16, 4),
            'U' => (1, 16, 8),
            _ => (1, 0, 0),
        };
        rest = rest.get(skip * kind.len_utf8()..).unwrap_or_default();
        if radix == 0 {
            out.push(kind);
            continue;
        }
        let digits = rest.chars().take(most).take_while(|c| c.is_digit(radix));
        let (digits, behind) = rest.split_at(digits.count());
        let code = u32::from_str_radix(digits, radix).ok();
        out.extend(code.and_then(char::from_u32));
        rest = behind;
    }
    (out, rest)
}
