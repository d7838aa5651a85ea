// SPDX-License-Identifier: Apache-2.0
//! Secrets, as `rules/secrets.rules` describes them: by a literal that they have, by a word that
//! explains them, or by the name they are assigned to.

mod assigned;
mod gibberish;
mod read;
mod test;
mod texts;
mod value;
mod words;

pub(crate) use gibberish::Letters;
pub(crate) use words::{name_before, words_before};

use std::cell::OnceCell;

use casemate_types::{Finding, FindingKind};

use super::{
    lines,
    openings::{Openings, opening, places},
    overlap,
    shape::{Matcher, Memory, Remembered, Set, Shape},
};
use assigned::STEMS;
use read::read;
use test::{Test, passes};
use value::{is_placeholder, may_be_secret};
use words::{ByWord, line_before, next_token, words_in};

pub(crate) const PACK: &str = include_str!("../../rules/secrets.rules");
/// Characters before a token in which a word may explain it.
const BEFORE: usize = 60;

/// Texts by which a shape is found.
type Literals = Vec<Box<[u8]>>;

#[derive(Debug)]
struct Rule {
    kind: &'static str,
    finding: FindingKind,
    shape: Shape,
    matcher: Matcher,
    words: Vec<&'static str>,
    /// It has no anchor.
    by_word: bool,
    tests: Vec<Test>,
    /// The placeholder test is left out.
    raw: bool,
    before: Set,
    after: Set,
    /// How far the anchor stands from the beginning, least and most.
    offset: (usize, usize),
    strength: f32,
}

/// What a pattern of the automaton is.
#[derive(Debug, Clone, Copy)]
enum Pattern {
    Anchor(u16),
    Stem,
}

/// All rules.
#[derive(Debug)]
pub(crate) struct Credentials {
    rules: Vec<Rule>,
    remembered: Remembered,
    /// What is looked for everywhere, and what to do where it stands.
    patterns: Vec<(Box<[u8]>, Pattern)>,
    openings: Openings,
    /// Rules without an anchor, by the words that explain them.
    by_word: ByWord,
}

impl Credentials {
    /// Reads the rules.
    ///
    /// # Errors
    /// A text naming the line that is wrong; a test reads the pack that ships.
    pub(crate) fn new() -> Result<Self, String> {
        let mut rules = Vec::new();
        let mut remembered = Remembered::default();
        let mut patterns: Vec<(Box<[u8]>, Pattern)> = Vec::new();
        for fields in lines(PACK) {
            let wrong = |why: String| format!("{}: {why}", fields.join(" | "));
            let number = u16::try_from(rules.len()).map_err(|_| "too many rules".to_owned())?;
            let (rule, anchors) = read(&fields, &mut remembered).map_err(wrong)?;
            patterns.extend(
                anchors
                    .into_iter()
                    .map(|text| (text, Pattern::Anchor(number))),
            );
            rules.push(rule);
        }
        let stems = STEMS
            .iter()
            .map(|stem| (stem.as_bytes().into(), Pattern::Stem));
        patterns.extend(stems);
        Ok(Self {
            openings: openings(&patterns)?,
            by_word: ByWord::new(&rules),
            remembered,
            rules,
            patterns,
        })
    }

    /// Every secret in a text, without overlaps, in its order.
    pub(crate) fn find(&self, text: &str) -> Vec<Finding> {
        let mut search = Search::new(self, text);
        places(
            text.as_bytes(),
            0..text.len(),
            |four| self.openings.may_be(four),
            |start, four| search.at(start, four & 0x00FF_FFFF),
        );
        let (mut found, assigned) = search.finish();
        self.explained(text, &mut found);
        found.extend(assigned);
        strongest(found)
    }

