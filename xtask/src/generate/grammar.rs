// SPDX-License-Identifier: Apache-2.0
//! Grammar files: sections of alternatives that refer to one another; see
//! `crates/inspect/training/injection/README.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::random::Random;

/// A piece of an alternative.
#[derive(Debug, Clone)]
enum Piece {
    Choice(Vec<Vec<Piece>>),
    Payload,
    Reference(String),
    Text(String),
}

/// A section with what stands behind its name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    pub(crate) attributes: BTreeMap<String, String>,
    alternatives: Vec<Vec<Piece>>,
}

/// One file, with the shared sections it may refer to.
#[derive(Debug, Clone)]
pub(crate) struct Grammar {
    sections: BTreeMap<String, Section>,
}

impl Grammar {
    /// Reads a file over the sections of another.
    pub(crate) fn read(path: &Path, shared: Option<&Self>) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let own = parse(&text).with_context(|| format!("in {}", path.display()))?;
        let mut sections = shared
            .map(|grammar| grammar.sections.clone())
            .unwrap_or_default();
        sections.extend(own);
        let grammar = Self { sections };
        grammar
            .check()
            .with_context(|| format!("in {}", path.display()))?;
        Ok(grammar)
    }

    /// Sections whose names begin so, in order.
    pub(crate) fn sections(&self, head: &str) -> impl Iterator<Item = (&str, &Section)> {
        let named = self
            .sections
            .iter()
            .map(|(name, section)| (name.as_str(), section));
        named.filter(move |(name, _)| name.starts_with(head))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.sections.contains_key(name)
    }

    /// A random expansion; `payload` stands where the carrier has room for one.
    pub(crate) fn expand(&self, name: &str, random: &mut Random, payload: &str) -> String {
        let mut out = String::new();
        self.into(name, random, payload, &mut out);
        out
    }

    fn into(&self, name: &str, random: &mut Random, payload: &str, out: &mut String) {
        if let Some(section) = self.sections.get(name) {
            let at = random.below(section.alternatives.len());
            self.pieces(&section.alternatives[at], random, payload, out);
        }
    }

    fn pieces(&self, pieces: &[Piece], random: &mut Random, payload: &str, out: &mut String) {
        for piece in pieces {
            match piece {
                Piece::Choice(choices) => {
                    let at = random.below(choices.len());
                    self.pieces(&choices[at], random, payload, out);
                }
                Piece::Payload => out.push_str(payload),
                Piece::Reference(name) => self.into(name, random, payload, out),
                Piece::Text(text) => out.push_str(text),
            }
        }
    }

    /// Every reference leads somewhere, and none in a circle.
    fn check(&self) -> Result<()> {
        let mut done = BTreeSet::new();
        for name in self.sections.keys() {
            self.descend(name, &mut Vec::new(), &mut done)?;
        }
        Ok(())
    }

    fn descend<'a>(
        &'a self,
        name: &'a str,
        open: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Result<()> {
        if done.contains(name) {
            return Ok(());
        }
        ensure!(!open.contains(&name), "section `{name}` refers to itself");
        let section = self
            .sections
            .get(name)
            .with_context(|| format!("there is no section `{name}`"))?;
        ensure!(
            !section.alternatives.is_empty(),
            "section `{name}` is empty"
        );
        open.push(name);
        for reference in section
            .alternatives
            .iter()
            .flat_map(|pieces| references(pieces))
        {
            self.descend(reference, open, done)?;
        }
        open.pop();
        done.insert(name);
        Ok(())
    }
}

fn references(pieces: &[Piece]) -> Vec<&str> {
    let mut found = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Reference(name) => found.push(name.as_str()),
            Piece::Choice(choices) => {
                found.extend(choices.iter().flat_map(|choice| references(choice)));
            }
            Piece::Payload | Piece::Text(_) => {}
        }
    }
    found
}

fn parse(text: &str) -> Result<BTreeMap<String, Section>> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut current: Option<String> = None;
    let mut block: Option<Vec<&str>> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let place = || format!("line {number}");
        if let Some(lines) = &mut block {
            if line.trim() == ">>>" {
                let whole = lines.join("\n");
                block = None;
                add(&mut sections, current.as_deref(), &whole).with_context(place)?;
            } else {
                lines.push(line);
            }
        } else if let Some(head) = line.strip_prefix("== ") {
            let mut words = head.split_whitespace();
            let name = words.next().with_context(place)?.to_owned();
            let section = sections.entry(name.clone()).or_default();
            for word in words {
                let (key, value) = word.split_once('=').with_context(place)?;
                section.attributes.insert(key.to_owned(), value.to_owned());
            }
            current = Some(name);
        } else if line.trim() == "<<<" {
            block = Some(Vec::new());
        } else if !(line.trim().is_empty() || line == "#" || line.starts_with("# ")) {
            let line = line.replace("\\n", "\n").replace("\\t", "\t");
            add(&mut sections, current.as_deref(), &line).with_context(place)?;
        }
    }
    ensure!(block.is_none(), "a block is not closed");
    Ok(sections)
}

fn add(sections: &mut BTreeMap<String, Section>, name: Option<&str>, text: &str) -> Result<()> {
    let name = name.context("text before the first section")?;
    let pieces = pieces(&text.chars().collect::<Vec<_>>())?;
    if let Some(section) = sections.get_mut(name) {
        section.alternatives.push(pieces);
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    let first = text.chars().next();
    first.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
}

/// Cuts an alternative into pieces.
fn pieces(text: &[char]) -> Result<Vec<Piece>> {
    let mut out = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(&['{', '{']) || rest.starts_with(&['}', '}']) {
            plain.push(rest[0]);
            at += 2;
        } else if rest[0] == '}' {
            bail!("a bracket is closed that was not opened");
        } else if rest[0] == '{' {
            if !plain.is_empty() {
                out.push(Piece::Text(std::mem::take(&mut plain)));
            }
            let (piece, length) = bracket(rest)?;
            out.push(piece);
            at += length;
        } else {
            plain.push(rest[0]);
            at += 1;
        }
    }
    if !plain.is_empty() {
        out.push(Piece::Text(plain));
    }
    Ok(out)
}

/// What stands in brackets: a reference, the payload, or a choice.
fn bracket(text: &[char]) -> Result<(Piece, usize)> {
    // A reference is read first: `{x}}}` is one and a literal bracket.
    if let Some(end) = text.iter().position(|c| *c == '}') {
        let inside: String = text[1..end].iter().collect();
        if inside == "PAYLOAD" {
            return Ok((Piece::Payload, end + 1));
        }
        if is_name(&inside) {
            return Ok((Piece::Reference(inside), end + 1));
        }
    }
    let (mut depth, mut at, mut from) = (1, 1, 1);
    let mut choices = Vec::new();
    loop {
        let rest = text.get(at..).filter(|rest| !rest.is_empty());
        let rest = rest.context("a bracket is not closed")?;
        if rest.starts_with(&['{', '{']) || (depth == 1 && rest.starts_with(&['}', '}'])) {
            at += 2;
            continue;
        }
        match rest[0] {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    choices.push(pieces(&text[from..at])?);
                    break;
                }
            }
            '|' if depth == 1 => {
                choices.push(pieces(&text[from..at])?);
                from = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    ensure!(
        choices.len() > 1,
        "a bracket is neither a reference nor a choice"
    );
    Ok((Piece::Choice(choices), at + 1))
}
