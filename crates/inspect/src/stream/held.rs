// SPDX-License-Identifier: Apache-2.0
//! Text that is held back, as detectors see it, with the way back to its bytes.

use std::ops::Range;

use casemate_types::Finding;

use super::Escape;
use crate::{Inspector, Surrogates, surrogate::Marks};

/// Bytes already given out that detectors still look back at. Words that explain a number stand
/// within 40 bytes; the rest is for the words themselves.
const CONTEXT: usize = 160;

/// What was given out last, as context, and then what is held back.
#[derive(Debug)]
pub(super) struct Held {
    escape: Escape,
    /// Without escapes.
    text: String,
    /// How much of `text` was given out.
    given: usize,
    /// Where the first byte of `raw` stands in `text`.
    start: usize,
    /// Bytes of the stream that stood before `text`.
    dropped: usize,
    /// The held part as it arrived, with an incomplete escape at its end; only for escapes.
    raw: String,
    /// How much of `raw` is in `text`.
    read: usize,
    steps: Vec<Step>,
}

/// The end of an escape, in `text` and in `raw`.
#[derive(Debug, Clone, Copy)]
struct Step {
    text: usize,
    raw: usize,
}

impl Held {
    pub(super) const fn new(escape: Escape) -> Self {
        Self {
            escape,
            text: String::new(),
            given: 0,
            start: 0,
            dropped: 0,
            raw: String::new(),
            read: 0,
            steps: Vec::new(),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) const fn given(&self) -> usize {
        self.given
    }

    /// Bytes held back, as they arrived.
    pub(super) const fn len(&self) -> usize {
        match self.escape {
            Escape::None => self.text.len() - self.given,
            Escape::Json => self.raw.len(),
        }
    }

    /// Takes a piece, without marks. At the end an escape that is not complete is taken as it is.
    pub(super) fn push(&mut self, piece: &str, end: bool, marks: Option<Marks>) {
        if self.escape == Escape::None {
            add(&mut self.text, piece, marks);
            return;
        }
        let mut waiting = self.raw.split_off(self.read);
        let mut rest = piece;
        if !waiting.is_empty() {
            waiting.push_str(piece);
            rest = &waiting;
        }
        while !rest.is_empty() {
            let plain = memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
            let (before, behind) = rest.split_at(plain);
            add(&mut self.text, before, marks);
            add(&mut self.raw, before, marks);
            self.read = self.raw.len();
            if behind.is_empty() {
                return;
            }
            let (c, length) = match unescape(behind) {
                Some(escape) => escape,
                None if end => ('\\', 1),
                None => {
                    self.raw.push_str(behind);
                    return;
                }
            };
            let (escape, behind) = behind.split_at(length);
            self.escaped(c, escape, marks);
            rest = behind;
        }
    }

    /// Takes an escape, which is nothing more than its meaning when it is a mark.
    fn escaped(&mut self, c: char, escape: &str, marks: Option<Marks>) {
        if let Some(meaning) = marks.and_then(|marks| marks.meaning(c)) {
            self.text.push_str(meaning);
            self.raw.push_str(meaning);
            self.read = self.raw.len();
            return;
        }
        self.text.push(c);
        self.raw.push_str(escape);
        self.read = self.raw.len();
        self.steps.push(Step {
            text: self.text.len(),
            raw: self.raw.len(),
        });
    }

    /// Findings that begin at `from` or later, when the text is known up to `seen`.
    pub(super) fn inspect(&self, inspector: &Inspector, from: usize, seen: usize) -> Vec<Finding> {
        let context = self.context(from);
        let mut found = inspector.inspect_from(&self.text[context..seen], from - context);
        for finding in &mut found {
            finding.span.start += context;
            finding.span.end += context;
        }
        found
    }

    fn context(&self, at: usize) -> usize {
        self.text.floor_char_boundary(at.saturating_sub(CONTEXT))
    }

    /// Stand-ins from `from` up to `upto`, and their originals.
    pub(super) fn stand_ins<'a>(
        &'a self,
        surrogates: &'a Surrogates,
        from: usize,
        upto: usize,
    ) -> impl Iterator<Item = (Range<usize>, &'a str)> + use<'a> {
        let context = self.context(from);
        let occurrences = surrogates.occurrences(&self.text[context..upto]);
        occurrences
            .map(move |(span, original)| (span.start + context..span.end + context, original))
            .filter(move |(span, _)| span.start >= from)
    }

    pub(super) fn giver<'a>(&'a self, surrogates: &'a Surrogates, upto: usize) -> Giver<'a> {
        let stand_ins: Vec<_> = self.stand_ins(surrogates, self.given, upto).collect();
        Giver {
            held: self,
            done: self.given,
            stand_ins: stand_ins.into_iter().peekable(),
        }
    }

    /// A span of `text` as a span of the stream.
    pub(super) const fn in_stream(&self, span: Range<usize>) -> Range<usize> {
        span.start + self.dropped..span.end + self.dropped
    }

    /// Remembers that the text up to `upto` was given out.
    pub(super) const fn gave(&mut self, upto: usize) {
        self.given = upto;
    }

    /// Drops what is not needed any more; gives by how much positions in `text` went back.
    pub(super) fn forget(&mut self) -> usize {
        if self.escape == Escape::Json {
            let raw = self.raw_at(self.given);
            self.raw.drain(..raw);
            self.read -= raw;
            let given = self.given;
            self.steps.retain(|step| step.text > given);
            for step in &mut self.steps {
                step.raw -= raw;
            }
        }
        self.start = self.given;
        // Not at every piece: moving the context costs more than keeping it.
        if self.given < 8 * CONTEXT {
            return 0;
        }
        let drop = self.context(self.given);
        self.text.drain(..drop);
        for step in &mut self.steps {
            step.text -= drop;
        }
        self.given -= drop;
        self.start -= drop;
        self.dropped += drop;
        drop
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.escape);
    }

