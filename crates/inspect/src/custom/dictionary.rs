// SPDX-License-Identifier: Apache-2.0
//! Words and phrases as they are: code names of projects, names of products that nobody knows yet.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::CustomError;

/// Entries.
const MOST: usize = 100_000;
/// Bytes of an entry; also bounds how many entries can end at one place.
const LONGEST: usize = 200;
/// Bytes of all entries.
const BYTES: usize = 4 << 20;
/// Entries up to which speed is worth the memory of a table for each state.
const FEW: usize = 500;

/// A word list: one word or phrase a line.
#[derive(Debug)]
pub struct Dictionary {
    automaton: AhoCorasick,
    part_of_word: bool,
}

impl Dictionary {
    /// Reads a list. Lines that are empty or begin with `#` say nothing but:
    ///
    /// - `#! case-sensitive`: capitals must stand as in the list,
    /// - `#! part-of-word`: what is joined to letters and digits counts too.
    ///
    /// # Errors
    /// [`CustomError::Empty`] for a list without entries, [`CustomError::TooMuch`] for more than
    /// 100,000 entries, 4 MiB, or an entry of more than 200 bytes, [`CustomError::Damaged`] for a
    /// line with `#!` that says something else.
    pub fn read(list: &str) -> Result<Self, CustomError> {
        let (mut exact_case, mut part_of_word) = (false, false);
        let mut entries = Vec::new();
        // What some programs write in front of UTF-8.
        let list = list.strip_prefix('\u{feff}').unwrap_or(list);
        for line in list.lines().map(str::trim) {
            match line.strip_prefix("#!").map(str::trim) {
                Some("case-sensitive") => exact_case = true,
                Some("part-of-word") => part_of_word = true,
                Some(_) => return Err(CustomError::Damaged),
                None if line.is_empty() || line.starts_with('#') => {}
                None => entries.push(line),
            }
        }
        let bytes: usize = entries.iter().map(|entry| entry.len()).sum();
        let longest = entries.iter().map(|entry| entry.len()).max();
        if entries.len() > MOST || bytes > BYTES || longest > Some(LONGEST) {
            return Err(CustomError::TooMuch);
        }
        if entries.is_empty() {
            return Err(CustomError::Empty);
        }
        let automaton = automaton(&entries, exact_case).map_err(|_| CustomError::TooMuch)?;
        Ok(Self {
            automaton,
            part_of_word,
        })
    }

    /// Where entries stand, in the order of the text; of those that overlap the first, and of those
    /// that begin together the longest.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut spans: Vec<_> = self
            .automaton
            .find_overlapping_iter(text)
            .map(|hit| hit.range())
            .filter(|span| self.part_of_word || is_whole(text, span))
            .collect();
        spans.sort_unstable_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        let mut end = 0;
        spans.retain(|span| {
            let free = span.start >= end;
            if free {
                end = span.end;
            }
            free
        });
        spans
    }
}

fn automaton(entries: &[&str], exact_case: bool) -> Result<AhoCorasick, aho_corasick::BuildError> {
    let mut patterns: Vec<String> = Vec::with_capacity(entries.len());
    for entry in entries {
        patterns.push((*entry).to_owned());
        // The automaton knows capitals of ASCII only.
        if !exact_case && !entry.is_ascii() {
            patterns.extend([entry.to_lowercase(), entry.to_uppercase()]);
        }
    }
    let kind = match patterns.len() <= FEW {
        true => AhoCorasickKind::DFA,
        false => AhoCorasickKind::ContiguousNFA,
    };
    AhoCorasick::builder()
        .kind(Some(kind))
        .ascii_case_insensitive(!exact_case)
        .build(patterns)
}

/// Whether no letter or digit joins a stretch where it has one itself.
fn is_whole(text: &str, span: &Range<usize>) -> bool {
    let joins = |letter: char| letter.is_alphanumeric() || letter == '_';
    let inside = text.get(span.clone()).unwrap_or_default();
    let before = text
        .get(..span.start)
        .and_then(|text| text.chars().next_back());
    let behind = text.get(span.end..).and_then(|text| text.chars().next());
    let joined = |inner: Option<char>, outer: Option<char>| {
        inner.is_some_and(joins) && outer.is_some_and(joins)
    };
    !joined(inside.chars().next(), before) && !joined(inside.chars().next_back(), behind)
}
