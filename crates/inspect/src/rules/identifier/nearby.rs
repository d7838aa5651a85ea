// SPDX-License-Identifier: Apache-2.0
//! Words near numbers. Only what stands near a number is read, and that once.

use std::ops::Range;

use super::super::{
    openings::{Openings, folded, four_at, opening},
    place::{BLOCK, back, begins, ends, forth, mask, ones},
};
use super::{BEFORE, BEHIND, LONGEST};

/// Words in 64 bits each; as many as there are lists of words.
const GROUPS: usize = 8;
/// Bytes that are read more before a number, since the next one to be looked at may begin earlier:
/// a word or pairs of digits in front belong to some numbers.
const SLACK: usize = 64;
/// Words that are kept though the numbers they stood near are behind.
const MOST_BEHIND: usize = 4096;

/// Sets of lists of words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Groups([u64; GROUPS]);

impl Groups {
    /// How many lists can be told apart.
    pub(super) const MOST: usize = GROUPS * 64;

    pub(super) fn add(&mut self, group: usize) {
        self.0[group / 64] |= 1 << (group % 64);
    }

    fn add_all(&mut self, other: &Self) {
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(own, more)| *own |= more);
    }

    pub(super) fn has(&self, group: usize) -> bool {
        self.0[group / 64] >> (group % 64) & 1 == 1
    }

    /// Whether there is a list that `other` has too.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.0
            .iter()
            .zip(&other.0)
            .fold(0, |both, (own, more)| both | (own & more))
            != 0
    }
}

/// A word of a list.
#[derive(Debug)]
struct Known {
    text: &'static str,
    /// The lists that have it.
    groups: Groups,
    /// It may stand inside another word, as in scripts without spaces.
    inside: bool,
    /// Bytes before those by which it is found: such a word is found by the first character that is
    /// no ASCII, for it may begin anywhere.
    lead: usize,
}

/// The words of all lists.
#[derive(Debug)]
pub(super) struct Words {
    known: Vec<Known>,
    openings: Openings,
}

impl Words {
    /// Reads lists, each with its words between commas.
    pub(super) fn new(lists: &[&'static str]) -> Result<Self, String> {
        if lists.len() > Groups::MOST {
            return Err("there are too many lists of words".into());
        }
        let mut known: Vec<Known> = Vec::new();
        for (group, list) in lists.iter().enumerate() {
            let texts = list.split(',').map(str::trim);
            for text in texts.filter(|text| !text.is_empty()) {
                let at = match known.iter().position(|one| one.text == text) {
                    Some(at) => at,
                    None => {
                        known.push(Known::new(text)?);
                        known.len() - 1
                    }
                };
                known[at].groups.add(group);
            }
        }
        let entries = (0_u16..)
            .zip(&known)
            .map(|(which, word)| (word.opening(), which));
        Ok(Self {
            openings: Openings::new(entries.collect()),
            known,
        })
    }

    /// Finds the words that begin in a stretch, by their first bytes: an ASCII letter or digit behind
    /// none of them, or a character that is no ASCII.
    fn find(&self, text: &str, stretch: Range<usize>, found: &mut Vec<Word>) {
        let bytes = text.as_bytes();
        let mut before = stretch.start.checked_sub(1).map_or(b' ', |at| bytes[at]);
        for from in stretch.clone().step_by(BLOCK) {
            let joins = mask(bytes, from, |byte| byte.is_ascii_alphanumeric());
            let characters = mask(bytes, from, |byte| byte >= 0xC0);
            let joined = joins << 1 | u64::from(before.is_ascii_alphanumeric());
            let begins = (joins & !joined) | characters;
            for place in ones(begins).take_while(|place| from + place < stretch.end) {
                self.opened(text, from + place, four_at(bytes, from + place), found);
            }
            before = bytes.get(from + BLOCK - 1).copied().unwrap_or(b' ');
        }
    }

    /// Finds the words that begin with an opening at a place.
    #[inline]
    fn opened(&self, text: &str, at: usize, opening: u32, found: &mut Vec<Word>) {
        let three = folded(opening) & 0x00FF_FFFF;
        if self.openings.may_be(three) {
            self.at(text, at, three, found);
        }
        // A word of two bytes ends there.
        if !((opening >> 16) as u8).is_ascii_alphanumeric() && self.openings.may_be(two(three)) {
            self.at(text, at, two(three), found);
        }
    }

    #[inline(never)]
    fn at(&self, text: &str, at: usize, opening: u32, found: &mut Vec<Word>) {
        let words = self.openings.of(opening).filter_map(|which| {
            let word = &self.known[usize::from(which)];
            let start = at.checked_sub(word.lead)?;
            let end = start + word.text.len();
            let there = text.as_bytes().get(start..end)?;
            let fits = there.eq_ignore_ascii_case(word.text.as_bytes())
                && (word.inside || (begins(text, start) && ends(text, end)));
            fits.then_some(Word {
                at,
                start,
                end,
                which,
            })
        });
        found.extend(words);
    }
}

impl Known {
    fn new(text: &'static str) -> Result<Self, String> {
        let inside = text.chars().any(|c| u32::from(c) >= 0x0E00);
        let lead = text.bytes().take_while(u8::is_ascii).count();
        let lead = if inside { lead } else { 0 };
        if text.len() - lead < 2 + usize::from(inside) {
            return Err(format!("`{text}` is too short"));
        }
        let first = text.as_bytes()[lead];
        if !first.is_ascii_alphanumeric() && first < 0xC0 {
            return Err(format!("`{text}` begins with a sign"));
        }
        Ok(Self {
            text,
            groups: Groups::default(),
            inside,
            lead,
        })
    }

