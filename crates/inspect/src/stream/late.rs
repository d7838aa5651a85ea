// SPDX-License-Identifier: Apache-2.0
//! What only a longer look finds in a text that arrives in pieces: all rules, and what operators
//! list, over the end of what has arrived.
//!
//! It is found too late to be edited. Where is looked depends on the text alone, so what is found is
//! the same for every division into pieces. Behind a finding at most [`STEP`] and [`WORD`] bytes have
//! gone out unseen; what is longer than [`KEPT`] bytes is not found.

use casemate_types::Finding;

use crate::Inspector;

/// Bytes after which is looked again.
const STEP: usize = 384;
/// Bytes within which a blank is looked for, so that no word is divided.
const WORD: usize = 128;
/// Bytes before what is new that are looked at again, for what began there.
const KEPT: usize = 1024;

/// Looks back at one text of an answer.
#[derive(Debug, Default)]
pub struct LateWatch {
    text: String,
    /// How much of `text` was looked at.
    seen: usize,
}

impl LateWatch {
    /// Takes what arrives, and calls `found` with every finding that is new and what it spells.
    /// Spans mean nothing outside of this.
    pub fn push(
        &mut self,
        inspector: &Inspector,
        piece: &str,
        ends: bool,
        mut found: impl FnMut(Finding, &str),
    ) {
        self.text.push_str(piece);
        while let Some(upto) = self.next(ends) {
            let text = &self.text[..upto];
            for finding in inspector.beyond_exact(text) {
                // The rest was told before.
                if finding.span.end > self.seen
                    && let Some(value) = text.get(finding.span.clone())
                {
                    found(finding.clone(), value);
                }
            }
            self.seen = upto;
            self.forget();
        }
    }

    /// Up to where is to be looked now.
    fn next(&self, ends: bool) -> Option<usize> {
        let left = self.text.len() - self.seen;
        if left < STEP + WORD {
            return (ends && left > 0).then_some(self.text.len());
        }
        Some(self.border(self.seen + STEP))
    }

    /// Forgets what is too far back.
    fn forget(&mut self) {
        let far = self.seen.saturating_sub(KEPT);
        if far > 0 {
            let from = self.border(far);
            self.text.drain(..from);
            self.seen -= from;
        }
    }

    /// The first blank from `at` on, or `at` where none is near.
    fn border(&self, at: usize) -> usize {
        let at = self.text.floor_char_boundary(at);
        let mut near = self.text.as_bytes()[at..].iter().take(WORD);
        at + near.position(u8::is_ascii_whitespace).unwrap_or(0)
    }
}