    /// Tokens without a form of their own that a word before them explains.
    fn explained(&self, text: &str, found: &mut Vec<Candidate>) {
        let bytes = text.as_bytes();
        let mut memory = Memory::new(&self.remembered);
        let mut from = 0;
        while let Some(token) = next_token(bytes, from) {
            from = token.end;
            if !bytes[token.clone()].iter().any(u8::is_ascii_digit) {
                continue;
            }
            let (head, line) = line_before(text, token.start);
            for (number, end) in self.by_word.rules_in(head) {
                let between = text.get(line + end..token.start).unwrap_or_default();
                let joined = between.len() <= 3
                    || between.contains(['=', ':', '"', '\''])
                    || between.contains(" is ");
                if !joined || between.len() > BEFORE {
                    continue;
                }
                let rule = &self.rules[usize::from(number)];
                let starts = token.clone().filter(|place| {
                    *place == token.start || !bytes[place - 1].is_ascii_alphanumeric()
                });
                let hit = starts.take(8).find_map(|place| {
                    // What explains the token stands before its first part.
                    let explained = match place == token.start {
                        true => OnceCell::from(true),
                        false => OnceCell::new(),
                    };
                    self.try_rule(text, place, rule, &mut memory, explained)
                });
                found.extend(hit);
            }
        }
    }

    /// Tries a rule at a place; `explained` is whether a word explains it, if that is known.
    fn try_rule(
        &self,
        text: &str,
        start: usize,
        rule: &Rule,
        memory: &mut Memory,
        explained: OnceCell<bool>,
    ) -> Option<Candidate> {
        let bytes = text.as_bytes();
        if !begins(bytes, start, rule) {
            return None;
        }
        let accepts = |end: usize| {
            bytes.get(end).is_none_or(|next| !rule.after.has(*next)) && text.is_char_boundary(end)
        };
        let end = rule.matcher.match_at(bytes, start, memory, accepts)?;
        let token = text.get(start..end)?;
        let classes = rule.shape.classes(bytes, start, end);
        let varied: Vec<u8> = classes
            .iter()
            .flat_map(|(from, upto)| bytes[*from..*upto].iter().copied())
            .collect();
        let has_word = || {
            *explained.get_or_init(|| {
                let (head, _) = line_before(text, start);
                let mut known = false;
                words_in(head, |word, _| {
                    known |= rule.words.iter().any(|own| own.as_bytes() == word);
                });
                known
            })
        };
        if !rule.words.is_empty() && !has_word() {
            return None;
        }
        if !rule.raw && is_placeholder(token, &varied) {
            return None;
        }
        let mut span = start..end;
        for test in &rule.tests {
            if let Test::Value(which) = test {
                let (from, upto) = *classes.get(which - 1)?;
                if !may_be_secret(text.get(from..upto)?) {
                    return None;
                }
                // In a URL only the password is the secret, but what names it goes with it.
                span = start..end;
            } else if !passes(test, token, &varied) {
                return None;
            }
        }
        Some(Candidate {
            strength: rule.strength,
            finding: Finding {
                kind: rule.finding,
                span,
                rule: rule.kind,
                score: if rule.strength >= 2.0 { 0.97 } else { 0.85 },
            },
        })
    }
}

/// Where texts that are looked for everywhere begin.
fn openings(patterns: &[(Box<[u8]>, Pattern)]) -> Result<Openings, String> {
    let mut entries = Vec::new();
    for (which, (text, pattern)) in patterns.iter().enumerate() {
        let which = u16::try_from(which).map_err(|_| "too many literals")?;
        let &[first, second, third, ..] = &**text else {
            return Err("a literal is too short".into());
        };
        match pattern {
            Pattern::Anchor(_) => entries.push((opening(first, second, third), which)),
            // In every case.
            Pattern::Stem => {
                let cases = |byte: u8| [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()];
                for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    let third = cases(third);
                    let opening = |third| opening(cases(first)[a], cases(second)[b], third);
                    entries.extend(third.map(|third| (opening(third), which)));
                }
            }
        }
    }
    Ok(Openings::new(entries))
}

/// A pattern that stands in the text. In the order of their ends, as an automaton finds them: of
/// literals inside another the inner one is tried first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Hit {
    end: usize,
    start: usize,
    pattern: u16,
}

/// One pass over a text.
struct Search<'a> {
    all: &'a Credentials,
    text: &'a str,
    /// Hits behind which one with an earlier end may come.
    open: Vec<Hit>,
    /// What begins in a block of a key is part of it.
    inside: usize,
    found: Vec<Candidate>,
    /// What is assigned to names, by the stems in them.
    assigned: Vec<(Hit, Candidate)>,
    memory: Memory,
}

