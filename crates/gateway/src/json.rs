// SPDX-License-Identifier: Apache-2.0
//! JSON as spans: where everything stands in the original bytes.
//!
//! One pass over the bytes gives a flat list of nodes; nothing is copied and nothing is rebuilt, so
//! what is not edited is forwarded exactly as it came. Total and bounded: depth, number of nodes,
//! RFC 8259 grammar, UTF-8, no duplicate member names, no unpaired surrogates.

use std::{borrow::Cow, collections::HashSet, ops::Range};

/// Deeper documents are refused.
pub(crate) const MAX_DEPTH: usize = 64;
/// Documents with more values are refused.
const MAX_NODES: usize = 1 << 20;

/// Why bytes are no JSON that we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub(crate) struct JsonError {
    what: &'static str,
    at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Array,
    False,
    Null,
    Number,
    Object,
    String,
    True,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    kind: Kind,
    /// Whether a string has escapes.
    escaped: bool,
    /// Span with quotes or brackets.
    start: u32,
    end: u32,
    /// Index of the node after this one and everything in it.
    next: u32,
}

/// A parsed document: nodes in the order of the text. In objects, names and values alternate.
#[derive(Debug)]
pub(crate) struct Tape<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

/// One value of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'t, 'a> {
    tape: &'t Tape<'a>,
    at: usize,
}

impl<'a> Tape<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|error| JsonError {
            what: "invalid UTF-8",
            at: error.valid_up_to(),
        })?;
        if bytes.len() > u32::MAX as usize / 2 {
            return Err(JsonError {
                what: "document too large",
                at: 0,
            });
        }
        let nodes = Vec::with_capacity((bytes.len() / 24).clamp(16, 4096));
        let mut parser = Parser {
            text,
            bytes,
            at: 0,
            nodes,
        };
        parser.space();
        parser.value(0)?;
        parser.space();
        if parser.at != bytes.len() {
            return Err(parser.error("text after the document"));
        }
        Ok(Self {
            text,
            nodes: parser.nodes,
        })
    }

    pub(crate) const fn root(&self) -> Value<'_, 'a> {
        Value { tape: self, at: 0 }
    }
}

impl<'t, 'a> Value<'t, 'a> {
    fn node(&self) -> Node {
        self.tape.nodes[self.at]
    }

    pub(crate) fn kind(&self) -> Kind {
        self.node().kind
    }

    /// Span in the document, quotes and brackets included.
    pub(crate) fn span(&self) -> Range<usize> {
        let node = self.node();
        node.start as usize..node.end as usize
    }

    /// Span of a string's inside.
    pub(crate) fn inside(&self) -> Range<usize> {
        let span = self.span();
        span.start + 1..span.end.saturating_sub(1).max(span.start + 1)
    }

    pub(crate) fn raw(&self) -> &'a str {
        &self.tape.text[self.span()]
    }

    /// The string's text; `None` for other kinds.
    pub(crate) fn text(&self) -> Option<Cow<'a, str>> {
        let node = self.node();
        if node.kind != Kind::String {
            return None;
        }
        let raw = &self.tape.text[self.inside()];
        Some(if node.escaped {
            Cow::Owned(decode(raw).0)
        } else {
            Cow::Borrowed(raw)
        })
    }

    /// The string's text with the place of each byte inside the raw string, if it has escapes.
    pub(crate) fn text_mapped(&self) -> Option<(Cow<'a, str>, Option<Vec<u32>>)> {
        let node = self.node();
        if node.kind != Kind::String {
            return None;
        }
        let raw = &self.tape.text[self.inside()];
        Some(if node.escaped {
            let (text, map) = decode(raw);
            (Cow::Owned(text), Some(map))
        } else {
            (Cow::Borrowed(raw), None)
        })
    }

    pub(crate) fn as_u64(&self) -> Option<u64> {
        (self.kind() == Kind::Number)
            .then(|| self.raw().parse().ok())
            .flatten()
    }

    /// Whether both are the same place of the same document.
    pub(crate) const fn is(&self, other: &Self) -> bool {
        self.at == other.at
    }

    pub(crate) fn is_true(&self) -> bool {
        self.kind() == Kind::True
    }

    pub(crate) fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    /// Values of an array; nothing for other kinds.
    pub(crate) fn items(&self) -> impl Iterator<Item = Value<'t, 'a>> + use<'t, 'a> {
        let (tape, node) = (self.tape, self.node());
        let mut at = self.at + 1;
        let end = if node.kind == Kind::Array {
            node.next as usize
        } else {
            at
        };
        std::iter::from_fn(move || {
            let value = (at < end).then_some(Value { tape, at })?;
            at = value.node().next as usize;
            Some(value)
        })
    }

    /// Names and values of an object; nothing for other kinds.
    pub(crate) fn members(
        &self,
    ) -> impl Iterator<Item = (Value<'t, 'a>, Value<'t, 'a>)> + use<'t, 'a> {
        let (tape, node) = (self.tape, self.node());
        let mut at = self.at + 1;
        let end = if node.kind == Kind::Object {
            node.next as usize
        } else {
            at
        };
        std::iter::from_fn(move || {
            let name = (at < end).then_some(Value { tape, at })?;
            let value = Value {
                tape,
                at: name.node().next as usize,
            };
            at = value.node().next as usize;
            Some((name, value))
        })
    }

    /// The member of a name.
    pub(crate) fn get(&self, name: &str) -> Option<Value<'t, 'a>> {
        self.members()
            .find(|(key, _)| key.text().is_some_and(|key| key == name))
            .map(|(_, v)| v)
    }
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
}

