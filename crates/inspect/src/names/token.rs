// SPDX-License-Identifier: Apache-2.0
//! Words, numbers and signs of a text, with what the word lists know of them.

use std::ops::Range;

use super::table::{Known, Table};

/// What a token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    /// The end of one line or several.
    Line,
    /// A part of a program, path or address of the net, which is no name.
    Code,
    /// Letters and digits.
    Mixed,
    /// Digits.
    Number,
    /// Another character.
    #[default]
    Sign,
    /// Letters, with hyphens and apostrophes between them.
    Word,
}

/// How the letters of a word are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Case {
    /// Small and then large, as in `getName`.
    Camel,
    /// All large, two or more.
    Capitals,
    /// The first is large.
    First,
    /// No letter with a large form.
    #[default]
    None,
    /// One letter, large.
    One,
    /// All small.
    Small,
    /// Large, small and large again, as in `McDonald`.
    Within,
}

impl Case {
    const fn is_one(self) -> bool {
        matches!(self, Self::One)
    }
}

/// A piece of a text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Token {
    /// Bytes of the text.
    pub(crate) start: u32,
    /// Where it ends.
    pub(crate) end: u32,
    pub(crate) kind: Kind,
    pub(crate) case: Case,
    /// Of the letters in lower case; of a number only how long it is.
    pub(crate) hash: u32,
    /// In which lists it stands, alone or as part of a longer entry.
    pub(crate) known: Known,
}

impl Token {
    /// Bytes of the text.
    pub(crate) fn span(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether it begins with a large letter.
    pub(crate) fn is_large(&self) -> bool {
        matches!(self.case, Case::Capitals | Case::First | Case::One)
            || (self.case == Case::Within && self.kind == Kind::Word)
    }
}

/// Cuts a text into tokens. Spaces are none. Texts are cut off at 4 GiB.
pub(crate) fn tokens(text: &str, table: &Table) -> Vec<Token> {
    let text = &text[..text.floor_char_boundary(u32::MAX as usize)];
    let mut all = Vec::with_capacity(text.len() / 5);
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let start = at;
        if byte == b'\n' {
            at += 1;
            if all
                .last()
                .is_none_or(|last: &Token| last.kind != Kind::Line)
            {
                all.push(sign(Kind::Line, start..at, u32::from(b'\n')));
            }
        } else if byte.is_ascii_whitespace() || byte.is_ascii_control() {
            at += 1;
        } else {
            let (token, end) = token(text, start);
            at = end;
            if let Some(mut token) = token {
                if token.kind == Kind::Number && is_year(&text[token.span()]) {
                    token.known = Known::AGE;
                }
                if matches!(token.kind, Kind::Word | Kind::Mixed) {
                    token.known = table.get(token.hash);
                    if is_code(text, &token) {
                        (token.kind, token.known) = (Kind::Code, Known::default());
                    }
                }
                if matches!(token.kind, Kind::Word | Kind::Mixed)
                    && token.is_large()
                    && ends_as_street(&text[token.span()], table)
                {
                    token.known = token.known.and(Known::STREET_END);
                }
                all.push(token);
            }
        }
    }
    phrases(&mut all, table);
    all
}

/// The token that begins at `start`, and where what follows begins.
fn token(text: &str, start: usize) -> (Option<Token>, usize) {
    let mut hash = Hash::new();
    let (mut letters, mut digits, mut large, mut small) = (0_u32, 0_u32, 0_u32, 0_u32);
    let (mut first_large, mut end) = (false, start);
    let mut chars = text[start..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c.is_ascii_digit() {
            digits += 1;
            hash.push(c);
        } else if is_letter(c) {
            if c.is_uppercase() {
                first_large |= letters == 0 && digits == 0;
                large += 1;
            } else if c.is_lowercase() {
                small += 1;
            }
            letters += 1;
            hash.push_lower(c);
        } else if joins(c) && letters > 0 && digits == 0 {
            let next = chars.peek().copied();
            if !next.is_some_and(|(_, next)| is_letter(next)) || is_genitive(&text[start + at..]) {
                break;
            }
            hash.push(if c == '’' { '\'' } else { c });
        } else {
            break;
        }
        end = start + at + c.len_utf8();
    }
    if end == start {
        let Some(c) = text[start..].chars().next() else {
            return (None, text.len());
        };
        let end = start + c.len_utf8();
        let shown = !c.is_whitespace() && !is_mark(c);
        return (shown.then(|| sign(Kind::Sign, start..end, c.into())), end);
    }
    let (kind, hash) = match (letters, digits) {
        (0, digits) => (Kind::Number, NUMBERS + digits.min(20)),
        (_, 0) => (Kind::Word, hash.end()),
        _ => (Kind::Mixed, hash.end()),
    };
    let case = match (first_large, large, small) {
        (true, 1, 0) => Case::One,
        (true, _, 0) => Case::Capitals,
        (true, 1, _) => Case::First,
        (_, 0, 0) => Case::None,
        (_, 0, _) => Case::Small,
        (false, _, _) => Case::Camel,
        _ => Case::Within,
    };
    let token = Token {
        kind,
        case,
        hash,
        ..sign(kind, start..end, 0)
    };
    (Some(token), end)
}

