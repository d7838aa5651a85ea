// SPDX-License-Identifier: Apache-2.0
//! The ways in which a text can be read: as it stands, and decoded.
//!
//! Decoding is bounded: at most [`DEPTH`] layers, [`READINGS`] readings, and all of them together
//! hold at most twice the bytes and [`SPARE`]. A decoded reading has what was decoded and what
//! stands [`AROUND`] it; the rest is read in the text as it stands. What is decoded counts only when
//! it reads like language.

mod codes;

use std::{borrow::Cow, ops::Range};

use codes::{DECODERS, Look};

/// Layers of encoding that are undone.
const DEPTH: usize = 3;
/// Readings of a text beside the first.
const READINGS: usize = 6;
/// Bytes around what was decoded that are read with it.
const AROUND: usize = 200;
/// Bytes within which decoded stretches belong together.
const NEAR: usize = 16;
/// Bytes that all readings of a short text may have beyond twice its own.
const SPARE: usize = 512;

/// A reading, with the codes that were undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading<'a> {
    pub(crate) text: Cow<'a, str>,
    /// How it was made; empty for the text as it stands.
    pub(crate) codes: Vec<&'static str>,
    /// What was decoded last.
    changed: Vec<Range<usize>>,
}

/// A stretch that was decoded.
#[derive(Debug, Clone)]
struct Change {
    /// Where it stood.
    from: Range<usize>,
    /// Where it stands now.
    to: Range<usize>,
}

/// A decoded text, and where it differs from what was decoded.
#[derive(Debug, Default)]
struct Decoded {
    text: String,
    changes: Vec<Change>,
}

impl Decoded {
    fn with_room(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            changes: Vec::new(),
        }
    }

    fn whole(from: usize, text: String) -> Self {
        let to = 0..text.len();
        let changes = vec![Change { from: 0..from, to }];
        Self { text, changes }
    }

    /// Writes what was decoded from the bytes `from`.
    fn change(&mut self, from: Range<usize>, decoded: &str) {
        let start = self.text.len();
        self.text.push_str(decoded);
        self.changed(from, start);
    }

    /// Notes that what was written from `start` on was decoded from the bytes `from`.
    fn changed(&mut self, from: Range<usize>, start: usize) {
        let end = self.text.len();
        match self.changes.last_mut() {
            Some(last) if from.start <= last.from.end + NEAR && start <= last.to.end + NEAR => {
                (last.from.end, last.to.end) = (from.end, end);
            }
            _ => self.changes.push(Change {
                from,
                to: start..end,
            }),
        }
    }

    /// What was decoded in or beside the stretches `of` what it was decoded from, with what stands
    /// around it, of at most so many bytes.
    fn cut(&self, of: &[Range<usize>], most: usize) -> Option<(String, Vec<Range<usize>>)> {
        let mut of = of.iter().peekable();
        let mut text = String::new();
        let mut changed = Vec::new();
        let mut done = 0;
        for (at, change) in self.changes.iter().enumerate() {
            while of.next_if(|of| of.end + NEAR < change.from.start).is_some() {}
            if of.peek().is_none_or(|of| of.start > change.from.end + NEAR) {
                continue;
            }
            let before = self
                .text
                .floor_char_boundary(change.to.start.saturating_sub(AROUND));
            if before > done && !text.is_empty() {
                text.push('\n');
            }
            // Never beyond the next, which is written by itself or not at all.
            let next = self
                .changes
                .get(at + 1)
                .map_or(self.text.len(), |next| next.to.start);
            let after = self
                .text
                .ceil_char_boundary((change.to.end + AROUND).min(next));
            text.push_str(self.text.get(before.max(done)..change.to.start)?);
            let start = text.len();
            text.push_str(self.text.get(change.to.clone())?);
            changed.push(start..text.len());
            text.push_str(self.text.get(change.to.end..after)?);
            done = after;
            if text.len() >= most {
                break;
            }
        }
        text.truncate(text.floor_char_boundary(most));
        changed.retain(|stretch| stretch.start < text.len());
        if let Some(last) = changed.last_mut() {
            last.end = last.end.min(text.len());
        }
        (!changed.is_empty()).then_some((text, changed))
    }
}

/// All readings of a text, as it stands first.
pub(crate) fn readings(text: &str) -> Vec<Reading<'_>> {
    let mut all = vec![Reading {
        text: Cow::Borrowed(text),
        codes: Vec::new(),
        changed: std::iter::once(0..text.len()).collect(),
    }];
    let mut room = text.len() * 2 + SPARE;
    let mut at = 0;
    while at < all.len() {
        let from = &all[at];
        at += 1;
        if from.codes.len() >= DEPTH {
            continue;
        }
        let look = Look::at(&from.text);
        let mut made = Vec::new();
        for (name, decoder) in DECODERS {
            let decoded = decoder(&from.text, &look);
            let cut = decoded.and_then(|decoded| decoded.cut(&from.changed, room));
            let Some((text, changed)) = cut else {
                continue;
            };
            let mut codes = from.codes.clone();
            codes.push(name);
            made.push(Reading {
                text: Cow::Owned(text),
                codes,
                changed,
            });
        }
        for reading in made {
            let known = all.iter().any(|other| other.text == reading.text);
            if !known && all.len() <= READINGS && reading.text.len() <= room {
                room -= reading.text.len();
                all.push(reading);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests;
