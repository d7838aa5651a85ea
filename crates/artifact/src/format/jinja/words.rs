// SPDX-License-Identifier: Apache-2.0
//! Words of a statement or expression.

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    /// Numbers and signs.
    Other,
    Text,
}

/// A word.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) kind: Kind,
    /// A text without its quotes and with its escapes undone.
    pub(super) text: String,
}

/// Reads up to `close`; the words, and where what comes behind begins.
pub(super) fn read(body: &str, close: &str) -> Result<(Vec<Word>, usize), ()> {
    let mut words = Vec::new();
    let mut at = 0;
    // A sign behind the opening or in front of the end trims spaces.
    if body.starts_with(['-', '+']) {
        at = 1;
    }
    // Braces of dicts may stand right in front of the end.
    let mut braces = 0_u32;
    loop {
        let rest = body.get(at..).ok_or(())?;
        let first = rest.chars().next().ok_or(())?;
        let trims = rest.get(1..).is_some_and(|rest| rest.starts_with(close));
        if rest.starts_with(close) && (braces == 0 || close == "%}") {
            return Ok((words, at + 2));
        }
        if "-+".contains(first) && trims && braces == 0 {
            return Ok((words, at + 3));
        }
        let (kind, text, length) = match first {
            '\'' | '"' => {
                let (text, length) = string(rest, first)?;
                (Kind::Text, text, length)
            }
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            c if c.is_alphabetic() || c == '_' => {
                let name: String = rest
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                let length = name.len();
                (Kind::Name, name, length)
            }
            c if c.is_ascii_digit() => {
                let number: String = rest
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect();
                let length = number.len();
                (Kind::Other, number, length)
            }
            c => {
                match c {
                    '{' => braces += 1,
                    '}' => braces = braces.saturating_sub(1),
                    _ => {}
                }
                (Kind::Other, c.to_string(), c.len_utf8())
            }
        };
        words.push(Word { kind, text });
        at += length;
    }
}

/// A text in quotes, and how long it is with them.
fn string(rest: &str, quote: char) -> Result<(String, usize), ()> {
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Ok((out, at + 1));
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        let (at, kind) = chars.next().ok_or(())?;
        let width = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            'n' => {
                out.push('\n');
                continue;
            }
            't' => {
                out.push('\t');
                continue;
            }
            '0'..='7' => {
                let digits: String = rest
                    .get(at..)
                    .unwrap_or_default()
                    .chars()
                    .take(3)
                    .take_while(|c| c.is_digit(8))
                    .collect();
                out.push(
                    char::from_u32(u32::from_str_radix(&digits, 8).map_err(|_| ())?).unwrap_or('?'),
                );
                for _ in 1..digits.len() {
                    chars.next();
                }
                continue;
            }
            other => {
                out.push(other);
                continue;
            }
        };
        let digits = rest.get(at + 1..at + 1 + width).ok_or(())?;
        let code = u32::from_str_radix(digits, 16).map_err(|_| ())?;
        out.push(char::from_u32(code).unwrap_or('?'));
        for _ in 0..width {
            chars.next();
        }
    }
    Err(())
}
