// SPDX-License-Identifier: Apache-2.0
//! Reads `rules/special.words`.

use std::collections::{BTreeMap, HashMap};

use casemate_types::FindingKind;

use super::{heads::Heads, sentence::words_of};

/// How a word of a category has to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// A heading of records.
    Label,
    /// Somebody belongs to it.
    Of,
    /// Somebody is it.
    Is,
    /// The words say it themselves.
    Said,
    /// Somebody's trait that something is done with.
    Trace,
}

impl How {
    fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "label" => Self::Label,
            "of" => Self::Of,
            "is" => Self::Is,
            "said" => Self::Said,
            "trace" => Self::Trace,
            _ => return None,
        })
    }
}

/// A word of a category.
#[derive(Debug)]
pub(super) struct Category {
    /// Which.
    pub(super) kind: FindingKind,
    /// How it may be said, each way once.
    pub(super) hows: Vec<How>,
    pub(super) words: &'static str,
}

impl Category {
    /// Whether capitals stand where they must. What is small in the list may be large.
    pub(super) fn fits(&self, text: &str) -> bool {
        let pairs = self.words.bytes().zip(text.bytes());
        pairs
            .into_iter()
            .all(|(word, byte)| !word.is_ascii_uppercase() || word == byte)
    }

    /// The rule of its findings.
    pub(super) const fn rule(&self) -> &'static str {
        match self.kind {
            FindingKind::Biometric => "special.biometric",
            FindingKind::Ethnicity => "special.ethnicity",
            FindingKind::Orientation => "special.orientation",
            FindingKind::Politics => "special.politics",
            FindingKind::Union => "special.union",
            _ => "special.religion",
        }
    }
}

/// What a word does in a sentence; a word may do several things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Part(u16);

impl Part {
    pub(super) const PERSON: Self = Self(1);
    pub(super) const ROLE: Self = Self(1 << 1);
    pub(super) const DEFINITE: Self = Self(1 << 2);
    pub(super) const IS: Self = Self(1 << 3);
    pub(super) const AM: Self = Self(1 << 4);
    pub(super) const OF: Self = Self(1 << 5);
    pub(super) const FILLER: Self = Self(1 << 6);
    pub(super) const LINK: Self = Self(1 << 7);
    pub(super) const DOUBT: Self = Self(1 << 8);
    pub(super) const TOPIC: Self = Self(1 << 9);
    pub(super) const OWN: Self = Self(1 << 10);
    pub(super) const ACT: Self = Self(1 << 11);
    const RECORD: Self = Self(1 << 12);
    /// A word of a name that was found.
    pub(super) const NAME: Self = Self(1 << 13);

    fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "person" => Self::PERSON,
            "role" => Self::ROLE,
            "definite" => Self::DEFINITE,
            "is" => Self::IS,
            "am" => Self::AM,
            "of" => Self::OF,
            "filler" => Self::FILLER,
            "link" => Self::LINK,
            "doubt" => Self::DOUBT,
            "topic" => Self::TOPIC,
            "own" => Self::OWN,
            "act" => Self::ACT,
            "record" => Self::RECORD,
            _ => return None,
        })
    }

    /// Whether it does any of these things.
    pub(super) const fn does(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The words of sentences, in small letters.
#[derive(Debug, Default)]
pub(super) struct Grammar(HashMap<String, Part>);

impl Grammar {
    /// What a word does. `I` is somebody, `i` is not.
    pub(super) fn part(&self, word: &str) -> Part {
        if word == "i" {
            return Part::LINK.and(Part::FILLER);
        }
        // Few words are longer than this, and none that is looked for.
        if word.len() > 32 {
            return Part::default();
        }
        self.0
            .get(&word.to_lowercase())
            .copied()
            .unwrap_or_default()
    }

    /// Whether a word of records stands in a text.
    pub(super) fn has_record(&self, text: &str) -> bool {
        words_of(text, 0).any(|(_, word)| self.part(word).does(Part::RECORD))
    }
}

/// Words of categories, and of the sentences around them.
pub(super) fn read(file: &'static str) -> Result<(Heads, Grammar), String> {
    let mut grammar = Grammar::default();
    let mut categories: BTreeMap<(&'static str, FindingKind), Vec<How>> = BTreeMap::new();
    for (number, line) in file.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = || format!("special.words, line {}", number + 1);
        let (head, words) = line.split_once(": ").ok_or_else(wrong)?;
        let words = words
            .split(", ")
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let heads: Vec<_> = head.split(' ').collect();
        match heads.as_slice() {
            [kind, how, _locale] => {
                let kind = FindingKind::from_word(kind).ok_or_else(wrong)?;
                let how = How::of_word(how).ok_or_else(wrong)?;
                for word in words {
                    // A letter alone has no beginning to be found by.
                    if word.len() < 2 {
                        return Err(wrong());
                    }
                    let hows = categories.entry((word, kind)).or_default();
                    if !hows.contains(&how) {
                        hows.push(how);
                    }
                }
            }
            [part, _locale] => {
                let part = Part::of_word(part).ok_or_else(wrong)?;
                for word in words {
                    let word = word.trim_start_matches('\'').to_lowercase();
                    let parts = grammar.0.entry(word).or_default();
                    *parts = parts.and(part);
                }
            }
            _ => return Err(wrong()),
        }
    }
    let categories = categories.into_iter();
    let all = categories.map(|((words, kind), hows)| Category { kind, hows, words });
    Ok((Heads::new(all.collect()), grammar))
}
