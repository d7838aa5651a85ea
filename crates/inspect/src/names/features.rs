// SPDX-License-Identifier: Apache-2.0
//! What the tagger sees of a token: itself, its neighbours, its line, and what the lists know.

use std::ops::Range;

use super::{
    table::Known,
    token::{Case, Kind, Token},
};

/// Rows of weights, a power of two.
pub(crate) const BUCKETS: usize = 1 << 17;

/// The tokens of a text, with its lines.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) text: &'a str,
    pub(crate) tokens: Vec<Token>,
    /// The line of each token.
    line_of: Vec<u32>,
    /// Tokens of each line, without its end.
    lines: Vec<Range<usize>>,
    /// Whether large letters are missing, as where people type in a hurry.
    small: bool,
}

impl<'a> Page<'a> {
    pub(crate) fn new(text: &'a str, tokens: Vec<Token>) -> Self {
        let mut line_of = Vec::with_capacity(tokens.len());
        let (mut lines, mut start) = (Vec::new(), 0);
        for (at, token) in tokens.iter().enumerate() {
            line_of.push(lines.len() as u32);
            if token.kind == Kind::Line {
                lines.push(start..at);
                start = at + 1;
            }
        }
        lines.push(start..tokens.len());
        let small = !tokens.iter().any(Token::is_large);
        Self {
            text,
            tokens,
            line_of,
            lines,
            small,
        }
    }

    /// Stretches of tokens where a name may be; what lies between is looked at no further.
    pub(crate) fn islands(&self) -> Vec<Range<usize>> {
        // As far from a name as the number of a house or an age stands.
        const NUMBER: usize = 3;
        let mut wanted = vec![false; self.tokens.len()];
        for at in (0..self.tokens.len()).filter(|at| self.may_be_name(*at)) {
            wanted[at] = true;
            let around = at.saturating_sub(NUMBER)..(at + NUMBER + 1).min(self.tokens.len());
            for near in around {
                wanted[near] |= matches!(self.tokens[near].kind, Kind::Number | Kind::Mixed);
            }
        }
        let mut all: Vec<Range<usize>> = Vec::new();
        for (at, _) in wanted.iter().enumerate().filter(|wanted| *wanted.1) {
            let end = (at + 2).min(self.tokens.len());
            match all.last_mut().filter(|last| at <= last.end + 1) {
                Some(last) => last.end = end,
                None => all.push(at.saturating_sub(1)..end),
            }
        }
        all
    }

    fn may_be_name(&self, at: usize) -> bool {
        let token = &self.tokens[at];
        if token.known.has(Known::AGE) {
            return true;
        }
        if token.kind != Kind::Word {
            return false;
        }
        let common = token.known.has(Known::COMMON);
        let listed = token.known.has(Known::NAMES);
        if token.is_large() {
            return !common || listed || (token.case != Case::One && !self.begins_sentence(at));
        }
        if token.known.has(Known::STREET_BEFORE) && self.has_number(at) {
            return true;
        }
        if common || token.case == Case::None {
            return false;
        }
        listed
            || token.known.has(Known::STREET_AFTER)
            || (self.small && token.end - token.start > 2)
    }

    /// Whether a number stands before a word, as in `15 rue`, or soon after, as in `calle Mayor 5`.
    fn has_number(&self, at: usize) -> bool {
        const FAR: usize = 5;
        let before = at.checked_sub(1).unwrap_or(at);
        let around = &self.tokens[before..self.tokens.len().min(at + FAR)];
        around.iter().any(|token| token.kind == Kind::Number)
    }

    fn begins_sentence(&self, at: usize) -> bool {
        at.checked_sub(1).is_none_or(|before| {
            let before = &self.tokens[before];
            before.kind == Kind::Line || (before.kind == Kind::Sign && before.hash != COMMA)
        })
    }

    /// Gives `out` the row of weights of every feature of a token. `forget` says of which words the
    /// lists and letters are left out, for training.
    pub(crate) fn features(
        &self,
        at: usize,
        forget: impl Fn(u32) -> bool,
        mut out: impl FnMut(u32),
    ) {
        let near = |by: isize| self.near(at, by, &forget);
        let (token, here) = (&self.tokens[at], near(0));
        let (back, back2, next, next2) = (near(-1), near(-2), near(1), near(2));
        let mut emit = |template: u32, a: u32, b: u32, c: u32| out(bucket(template, a, b, c));
        let mode = u32::from(self.small);
        if token.kind == Kind::Code {
            // Whatever it says.
            return emit(22, 0, 0, 0);
        }
        emit(0, here.shape, mode, 0);
        if !here.forgotten {
            emit(1, back.word, here.word, 0);
        }
        emit(2, back.word, here.shape, 0);
        emit(3, next.word, here.shape, 0);
        emit(4, back2.word, here.shape, 1);
        emit(5, next2.word, here.shape, 1);
        emit(6, back2.word, back.word, here.shape);
        emit(7, back.shape, here.shape, next.shape);
        let around = (pair(back2.shape, back.shape), pair(next.shape, next2.shape));
        emit(8, around.0, here.shape, around.1);
        emit(9, back.known, here.known, here.shape);
        emit(10, here.known, next.known, here.shape);
        emit(11, back.known, pair(back.shape, here.shape), next.shape);
        emit(12, back2.known, back.known, here.shape);
        emit(13, next.known, next2.known, here.shape);
        emit(14, back.word, here.known, 0);
        emit(15, next.word, here.known, 0);
        emit(16, near(-3).word, here.shape, 2);
        emit(17, near(3).word, here.shape, 2);
        self.line_features(at, here, &mut emit);
        if matches!(token.kind, Kind::Word | Kind::Mixed) {
            self.letter_features(token, here, &mut emit);
        }
    }

