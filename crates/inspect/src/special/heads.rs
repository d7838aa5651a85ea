// SPDX-License-Identifier: Apache-2.0
//! Finds the words of categories: most words of a text cost a look at a few bits.
//!
//! An automaton of a thousand phrases is megabytes, and no processor keeps those near; the first
//! letters of words are four kilobytes.

use std::{collections::HashMap, ops::Range};

use super::{sentence::is_whole, words::Category};

/// Bytes of a head; shorter words are their own head.
const HEAD: usize = 4;
/// Bits of the filter, as a power of two.
const BITS: u32 = 15;

/// Words by their first letters.
#[derive(Debug)]
pub(super) struct Heads {
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
            filter: vec![0; (1 << BITS) / 64],
            words: HashMap::new(),
        };
        for category in categories {
            let bytes = category.words.as_bytes();
            let head = head(&bytes[..bytes.len().min(HEAD)]);
            let (word, bit) = place(head);
            all.filter[word] |= bit;
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
        let (mut before, mut done) = (b' ', 0);
        for (at, byte) in bytes.iter().enumerate() {
            let inside = before.is_ascii_alphanumeric() || matches!(before, b'_' | b'-');
            before = *byte;
            if inside || at < done || !(byte.is_ascii_alphanumeric() || *byte >= 0xc0) {
                continue;
            }
            let first = seen.len();
            // Words of two and three letters have a head of their own.
            for length in (2..=HEAD).rev() {
                if seen.len() > first {
                    break;
                }
                if let Some(start) = bytes.get(at..at + length) {
                    self.with_head(text, at, head(start), &mut seen);
                }
            }
            done = seen.last().map_or(done, |last| last.span.end);
        }
        seen
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

/// The letters of a head, small, and how many they are.
fn head(bytes: &[u8]) -> u64 {
    bytes.iter().fold(bytes.len() as u64, |head, byte| {
        head << 8 | u64::from(byte.to_ascii_lowercase())
    })
}

/// Where the bit of a head is.
const fn place(head: u64) -> (usize, u64) {
    // The upper bits of a product depend on all bits of the head (Knuth, multiplicative hashing).
    let bit = head.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - BITS);
    ((bit / 64) as usize, 1 << (bit % 64))
}
