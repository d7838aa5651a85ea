// SPDX-License-Identifier: Apache-2.0
//! A sentence around a word of a category: who stands in it, and what is said of whom.

use std::ops::Range;

use super::words::{Grammar, Part};

/// Bytes of a sentence before and behind the word; longer ones are cut.
const BEFORE: usize = 200;
const BEHIND: usize = 120;
/// Words between a form and the category that are in no list.
const STRANGE_OF: usize = 2;
const STRANGE_IS: usize = 1;
/// Words between a form and the category at all.
const SPAN: usize = 8;
/// Words between somebody and what is said of him.
const REACH: usize = 6;

/// Words of one sentence.
#[derive(Debug, Default)]
pub(super) struct Sentence {
    /// Bytes of words that have enough of the sentence behind them.
    bytes: Range<usize>,
    words: Vec<Word>,
}

#[derive(Debug)]
struct Word {
    span: Range<usize>,
    part: Part,
}

impl Sentence {
    /// The sentence in which `about` stands. `names` are those found in the text.
    pub(super) fn around(
        text: &str,
        about: &Range<usize>,
        names: &[Range<usize>],
        grammar: &Grammar,
    ) -> Self {
        let bytes = bounds(text, about);
        let mut names = names[names.partition_point(|name| name.end <= bytes.start)..]
            .iter()
            .peekable();
        let part = text.get(bytes.clone()).unwrap_or_default();
        let words = words_of(part, bytes.start).map(|(span, word)| {
            while names.next_if(|name| name.end <= span.start).is_some() {}
            let named = names.peek().is_some_and(|name| name.start < span.end);
            let part = match named {
                true => Part::NAME,
                false => grammar.part(word),
            };
            Word { span, part }
        });
        let words = words.collect();
        // What is cut off may be what the last words are about.
        let known = match bytes.end - about.end < BEHIND {
            true => bytes.end,
            false => bytes.end - BEHIND / 3,
        };
        Self {
            bytes: bytes.start..known,
            words,
        }
    }

    /// Whether a word stands in it, with enough of what follows.
    pub(super) fn holds(&self, about: &Range<usize>) -> bool {
        self.bytes.start <= about.start && about.end <= self.bytes.end
    }

    /// Whether somebody *is* what stands at `about`.
    pub(super) fn is(&self, about: &Range<usize>) -> bool {
        let at = self.first(about);
        let form = self.form(at, Part::IS.and(Part::AM), Part::FILLER, STRANGE_IS);
        !self.is_topic(about) && form.is_some_and(|form| self.is_said(form))
    }

    /// Whether somebody is a member *of* it, votes for it or has turned to it.
    pub(super) fn of(&self, about: &Range<usize>) -> bool {
        let free = Part::FILLER.and(Part::LINK).and(Part::DEFINITE);
        let form = self.form(self.first(about), Part::OF, free, STRANGE_OF);
        form.is_some_and(|form| self.is_said(form))
    }

    /// Whether words that say it themselves are about somebody.
    pub(super) fn says(&self, about: &Range<usize>) -> bool {
        let at = self.first(about);
        // The first of the words may be the form: `came out as`.
        self.subject(at).is_some() && !self.is_doubted(at)
    }

    /// Whether a body's trait is somebody's and something is done with it.
    pub(super) fn is_trace(&self, about: &Range<usize>) -> bool {
        let (first, last) = (self.first(about), self.behind(about));
        let before = &self.words[first.saturating_sub(3)..first];
        let behind = &self.words[last..(last + 5).min(self.words.len())];
        let somebody = Part::NAME.and(Part::ROLE).and(Part::OWN);
        let owned = before.iter().any(|word| word.part.does(somebody))
            || behind
                .iter()
                .any(|word| word.part.does(Part::NAME.and(Part::ROLE)));
        let acted = self.words.iter().any(|word| word.part.does(Part::ACT));
        owned && acted && !self.is_topic(about) && !self.is_doubted(first)
    }

    /// The word with which `about` begins.
    fn first(&self, about: &Range<usize>) -> usize {
        self.words
            .partition_point(|word| word.span.end <= about.start)
    }

    /// The word behind `about`.
    fn behind(&self, about: &Range<usize>) -> usize {
        self.words
            .partition_point(|word| word.span.start < about.end)
    }

    /// Whether the word only says what kind of thing another is: `Catholic school`.
    fn is_topic(&self, about: &Range<usize>) -> bool {
        let next = self.words.get(self.behind(about));
        next.is_some_and(|word| word.part.does(Part::TOPIC))
    }

