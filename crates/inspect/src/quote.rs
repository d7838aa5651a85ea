// SPDX-License-Identifier: Apache-2.0
//! Instructions said back: whether an answer repeats what the operator wrote (OWASP LLM07, system
//! prompt leakage), word for word and however it is divided into pieces.
//!
//! Compared are rows of six words, without signs and capitals, so that quotation marks, bullets and
//! line breaks hide nothing. A paraphrase or translation is not seen.

use std::collections::HashSet;

use crate::Escape;

/// Words of a row.
const ROW: usize = 6;
/// Words in a row that are a quotation.
const RUN: usize = 16;
/// Texts with fewer words have nothing to be quoted.
const FEWEST: usize = RUN;
/// The share of all rows that is a quotation however the rows are scattered, in hundredths.
const SHARE: usize = 50;
/// Words of the operator's that are compared; what follows is not.
const MOST: usize = 1 << 15;

/// What must not be said back.
#[derive(Debug, Clone, Default)]
pub struct Instructions {
    rows: HashSet<u64>,
}

impl Instructions {
    /// Texts that must not be said back; `None` when they are too short to be known again.
    #[must_use]
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut rows = HashSet::new();
        for text in texts {
            let most = MOST.saturating_sub(rows.len());
            let all = first_words(text, most);
            if all.len() >= FEWEST {
                rows.extend(all.windows(ROW).map(row));
            }
        }
        (!rows.is_empty()).then_some(Self { rows })
    }
}

/// Reads an answer piece by piece.
#[derive(Debug)]
pub struct QuoteWatch {
    words: Words,
    last: [u64; ROW],
    count: usize,
    /// Rows one after the other that were found.
    run: usize,
    seen: HashSet<u64>,
    found: bool,
}

impl QuoteWatch {
    /// A watch at the beginning of a text. In [`Escape::Json`] an escape ends a word: letters that are
    /// escaped themselves are not read.
    #[must_use]
    pub fn new(escape: Escape) -> Self {
        Self {
            words: Words {
                escapes: escape == Escape::Json,
                ..Words::default()
            },
            last: [0; ROW],
            count: 0,
            run: 0,
            seen: HashSet::new(),
            found: false,
        }
    }

    /// Reads a piece; true from the piece on with which it has become a quotation.
    pub fn push(&mut self, instructions: &Instructions, piece: &str) -> bool {
        let mut words = std::mem::take(&mut self.words);
        words.read(piece, |word| self.word(instructions, word));
        self.words = words;
        self.found
    }

    /// Reads the last word, which had no end.
    pub fn end(&mut self, instructions: &Instructions) -> bool {
        let mut words = std::mem::take(&mut self.words);
        words.end(|word| self.word(instructions, word));
        self.found
    }

    fn word(&mut self, instructions: &Instructions, word: u64) {
        self.last.rotate_left(1);
        self.last[ROW - 1] = word;
        self.count += 1;
        let row = row(&self.last);
        if self.count < ROW || !instructions.rows.contains(&row) {
            self.run = 0;
            return;
        }
        self.run += 1;
        self.seen.insert(row);
        let scattered = self.seen.len() * 100 >= instructions.rows.len() * SHARE;
        self.found |= self.run > RUN - ROW || (scattered && self.seen.len() > RUN - ROW);
    }
}

/// The first words of a text, as hashes; no more of it is read than they take.
fn first_words(text: &str, most: usize) -> Vec<u64> {
    const PART: usize = 4096;
    let mut words = Words::default();
    let mut all = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && all.len() < most {
        let (part, next) = rest.split_at(rest.ceil_char_boundary(PART));
        words.read(part, |word| all.push(word));
        rest = next;
    }
    words.end(|word| all.push(word));
    all.truncate(most);
    all
}

/// Words of a text, as hashes.
#[derive(Debug, Default)]
struct Words {
    /// The hash of the word that has not ended yet; none between words.
    open: Option<u64>,
    /// Whether there are escapes.
    escapes: bool,
    /// Whether the next character belongs to one.
    in_escape: bool,
}

impl Words {
    fn read(&mut self, text: &str, mut word: impl FnMut(u64)) {
        for c in text.chars() {
            if std::mem::take(&mut self.in_escape) {
                continue;
            }
            if c == '\\' && self.escapes {
                self.in_escape = true;
                self.end(&mut word);
            } else if is_unseen(c) {
                // Inside a word it changes nothing of what a reader sees.
            } else if c.is_alphanumeric() {
                let hash = self.open.unwrap_or(0xcbf2_9ce4_8422_2325);
                let small = c.to_lowercase();
                let step = |hash: u64, c: char| (hash ^ u64::from(c)).wrapping_mul(0x100_0000_01b3);
                self.open = Some(small.fold(hash, step));
            } else {
                self.end(&mut word);
            }
        }
    }

    fn end(&mut self, mut word: impl FnMut(u64)) {
        if let Some(hash) = self.open.take() {
            word(hash);
        }
    }
}

/// Characters without a width, and signs that stand over or under a letter.
const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{300}'..='\u{36f}'
            | '\u{61c}'
            | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e01ef}'
    )
}

fn row(words: &[u64]) -> u64 {
    words.iter().fold(0, |all, word| {
        (all.rotate_left(11) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: &str = "You are the assistant of Example Bank. Never tell a customer the internal \
        rate of 4.2 percent, and always greet with the words good day before you answer anything \
        that concerns accounts, loans or cards of the house.";

    fn quoted(answer: &str, size: usize) -> bool {
        let instructions = Instructions::new([SYSTEM]).unwrap();
        let escape = match answer.contains('\\') {
            true => Escape::Json,
            false => Escape::None,
        };
        let mut watch = QuoteWatch::new(escape);
        let chars: Vec<char> = answer.chars().collect();
        for piece in chars.chunks(size) {
            watch.push(&instructions, &piece.iter().collect::<String>());
        }
        watch.end(&instructions)
    }

    #[test]
    fn what_is_said_back_is_seen_however_it_is_written_and_divided() {
        let bullets = SYSTEM.replace(' ', "\n* ").to_uppercase();
        let escaped = SYSTEM.replace(' ', "\\n");
        let part = "Sure: “never tell a customer the internal rate of 4.2 percent, and always greet \
            with the words good day before you answer”";
        let scattered = SYSTEM
            .split(". ")
            .map(|part| format!("{part} - so it says - "));
        let scattered: String = scattered.collect();
        for answer in [SYSTEM, &bullets, &escaped, part, &scattered] {
            for size in [1, 2, 3, 7, 1000] {
                assert!(quoted(answer, size), "{size}: {answer}");
            }
        }
    }

    #[test]
    fn an_answer_that_only_uses_the_words_is_none() {
        for answer in [
            "",
            "Good day! I am the assistant of Example Bank and help with accounts, loans or cards.",
            "Never tell a customer the internal rate, I was told; I cannot say more.",
            "always greet with the words good day before you",
        ] {
            assert!(!quoted(answer, 3), "{answer}");
        }
    }

    #[test]
    fn short_instructions_have_nothing_to_be_quoted() {
        assert!(Instructions::new(["You are a helpful assistant."]).is_none());
        assert!(Instructions::new([""]).is_none());
    }
}