    /// How long its line is, and what stands in it.
    fn line_features(&self, at: usize, here: Near, emit: &mut impl FnMut(u32, u32, u32, u32)) {
        let line = &self.lines[self.line_of[at] as usize];
        emit(
            18,
            line.len().min(12) as u32,
            here.shape,
            self.lines.len().min(5) as u32,
        );
        emit(19, self.street_near(line, at), here.shape, here.known);
    }

    /// Whether words for streets, and numbers, stand within four tokens on either side.
    fn street_near(&self, line: &Range<usize>, at: usize) -> u32 {
        const FAR: usize = 4;
        let street = |token: &Token| token.known.has(STREETS) || token.known.has(Known::STREET_END);
        let before = &self.tokens[at.saturating_sub(FAR).max(line.start).min(at)..at];
        let after =
            &self.tokens[(at + 1).min(line.end).max(at)..(at + 1 + FAR).min(line.end).max(at)];
        let number = |token: &Token| token.kind == Kind::Number;
        u32::from(before.iter().any(street))
            + 2 * u32::from(after.iter().any(street))
            + 4 * u32::from(before.iter().any(number))
            + 8 * u32::from(after.iter().any(number))
    }

    /// Beginning and end of a word.
    fn letter_features(
        &self,
        token: &Token,
        here: Near,
        emit: &mut impl FnMut(u32, u32, u32, u32),
    ) {
        let word = &self.text[token.span()];
        let mut end = [0_u32; 5];
        let mut count = 0;
        for (at, c) in word.chars().rev().take(5).enumerate() {
            end[at] = small(c);
            count = at + 1;
        }
        let mut hash = 0;
        for (at, c) in end[..count].iter().enumerate() {
            hash = mix(hash, *c);
            if at > 0 && !(here.forgotten && at > 3) {
                emit(20, hash, at as u32, u32::from(token.is_large()));
            }
        }
        let mut begin = 0;
        for (at, c) in word.chars().take(4).enumerate() {
            begin = mix(begin, small(c));
            if at > 1 {
                emit(21, begin, at as u32, u32::from(token.is_large()));
            }
        }
    }

    fn near(&self, at: usize, by: isize, forget: impl Fn(u32) -> bool) -> Near {
        let Some(token) = at.checked_add_signed(by).and_then(|at| self.tokens.get(at)) else {
            return Near::default();
        };
        let forgotten = token.kind == Kind::Word && forget(token.hash);
        let known = match forgotten {
            true => token.known.without(Known::NAMES),
            false => token.known,
        };
        Near {
            forgotten,
            known: known.0,
            shape: shape(token),
            word: match (forgotten, token.kind) {
                (true, _) => 1,
                (_, Kind::Code) => 2,
                _ => token.hash,
            },
        }
    }
}

/// A token as its neighbours see it.
#[derive(Debug, Clone, Copy, Default)]
struct Near {
    forgotten: bool,
    known: u32,
    shape: u32,
    word: u32,
}

/// What a token looks like, below 256; 0 is where there is none.
fn shape(token: &Token) -> u32 {
    match token.kind {
        Kind::Line => 1,
        Kind::Code => 2,
        Kind::Number => 8 + (token.end - token.start).min(12),
        Kind::Word => 24 + token.case as u32,
        Kind::Mixed => 32 + token.case as u32 + 8 * (token.end - token.start).min(7),
        Kind::Sign => 128 + token.hash.min(127),
    }
}

fn pair(a: u32, b: u32) -> u32 {
    a << 8 | b
}

fn small(c: char) -> u32 {
    c.to_lowercase().next().unwrap_or(c).into()
}

fn mix(a: u32, b: u32) -> u32 {
    (a.rotate_left(9) ^ b).wrapping_mul(0x9e37_79b1)
}

fn bucket(template: u32, a: u32, b: u32, c: u32) -> u32 {
    let hash = mix(mix(mix(template.wrapping_mul(0x85eb_ca6b), a), b), c);
    let hash = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
    (hash ^ (hash >> 13)) & (BUCKETS as u32 - 1)
}

const COMMA: u32 = b',' as u32;
const STREETS: Known = Known::STREET_BEFORE
    .and(Known::STREET_AFTER)
    .and(Known::UNIT);
