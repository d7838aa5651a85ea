// SPDX-License-Identifier: Apache-2.0
//! Guarding a text that arrives in pieces.
//!
//! What cannot be part of something unfinished is given out, the rest is held back: the last word,
//! and before it words of a number that may go on. Findings are treated, stand-ins are replaced by
//! their originals, and the result is the same for every division into pieces, as long as no word
//! is longer than the bound of its class:
//!
//! | class | held back at most | beyond it |
//! |---|---|---|
//! | e-mail, numbers, addresses, stand-ins | 256 bytes | a longer word is given out in parts |
//! | secrets with a known prefix | 4,096 bytes | the first 4,096 bytes decide |
//! | private-key blocks | the header line | cut at the header; no byte of the key is given out |
//! | canaries | the canary | none |

use casemate_types::{Direction, Finding, FindingKind, GuardAction, Trust};

use crate::{GuardProfile, Inspector, Surrogates, mark, secret};

/// Bytes of a word without a secret's prefix that are held back.
const HOLD: usize = 256;
/// Bytes already given out that detectors still see as context.
const CONTEXT: usize = 96;
/// Bytes of numbers that may belong together.
const NUMBER: usize = 64;

/// How text stands in its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// As it is.
    None,
    /// Inside a JSON document that itself is sent as text: tool-call arguments.
    Json,
}

/// What comes out for a piece that went in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Piece {
    /// Text to give out.
    pub text: String,
    /// What was found in it, with the action taken.
    pub findings: Vec<(Finding, GuardAction)>,
    /// Nothing more may be given out.
    pub cut: bool,
}

/// Guards one text of a streamed answer.
#[derive(Debug)]
pub struct StreamGuard {
    escape: Escape,
    /// The end of what was given out, as the detectors see it.
    context: String,
    /// What is held back, as it arrived.
    held: String,
    cut: bool,
}

impl StreamGuard {
    /// A guard at the beginning of a text.
    #[must_use]
    pub const fn new(escape: Escape) -> Self {
        Self {
            escape,
            context: String::new(),
            held: String::new(),
            cut: false,
        }
    }

    /// Takes a piece; gives what can go out now.
    #[must_use]
    pub fn push(
        &mut self,
        inspector: &Inspector,
        profile: &GuardProfile,
        surrogates: &Surrogates,
        piece: &str,
    ) -> Piece {
        self.held.push_str(piece);
        self.release(inspector, profile, surrogates, false)
    }

    /// Ends the text; gives everything that was held back.
    #[must_use]
    pub fn finish(
        &mut self,
        inspector: &Inspector,
        profile: &GuardProfile,
        surrogates: &Surrogates,
    ) -> Piece {
        self.release(inspector, profile, surrogates, true)
    }

    /// Bytes held back now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn release(
        &mut self,
        inspector: &Inspector,
        profile: &GuardProfile,
        surrogates: &Surrogates,
        end: bool,
    ) -> Piece {
        if self.cut || self.held.is_empty() {
            return Piece {
                cut: self.cut,
                ..Piece::default()
            };
        }
        let view = View::of(&self.held, self.escape, end);
        let safe = if end {
            view.text.len()
        } else {
            self.safe(&view.text, inspector)
        };
        if safe == 0 {
            return Piece::default();
        }
        let whole = [self.context.as_str(), &view.text].concat();
        let base = self.context.len();
        let mut out = Piece::default();
        let mut done = 0;
        for mut finding in inspector.inspect_exact(&whole) {
            if finding.span.end <= base {
                continue;
            }
            let start = finding.span.start.saturating_sub(base);
            // A key block ends far beyond its header; everything else lies before what is held.
            let stop = (finding.span.end - base).min(view.text.len());
            if start >= safe && finding.kind != FindingKind::PrivateKey {
                break;
            }
            finding.span = start..stop;
            let mut action = profile.action(&finding, Direction::Output, Trust::Untrusted);
            if finding.kind == FindingKind::PrivateKey && action >= GuardAction::Pseudonymise {
                // The end of the block is not known yet, so nothing after the header may go out.
                action = GuardAction::Block;
            }
            match action {
                GuardAction::Allow | GuardAction::Flag => {}
                GuardAction::Pseudonymise | GuardAction::Redact => {
                    self.give(&view, done..start, surrogates, &mut out.text);
                    out.text.push_str(&mark(finding.kind));
                    done = stop;
                }
                GuardAction::Block => {
                    self.give(&view, done..start, surrogates, &mut out.text);
                    out.findings.push((finding, action));
                    out.cut = true;
                    self.cut = true;
                    self.held.clear();
                    return out;
                }
            }
            out.findings.push((finding, action));
        }
        let upto = safe.max(done);
        self.give(&view, done..upto, surrogates, &mut out.text);
        self.keep(&view, upto);
        out
    }

    /// Appends a part of the view as it arrived, with stand-ins replaced.
    fn give(
        &self,
        view: &View,
        part: std::ops::Range<usize>,
        surrogates: &Surrogates,
        out: &mut String,
    ) {
        if part.is_empty() {
            return;
        }
        match self.escape {
            Escape::None => surrogates.restore_with(&view.text[part], out, |original, out| {
                out.push_str(original)
            }),
            Escape::Json => {
                let text = &view.text[part.clone()];
                let mut plain = String::new();
                surrogates
                    .restore_with(text, &mut plain, |original, plain| plain.push_str(original));
                if plain == text {
                    // Untouched text goes out with the escapes it came with.
                    out.push_str(&self.held[view.raw(part.start)..view.raw(part.end)]);
                } else {
                    self.give_escaped(view, part, surrogates, out);
                }
            }
        }
    }

    /// Originals are escaped for the document they go into; the rest keeps its own escapes.
    fn give_escaped(
        &self,
        view: &View,
        part: std::ops::Range<usize>,
        surrogates: &Surrogates,
        out: &mut String,
    ) {
        let base = part.start;
        let mut at = part.start;
        for (span, original) in surrogates.occurrences(&view.text[part.clone()]) {
            out.push_str(&self.held[view.raw(at)..view.raw(base + span.start)]);
            let mut escaped = Vec::with_capacity(original.len());
            casemate_types::json::escape_body_into(&mut escaped, original);
            out.push_str(&String::from_utf8_lossy(&escaped));
            at = base + span.end;
        }
        out.push_str(&self.held[view.raw(at)..view.raw(part.end)]);
    }

    fn keep(&mut self, view: &View, upto: usize) {
        self.context.push_str(&view.text[..upto]);
        let cut = self
            .context
            .floor_char_boundary(self.context.len().saturating_sub(CONTEXT));
        self.context.drain(..cut);
        let raw = view.raw(upto);
        self.held.drain(..raw);
    }

    /// How much of `text` cannot be part of something unfinished.
    fn safe(&self, text: &str, inspector: &Inspector) -> usize {
        let mut safe = last_word(text);
        safe = before_number(text, safe);
        safe = safe.min(before_header(text));
        for canary in inspector.canary_texts() {
            safe = safe.min(before_prefix_of(text, canary));
        }
        let held = text.len() - safe;
        let limit = if secret::begins_like_one(word_at(text, safe)) {
            secret::LONGEST
        } else {
            HOLD
        };
        if held > limit {
            safe = text.floor_char_boundary(text.len() - limit);
        }
        safe
    }
}

