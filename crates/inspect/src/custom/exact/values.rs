// SPDX-License-Identifier: Apache-2.0
//! What a cell is when only its letters and digits count, and where such values may stand in a text.

use std::ops::Range;

/// Words of a value.
const WORDS: usize = 6;
/// Words of a number, such as the groups of an IBAN.
const GROUPS: usize = 10;
/// Signs between groups.
const SIGNS: usize = 3;
/// Letters of a group without digits.
const LETTERS: usize = 3;
/// Letters and digits of a value.
const LEAST: usize = 3;
/// Bytes of a value, and of a word of one.
const MOST: usize = 128;

/// A cell: its words with a space between them, or a number without its separators.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Value {
    pub(super) text: String,
}

impl Value {
    /// The word that it begins with, under which it is looked for.
    pub(super) fn start(&self) -> &str {
        self.text.split(' ').next().unwrap_or_default()
    }
}

/// The value of a cell; none when it is too short or too long to be looked for.
pub(super) fn cell(text: &str) -> Option<Value> {
    let words: Vec<_> = words(text).map(|span| small(&text[span])).collect();
    let numbers =
        words.iter().all(|word| is_group(word)) && words.iter().any(|word| has_digit(word));
    let (most, between) = match numbers {
        true => (GROUPS, ""),
        false => (WORDS, " "),
    };
    let value = words.join(between);
    let letters = value.chars().filter(|letter| *letter != ' ').count();
    let fits = words.len() <= most && letters >= LEAST && value.len() <= MOST;
    fits.then_some(Value { text: value })
}

/// Calls `each` with every value that may stand in a text, and its place. `may_start` says of a word
/// whether a value of several words begins with it.
///
/// For each word, values of at most [`WORDS`] words and [`GROUPS`] groups of a number are made.
pub(super) fn values(
    text: &str,
    may_start: impl Fn(&str) -> bool,
    mut each: impl FnMut(&str, Range<usize>),
) {
    let words: Vec<_> = words(text).collect();
    let mut value = String::new();
    for at in 0..words.len() {
        let first = &words[at];
        let word = &text[first.clone()];
        if word.len() > MOST {
            continue;
        }
        value.clear();
        push_small(&mut value, word);
        if is_group(&value) {
            groups(text, &words[at..], &mut value, &mut each);
            value.clear();
            push_small(&mut value, word);
        }
        if !may_start(&value) {
            continue;
        }
        each(&value, first.clone());
        for next in words.iter().skip(at + 1).take(WORDS - 1) {
            value.push(' ');
            push_small(&mut value, &text[next.clone()]);
            if value.len() > MOST {
                break;
            }
            each(&value, first.start..next.end);
        }
    }
}

/// Groups of a number that begins with the first of `words`: `DE89 3704 0044 0532 0130 00`.
fn groups(
    text: &str,
    words: &[Range<usize>],
    value: &mut String,
    each: &mut impl FnMut(&str, Range<usize>),
) {
    let Some(first) = words.first() else { return };
    if has_digit(value) {
        each(value, first.clone());
    }
    for pair in words.windows(2).take(GROUPS - 1) {
        let [last, next] = pair else { return };
        // `(030) 123`, `030 / 123`: what stands further apart is another number.
        let near = text[last.end..next.start].chars().count() <= SIGNS;
        let group = &text[next.clone()];
        if !near || !is_group(group) || value.len() + group.len() > MOST {
            return;
        }
        push_small(value, group);
        if has_digit(value) {
            each(value, first.start..next.end);
        }
    }
}

/// Whether a word may be a group of a number: it has a digit, or is as short as the letters in front
/// of one (`DE 89 …`, `K-4711`).
fn is_group(word: &str) -> bool {
    has_digit(word) || (word.len() <= LETTERS && word.is_ascii())
}

fn has_digit(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Letters and digits that stand together.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut letters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, first) = letters
            .by_ref()
            .find(|(_, letter)| letter.is_alphanumeric())?;
        let mut end = start + first.len_utf8();
        while let Some((at, letter)) = letters.next_if(|(_, letter)| letter.is_alphanumeric()) {
            end = at + letter.len_utf8();
        }
        Some(start..end)
    })
}

fn small(word: &str) -> String {
    let mut small = String::with_capacity(word.len());
    push_small(&mut small, word);
    small
}

/// Small letters, each by itself, so that a word is the same wherever it stands.
fn push_small(value: &mut String, word: &str) {
    match word.is_ascii() {
        true => value.extend(
            word.bytes()
                .map(|byte| char::from(byte.to_ascii_lowercase())),
        ),
        false => value.extend(word.chars().flat_map(char::to_lowercase)),
    }
}