impl Parser<'_> {
    const fn error(&self, what: &'static str) -> JsonError {
        JsonError { what, at: self.at }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn open(&mut self, kind: Kind) -> Result<usize, JsonError> {
        if self.nodes.len() >= MAX_NODES {
            return Err(self.error("too many values"));
        }
        let start = self.at as u32;
        self.nodes.push(Node {
            kind,
            escaped: false,
            start,
            end: start,
            next: 0,
        });
        Ok(self.nodes.len() - 1)
    }

    fn close(&mut self, index: usize) {
        let next = self.nodes.len() as u32;
        if let Some(node) = self.nodes.get_mut(index) {
            node.end = self.at as u32;
            node.next = next;
        }
    }

    fn value(&mut self, depth: usize) -> Result<(), JsonError> {
        match self.bytes.get(self.at) {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(drop),
            Some(b't') => self.word(Kind::True, b"true"),
            Some(b'f') => self.word(Kind::False, b"false"),
            Some(b'n') => self.word(Kind::Null, b"null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.error("unexpected character")),
            None => Err(self.error("unexpected end")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), JsonError> {
        if depth >= MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        let index = self.open(Kind::Object)?;
        self.at += 1;
        self.space();
        let mut names = Vec::new();
        if self.bytes.get(self.at) == Some(&b'}') {
            self.at += 1;
            self.close(index);
            return Ok(());
        }
        loop {
            if self.bytes.get(self.at) != Some(&b'"') {
                return Err(self.error("expected a member name"));
            }
            names.push(self.string()?);
            self.space();
            if self.bytes.get(self.at) != Some(&b':') {
                return Err(self.error("expected `:`"));
            }
            self.at += 1;
            self.space();
            self.value(depth + 1)?;
            self.space();
            match self.bytes.get(self.at) {
                Some(b',') => {
                    self.at += 1;
                    self.space();
                }
                Some(b'}') => break,
                _ => return Err(self.error("expected `,` or `}`")),
            }
        }
        self.at += 1;
        self.close(index);
        self.unique(&names)
    }

    /// Two members of one name are read differently by different parsers, so neither reading can be
    /// inspected for all of them.
    fn unique(&self, names: &[usize]) -> Result<(), JsonError> {
        let name = |index: usize| {
            let node = self.nodes[index];
            let raw = &self.text[node.start as usize + 1..node.end as usize - 1];
            if node.escaped {
                Cow::Owned(decode(raw).0)
            } else {
                Cow::Borrowed(raw)
            }
        };
        let twice = |index: usize| JsonError {
            what: "duplicate member name",
            at: self.nodes[index].start as usize,
        };
        if names.len() <= 12 {
            for (count, index) in names.iter().enumerate() {
                let this = name(*index);
                if names[..count].iter().any(|other| name(*other) == this) {
                    return Err(twice(*index));
                }
            }
            return Ok(());
        }
        let mut seen = HashSet::with_capacity(names.len());
        names.iter().try_for_each(|index| {
            if seen.insert(name(*index)) {
                Ok(())
            } else {
                Err(twice(*index))
            }
        })
    }

    fn array(&mut self, depth: usize) -> Result<(), JsonError> {
        if depth >= MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        let index = self.open(Kind::Array)?;
        self.at += 1;
        self.space();
        if self.bytes.get(self.at) == Some(&b']') {
            self.at += 1;
            self.close(index);
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            self.space();
            match self.bytes.get(self.at) {
                Some(b',') => {
                    self.at += 1;
                    self.space();
                }
                Some(b']') => break,
                _ => return Err(self.error("expected `,` or `]`")),
            }
        }
        self.at += 1;
        self.close(index);
        Ok(())
    }

    fn string(&mut self) -> Result<usize, JsonError> {
        let index = self.open(Kind::String)?;
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at += plain_length(&self.bytes[self.at..]);
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.error("control character in a string")),
                None => return Err(self.error("unexpected end")),
            }
        }
        self.at += 1;
        self.close(index);
        self.nodes[index].escaped = escaped;
        Ok(index)
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let unit = self.hex(self.at + 2)?;
                self.at += 6;
                if (0xDC00..0xE000).contains(&unit) {
                    return Err(self.error("unpaired surrogate"));
                }
                if (0xD800..0xDC00).contains(&unit) {
                    let paired = self.bytes.get(self.at..self.at + 2) == Some(b"\\u")
                        && (0xDC00..0xE000).contains(&self.hex(self.at + 2)?);
                    if !paired {
                        return Err(self.error("unpaired surrogate"));
                    }
                    self.at += 6;
                }
            }
            _ => return Err(self.error("invalid escape")),
        }
        Ok(())
    }

    fn hex(&self, at: usize) -> Result<u32, JsonError> {
        self.bytes.get(at..at + 4).and_then(hex4).ok_or(JsonError {
            what: "invalid escape",
            at,
        })
    }

    fn word(&mut self, kind: Kind, word: &[u8]) -> Result<(), JsonError> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(self.error("unexpected character"));
        }
        let index = self.open(kind)?;
        self.at += word.len();
        self.close(index);
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let index = self.open(Kind::Number)?;
        let digits = |parser: &mut Self| {
            let from = parser.at;
            while parser.bytes.get(parser.at).is_some_and(u8::is_ascii_digit) {
                parser.at += 1;
            }
            parser.at - from
        };
        self.at += usize::from(self.bytes[self.at] == b'-');
        let leading = self.bytes.get(self.at) == Some(&b'0');
        let count = digits(self);
        if count == 0 || (leading && count > 1) {
            return Err(self.error("invalid number"));
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if digits(self) == 0 {
                return Err(self.error("invalid number"));
            }
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            if digits(self) == 0 {
                return Err(self.error("invalid number"));
            }
        }
        self.close(index);
        Ok(())
    }
}

