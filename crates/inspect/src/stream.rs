// SPDX-License-Identifier: Apache-2.0
//! Guarding a text that arrives in pieces.
//!
//! A text is divided at borders over which nothing that is looked for can reach; what stands before
//! the last border goes out, the rest is held back. Where the borders are depends on the text alone,
//! so findings and output are the same for every division into pieces, and those of the whole text.
//!
//! | class | held back at most | beyond it |
//! |---|---|---|
//! | words, e-mail, numbers, addresses, stand-ins | 512 bytes | a longer word goes out in parts, divided where nothing is found |
//! | secrets with a known prefix | 4,224 bytes | a token of more than 4,096 bytes is none |
//! | private-key blocks | the header line | cut at the header; no byte of the key is given out |
//! | canaries | 512 bytes and the canary | none |
//!
//! What needs a longer look, [`LateWatch`] finds when most of it has gone out.
//!
//! In [`Escape::Json`] these are bytes of the text that the escapes stand for.

mod border;
mod held;
mod late;

use casemate_types::{Finding, FindingKind, GuardAction};

use crate::{GuardProfile, Inspector, Surrogates, mark, secret};
use border::Borders;
use held::Held;
pub use held::unescape;
pub use late::LateWatch;

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
    /// What was found in it, with the action taken. Spans count from the beginning of the stream, in
    /// the text that escapes stand for.
    pub findings: Vec<(Finding, GuardAction)>,
    /// Nothing more may be given out.
    pub cut: bool,
}

/// Guards one text of a streamed answer.
#[derive(Debug)]
pub struct StreamGuard {
    held: Held,
    borders: Borders,
    block: KeyBlock,
    cut: bool,
}

/// Whether the text is inside a private key that the profile lets pass: nothing but canaries is
/// looked for there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyBlock {
    Outside,
    /// Looking for `-----END ` from here on.
    Body(usize),
    /// Looking for the closing dashes from here on.
    Footer(usize),
}

impl StreamGuard {
    /// A guard at the beginning of a text.
    #[must_use]
    pub const fn new(escape: Escape) -> Self {
        Self {
            held: Held::new(escape),
            borders: Borders::new(),
            block: KeyBlock::Outside,
            cut: false,
        }
    }

    /// Takes a piece; gives what can go out now. Marks of the request are undone before anything is
    /// looked for.
    #[must_use]
    pub fn push(
        &mut self,
        inspector: &Inspector,
        profile: &GuardProfile,
        surrogates: &Surrogates,
        piece: &str,
    ) -> Piece {
        if !self.cut {
            self.held.push(piece, false, surrogates.marks());
        }
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
        self.held.push("", true, surrogates.marks());
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
        let mut out = Piece::default();
        while !self.cut {
            let text = self.held.text();
            let overlong = self.borders.advance(text, inspector);
            if end && !overlong {
                self.borders.begin(text.len());
            }
            let ready = self.borders.unit();
            if ready > self.held.given() {
                let findings = self.look(inspector, ready, ready);
                self.treat(findings, ready, profile, surrogates, &mut out);
            }
            if !overlong || self.cut {
                break;
            }
            if let Some((upto, seen)) = self.borders.divide(&self.held, inspector, surrogates) {
                let findings = self.look(inspector, upto, seen);
                self.treat(findings, upto, profile, surrogates, &mut out);
                self.borders.begin(upto);
            }
        }
        if self.cut {
            self.held.clear();
        } else {
            let dropped = self.held.forget();
            self.borders.shift(dropped);
            self.block.shift(dropped);
        }
        out.cut = self.cut;
        out
    }

    /// Findings in what goes out up to `upto`, when the text is known up to `seen`.
    fn look(&mut self, inspector: &Inspector, upto: usize, seen: usize) -> Vec<Finding> {
        let from = self.held.given();
        let inside = self.block.until(self.held.text(), upto).max(from);
        let mut found = Vec::new();
        if inside > from {
            found = self.held.inspect(inspector, from, upto);
            found.retain(|finding| {
                finding.kind == FindingKind::Canary && finding.span.start < inside
            });
        }
        if inside < upto {
            found.extend(self.held.inspect(inspector, inside, seen));
            found.retain(|finding| finding.span.end <= upto);
        }
        found
    }

