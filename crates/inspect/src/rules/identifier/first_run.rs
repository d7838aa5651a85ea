// SPDX-License-Identifier: Apache-2.0
//! How a number begins: the length and kind of its first run of letters and digits, the byte behind
//! it and the run behind that, by which rules are told apart without being tried.

use std::ops::RangeInclusive;

use super::{
    super::shape::{Part, Set, Shape},
    LONGEST,
};

/// What stands behind the first run.
const BEHIND_RUN: usize = 5;
/// How many slots there are.
pub(super) const SLOTS: usize = 2 * (LONGEST + 1) * BEHIND_RUN;
/// The longest second run that is told apart by its length.
const LONGEST_SECOND: usize = 31;

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

/// Kinds and lengths of the run behind the first and one byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Second(u64);

impl Second {
    /// Any run at all.
    pub(super) const ANY: Self = Self(u64::MAX);

    /// The run that begins at a place.
    pub(super) fn at(bytes: &[u8], at: usize) -> Self {
        let rest = bytes.get(at..).unwrap_or_default();
        let run = rest.iter().take(LONGEST_SECOND);
        let (mut length, mut letters) = (0, false);
        for byte in run.take_while(|byte| byte.is_ascii_alphanumeric()) {
            length += 1;
            letters |= byte.is_ascii_alphabetic();
        }
        Self::of(letters, length)
    }

    /// All with which parts may begin.
    fn all(parts: &[Part]) -> Self {
        let (run, next) = Run::of(parts);
        let any = matches!(next, Next::Any);
        let mut all = Self::default();
        for length in run.lengths(&next, LONGEST_SECOND) {
            // Of a long run the kind is not known.
            let either = any || length == LONGEST_SECOND;
            if either || run.may_be_digits {
                all = all.with(Self::of(false, length));
            }
            if either || run.may_have_letters {
                all = all.with(Self::of(true, length));
            }
        }
        all
    }

    const fn of(letters: bool, length: usize) -> Self {
        Self(1 << (letters as usize * (LONGEST_SECOND + 1) + length))
    }

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Every slot in which a match of a shape may stand, with one sort of gap, and what the second run may
/// be then.
pub(super) fn slots(shape: &Shape, gap: Option<u8>) -> Vec<(usize, Second)> {
    let parts = pieces(shape, gap);
    let (first, next) = Run::of(&parts);
    let nexts: Vec<usize> = match next {
        Next::Sign(set, _) => (0..128)
            .filter(|byte| set.has(*byte))
            .map(|byte| behind(Some(byte)))
            .collect(),
        // The number ends, or what comes may or may not be a letter or digit.
        Next::Any | Next::End => (0..BEHIND_RUN).collect(),
    };
    let second = match next {
        Next::Sign(_, Some(rest)) => Second::all(rest),
        _ => Second::ANY,
    };
    let mut all = Vec::new();
    for length in first.lengths(&next, LONGEST) {
        for next in &nexts {
            if first.may_be_digits {
                all.push((slot(false, length, *next), second));
            }
            if first.may_have_letters {
                all.push((slot(true, length, *next), second));
            }
        }
    }
    all
}

/// The parts of a shape with one sort of gap; of texts each run of letters and digits and each sign
/// for itself.
fn pieces(shape: &Shape, gap: Option<u8>) -> Vec<Part> {
    let mut pieces = Vec::new();
    for part in &shape.parts {
        match part {
            Part::Gap => pieces.extend(gap.map(|gap| Part::Literal([gap].into()))),
            Part::Literal(text) => {
                let apart = |a: &u8, b: &u8| a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric();
                pieces.extend(text.chunk_by(apart).map(|text| Part::Literal(text.into())));
            }
            other => pieces.push(other.clone()),
        }
    }
    pieces
}

/// What comes behind a run.
enum Next<'a> {
    /// Anything, perhaps more of the run.
    Any,
    /// The end of the number.
    End,
    /// A sign of a set, and what comes behind it if that is known.
    Sign(Set, Option<&'a [Part]>),
}

/// How long a run of letters and digits may be, and of what.
struct Run {
    least: usize,
    most: usize,
    may_be_digits: bool,
    may_have_letters: bool,
}

impl Run {
    /// The run with which parts begin.
    fn of(parts: &[Part]) -> (Self, Next<'_>) {
        let mut run = Self {
            least: 0,
            most: 0,
            may_be_digits: true,
            may_have_letters: false,
        };
        let mut rest = parts;
        while let Some((part, behind)) = rest.split_first() {
            if let Some(next) = run.take(part, behind) {
                return (run, next);
            }
            rest = behind;
        }
        (run, Next::End)
    }

    /// Goes on with a part; tells what ends the run, if it does.
    fn take<'a>(&mut self, part: &Part, behind: &'a [Part]) -> Option<Next<'a>> {
        match part {
            Part::Gap => return Some(Next::Any),
            Part::Literal(text) => match &**text {
                [sign] if !sign.is_ascii_alphanumeric() => {
                    return Some(Next::Sign(Set::of(&[(*sign, *sign)]), Some(behind)));
                }
                text => self.texts(&[text]),
            },
            Part::Any(texts) => {
                if !texts
                    .iter()
                    .all(|text| text.iter().all(u8::is_ascii_alphanumeric))
                {
                    return Some(Next::Any);
                }
                let texts: Vec<&[u8]> = texts.iter().map(|text| &**text).collect();
                self.texts(&texts);
            }
            Part::Class(set, least, most) => {
                if !set.meets(letters_and_digits()) {
                    let known = (*most == 1).then_some(behind);
                    return Some(if *least > 0 {
                        Next::Sign(*set, known)
                    } else {
                        Next::Any
                    });
                }
                self.may_have_letters |= set.meets(letters());
                if !set.within(letters_and_digits()) {
                    return Some(Next::Any);
                }
                self.least += least;
                self.most += most;
                self.may_be_digits &= set.meets(digits()) || *least == 0;
            }
        }
        None
    }

    /// Goes on with one of several texts.
    fn texts(&mut self, texts: &[&[u8]]) {
        let lengths = texts.iter().map(|text| text.len());
        self.least += lengths.clone().min().unwrap_or(0);
        self.most += lengths.max().unwrap_or(0);
        let digits = |text: &&[u8]| text.iter().all(u8::is_ascii_digit);
        self.may_be_digits &= texts.iter().any(digits);
        self.may_have_letters |= !texts.iter().all(digits);
    }

    /// The lengths it may have; `longest` stands for longer ones, too.
    fn lengths(&self, next: &Next<'_>, longest: usize) -> RangeInclusive<usize> {
        let most = match next {
            Next::Any => longest,
            Next::End | Next::Sign(..) => self.most.min(longest),
        };
        self.least.min(longest)..=most
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
