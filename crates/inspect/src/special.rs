// SPDX-License-Identifier: Apache-2.0
//! Special categories of personal data (GDPR article 9) other than health: a word for a faith, an
//! origin, a union, an orientation, a trait of the body or a party, said of somebody.
//!
//! The words are `rules/special.words`. Only a sentence that has a word of a category is read
//! at all.

mod heads;
mod sentence;
mod words;

use std::ops::Range;

use casemate_types::{Finding, FindingKind};

use heads::{Heads, Seen};
use sentence::Sentence;
use words::{Grammar, How};

/// Bytes before a record's line in which there must be a sign of whose record it is.
const RECORD: usize = 300;
/// Words of categories before a value among which its heading is looked for: the same word may be one
/// of several categories.
const SAME: usize = 4;
/// Bytes between a heading and what it is the heading of.
const HEADING: usize = 12;

/// The words of the categories and of the sentences around them.
#[derive(Debug)]
pub(crate) struct Special {
    heads: Heads,
    grammar: Grammar,
}

impl Special {
    /// Reads the words.
    pub(crate) fn new() -> Result<Self, String> {
        let (heads, grammar) = words::read(include_str!("../rules/special.words"))?;
        Ok(Self { heads, grammar })
    }

    /// What is said of somebody, in the order of the text and beside what else was `found` in it,
    /// which is in the order of the text and without overlaps.
    pub(crate) fn find(&self, text: &str, found: &[Finding]) -> Vec<Finding> {
        let seen = self.heads.seen(text);
        if seen.is_empty() {
            return Vec::new();
        }
        let names: Vec<_> = found
            .iter()
            .filter(|one| one.kind == FindingKind::Person)
            .map(|one| one.span.clone())
            .collect();
        let mut all: Vec<Finding> = Vec::new();
        let mut sentence = Sentence::default();
        for (at, one) in seen.iter().enumerate() {
            if !sentence.holds(&one.span) {
                sentence = Sentence::around(text, &one.span, &names, &self.grammar);
            }
            let before = seen[at.saturating_sub(SAME)..at].iter().rev();
            let mut heading = before.filter(|label| is_heading(text, label, one));
            let headed = heading.next().is_some();
            let score = self.score(text, one, headed, &sentence, &names);
            all.extend(score.map(|score| finding(one, score)));
        }
        // A gateway replaces what was found, and nothing can be replaced twice.
        all.dedup_by(|later, one| later.span.start < one.span.end);
        all.retain(|one| is_free(&one.span, found));
        all
    }

    /// How certain it is that a word of a category is said of somebody, if it may be.
    fn score(
        &self,
        text: &str,
        seen: &Seen<'_>,
        headed: bool,
        sentence: &Sentence,
        names: &[Range<usize>],
    ) -> Option<f32> {
        let how = |wanted: How| seen.category.hows.contains(&wanted);
        let told = (how(How::Is) && sentence.is(&seen.span))
            || (how(How::Of) && sentence.of(&seen.span))
            || (how(How::Said) && sentence.says(&seen.span));
        if told {
            return Some(0.9);
        }
        if how(How::Trace) && sentence.is_trace(&seen.span) {
            return Some(0.8);
        }
        let value = !how(How::Trace) && seen.category.hows != [How::Label];
        (headed && value && self.is_record(text, seen.span.start, names)).then_some(0.85)
    }

    /// Whether somebody's record stands before `at`.
    fn is_record(&self, text: &str, at: usize, names: &[Range<usize>]) -> bool {
        let from = text.floor_char_boundary(at.saturating_sub(RECORD));
        let next = names.partition_point(|name| name.end <= from);
        names.get(next).is_some_and(|name| name.start < at)
            || self
                .grammar
                .has_record(text.get(from..at).unwrap_or_default())
    }
}

/// Whether nothing that was found stands where `span` is, but names within it.
fn is_free(span: &Range<usize>, found: &[Finding]) -> bool {
    let next = found.partition_point(|other| other.span.end <= span.start);
    found
        .iter()
        .skip(next)
        .take_while(|other| other.span.start < span.end)
        .all(|other| is_name_in(other, span))
}

/// Whether a finding is a name, and no more than a part of `span`: `Islam` is nobody's.
fn is_name_in(found: &Finding, span: &Range<usize>) -> bool {
    let name = matches!(found.kind, FindingKind::Address | FindingKind::Person);
    name && span.start <= found.span.start && found.span.end <= span.end
}

/// Leaves out names that are parts of what is said of somebody. Both are in the order of the text.
pub(crate) fn without_names_in(found: &mut Vec<Finding>, said: &[Finding]) {
    found.retain(|one| {
        let next = said.partition_point(|other| other.span.end <= one.span.start);
        said.get(next)
            .is_none_or(|other| !is_name_in(one, &other.span))
    });
}

/// Whether `label` is a heading of `value`: `Religion: Catholic`, `"religion": "Catholic"`.
fn is_heading(text: &str, label: &Seen<'_>, value: &Seen<'_>) -> bool {
    let same = label.category.kind == value.category.kind;
    let Some(between) = text.get(label.span.end..value.span.start) else {
        return false;
    };
    let signs = |sign: char| sign.is_whitespace() || "\"':=|>,;*_-".contains(sign);
    same && label.category.hows.contains(&How::Label)
        && between.len() <= HEADING
        && between.contains([':', '=', '|', '\t', '>'])
        && between.chars().all(signs)
}

fn finding(seen: &Seen<'_>, score: f32) -> Finding {
    Finding {
        kind: seen.category.kind,
        span: seen.span.clone(),
        rule: seen.category.rule(),
        score,
    }
}