impl<'a> Search<'a> {
    fn new(all: &'a Credentials, text: &'a str) -> Self {
        Self {
            all,
            text,
            open: Vec::new(),
            inside: 0,
            found: Vec::new(),
            assigned: Vec::new(),
            memory: Memory::new(&all.remembered),
        }
    }

    /// Looks at the patterns that may begin at a place.
    fn at(&mut self, start: usize, opening: u32) {
        let all = self.all;
        let rest = &self.text.as_bytes()[start..];
        for number in all.openings.of(opening) {
            let (literal, pattern) = &all.patterns[usize::from(number)];
            let Some(there) = rest.get(..literal.len()) else {
                continue;
            };
            let hit = Hit {
                end: start + literal.len(),
                start,
                pattern: number,
            };
            match pattern {
                Pattern::Anchor(_) if there == &**literal => self.anchor(hit),
                Pattern::Stem if there.eq_ignore_ascii_case(literal) => self.stem(hit),
                _ => {}
            }
        }
    }

    fn stem(&mut self, hit: Hit) {
        if let Some(one) = assigned::at(self.text, hit.start..hit.end) {
            let candidate = Candidate {
                strength: 0.0,
                finding: Finding {
                    kind: FindingKind::Credential,
                    span: one.span,
                    rule: one.kind,
                    score: 0.8,
                },
            };
            self.assigned.push((hit, candidate));
        }
    }

    fn anchor(&mut self, hit: Hit) {
        if self
            .open
            .first()
            .is_some_and(|first| first.end <= hit.start)
        {
            self.close(hit.start);
        }
        let place = self.open.partition_point(|other| *other < hit);
        self.open.insert(place, hit);
    }

    /// Tries what ends at `upto` or before.
    fn close(&mut self, upto: usize) {
        let count = self.open.partition_point(|hit| hit.end <= upto);
        for at in 0..count {
            self.try_anchor(self.open[at]);
        }
        self.open.drain(..count);
    }

    fn try_anchor(&mut self, hit: Hit) {
        let all = self.all;
        let Pattern::Anchor(number) = all.patterns[usize::from(hit.pattern)].1 else {
            return;
        };
        if hit.start < self.inside {
            return;
        }
        let rule = &all.rules[usize::from(number)];
        let (least, most) = rule.offset;
        let starts = (least..=most).map_while(|back| hit.start.checked_sub(back));
        let candidate = starts.into_iter().find_map(|start| {
            all.try_rule(self.text, start, rule, &mut self.memory, OnceCell::new())
        });
        if let Some(candidate) = candidate {
            if candidate.finding.kind == FindingKind::PrivateKey {
                self.inside = candidate.finding.span.end;
            }
            self.found.push(candidate);
        }
    }

    /// What has a form of its own, and what is assigned.
    fn finish(mut self) -> (Vec<Candidate>, impl Iterator<Item = Candidate>) {
        self.close(usize::MAX);
        self.assigned.sort_by_key(|(hit, _)| *hit);
        let assigned = self.assigned.into_iter().map(|(_, candidate)| candidate);
        (self.found, assigned)
    }
}

struct Candidate {
    strength: f32,
    finding: Finding,
}

/// Of secrets that overlap the one with the stronger form, then the longer.
fn strongest(found: Vec<Candidate>) -> Vec<Finding> {
    let strongest = overlap::strongest(
        found,
        |candidate| &candidate.finding.span,
        |a, b| {
            b.strength
                .total_cmp(&a.strength)
                .then(b.finding.span.len().cmp(&a.finding.span.len()))
                .then(a.finding.span.start.cmp(&b.finding.span.start))
        },
    );
    let findings = strongest.into_iter().map(|candidate| candidate.finding);
    findings.collect()
}

/// Whether nothing before a token makes it the middle of a longer one. An escape such as `\n` or
/// `%3D` before it is no part of it.
fn begins(bytes: &[u8], start: usize, rule: &Rule) -> bool {
    let head = &bytes[..start];
    let Some(last) = head.last() else {
        return true;
    };
    let escape = match head {
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., b'%', high, low] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    };
    escape || !rule.before.has(*last)
}

#[cfg(test)]
mod tests;