    /// Gives out the text up to `upto`, treated.
    fn treat(
        &mut self,
        findings: Vec<Finding>,
        upto: usize,
        profile: &GuardProfile,
        surrogates: &Surrogates,
        out: &mut Piece,
    ) {
        let mut giver = self.held.giver(surrogates, upto);
        let mut inside = 0;
        for mut finding in findings {
            let span = finding.span.clone();
            if span.start < inside && finding.kind != FindingKind::Canary {
                continue;
            }
            let value = self.held.text().get(span.clone()).unwrap_or_default();
            let mut action = profile.answer_action(&finding, value, surrogates);
            if finding.kind == FindingKind::PrivateKey && action >= GuardAction::Pseudonymise {
                // The end of the block is not known yet, so nothing after the header may go out.
                action = GuardAction::Block;
            }
            match action {
                GuardAction::Allow | GuardAction::Flag => {
                    self.block.enter(self.held.text(), &finding);
                    inside = self.block.until(self.held.text(), upto).max(inside);
                }
                GuardAction::Pseudonymise | GuardAction::Redact => {
                    giver.upto(span.start, &mut out.text);
                    out.text.push_str(&mark(finding.kind));
                    giver.skip(span.end);
                }
                GuardAction::Block => {
                    giver.upto(span.start, &mut out.text);
                    self.cut = true;
                }
            }
            // Of a key block only the header is sure to be there.
            let end = key_body(self.held.text(), &finding).unwrap_or(span.end);
            finding.span = self.held.in_stream(span.start..end);
            out.findings.push((finding, action));
            if self.cut {
                return;
            }
        }
        giver.upto(upto, &mut out.text);
        self.held.gave(upto);
    }
}

impl KeyBlock {
    /// Begins with a finding that is the header of a block.
    fn enter(&mut self, text: &str, finding: &Finding) {
        if let Some(body) = key_body(text, finding) {
            *self = Self::Body(body);
        }
    }

    /// Looks for the block's end in `text[..upto]`; gives how far the text is inside of it.
    fn until(&mut self, text: &str, upto: usize) -> usize {
        const FOOTER: &[u8] = b"-----END ";
        const DASHES: &[u8] = b"-----";
        let find = |from: usize, what: &[u8]| {
            let part = text.as_bytes().get(from..upto)?;
            memchr::memmem::find(part, what).map(|at| from + at + what.len())
        };
        if let Self::Body(from) = *self {
            let rest = from.max((upto + 1).saturating_sub(FOOTER.len()));
            *self = find(from, FOOTER).map_or(Self::Body(rest), Self::Footer);
        }
        if let Self::Footer(from) = *self {
            if let Some(end) = find(from, DASHES) {
                *self = Self::Outside;
                return end;
            }
            *self = Self::Footer(from.max((upto + 1).saturating_sub(DASHES.len())));
        }
        if *self == Self::Outside { 0 } else { upto }
    }

    fn shift(&mut self, dropped: usize) {
        if let Self::Body(from) | Self::Footer(from) = self {
            *from -= dropped;
        }
    }
}

/// Where the body of a PEM block begins; `None` when the finding is none, or not its beginning.
fn key_body(text: &str, finding: &Finding) -> Option<usize> {
    const HEADER: &[u8] = b"PRIVATE KEY-----";
    const BEGIN: &[u8] = b"-----BEGIN ";
    let start = finding.span.start;
    let rest = &text.as_bytes()[start..];
    if finding.rule != secret::KEY_BLOCK || !rest.starts_with(BEGIN) {
        return None;
    }
    memchr::memmem::find(rest, HEADER).map(|at| start + at + HEADER.len())
}