    /// The form before the word at `at`, with no more than `strange` words that are not `free`
    /// between them.
    fn form(&self, at: usize, wanted: Part, free: Part, strange: usize) -> Option<usize> {
        let mut left = strange;
        for form in (at.saturating_sub(SPAN)..at).rev() {
            let part = self.words[form].part;
            if part.does(wanted) {
                return Some(form);
            }
            if part.does(free) {
                continue;
            }
            // Another thing comes between: `is interested in Jewish history`.
            if part.does(Part::LINK.and(Part::TOPIC).and(Part::DOUBT)) {
                return None;
            }
            left = left.checked_sub(1)?;
        }
        None
    }

    /// Whether a form has somebody in front of it, in earnest.
    fn is_said(&self, form: usize) -> bool {
        let alone = self.words[form].part.does(Part::AM);
        (alone || self.subject(form).is_some()) && !self.is_doubted(form)
    }

    /// Somebody in front of a form, the nearest, unless another thing stands between.
    fn subject(&self, form: usize) -> Option<usize> {
        let from = form.saturating_sub(REACH);
        for at in (from..form).rev() {
            let part = self.words[at].part;
            if part.does(Part::NAME.and(Part::PERSON)) {
                return Some(at);
            }
            if part.does(Part::ROLE) && self.is_definite(at) {
                return Some(at);
            }
            // `He said the church was Catholic` is about the church.
            if part.does(Part::DEFINITE) && !part.does(Part::FILLER) {
                return None;
            }
            if part.does(Part::TOPIC) {
                return None;
            }
        }
        None
    }

    /// Whether one of several is meant: `the new employee`, not `an employee`.
    fn is_definite(&self, at: usize) -> bool {
        // A word that has the person in it (Turkish `eşim`) needs none; it is in a sentence's front.
        at == 0
            || self.words[at.saturating_sub(2)..at]
                .iter()
                .any(|word| word.part.does(Part::DEFINITE))
    }

    /// Whether something makes it a condition, a question or a story.
    fn is_doubted(&self, form: usize) -> bool {
        self.words[..form]
            .iter()
            .any(|word| word.part.does(Part::DOUBT))
    }
}

/// Where the sentence around `about` begins and ends, as far as it is read.
fn bounds(text: &str, about: &Range<usize>) -> Range<usize> {
    let from = text.floor_char_boundary(about.start.saturating_sub(BEFORE));
    let upto = text.floor_char_boundary(about.end.saturating_add(BEHIND).min(text.len()));
    let before = text.get(from..about.start).unwrap_or_default().as_bytes();
    let start = (1..before.len())
        .rev()
        .find(|at| ends(&before[..*at], before[*at]))
        .map_or(from, |at| from + at);
    let behind = text.get(about.end..upto).unwrap_or_default().as_bytes();
    let end = (1..behind.len())
        .find(|at| ends(&behind[..*at], behind[*at]))
        .map_or(upto, |at| about.end + at);
    start..end.max(about.end)
}

/// Whether a sentence ends with `before`, `next` being what follows. `Mr.` and `e.g.` end none.
fn ends(before: &[u8], next: u8) -> bool {
    match before {
        [.., b'\n'] => next == b'\n' || next == b'-' || next == b'*' || next == b'|',
        [.., b'!' | b'?' | b';'] => true,
        [rest @ .., b'.'] => {
            let word = rest
                .iter()
                .rev()
                .take_while(|byte| !byte.is_ascii_whitespace());
            next.is_ascii_whitespace() && word.count() > 3
        }
        _ => false,
    }
}

/// Words of a text that begins at `offset`, with their places.
pub(super) fn words_of(text: &str, offset: usize) -> impl Iterator<Item = (Range<usize>, &str)> {
    let start = text.as_ptr().addr();
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(move |word| {
            let at = offset + (word.as_ptr().addr() - start);
            (at..at + word.len(), word)
        })
}

/// Whether no letter or digit joins a stretch, nor a hyphen that makes another word of it.
pub(super) fn is_whole(text: &str, span: &Range<usize>) -> bool {
    let before = text.get(..span.start).unwrap_or_default();
    let behind = text.get(span.end..).unwrap_or_default();
    let joins = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut next = behind.chars();
    let joined = match next.next() {
        Some('-') => next.next().is_some_and(char::is_alphanumeric),
        Some(letter) => joins(letter),
        None => false,
    };
    let last = before.chars().next_back();
    !joined && !last.is_some_and(|letter| joins(letter) || letter == '-')
}
