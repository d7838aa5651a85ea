// SPDX-License-Identifier: Apache-2.0
//! Where a text can be divided without dividing anything that is looked for.
//!
//! A border stands after a byte that is part of no address, number or token, such as a line break, a
//! comma or a character outside ASCII, and after a space unless a number, an IBAN or the header of a
//! key goes on behind it. A unit is what stands between two borders. Units are short; one that is
//! too long is divided where nothing that was found, or may still be found, stands.

use std::ops::Range;

use super::held::Held;
use crate::{Inspector, Surrogates, link, number::iban_length, secret};

/// Bytes of a unit that are held back at most.
const LIMIT: usize = 512;
/// Bytes of a unit that begins with the prefix of a secret.
const SECRET_LIMIT: usize = secret::LONGEST + 128;
/// Nothing but secrets, canaries and e-mail addresses is longer, separators included.
const LOOKAHEAD: usize = 80;

/// Bytes that no address, number or token has.
const DIVIDES: [bool; 256] = {
    let mut table = [true; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte as usize] = !(byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let joins = b"._%+-@:/=()";
    let mut at = 0;
    while at < joins.len() {
        table[joins[at] as usize] = false;
        at += 1;
    }
    table
};

/// How far borders were looked for.
#[derive(Debug)]
pub(super) struct Borders {
    /// The last border.
    unit: usize,
    /// Bytes that were looked at.
    seen: usize,
    /// How long the present unit may get.
    limit: usize,
}

impl Borders {
    pub(super) const fn new() -> Self {
        Self {
            unit: 0,
            seen: 0,
            limit: LIMIT,
        }
    }

    /// The last border.
    pub(super) const fn unit(&self) -> usize {
        self.unit
    }

    /// Begins a unit.
    pub(super) const fn begin(&mut self, at: usize) {
        self.unit = at;
        self.seen = at;
        self.limit = LIMIT;
    }

    /// Follows positions that went back.
    pub(super) const fn shift(&mut self, dropped: usize) {
        self.unit -= dropped;
        self.seen -= dropped;
    }

    /// Looks for borders up to the end of the text; true when a unit is too long.
    pub(super) fn advance(&mut self, text: &str, inspector: &Inspector) -> bool {
        let bytes = text.as_bytes();
        while let Some(byte) = bytes.get(self.seen) {
            let at = self.seen + 1;
            if DIVIDES[usize::from(*byte)] && text.is_char_boundary(at) {
                match is_border(bytes, self.unit, at, inspector) {
                    Some(true) => {
                        self.unit = at;
                        self.limit = LIMIT;
                    }
                    Some(false) => {}
                    None => return false,
                }
            }
            self.seen = at;
            if at - self.unit >= self.limit {
                return true;
            }
        }
        false
    }

    /// Where to divide the unit that is too long, and up to where it was looked at; `None` when more
    /// of it must be seen, for which the limit was raised.
    pub(super) fn divide(
        &mut self,
        held: &Held,
        inspector: &Inspector,
        surrogates: &Surrogates,
    ) -> Option<(usize, usize)> {
        let unit = self.unit;
        let end = held.text().floor_char_boundary(unit + self.limit);
        let seen = &held.text()[..end];
        let mut cut = seen.floor_char_boundary(end - LOOKAHEAD);
        for open in inspector.open_secrets(seen, unit) {
            if open > unit {
                cut = cut.min(open);
                break;
            }
            if self.limit < SECRET_LIMIT {
                self.limit = SECRET_LIMIT;
                return None;
            }
        }
        for canary in inspector.canary_texts() {
            let open = before_prefix_of(&seen[unit..], canary) + unit;
            if open > unit {
                cut = cut.min(open);
            } else if self.limit < canary.len() + LOOKAHEAD {
                self.limit = canary.len() + LOOKAHEAD;
                return None;
            }
        }
        if let Some(open) = open_email(&seen.as_bytes()[unit..]) {
            cut = cut.min((unit + open).max(unit + 1));
        }
        if inspector.follows_links()
            && let Some(open) = link::open(&seen.as_bytes()[unit..])
        {
            cut = cut.min((unit + open).max(unit + 1));
        }
        let found = held.inspect(inspector, unit, end);
        let stand_ins = held.stand_ins(surrogates, unit, end).map(|(span, _)| span);
        let spans = found.into_iter().map(|finding| finding.span);
        if let Some(span) = over(spans.chain(stand_ins).collect(), cut) {
            cut = if span.start > unit {
                span.start
            } else {
                span.end
            };
        }
        Some((cut, end))
    }
}

/// The span that reaches over `cut`, with all that overlap it.
fn over(mut spans: Vec<Range<usize>>, cut: usize) -> Option<Range<usize>> {
    spans.sort_by_key(|span| span.start);
    let mut joined: Option<Range<usize>> = None;
    for span in spans {
        match &mut joined {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            Some(last) if last.end > cut => break,
            _ => joined = Some(span),
        }
    }
    joined.filter(|span| span.start < cut && span.end > cut)
}

/// Whether the text can be divided at `at`, behind a byte that divides; `None` when the next byte
/// must be seen.
fn is_border(bytes: &[u8], unit: usize, at: usize, inspector: &Inspector) -> Option<bool> {
    let word = &bytes[unit..at];
    if inspector
        .canary_texts()
        .iter()
        .any(|canary| is_open(word, canary.as_bytes()))
    {
        return Some(false);
    }
    if inspector.follows_links() && link::is_open(word) {
        // What follows may make another host of it.
        return bytes.get(at).map(u8::is_ascii_whitespace);
    }
    if word.last() != Some(&b' ') {
        return Some(true);
    }
    if in_key_header(word) {
        return Some(false);
    }
    let before = &word[..word.len() - 1];
    let (number, iban) = (ends_like_number(before), ends_in_iban(before));
    if !number && !iban {
        return Some(true);
    }
    let next = bytes.get(at)?;
    let number = number && (next.is_ascii_digit() || matches!(next, b'(' | b'-'));
    let iban = iban && (next.is_ascii_digit() || next.is_ascii_uppercase());
    Some(!number && !iban)
}

/// Whether the end of `word` is a beginning of `canary`.
fn is_open(word: &[u8], canary: &[u8]) -> bool {
    let Some(last) = word.last() else {
        return false;
    };
    (1..canary.len().min(word.len() + 1))
        .any(|length| canary[length - 1] == *last && word.ends_with(&canary[..length]))
}

/// Whether digits behind a space would go on with a number: see `personal::separator`.
fn ends_like_number(before: &[u8]) -> bool {
    matches!(
        before,
        [.., b'0'..=b'9'] | [.., b'0'..=b'9', b')'] | [.., b'0'..=b'9', b' ', b'-']
    )
}

/// Whether letters or digits behind a space would go on with an IBAN: whether one begins in the last
/// groups of capitals and digits that is not complete.
fn ends_in_iban(before: &[u8]) -> bool {
    let mut letters = 0;
    let mut gap = true;
    for (start, byte) in before.iter().enumerate().rev().take(LOOKAHEAD) {
        match byte {
            b'A'..=b'Z' | b'0'..=b'9' => {
                letters += 1;
                gap = false;
            }
            // Two separators in a row end it.
            b' ' | b'-' if !gap => {
                gap = true;
                continue;
            }
            _ => return false,
        }
        if let [a, b, c, ..] = &before[start..]
            && a.is_ascii_uppercase()
            && b.is_ascii_uppercase()
            && c.is_ascii_digit()
            && start
                .checked_sub(1)
                .is_none_or(|at| !before[at].is_ascii_alphanumeric())
            && iban_length(&[*a, *b]).is_some_and(|wanted| letters < wanted)
        {
            return true;
        }
    }
    false
}

/// Whether the text ends in the header of a key that is not complete.
fn in_key_header(word: &[u8]) -> bool {
    let part = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' ';
    let length = word
        .iter()
        .rev()
        .take(LOOKAHEAD)
        .take_while(|byte| part(byte))
        .count();
    let (head, tail) = word.split_at(word.len() - length);
    tail.starts_with(b"BEGIN ") && head.ends_with(b"-----")
}

/// Where an address begins whose domain goes on at the end of the text.
fn open_email(bytes: &[u8]) -> Option<usize> {
    let domain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let local = |byte: &u8| domain(byte) || matches!(byte, b'_' | b'%' | b'+');
    let after = bytes
        .iter()
        .rev()
        .take(253)
        .take_while(|byte| domain(byte))
        .count();
    let (head, sign) = bytes
        .split_at(bytes.len() - after)
        .0
        .split_last()
        .map(|(last, head)| (head, *last))?;
    let before = head
        .iter()
        .rev()
        .take(64)
        .take_while(|byte| local(byte))
        .count();
    (sign == b'@' && before > 0).then(|| head.len() - before)
}

/// Start of the longest end of `text` that is a beginning of `pattern`, or the end.
fn before_prefix_of(text: &str, pattern: &str) -> usize {
    (1..pattern.len().min(text.len() + 1))
        .rev()
        .find(|length| text.as_bytes().ends_with(&pattern.as_bytes()[..*length]))
        .map_or(text.len(), |length| text.len() - length)
}
