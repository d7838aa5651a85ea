// SPDX-License-Identifier: Apache-2.0
//! The lines of the rule files, and which of them found something.

use std::collections::HashMap;

use casemate_types::{DataClass, Finding, FindingKind};

use super::{Checked, Explanation, RuleText, ScorePart, context_word, meaning};
use crate::{
    rules::{
        check::Check,
        credential, identifier, numbered,
        shape::{Matcher, Memory, Notation, Part, Remembered, Set, Shape},
    },
    secret,
};

/// A line of a rule file.
#[derive(Debug)]
struct Line {
    file: &'static str,
    number: usize,
    shape: &'static str,
    check: &'static str,
    words: &'static str,
    /// The share of chance and whether a word is needed; secrets have none.
    strength: &'static str,
    note: &'static str,
}

/// Lines of rules by their names.
#[derive(Debug)]
pub(super) struct Packs {
    numbers: HashMap<&'static str, Vec<Line>>,
    secrets: HashMap<&'static str, Vec<Line>>,
}

impl Packs {
    pub(super) fn new() -> Self {
        let (mut numbers, mut secrets) = (HashMap::new(), HashMap::new());
        for (number, fields) in numbered(identifier::PACK) {
            if let [name, shape, check, words, strength, note] = fields[..] {
                let lines: &mut Vec<Line> = numbers.entry(name).or_default();
                lines.push(Line {
                    file: "personal.rules",
                    number,
                    shape,
                    check,
                    words,
                    strength,
                    note,
                });
            }
        }
        for (number, fields) in numbered(credential::PACK) {
            if let [name, shape, words, check, note] = fields[..] {
                let lines: &mut Vec<Line> = secrets.entry(name).or_default();
                lines.push(Line {
                    file: "secrets.rules",
                    number,
                    shape,
                    check,
                    words,
                    strength: "",
                    note,
                });
            }
        }
        Self { numbers, secrets }
    }

    /// The lines of a finding's rule; the exact set and addresses have none.
    fn lines(&self, finding: &Finding) -> &[Line] {
        let pack = match finding.kind.class() {
            DataClass::Secret => &self.secrets,
            _ => &self.numbers,
        };
        pack.get(finding.rule).map_or(&[], Vec::as_slice)
    }

    pub(super) fn rule(&self, finding: &Finding) -> RuleText {
        if let Some(description) = meaning::of_rule(finding.rule) {
            return RuleText {
                description: description.to_owned(),
                address: None,
            };
        }
        let first = self.lines(finding).first();
        if finding.kind.class() == DataClass::Secret
            && let Some(line) = first
        {
            let (text, address) = match line.note.find("https://") {
                Some(at) => (&line.note[..at], Some(&line.note[at..])),
                None => (line.note, None),
            };
            let text = text.trim_end_matches([' ', ';']);
            return RuleText {
                description: text.trim_end_matches("; general knowledge").to_owned(),
                address: address.filter(|text| !text.contains([' ', ';', ','])),
            };
        }
        RuleText {
            description: meaning::of_type(finding.rule, finding.kind),
            address: None,
        }
    }

    /// Which line found it, and what held.
    pub(super) fn explain(&self, text: &str, finding: &Finding, why: &mut Explanation) {
        let secret = finding.kind.class() == DataClass::Secret;
        let found = match secret {
            true => self.secret(text, finding, why),
            false => self.number(text, finding, why),
        };
        match found {
            Some(line) => {
                why.source = Some(format!("{}:{}", line.file, line.number));
            }
            None if secret && finding.rule != secret::KEY_BLOCK => {
                assigned(text, finding, why);
            }
            None => meaning::of_form(finding, why),
        }
        why.words.sort_by_key(|word| (word.distance, word.side));
        why.words.dedup_by(|a, b| a == b);
    }

