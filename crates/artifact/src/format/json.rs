// SPDX-License-Identifier: Apache-2.0
//! JSON, read once from front to back, without recursion, and without keeping what is read.
//!
//! Members that stand twice are an error: one reader takes the first, another the last. `NaN` and
//! `Infinity`, which Python writes, are let through.

use std::{borrow::Cow, collections::HashSet, hash::BuildHasher as _};

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf<'a> {
    /// An object or array ends.
    Close,
    /// `true`, `false` or `null`.
    Literal(&'a str),
    Number(&'a str),
    /// An object or array begins.
    Open,
    Text(&'a str),
}

/// Objects and arrays within one another.
const DEPTH: usize = 200;

type Broken = (usize, &'static str);
type Visit<'v> = &'v mut dyn FnMut(&[&str], Leaf<'_>);

/// Reads a document and tells every value with the keys that lead to it; places in arrays are no
/// keys.
pub(super) fn walk(bytes: &[u8], visit: Visit<'_>) -> Result<(), Broken> {
    let text = std::str::from_utf8(bytes).map_err(|error| (error.valid_up_to(), "no UTF-8"))?;
    let mut walker = Walker {
        text,
        at: 0,
        open: Vec::new(),
        keys: Vec::new(),
        hasher: std::hash::RandomState::new(),
    };
    walker.document(visit).map_err(|why| (walker.at, why))
}

/// An object or array that has begun.
enum Open {
    Array,
    /// With the digests of its keys.
    Object(HashSet<u64>),
}

struct Walker<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Open>,
    keys: Vec<Cow<'a, str>>,
    hasher: std::hash::RandomState,
}

impl<'a> Walker<'a> {
    fn document(&mut self, visit: Visit<'_>) -> Result<(), &'static str> {
        loop {
            // A value is due here.
            if self.value(visit)? {
                // An object or array began and is not empty: its first value is next.
                continue;
            }
            // Behind a value: close what ends, or go on to the next value.
            loop {
                let Some(last) = self.open.last() else {
                    self.space();
                    return match self.at == self.text.len() {
                        true => Ok(()),
                        false => Err("something behind the end"),
                    };
                };
                let is_object = matches!(last, Open::Object(_));
                if is_object {
                    self.keys.pop();
                }
                self.space();
                match (self.next(), is_object) {
                    (Some(b','), true) => {
                        self.key()?;
                        break;
                    }
                    (Some(b','), false) => break,
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.open.pop();
                        self.tell(visit, Leaf::Close);
                    }
                    _ => return Err("a comma or an end is missing"),
                }
            }
        }
    }

    /// Reads a value; true if one began that has values of its own.
    fn value(&mut self, visit: Visit<'_>) -> Result<bool, &'static str> {
        self.space();
        match self.peek().ok_or("it ends too early")? {
            b'{' => {
                self.at += 1;
                self.tell(visit, Leaf::Open);
                self.space();
                if self.peek() == Some(b'}') {
                    self.at += 1;
                    self.tell(visit, Leaf::Close);
                    return Ok(false);
                }
                self.begin(Open::Object(HashSet::new()))?;
                self.key()?;
                Ok(true)
            }
            b'[' => {
                self.at += 1;
                self.tell(visit, Leaf::Open);
                self.space();
                if self.peek() == Some(b']') {
                    self.at += 1;
                    self.tell(visit, Leaf::Close);
                    return Ok(false);
                }
                self.begin(Open::Array)?;
                Ok(true)
            }
            b'"' => {
                let text = self.string()?;
                self.tell(visit, Leaf::Text(&text));
                Ok(false)
            }
            _ => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c));
                let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                let leaf = match word {
                    "true" | "false" | "null" => Leaf::Literal(word),
                    "NaN" | "Infinity" | "-Infinity" => Leaf::Number(word),
                    _ if is_number(word) => Leaf::Number(word),
                    _ => return Err("a value that is none"),
                };
                self.at += word.len();
                self.tell(visit, leaf);
                Ok(false)
            }
        }
    }

    fn begin(&mut self, open: Open) -> Result<(), &'static str> {
        self.open.push(open);
        match self.open.len() > DEPTH {
            true => Err("too deep"),
            false => Ok(()),
        }
    }

    fn key(&mut self) -> Result<(), &'static str> {
        self.space();
        let key = self.string()?;
        self.space();
        if self.next() != Some(b':') {
            return Err("a colon is missing");
        }
        let digest = self.hasher.hash_one(key.as_ref());
        if let Some(Open::Object(seen)) = self.open.last_mut()
            && !seen.insert(digest)
        {
            return Err("a member stands twice");
        }
        self.keys.push(key);
        Ok(())
    }

    fn tell(&self, visit: Visit<'_>, leaf: Leaf<'_>) {
        let keys: Vec<&str> = self.keys.iter().map(AsRef::as_ref).collect();
        visit(&keys, leaf);
    }

    fn string(&mut self) -> Result<Cow<'a, str>, &'static str> {
        if self.next() != Some(b'"') {
            return Err("a text is missing");
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end =
            memchr::memchr2(b'"', b'\\', rest.as_bytes()).ok_or("a text that does not end")?;
        if rest.as_bytes().get(end) == Some(&b'"') {
            self.at += end + 1;
            return plain(rest.get(..end).unwrap_or_default()).map(Cow::Borrowed);
        }
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let end = memchr::memchr2(b'"', b'\\', rest.as_bytes());
            let end = end.ok_or("a text that does not end")?;
            out.push_str(plain(rest.get(..end).unwrap_or_default())?);
            self.at += end;
            if self.next() == Some(b'"') {
                return Ok(Cow::Owned(out));
            }
            out.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, &'static str> {
        let bad = "an escape that is none";
        Ok(match self.next().ok_or(bad)? {
            c @ (b'"' | b'\\' | b'/') => char::from(c),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex().ok_or(bad)?;
                let pair = self.text.get(self.at..self.at + 2) == Some("\\u");
                if (0xd800..0xdc00).contains(&high) && pair {
                    self.at += 2;
                    let low = self.hex().ok_or(bad)?;
                    let code =
                        0x1_0000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff);
                    return Ok(char::from_u32(code).unwrap_or('\u{fffd}'));
                }
                char::from_u32(high).unwrap_or('\u{fffd}')
            }
            _ => return Err(bad),
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }
}

/// A stretch of a text without control characters.
fn plain(text: &str) -> Result<&str, &'static str> {
    match text.bytes().any(|byte| byte < 0x20) {
        true => Err("a control character within a text"),
        false => Ok(text),
    }
}

fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word).as_bytes();
    let (whole, rest) = digits.split_at(run_of_digits(digits));
    let has_zeros = whole.len() > 1 && whole.starts_with(b"0");
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => rest.split_at(run_of_digits(rest)),
        rest => (&b"0"[..], rest),
    };
    let exponent = match rest {
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => rest,
        [] => b"0",
        _ => return false,
    };
    let is_whole = |digits: &[u8]| !digits.is_empty() && run_of_digits(digits) == digits.len();
    !whole.is_empty() && !has_zeros && !fraction.is_empty() && is_whole(exponent)
}

fn run_of_digits(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}