/// Start of the last word, which may go on.
fn last_word(text: &str) -> usize {
    text.bytes()
        .rposition(|byte| byte.is_ascii_whitespace())
        .map_or(0, |at| at + 1)
}

fn word_at(text: &str, from: usize) -> &str {
    let rest = text[from..].trim_start_matches(['"', '\'', '`', '(', '[', '<', '=']);
    rest.split_ascii_whitespace().next().unwrap_or_default()
}

/// Start of the words before `from` that can belong to one number with what follows: groups of
/// digits and capitals, such as cards, accounts and telephone numbers are written in.
fn before_number(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut start = from;
    loop {
        let Some(space) = start.checked_sub(1).filter(|at| bytes[*at] == b' ') else {
            return start;
        };
        let word = bytes[..space]
            .iter()
            .rposition(|byte| byte.is_ascii_whitespace())
            .map_or(0, |at| at + 1);
        let group = &bytes[word..space];
        let part = |byte: &u8| {
            byte.is_ascii_digit() || byte.is_ascii_uppercase() || b"()+-./".contains(byte)
        };
        let number = !group.is_empty()
            && group.iter().all(part)
            && (group == b"-" || group.iter().any(u8::is_ascii_digit));
        if !number || text.len() - word > NUMBER + HOLD || from - word > NUMBER {
            return start;
        }
        start = word;
    }
}

/// Start of a PEM header that is not complete, or the end.
fn before_header(text: &str) -> usize {
    const BEGIN: &str = "-----BEGIN ";
    let from = text.floor_char_boundary(text.len().saturating_sub(96));
    let tail = &text[from..];
    if let Some(at) = tail.rfind(BEGIN)
        && !tail[at + BEGIN.len()..].contains("-----")
        && !tail[at..].contains('\n')
    {
        return from + at;
    }
    before_prefix_of(text, BEGIN)
}

/// Start of the longest end of `text` that is a beginning of `pattern`, or the end.
fn before_prefix_of(text: &str, pattern: &str) -> usize {
    (1..pattern.len().min(text.len() + 1))
        .rev()
        .find(|length| text.as_bytes().ends_with(&pattern.as_bytes()[..*length]))
        .map_or(text.len(), |length| text.len() - length)
}

/// Held text as detectors see it, with the way back to its bytes.
struct View {
    text: String,
    /// For each byte of `text` and its end: where it stands in the held text. Empty when the two
    /// are the same.
    map: Vec<usize>,
    raw_len: usize,
}

impl View {
    fn of(held: &str, escape: Escape, end: bool) -> Self {
        if escape == Escape::None || !held.contains('\\') {
            return Self {
                text: held.to_owned(),
                map: Vec::new(),
                raw_len: held.len(),
            };
        }
        let mut view = Self {
            text: String::with_capacity(held.len()),
            map: Vec::new(),
            raw_len: 0,
        };
        let mut at = 0;
        while at < held.len() {
            let (c, length) = match unescape(&held[at..]) {
                Some(step) => step,
                // An escape that is not complete: wait for the rest, or take it as it is.
                None if !end => break,
                None => ('\\', 1),
            };
            let before = view.text.len();
            view.text.push(c);
            view.map
                .extend(std::iter::repeat_n(at, view.text.len() - before));
            at += length;
        }
        view.map.push(at);
        view.raw_len = at;
        view
    }

    fn raw(&self, at: usize) -> usize {
        if self.map.is_empty() {
            at
        } else {
            self.map.get(at).copied().unwrap_or(self.raw_len)
        }
    }
}

/// The first character of JSON text and the bytes it takes; `None` when an escape is not complete.
fn unescape(text: &str) -> Option<(char, usize)> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'\\') {
        let c = text.chars().next()?;
        return Some((c, c.len_utf8()));
    }
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
