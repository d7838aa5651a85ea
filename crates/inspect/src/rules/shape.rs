// SPDX-License-Identifier: Apache-2.0
//! Shapes: sequences of character classes, literals and alternatives, matched from a given byte on.
//!
//! No regular expressions: no nesting, no unbounded repetition, so the work of a match is bounded by
//! the counts that stand in the shape.

mod matcher;

pub(crate) use matcher::{Matcher, Memory, Remembered};

/// A set of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Set([u64; 4]);

impl Set {
    pub(crate) const fn has(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 == 1
    }

    /// Adds ASCII characters.
    fn add(&mut self, first: u8, last: u8) {
        (first..=last)
            .filter(u8::is_ascii)
            .for_each(|byte| self.0[usize::from(byte >> 6)] |= 1 << (byte & 63));
    }

    fn each(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|at| of(self.0[at], other.0[at])))
    }

    /// Whether it has only bytes that `other` has too.
    pub(crate) fn within(self, other: Self) -> bool {
        self.with(other) == other
    }

    /// Whether it has a byte that `other` has too.
    pub(crate) fn meets(self, other: Self) -> bool {
        self.each(other, |own, more| own & more) != Self::default()
    }

    /// The bytes of both.
    pub(crate) fn with(self, other: Self) -> Self {
        self.each(other, |own, more| own | more)
    }

    /// All but one.
    pub(crate) fn without(self, byte: u8) -> Self {
        self.each(Self::of(&[(byte, byte)]), |own, other| own & !other)
    }

    /// All bytes that it has not.
    fn others(self) -> Self {
        Self(self.0.map(|bits| !bits))
    }

    /// ASCII characters, by the first and last of ranges.
    pub(crate) fn of(ranges: &[(u8, u8)]) -> Self {
        let mut set = Self::default();
        ranges
            .iter()
            .for_each(|(first, last)| set.add(*first, *last));
        set
    }
}

/// A part of a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// One of several texts.
    Any(Vec<Box<[u8]>>),
    /// Characters of a set, at least and at most so many.
    Class(Set, usize, usize),
    /// Nothing, a space, a dash or a dot, the same at every gap of a match.
    Gap,
    /// A text.
    Literal(Box<[u8]>),
}

/// How a shape is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notation {
    /// Of numbers: `~` is a gap, a backslash is none.
    Number,
    /// Of secrets: `\` makes the next character literal.
    Secret,
}

/// What a gap may be.
pub(crate) const GAPS: [Option<u8>; 4] = [None, Some(b' '), Some(b'-'), Some(b'.')];
/// Characters of an open count at most.
const OPEN: usize = 4096;

/// A shape as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) parts: Vec<Part>,
}

impl Shape {
    /// Reads a shape; tells what is wrong with one that is none.
    pub(crate) fn parse(text: &str, notation: Notation) -> Result<Self, String> {
        let mut reader = Reader {
            rest: text.as_bytes(),
            notation,
        };
        let mut parts = Vec::new();
        let mut literal = Vec::new();
        while let Some(byte) = reader.next() {
            let part = match byte {
                b'[' => Some(reader.class()?),
                b'(' => Some(reader.any()?),
                b'~' if notation == Notation::Number => Some(Part::Gap),
                b'\\' if notation == Notation::Secret => {
                    literal.push(reader.next().ok_or("it ends in a backslash")?);
                    None
                }
                other => {
                    literal.push(other);
                    None
                }
            };
            if let Some(part) = part {
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal).into()));
                }
                parts.push(part);
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        Ok(Self { parts })
    }

    /// The spans of the classes in a match, in order, for checks of what varies.
    pub(crate) fn classes(&self, bytes: &[u8], start: usize, end: usize) -> Vec<(usize, usize)> {
        let mut spans = Vec::new();
        spans_of(&self.parts, bytes, start, end, &mut spans);
        spans
    }
}

/// Matches the parts up to a known end, keeping where classes stand.
fn spans_of(
    parts: &[Part],
    bytes: &[u8],
    at: usize,
    end: usize,
    spans: &mut Vec<(usize, usize)>,
) -> bool {
    let Some((part, rest)) = parts.split_first() else {
        return at == end;
    };
    let Some(tail) = bytes.get(at..end) else {
        return false;
    };
    match part {
        Part::Literal(text) => {
            tail.starts_with(text) && spans_of(rest, bytes, at + text.len(), end, spans)
        }
        Part::Any(texts) => texts.iter().any(|text| {
            tail.starts_with(text) && spans_of(rest, bytes, at + text.len(), end, spans)
        }),
        Part::Gap => false,
        Part::Class(set, least, most) => {
            let run = tail
                .iter()
                .take(*most)
                .take_while(|byte| set.has(**byte))
                .count();
            let known = spans.len();
            (*least..=run).rev().any(|length| {
                spans.truncate(known);
                spans.push((at, at + length));
                spans_of(rest, bytes, at + length, end, spans)
            })
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    notation: Notation,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// A character inside brackets.
    fn member(&mut self) -> Result<(u8, bool), String> {
        let byte = self.next().ok_or("a class is not closed")?;
        if byte != b'\\' || self.notation == Notation::Number {
            return Ok((byte, false));
        }
        let escaped = self.next().ok_or("a class is not closed")?;
        let byte = match escaped {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            other => other,
        };
        Ok((byte, true))
    }

    fn class(&mut self) -> Result<Part, String> {
        let mut set = Set::default();
        loop {
            let (first, escaped) = self.member()?;
            if first == b']' && !escaped {
                break;
            }
            if self.rest.first() == Some(&b'-') && self.rest.get(1) != Some(&b']') {
                self.next();
                let (last, _) = self.member()?;
                set.add(first, last);
            } else {
                set.add(first, first);
            }
        }
        let (least, most) = self.count()?;
        Ok(Part::Class(set, least, most))
    }

    /// `{n}`, `{m,n}` or `{m,}` behind a class; one character without.
    fn count(&mut self) -> Result<(usize, usize), String> {
        if self.rest.first() != Some(&b'{') {
            return Ok((1, 1));
        }
        let end = self
            .rest
            .iter()
            .position(|byte| *byte == b'}')
            .ok_or("a count is not closed")?;
        let inside = String::from_utf8_lossy(&self.rest[1..end]).into_owned();
        self.rest = &self.rest[end + 1..];
        let number = |text: &str| text.parse::<usize>().map_err(|_| "a count is no number");
        match inside.split_once(',') {
            None => number(&inside).map(|count| (count, count)),
            Some((least, "")) => number(least).map(|least| (least, OPEN)),
            Some((least, most)) => number(least).and_then(|l| number(most).map(|m| (l, m))),
        }
        .map_err(str::to_owned)
    }

    fn any(&mut self) -> Result<Part, String> {
        let mut texts = vec![Vec::new()];
        loop {
            let byte = self.next().ok_or("a bracket is not closed")?;
            let current = texts.last_mut().ok_or("a bracket is empty")?;
            match byte {
                b')' => break,
                b'|' => texts.push(Vec::new()),
                b'\\' if self.notation == Notation::Secret => {
                    current.push(self.next().ok_or("a bracket is not closed")?);
                }
                other => current.push(other),
            }
        }
        Ok(Part::Any(texts.into_iter().map(Into::into).collect()))
    }
}