    fn opening(&self) -> u32 {
        match self.text.as_bytes()[self.lead..] {
            [first, second, third, ..] => folded(opening(first, second, third)),
            [first, second] => two(folded(opening(first, second, 0))),
            _ => 0,
        }
    }
}

/// The opening of a word of two bytes only.
const fn two(opening: u32) -> u32 {
    opening & 0xFFFF
}

/// A word that was found.
#[derive(Debug, Clone, Copy)]
struct Word {
    /// Where the bytes stand by which it was found.
    at: usize,
    start: usize,
    end: usize,
    which: u16,
}

/// The words near the numbers of a text, from its beginning to its end.
#[derive(Debug)]
pub(super) struct Nearby<'a> {
    text: &'a str,
    words: &'a Words,
    /// In the order of the text, from what was read.
    found: Vec<Word>,
    from: usize,
    upto: usize,
    /// What was told last, and of which place.
    told: Option<(usize, Groups)>,
}

impl<'a> Nearby<'a> {
    pub(super) const fn new(text: &'a str, words: &'a Words) -> Self {
        Self {
            text,
            words,
            found: Vec::new(),
            from: 0,
            upto: 0,
            told: None,
        }
    }

    /// The lists that have a word near the number that begins at `at`.
    pub(super) fn groups(&mut self, at: usize) -> Groups {
        if let Some((_, groups)) = self.told.filter(|(place, _)| *place == at) {
            return groups;
        }
        let from = back(self.text, at, BEFORE);
        let upto = forth(self.text, at, BEHIND + LONGEST);
        self.read(from, upto);
        let mut groups = Groups::default();
        let first = self.found.partition_point(|word| word.at < from);
        for word in self.found[first..].iter().take_while(|word| word.at < upto) {
            let there = word.start >= from && word.end <= upto;
            let apart = word.start >= at || word.end <= at;
            if there && apart {
                groups.add_all(&self.words.known[usize::from(word.which)].groups);
            }
        }
        self.told = Some((at, groups));
        if first > MOST_BEHIND {
            self.forget(from);
        }
        groups
    }

    /// Forgets words that stand far before, so that a long text takes no more memory than a short one.
    fn forget(&mut self, from: usize) {
        self.from = self.text.floor_char_boundary(from.saturating_sub(SLACK));
        let before = self.found.partition_point(|word| word.at < self.from);
        self.found.drain(..before);
    }

    /// Reads a stretch of the text as far as it was not.
    fn read(&mut self, from: usize, upto: usize) {
        if from < self.from || from > self.upto {
            self.found.clear();
            self.from = self.text.floor_char_boundary(from.saturating_sub(SLACK));
            self.upto = self.from;
        }
        if self.upto < upto {
            self.words.find(self.text, self.upto..upto, &mut self.found);
        }
        self.upto = self.upto.max(upto);
    }
}