/// Whether a word is joined to its neighbours as in programs and addresses, or written like them.
fn is_code(text: &str, token: &Token) -> bool {
    const LONGEST: usize = 40;
    // Not the signs of quoted mail, of tables, and of values: `>Ada`, `|Ada|`, `name=Ada`.
    let (in_front, behind) = (b"_@\\/$#<`", b"_@\\/=>`");
    let (before, after) = (
        &text.as_bytes()[..token.span().start],
        &text.as_bytes()[token.span().end..],
    );
    let small = token.case == Case::Small || token.case == Case::Camel;
    let glued = match (before, after) {
        ([.., byte], _) if in_front.contains(byte) => true,
        (_, [byte, ..]) if behind.contains(byte) => true,
        // `std::fs`, `example.org`, `self.name`
        ([.., b':', b':'], _) | (_, [b':', b':', ..]) => true,
        (_, [b'.', next, ..]) if next.is_ascii_lowercase() && !token.case.is_one() => true,
        ([.., last, b'.'], _) if last.is_ascii_alphanumeric() && small => true,
        _ => false,
    };
    let written = token.case == Case::Camel && !token.known.has(Known::FIRM);
    glued || written || token.span().len() > LONGEST
}

fn is_year(number: &str) -> bool {
    number.len() == 4 && (number.starts_with("19") || number.starts_with("20"))
}

/// Whether a word ends with a word for a street, as in `Hauptstraße`.
fn ends_as_street(word: &str, table: &Table) -> bool {
    const SHORTEST: usize = 3;
    const LONGEST: usize = 7;
    const STEM: usize = 2;
    let starts = word.char_indices().rev().map(|(at, _)| at);
    let mut tails = starts.skip(SHORTEST - 1).take(LONGEST + 1 - SHORTEST);
    tails.any(|start| start >= STEM && table.get(hash(&word[start..])).has(Known::STREET_AFTER))
}

/// The hash of a word in lower case.
pub(crate) fn hash(word: &str) -> u32 {
    let mut hash = Hash::new();
    word.chars().for_each(|c| hash.push_lower(c));
    hash.end()
}

/// Marks tokens that stand in entries of several words.
fn phrases(tokens: &mut [Token], table: &Table) {
    const LONGEST: usize = 5;
    for first in 0..tokens.len() {
        if !tokens[first].known.has(Known::BEGINS) {
            continue;
        }
        let mut hash = tokens[first].hash;
        for last in first + 1..tokens.len().min(first + LONGEST) {
            if tokens[last].kind == Kind::Line {
                break;
            }
            hash = phrase(hash, tokens[last].hash);
            let known = table.get(hash);
            for token in &mut tokens[first..=last] {
                token.known = token.known.and(known);
            }
        }
    }
}

/// The hash of an entry of several words, one word after the other.
pub(crate) fn phrase(so_far: u32, next: u32) -> u32 {
    (so_far.rotate_left(7) ^ next).wrapping_mul(0x9e37_79b1)
}

fn sign(kind: Kind, span: Range<usize>, hash: u32) -> Token {
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Token {
        start: place(span.start),
        end: place(span.end),
        kind,
        hash,
        ..Token::default()
    }
}

/// Letters, and the marks that belong to them.
fn is_letter(c: char) -> bool {
    c.is_alphabetic() || is_mark(c)
}

fn is_mark(c: char) -> bool {
    !c.is_ascii() && unicode_normalization::char::is_combining_mark(c)
}

/// What may stand between letters of one word.
fn joins(c: char) -> bool {
    matches!(c, '-' | '\'' | '’')
}

/// Whether the `'s` of a possessor stands here.
fn is_genitive(text: &str) -> bool {
    let mut chars = text.chars();
    let apostrophe = chars.next().is_some_and(|c| matches!(c, '\'' | '’'));
    let s = chars.next().is_some_and(|c| c == 's');
    apostrophe && s && !chars.next().is_some_and(is_letter)
}

/// Hashes of numbers, which no word is likely to have.
const NUMBERS: u32 = 0x5eed_0000;

/// FNV-1a over characters, mixed at the end.
struct Hash(u64);

impl Hash {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn push(&mut self, c: char) {
        self.0 = (self.0 ^ u64::from(u32::from(c))).wrapping_mul(0x100_0000_01b3);
    }

    fn push_lower(&mut self, c: char) {
        if c.is_ascii() {
            self.push(c.to_ascii_lowercase());
        } else {
            c.to_lowercase().for_each(|c| self.push(c));
        }
    }

    fn end(self) -> u32 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as u32
    }
}
