// SPDX-License-Identifier: Apache-2.0
//! Finds the words of categories: most words of a text cost a look at a few bits.
//!
//! An automaton of a thousand phrases is megabytes, and no processor keeps those near; the first
//! letters of words are four kilobytes.

use std::{collections::HashMap, ops::Range};

use super::{sentence::is_whole, words::Category};

/// Bytes of a head; shorter words are their own head. `the union` shares four with every `the `.
const HEAD: usize = 6;
/// Bits of the filter, as a power of two.
const BITS: u32 = 15;

/// A word may start with such a byte. Signs beyond ASCII are no letters always; [`is_whole`] knows.
const STARTS: u8 = 1;
/// What follows such a byte is no start.
const JOINS: u8 = 2;
/// What each byte is; this is asked for every byte of every text.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let ascii = byte as u8;
        if ascii.is_ascii_alphanumeric() {
            classes[byte] = STARTS | JOINS;
        } else if byte >= 0xc0 {
            classes[byte] = STARTS;
        } else if matches!(ascii, b'_' | b'-') {
            classes[byte] = JOINS;
        }
        byte += 1;
    }
    classes
};

/// Words by their first letters.
#[derive(Debug)]
pub(super) struct Heads {
    /// A bit for every three letters that a word begins with.
    beginnings: Vec<u64>,
    /// A bit for every head, by its digest.
    filter: Vec<u64>,
    /// For each head the words that begin so, the longest first.
    words: HashMap<u64, Vec<Category>>,
}

/// A word of a category in a text.
#[derive(Debug, Clone)]
pub(super) struct Seen<'a> {
    pub(super) category: &'a Category,
    pub(super) span: Range<usize>,
}

impl Heads {
    pub(super) fn new(categories: Vec<Category>) -> Self {
        let mut all = Self {
            beginnings: vec![0; (1 << 15) / 64],
            filter: vec![0; (1 << BITS) / 64],
            words: HashMap::new(),
        };
        for category in categories {
            let bytes = category.words.as_bytes();
            let head = head(first_eight(bytes), bytes.len().min(HEAD));
            let (word, bit) = place(head);
            all.filter[word] |= bit;
            all.begin_with(bytes);
            all.words.entry(head).or_default().push(category);
        }
        for same in all.words.values_mut() {
            same.sort_by_key(|category| std::cmp::Reverse(category.words.len()));
        }
        all
    }

    /// Words of categories, whole and with the capitals of the list, in the order of the text; where
    /// one word belongs to several categories, it is seen once for each.
    pub(super) fn seen<'a>(&'a self, text: &str) -> Vec<Seen<'a>> {
        let bytes = text.as_bytes();
        let mut seen: Vec<Seen<'a>> = Vec::new();
        let (mut before, mut done) = (0, 0);
        for (at, byte) in bytes.iter().enumerate() {
            let class = CLASSES[usize::from(*byte)];
            if class & STARTS != 0 && before & JOINS == 0 && at >= done {
                self.at(text, at, &mut seen);
                done = seen.last().map_or(0, |last| last.span.end);
            }
            before = class;
        }
        seen
    }

    /// Remembers what a word begins with; of two letters, whatever stands behind them.
    fn begin_with(&mut self, bytes: &[u8]) {
        let thirds = match bytes.get(2) {
            Some(third) => *third..=*third,
            None => 0..=31,
        };
        for third in thirds {
            let (word, bit) = beginning([bytes[0], bytes[1], third]);
            self.beginnings[word] |= bit;
        }
    }

    /// Words that begin at `at`.
    fn at<'a>(&'a self, text: &str, at: usize, seen: &mut Vec<Seen<'a>>) {
        let bytes = text.as_bytes();
        let first = bytes[at..].first_chunk::<3>();
        let (word, bit) = first.map_or((0, 0), |first| beginning(*first));
        // The last two letters of a text are looked at in any case.
        if self.beginnings[word] & bit == 0 && first.is_some() {
            return;
        }
        let start = first_eight(&bytes[at..]);
        let before = seen.len();
        self.with_head(text, at, head(start, HEAD), seen);
        for length in (2..HEAD).rev() {
            let ends = bytes
                .get(at + length)
                .is_none_or(|byte| !byte.is_ascii_alphanumeric());
            if ends && seen.len() == before {
                self.with_head(text, at, head(start, length), seen);
            }
        }
    }

    /// The longest words at `at` that have a head.
    fn with_head<'a>(&'a self, text: &str, at: usize, head: u64, seen: &mut Vec<Seen<'a>>) {
        let (word, bit) = place(head);
        if self.filter[word] & bit == 0 {
            return;
        }
        let mut longest = 0;
        for category in self.words.get(&head).into_iter().flatten() {
            let span = at..at + category.words.len();
            if span.len() < longest {
                return;
            }
            let here = text.get(span.clone());
            let same = here.is_some_and(|here| here.eq_ignore_ascii_case(category.words));
            if same && here.is_some_and(|here| category.fits(here)) && is_whole(text, &span) {
                longest = span.len();
                seen.push(Seen { category, span });
            }
        }
    }
}

/// The first bytes of a text, and nothing behind its end.
fn first_eight(bytes: &[u8]) -> u64 {
    if let Some(first) = bytes.first_chunk::<8>() {
        return u64::from_be_bytes(*first);
    }
    let mut first = [0; 8];
    first[..bytes.len()].copy_from_slice(bytes);
    u64::from_be_bytes(first)
}

/// The letters of a head, and how many they are. The bit that makes a letter small is set in every
/// byte: what is not a letter may become another sign, in the lists as in the text.
const fn head(first: u64, length: usize) -> u64 {
    let letters = (first | 0x2020_2020_2020_2020) >> (8 * (8 - length));
    letters << 8 | length as u64
}

/// Where the bit of three letters is. Small and large letters have the same five lower bits.
fn beginning(letters: [u8; 3]) -> (usize, u64) {
    let [first, second, third] = letters.map(|letter| usize::from(letter & 31));
    let bit = first << 10 | second << 5 | third;
    (bit / 64, 1 << (bit % 64))
}

/// Where the bit of a head is.
const fn place(head: u64) -> (usize, u64) {
    // The upper bits of a product depend on all bits of the head (Knuth, multiplicative hashing).
    let bit = head.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - BITS);
    ((bit / 64) as usize, 1 << (bit % 64))
}