/// Bytes before the next quote, backslash or control character. Whole chunks are looked at without
/// branches, which the compiler turns into vector instructions.
fn plain_length(bytes: &[u8]) -> usize {
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..at + 32) {
        if chunk.iter().fold(false, |any, byte| any | special(*byte)) {
            break;
        }
        at += 32;
    }
    at + bytes[at..]
        .iter()
        .position(|byte| special(*byte))
        .unwrap_or(bytes.len() - at)
}

fn hex4(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |value, byte| {
        Some(value << 4 | char::from(*byte).to_digit(16)?)
    })
}

/// Takes the escapes out of a string that the parser accepted. Gives for each byte of the text, and
/// for its end, where it stands in the raw string.
fn decode(raw: &str) -> (String, Vec<u32>) {
    let bytes = raw.as_bytes();
    let mut text = String::with_capacity(raw.len());
    let mut map = Vec::with_capacity(raw.len() + 1);
    let mut at = 0;
    while at < bytes.len() {
        let run = memchr::memchr(b'\\', &bytes[at..]).unwrap_or(bytes.len() - at);
        text.push_str(&raw[at..at + run]);
        map.extend((at..at + run).map(|byte| byte as u32));
        at += run;
        if at >= bytes.len() {
            break;
        }
        let (c, length) = unescape(&bytes[at..]);
        let before = text.len();
        text.push(c);
        map.extend(std::iter::repeat_n(at as u32, text.len() - before));
        at += length;
    }
    map.push(at as u32);
    (text, map)
}

fn unescape(bytes: &[u8]) -> (char, usize) {
    match bytes.get(1) {
        Some(b'n') => ('\n', 2),
        Some(b't') => ('\t', 2),
        Some(b'r') => ('\r', 2),
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'u') => {
            let unit = |from: usize| bytes.get(from..from + 4).and_then(hex4).unwrap_or(0xFFFD);
            let high = unit(2);
            if (0xD800..0xDC00).contains(&high) {
                let low = unit(8).wrapping_sub(0xDC00) & 0x3FF;
                let code = 0x10000 + ((high - 0xD800) << 10) + low;
                return (char::from_u32(code).unwrap_or('\u{FFFD}'), 12);
            }
            (char::from_u32(high).unwrap_or('\u{FFFD}'), 6)
        }
        Some(other) => (char::from(*other), 2),
        None => ('\\', 1),
    }
}

#[cfg(test)]
mod tests;
