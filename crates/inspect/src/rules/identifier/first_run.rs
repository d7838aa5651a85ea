// SPDX-License-Identifier: Apache-2.0
//! How a number begins: the length and kind of its first run of letters and digits and the byte
//! behind it, by which rules are told apart without being tried.

use super::{
    super::shape::{Part, Set, Shape},
    LONGEST,
};

/// What stands behind the first run.
const BEHIND_RUN: usize = 5;
/// How many slots there are.
pub(super) const SLOTS: usize = 2 * (LONGEST + 1) * BEHIND_RUN;

pub(super) const fn behind(byte: Option<u8>) -> usize {
    match byte {
        Some(b' ') => 1,
        Some(b'-') => 2,
        Some(b'.') => 3,
        Some(b'/') => 4,
        _ => 0,
    }
}

pub(super) const fn slot(letters: bool, length: usize, behind: usize) -> usize {
    let length = if length > LONGEST { LONGEST } else { length };
    (letters as usize * (LONGEST + 1) + length) * BEHIND_RUN + behind
}

/// Every slot in which a match of a shape may stand, with one sort of gap.
pub(super) fn slots(shape: &Shape, gap: Option<u8>) -> Vec<usize> {
    let mut run = FirstRun::default();
    let mut next = None;
    for part in &shape.parts {
        next = run.take(part, gap);
        if next.is_some() {
            break;
        }
    }
    let nexts: Vec<usize> = match next {
        Some(Next::Byte(byte)) => vec![behind(Some(byte))],
        // The number ends, or what comes may or may not be a letter or digit.
        None | Some(Next::Any) => (0..BEHIND_RUN).collect(),
    };
    let most = if matches!(next, Some(Next::Any)) {
        LONGEST
    } else {
        run.most.min(LONGEST)
    };
    let mut all = Vec::new();
    for length in run.least.min(LONGEST)..=most {
        for next in &nexts {
            if run.may_be_digits {
                all.push(slot(false, length, *next));
            }
            if run.may_have_letters {
                all.push(slot(true, length, *next));
            }
        }
    }
    all
}

/// What comes behind the first run.
enum Next {
    Any,
    Byte(u8),
}

/// How long the first run of letters and digits may be, and of what.
struct FirstRun {
    least: usize,
    most: usize,
    may_be_digits: bool,
    may_have_letters: bool,
}

impl Default for FirstRun {
    fn default() -> Self {
        Self {
            least: 0,
            most: 0,
            may_be_digits: true,
            may_have_letters: false,
        }
    }
}

impl FirstRun {
    /// Goes on with a part; tells what ends the run, if it does.
    fn take(&mut self, part: &Part, gap: Option<u8>) -> Option<Next> {
        match part {
            Part::Gap => return gap.map(Next::Byte),
            Part::Literal(text) => {
                let run = text
                    .iter()
                    .take_while(|b| b.is_ascii_alphanumeric())
                    .count();
                self.text(&text[..run]);
                return text.get(run).map(|byte| Next::Byte(*byte));
            }
            Part::Any(texts) => {
                if texts
                    .iter()
                    .any(|text| !text.iter().all(u8::is_ascii_alphanumeric))
                {
                    return Some(Next::Any);
                }
                let lengths = texts.iter().map(|text| text.len());
                self.least += lengths.clone().min().unwrap_or(0);
                self.most += lengths.max().unwrap_or(0);
                let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
                self.may_be_digits &= texts.iter().any(|text| digits(text));
                self.may_have_letters |= texts.iter().any(|text| !digits(text));
            }
            Part::Class(set, least, most) => {
                if !set.meets(letters_and_digits()) {
                    let one = (0..128).find(|byte| set.has(*byte)).filter(|_| *least > 0);
                    let alone = one.filter(|byte| Set::of(&[(*byte, *byte)]) == *set);
                    return Some(alone.map_or(Next::Any, Next::Byte));
                }
                if !set.within(letters_and_digits()) {
                    self.may_have_letters |= set.meets(letters());
                    return Some(Next::Any);
                }
                self.least += least;
                self.most += most;
                self.may_be_digits &= set.meets(digits()) || *least == 0;
                self.may_have_letters |= set.meets(letters());
            }
        }
        None
    }

    fn text(&mut self, text: &[u8]) {
        self.least += text.len();
        self.most += text.len();
        let letter = text.iter().any(u8::is_ascii_alphabetic);
        self.may_be_digits &= !letter;
        self.may_have_letters |= letter;
    }
}

fn digits() -> Set {
    Set::of(&[(b'0', b'9')])
}

fn letters() -> Set {
    Set::of(&[(b'A', b'Z'), (b'a', b'z')])
}

pub(super) fn letters_and_digits() -> Set {
    Set::of(&[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')])
}
