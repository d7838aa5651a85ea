// SPDX-License-Identifier: Apache-2.0
//! Stand-ins for personal values, made from the value by a key and put back in answers.
//!
//! A surrogate is a word such as `EMAIL_kqbvtmhdwgcrnp`: letters and one underscore, so that no
//! escape of JSON, a URL or a shell changes it, of fixed length after its kind, so that none is the
//! beginning of another, and without digits or `@`, so that no detector takes it for data.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use casemate_types::{FindingKind, GuardAction};

/// Sixteen letters, four bits each, without vowels that would make words.
const LETTERS: &[u8; 16] = b"bcdfghjkmnpqrtvw";
/// Letters after the underscore: 56 bits.
const TAG: usize = 14;
/// Longest surrogate in bytes; no more is ever held back for one.
pub(crate) const LONGEST: usize = 7 + 1 + TAG;

/// Gives the same bytes for the same value, and tells nothing about the value without the key.
pub trait SurrogateKey {
    /// Eight bytes for a value of a kind; an HMAC under a project's key.
    fn tag(&self, kind: &str, value: &str) -> [u8; 8];
}

/// Characters that text was marked with as data, none of which the request has otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// What stands in the place of a blank.
    pub blank: char,
    /// What stands at both ends of each text.
    pub border: char,
}

impl Marks {
    /// What a character stands for; `None` when it is no mark.
    #[must_use]
    pub fn meaning(self, c: char) -> Option<&'static str> {
        match c {
            _ if c == self.blank => Some(" "),
            _ if c == self.border => Some(""),
            _ => None,
        }
    }

    /// Adds a text without marks to `out`.
    pub(crate) fn undo(self, text: &str, out: &mut String) {
        let mut rest = text;
        while let Some(at) = rest.find([self.blank, self.border]) {
            let (before, behind) = rest.split_at(at);
            out.push_str(before);
            let mut chars = behind.chars();
            out.push_str(
                chars
                    .next()
                    .and_then(|c| self.meaning(c))
                    .unwrap_or_default(),
            );
            rest = chars.as_str();
        }
        out.push_str(rest);
    }
}

/// The stand-ins of one request: made from it, kept for its answer, stored nowhere.
#[derive(Debug, Clone, Default)]
pub struct Surrogates {
    originals: HashMap<String, Original>,
    /// What text that is data was marked with.
    marks: Option<Marks>,
    /// Values that the caller has sent.
    own: HashSet<String>,
}

/// What a stand-in stands for.
#[derive(Debug, Clone)]
struct Original {
    value: String,
    /// What answers have in its place, when they may not have the value.
    instead: Option<String>,
}

impl Surrogates {
    /// The stand-in of a value that the caller has sent; remembers it for [`Surrogates::restore`].
    /// `None` when two values of the request have the same stand-in, which must not be sent.
    #[must_use]
    pub fn replace(
        &mut self,
        key: &dyn SurrogateKey,
        kind: FindingKind,
        value: &str,
    ) -> Option<String> {
        self.remember(value);
        let surrogate = surrogate_of(key, kind, value);
        let original = self.original(&surrogate, value, None);
        original.instead = None;
        (original.value == value).then_some(surrogate)
    }

    /// The same for a value that only the operator has sent. `output` is what is done about such a
    /// value in answers: from [`GuardAction::Pseudonymise`] on, a mark is put in the place of its
    /// stand-in, unless the caller has sent the value as well.
    #[must_use]
    pub fn replace_unsent(
        &mut self,
        key: &dyn SurrogateKey,
        kind: FindingKind,
        value: &str,
        output: GuardAction,
    ) -> Option<String> {
        let surrogate = surrogate_of(key, kind, value);
        let hidden = output > GuardAction::Flag && !self.is_own(value);
        let instead = hidden.then(|| mark(kind));
        let original = self.original(&surrogate, value, instead);
        (original.value == value).then_some(surrogate)
    }

    /// What a stand-in stands for already, or from now on.
    fn original(&mut self, surrogate: &str, value: &str, instead: Option<String>) -> &mut Original {
        let known = self.originals.entry(surrogate.to_owned());
        known.or_insert_with(|| Original {
            value: value.to_owned(),
            instead,
        })
    }

    /// Remembers what texts of the request were marked with. [`crate::StreamGuard`] undoes it before
    /// it looks at anything; [`Surrogates::restore`] does not.
    pub const fn marked_with(&mut self, marks: Marks) {
        self.marks = Some(marks);
    }

