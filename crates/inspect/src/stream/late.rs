// SPDX-License-Identifier: Apache-2.0
//! What only a longer look finds in a text that arrives in pieces: all rules, and what operators
//! list, over the end of what has arrived.
//!
//! It is found too late to be edited. Of what was found, and behind it, at most [`STEP`] bytes have
//! gone out unseen; what is longer than [`KEPT`] bytes is not found.

use casemate_types::Finding;

use crate::Inspector;

/// Bytes after which is looked again.
const STEP: usize = 512;
/// Bytes before them that are looked at again, for what began there.
const KEPT: usize = 1024;
/// Bytes within which a blank is looked for, so that no word is divided.
const WORD: usize = 128;

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
        if self.text.len() - self.seen < STEP && !ends {
            return;
        }
        for finding in inspector.beyond_exact(&self.text) {
            // The rest was told before.
            if finding.span.end > self.seen
                && let Some(value) = self.text.get(finding.span.clone())
            {
                let value = value.to_owned();
                found(finding, &value);
            }
        }
        self.forget();
    }

    fn forget(&mut self) {
        let from = self
            .text
            .floor_char_boundary(self.text.len().saturating_sub(KEPT));
        let near = &self.text.as_bytes()[from..];
        let blank = near.iter().take(WORD).position(u8::is_ascii_whitespace);
        self.text.drain(..from + blank.unwrap_or(0));
        self.seen = self.text.len();
    }
}