    /// The line by which a number was found: of those that hold the one that weighs most.
    fn number(&self, text: &str, finding: &Finding, why: &mut Explanation) -> Option<&Line> {
        let mut best: Option<(f32, &Line)> = None;
        let mut words = Vec::new();
        for line in self.lines(finding) {
            let Some(value) = matched(text, finding, line.shape, Notation::Number) else {
                continue;
            };
            if !Check::parse(line.check).is_ok_and(|check| check.passes(value.as_bytes())) {
                continue;
            }
            let near = identifier::words_near(text, finding.span.start, line.words);
            let (share, needs) = line.strength.split_once(' ')?;
            let share = share.trim_start_matches('<').parse().unwrap_or(1.0_f32);
            if near.is_empty() && needs == "yes" {
                continue;
            }
            let weight = -share.max(1e-12).log10() + if near.is_empty() { 0.0 } else { 3.0 };
            if best.is_some_and(|(known, _)| known >= weight) {
                continue;
            }
            best = Some((weight, line));
            words = near;
            why.checks = checks_of(line.check, value);
            why.score = vec![
                ScorePart {
                    part: "chance",
                    value: share,
                    meaning: "share of other numbers of this form that pass too",
                },
                match words.is_empty() {
                    true => ScorePart {
                        part: "alone",
                        value: 0.5,
                        meaning: "no word explains it: half of the chance counts",
                    },
                    false => ScorePart {
                        part: "explained",
                        value: 0.1,
                        meaning: "a word explains it: a tenth of the chance counts",
                    },
                },
            ];
        }
        let (_, line) = best?;
        let explaining = words
            .iter()
            .map(|(word, at)| context_word(text, &finding.span, word, at));
        why.words = explaining.collect();
        Some(line)
    }

    /// The line by which a secret was found.
    fn secret(&self, text: &str, finding: &Finding, why: &mut Explanation) -> Option<&Line> {
        let fits = |line: &&Line| matched(text, finding, line.shape, Notation::Secret).is_some();
        let near = |line: &Line| credential::words_before(text, finding.span.start, line.words);
        // A line that asks for a word cannot have found it without one.
        let line = self
            .lines(finding)
            .iter()
            .filter(fits)
            .find(|line| line.words == "-" || !near(line).is_empty())?;
        let words = near(line);
        let explaining = words
            .iter()
            .map(|(word, at)| context_word(text, &finding.span, word, at));
        why.words = explaining.collect();
        let all: Vec<&str> = line.check.split(',').collect();
        let mut checks: Vec<&str> = all
            .iter()
            .copied()
            // What only raises a weight, and what leaves a check out.
            .filter(|check| !check.starts_with('~') && !["-", "raw"].contains(check))
            .collect();
        if !all.contains(&"raw") {
            checks.push("no_placeholder");
        }
        why.checks = checks.into_iter().map(meaning::checked).collect();
        let literal = Shape::parse(line.shape, Notation::Secret)
            .is_ok_and(|shape| shape.parts.iter().any(is_literal));
        why.score = vec![ScorePart {
            part: "form",
            value: finding.score,
            meaning: match (literal, words.is_empty()) {
                (true, _) if finding.score > 0.9 => "a text that its issuer puts into it",
                (true, _) => "a text around it that says what it is",
                (false, false) => "a form that others have too, and a word that explains it",
                (false, true) => "a form that others have too",
            },
        }];
        Some(line)
    }
}

fn is_literal(part: &Part) -> bool {
    match part {
        Part::Any(texts) => texts.iter().all(|text| text.len() >= 3),
        Part::Literal(text) => text.len() >= 3,
        Part::Class(..) | Part::Gap => false,
    }
}

/// What was found, if it is of this shape as a whole.
fn matched<'a>(
    text: &'a str,
    finding: &Finding,
    shape: &str,
    notation: Notation,
) -> Option<&'a str> {
    let (start, end) = (finding.span.start, finding.span.end);
    let head = text.as_bytes().get(..end)?;
    let shape = Shape::parse(shape, notation).ok()?;
    let mut remembered = Remembered::default();
    let matcher = Matcher::new(&shape, Set::default(), &mut remembered);
    matcher.match_at(head, start, &mut Memory::new(&remembered), |at| at == end)?;
    text.get(start..end)
}

/// The checks of the first alternative that holds.
fn checks_of(check: &'static str, value: &str) -> Vec<Checked> {
    let holds = |text: &str| Check::parse(text).is_ok_and(|check| check.passes(value.as_bytes()));
    let alternative = check.split(" / ").find(|text| holds(text));
    alternative
        .into_iter()
        .flat_map(|text| text.split(" & "))
        .filter(|text| *text != "-")
        .map(|text| meaning::checked(text.trim()))
        .collect()
}

/// A secret by the name that it is assigned to.
fn assigned(text: &str, finding: &Finding, why: &mut Explanation) {
    if finding.kind != FindingKind::Credential {
        return meaning::of_form(finding, why);
    }
    if let Some((word, at)) = credential::name_before(text, finding.span.start) {
        why.words = vec![context_word(text, &finding.span, word, &at)];
    }
    why.checks = vec![
        meaning::checked("value"),
        meaning::checked("no_placeholder"),
    ];
    why.score = vec![ScorePart {
        part: "name",
        value: finding.score,
        meaning: "the name it is assigned to, and nothing else",
    }];
}