    /// The bytes of a part of `text` as they arrived.
    fn arrived(&self, part: Range<usize>) -> &str {
        match self.escape {
            Escape::None => &self.text[part],
            Escape::Json => &self.raw[self.raw_at(part.start)..self.raw_at(part.end)],
        }
    }

    fn raw_at(&self, at: usize) -> usize {
        let passed = self.steps.partition_point(|step| step.text <= at);
        match passed.checked_sub(1).and_then(|last| self.steps.get(last)) {
            Some(step) => step.raw + at - step.text,
            None => at - self.start,
        }
    }
}

/// Gives out held text as it arrived, with stand-ins replaced.
pub(super) struct Giver<'a> {
    held: &'a Held,
    done: usize,
    stand_ins: std::iter::Peekable<std::vec::IntoIter<(Range<usize>, &'a str)>>,
}

impl Giver<'_> {
    pub(super) fn upto(&mut self, at: usize, out: &mut String) {
        while let Some((span, original)) = self.stand_ins.next_if(|(span, _)| span.end <= at) {
            if span.start < self.done {
                continue;
            }
            out.push_str(self.held.arrived(self.done..span.start));
            self.done = span.end;
            match self.held.escape {
                Escape::None => out.push_str(original),
                Escape::Json => {
                    // Originals are escaped for the document they go into.
                    let mut escaped = Vec::with_capacity(original.len() + 8);
                    casemate_types::json::escape_body_into(&mut escaped, original);
                    out.push_str(&String::from_utf8_lossy(&escaped));
                }
            }
        }
        if self.done < at {
            out.push_str(self.held.arrived(self.done..at));
            self.done = at;
        }
    }

    /// Leaves the text up to `at` out.
    pub(super) fn skip(&mut self, at: usize) {
        self.done = self.done.max(at);
    }
}

fn add(out: &mut String, text: &str, marks: Option<Marks>) {
    match marks {
        Some(marks) => marks.undo(text, out),
        None => out.push_str(text),
    }
}

/// The escape at the beginning of JSON text, which is a backslash: its character and the bytes it
/// takes; `None` when it is not complete. What is no escape stands for its backslash.
#[must_use]
pub fn unescape(text: &str) -> Option<(char, usize)> {
    let bytes = text.as_bytes();
    let simple = |c| Some((c, 2));
    match bytes.get(1)? {
        b'n' => simple('\n'),
        b't' => simple('\t'),
        b'r' => simple('\r'),
        b'b' => simple('\u{8}'),
        b'f' => simple('\u{c}'),
        b'u' => {
            let high = hex4(bytes.get(2..6)?);
            let Some(high) = high else {
                return Some(('\\', 1));
            };
            if !(0xD800..0xDC00).contains(&high) {
                return Some((char::from_u32(high).unwrap_or('\u{fffd}'), 6));
            }
            match bytes.get(6..8) {
                Some(b"\\u") => {}
                Some(_) => return Some(('\u{fffd}', 6)),
                None if bytes.len() == 7 && bytes[6] != b'\\' => return Some(('\u{fffd}', 6)),
                None => return None,
            }
            let low = hex4(bytes.get(8..12)?).filter(|low| (0xDC00..0xE000).contains(low));
            match low {
                Some(low) => {
                    let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                    Some((char::from_u32(code).unwrap_or('\u{fffd}'), 12))
                }
                None => Some(('\u{fffd}', 6)),
            }
        }
        b'"' | b'\\' | b'/' => simple(char::from(bytes[1])),
        _ => Some(('\\', 1)),
    }
}

fn hex4(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |value, byte| {
        Some(value << 4 | char::from(*byte).to_digit(16)?)
    })
}
