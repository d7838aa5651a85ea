// SPDX-License-Identifier: Apache-2.0
//! Words that explain tokens: the parts of names before them, and what rules they lead to.

use std::ops::Range;

use super::{
    super::{
        openings::{Openings, opening},
        place::{BLOCK, back, mask},
    },
    BEFORE, Rule, STEMS,
};

/// The shortest token that only a word explains.
const SHORTEST: usize = 16;
/// Parts of a name that may be one word of a list together.
const JOINED: usize = 4;

/// What tokens that only words explain are made of.
#[inline]
const fn is_token(byte: u8) -> bool {
    // From the dash on stand `-./` and the digits.
    byte.wrapping_sub(b'-') <= b'9' - b'-'
        || byte.is_ascii_alphabetic()
        || matches!(byte, b'+' | b'_' | b'~')
}

/// The next token that is long enough. `from` is the beginning of the text or behind a token.
pub(super) fn next_token(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let mut at = from;
    // So many bytes of a token stand before.
    let mut before = 0;
    loop {
        if at >= bytes.len() {
            return None;
        }
        let token = mask(bytes, at, is_token);
        if before + token.trailing_ones() as usize >= SHORTEST {
            let start = at - before;
            let more = bytes[start + SHORTEST..].iter();
            let more = more.take_while(|byte| is_token(**byte)).count();
            return Some(start..start + SHORTEST + more);
        }
        if let Some(place) = run_in(token) {
            at += place;
            before = 0;
            continue;
        }
        before = token.leading_ones() as usize;
        at += BLOCK;
    }
}

/// Where as many bits as the shortest token has bytes stand together first.
fn run_in(bits: u64) -> Option<usize> {
    let two = bits & bits >> 1;
    let four = two & two >> 2;
    let eight = four & four >> 4;
    let sixteen = eight & eight >> 8;
    (sixteen != 0).then(|| sixteen.trailing_zeros() as usize)
}

/// Rules by the words that explain them.
#[derive(Debug)]
pub(super) struct ByWord {
    words: Vec<(&'static str, Vec<u16>)>,
    openings: Openings,
}

impl ByWord {
    /// Of rules that only words lead to.
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut words: Vec<(&'static str, Vec<u16>)> = Vec::new();
        for (number, rule) in (0_u16..).zip(rules).filter(|(_, rule)| rule.by_word) {
            for word in &rule.words {
                match words.iter_mut().find(|(known, _)| known == word) {
                    Some((_, numbers)) => numbers.push(number),
                    None => words.push((*word, vec![number])),
                }
            }
        }
        let entries = (0_u16..).zip(&words);
        let entries = entries.map(|(which, (word, _))| (opening_of(word.as_bytes()), which));
        Self {
            openings: Openings::new(entries.collect()),
            words,
        }
    }

    fn of(&self, word: &[u8]) -> Option<&[u16]> {
        let opening = opening_of(word);
        if !self.openings.may_be(opening) {
            return None;
        }
        let mut alike = self.openings.of(opening);
        let which = alike.find(|which| self.words[usize::from(*which)].0.as_bytes() == word)?;
        Some(&self.words[usize::from(which)].1)
    }

    /// Rules that a word of a text explains, and where the word first ends.
    pub(super) fn rules_in(&self, text: &str) -> Vec<(u16, usize)> {
        let mut found = Vec::new();
        words_in(text, |word, span| {
            let rules = self.of(word).unwrap_or_default();
            found.extend(rules.iter().map(|rule| (*rule, span.end)));
        });
        found.sort_unstable();
        found.dedup_by_key(|(rule, _)| *rule);
        found
    }
}

fn opening_of(word: &[u8]) -> u32 {
    let byte = |at: usize| word.get(at).copied().unwrap_or(0);
    opening(byte(0), byte(1), byte(2))
}

/// The line before a place, as far as words in it count, and where it begins.
pub(super) fn line_before(text: &str, at: usize) -> (&str, usize) {
    let head = text.get(..at).unwrap_or_default();
    let near = back(text, at, BEFORE);
    // Only what is near: a line may have no end.
    let line = head.get(near..).unwrap_or_default();
    let from = line.rfind('\n').map_or(near, |at| near + at + 1);
    (head.get(from..).unwrap_or_default(), from)
}

/// The parts of names in a text: cut at everything that is no letter or digit and at changes of
/// case; a digit belongs to the part before it.
pub(super) fn parts(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let other = |byte: &u8| !byte.is_ascii_alphanumeric();
        at += bytes[at..].iter().take_while(|byte| other(byte)).count();
        let start = at;
        at = part_end(bytes, start);
        (at > start).then_some(start..at)
    })
}

/// Where the part of a name that begins at a letter or digit ends.
fn part_end(bytes: &[u8], start: usize) -> usize {
    let run = |from: usize, is: fn(&u8) -> bool| {
        from + bytes[from..].iter().take_while(|byte| is(byte)).count()
    };
    let upper = run(start, u8::is_ascii_uppercase);
    let lower = run(upper, u8::is_ascii_lowercase);
    let letters = match (upper - start, lower > upper) {
        // The last capital of a row begins the next part.
        (2.., true) => upper - 1,
        _ => lower,
    };
    run(letters, u8::is_ascii_digit)
}

/// Words that the parts of a text make alone and together, in lower case, with where they stand.
pub(super) fn words_in(text: &str, mut tell: impl FnMut(&[u8], Range<usize>)) {
    let parts: Vec<Range<usize>> = parts(text).collect();
    let mut word = Vec::new();
    for from in 0..parts.len() {
        word.clear();
        let mut end: Option<usize> = None;
        for part in parts.iter().skip(from).take(JOINED) {
            let gap = end.map(|end| text.get(end..part.start).unwrap_or_default());
            if gap.is_some_and(|gap| !matches!(gap, "" | "_" | "-" | "." | " ")) {
                break;
            }
            word.extend(
                text.as_bytes()[part.clone()]
                    .iter()
                    .map(u8::to_ascii_lowercase),
            );
            end = Some(part.end);
            tell(&word, parts[from].start..part.end);
        }
    }
}

/// The words of a rule that explain a token at `at`, where they stand. For explanations.
pub(crate) fn words_before(
    text: &str,
    at: usize,
    words: &'static str,
) -> Vec<(&'static str, Range<usize>)> {
    let (head, from) = line_before(text, at);
    let mut found = Vec::new();
    words_in(head, |word, span| {
        let known = words.split(',').find(|known| known.as_bytes() == word);
        found.extend(known.map(|known| (known, from + span.start..from + span.end)));
    });
    found
}

/// The part of a name before a value that says that the value is a secret. For explanations.
pub(crate) fn name_before(text: &str, at: usize) -> Option<(&'static str, Range<usize>)> {
    let (head, from) = line_before(text, at);
    let head = head.to_ascii_lowercase();
    let last = |stem: &&'static str| head.rfind(stem).map(|start| (start, *stem));
    let (start, stem) = STEMS.iter().filter_map(last).max()?;
    Some((stem, from + start..from + start + stem.len()))
}