    /// What texts of the request were marked with.
    #[must_use]
    pub const fn marks(&self) -> Option<Marks> {
        self.marks
    }

    /// Remembers a value that the caller has sent: an answer that has it tells the caller nothing.
    pub fn remember(&mut self, value: &str) {
        if !self.own.contains(value) {
            self.own.insert(value.to_owned());
        }
    }

    /// Whether the caller has sent a value itself.
    #[must_use]
    pub fn is_own(&self, value: &str) -> bool {
        self.own.contains(value)
    }

    /// Whether there is nothing to restore.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.originals.is_empty()
    }

    /// Puts originals in the place of their stand-ins.
    #[must_use]
    pub fn restore(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        self.restore_with(text, &mut out, |original, out| out.push_str(original));
        out
    }

    /// The same, with `write` deciding how an original is written, e.g. with escapes.
    pub fn restore_with(
        &self,
        text: &str,
        out: &mut String,
        mut write: impl FnMut(&str, &mut String),
    ) {
        let mut done = 0;
        for (span, original) in self.occurrences(text) {
            out.push_str(&text[done..span.start]);
            write(original, out);
            done = span.end;
        }
        out.push_str(&text[done..]);
    }

    /// Where stand-ins of this request stand in a text, and what answers have in their place.
    pub fn occurrences<'a>(
        &'a self,
        text: &'a str,
    ) -> impl Iterator<Item = (Range<usize>, &'a str)> {
        let bytes = if self.is_empty() {
            &[]
        } else {
            text.as_bytes()
        };
        let mut done = 0;
        memchr::memchr_iter(b'_', bytes).filter_map(move |at| {
            let span = around(text, at)?;
            let original = self.originals.get(text.get(span.clone())?)?;
            (span.start >= done).then(|| {
                done = span.end;
                let instead = original.instead.as_deref();
                (span, instead.unwrap_or(&original.value))
            })
        })
    }
}

fn surrogate_of(key: &dyn SurrogateKey, kind: FindingKind, value: &str) -> String {
    let word = word_of(kind);
    let tag = u64::from_be_bytes(key.tag(word, value));
    let mut surrogate = String::with_capacity(LONGEST);
    surrogate.push_str(word);
    surrogate.push('_');
    for shift in 0..TAG {
        surrogate.push(char::from(LETTERS[(tag >> (4 * shift) & 15) as usize]));
    }
    surrogate
}

/// The mark in place of a redacted value.
#[must_use]
pub fn mark(kind: FindingKind) -> String {
    format!("[redacted:{kind}]")
}

const fn word_of(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::ActiveContent => "ACTIVE",
        FindingKind::Address => "ADDRESS",
        FindingKind::BankAccount => "ACCOUNT",
        FindingKind::Biometric
        | FindingKind::Ethnicity
        | FindingKind::Orientation
        | FindingKind::Politics
        | FindingKind::Religion
        | FindingKind::Union => "TRAIT",
        FindingKind::BirthDate => "BORN",
        FindingKind::Canary => "CANARY",
        FindingKind::Card => "CARD",
        FindingKind::CloudKey
        | FindingKind::Credential
        | FindingKind::PrivateKey
        | FindingKind::ProviderKey => "SECRET",
        FindingKind::Device => "DEVICE",
        FindingKind::Dictionary => "TERM",
        FindingKind::Email => "EMAIL",
        FindingKind::Entity => "ENTITY",
        FindingKind::Exact => "RECORD",
        FindingKind::Health => "HEALTH",
        FindingKind::PromptLeak => "PROMPT",
        FindingKind::Iban => "IBAN",
        FindingKind::Identifier => "NUMBER",
        FindingKind::Fingerprint | FindingKind::Injection => "TEXT",
        FindingKind::Ip => "IP",
        FindingKind::Link => "LINK",
        FindingKind::Person => "PERSON",
        FindingKind::Phone => "PHONE",
        FindingKind::UsSsn => "SSN",
        FindingKind::Wallet => "WALLET",
    }
}

/// Where a surrogate with its underscore at `at` begins and ends.
fn around(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let kind = bytes[..at]
        .iter()
        .rev()
        .take(7)
        .take_while(|byte| byte.is_ascii_uppercase())
        .count();
    let end = at + 1 + TAG;
    (kind >= 2 && end <= bytes.len()).then_some(at - kind..end)
}
