// SPDX-License-Identifier: Apache-2.0
//! All detectors over one text.

use std::{collections::BTreeMap, ops::Range};

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
use casemate_types::{Channel, Finding, FindingKind, Role, Trust};

use crate::{
    health, injection, personal, secret,
    words::{Hit, Lexicon},
};

/// A text to look at, with where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// The text.
    pub text: &'a str,
    /// Who speaks.
    pub role: Role,
    /// Where in the message.
    pub channel: Channel,
    /// Whether the operator stands behind it.
    pub trust: Trust,
}

impl<'a> Segment<'a> {
    /// A segment with the trust of its role; tool results are never trusted.
    #[must_use]
    pub const fn new(text: &'a str, role: Role, channel: Channel) -> Self {
        let trust = match channel {
            Channel::ToolResult => Trust::Untrusted,
            _ => role.trust(),
        };
        Self {
            text,
            role,
            channel,
            trust,
        }
    }
}

/// The detectors could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the detectors cannot be built: {0}")]
pub struct InspectError(String);

/// All detectors, compiled once, shared by all requests.
#[derive(Debug)]
pub struct Inspector {
    secrets: AhoCorasick,
    lexicon: Lexicon,
    canaries: Option<AhoCorasick>,
    canary_texts: Vec<String>,
}

impl Inspector {
    /// Builds the detectors. `canaries` are strings that must never appear anywhere.
    ///
    /// # Errors
    /// [`InspectError`] when a canary is shorter than eight bytes, or there are too many.
    pub fn new(canaries: &[String]) -> Result<Self, InspectError> {
        let failed = |error: aho_corasick::BuildError| InspectError(error.to_string());
        if let Some(short) = canaries.iter().find(|canary| canary.len() < 8) {
            return Err(InspectError(format!(
                "the canary `{short}` is shorter than eight bytes"
            )));
        }
        let secrets = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::DFA))
            .build(secret::PREFIXES.iter().map(|prefix| prefix.literal))
            .map_err(failed)?;
        let canary_texts = canaries.to_vec();
        let canaries = (!canaries.is_empty())
            .then(|| AhoCorasick::builder().build(&canary_texts))
            .transpose()
            .map_err(failed)?;
        Ok(Self {
            secrets,
            lexicon: Lexicon::new().map_err(failed)?,
            canaries,
            canary_texts,
        })
    }

    /// Everything found in a segment: what [`Inspector::inspect_exact`] finds, then at most one
    /// attempt at injection and one health record, which may overlap the others.
    #[must_use]
    pub fn inspect(&self, segment: Segment<'_>) -> Vec<Finding> {
        let hits = self.lexicon.hits(segment.text);
        let mut found = self.exact(segment.text, 0, &hits);
        if segment.trust == Trust::Untrusted && segment.role != Role::Assistant {
            found.extend(injection::find(segment, &hits));
        }
        found.extend(health::find(segment.text, &hits));
        found
    }

    /// What is found by its form alone: personal data, payment data, secrets, canaries; in the order
    /// of the text, without overlaps. These are the classes for which a stream finds exactly what the
    /// whole text would.
    #[must_use]
    pub fn inspect_exact(&self, text: &str) -> Vec<Finding> {
        self.inspect_from(text, 0)
    }

    /// The same for what begins at `from` or later; what stands before is context.
    pub(crate) fn inspect_from(&self, text: &str, from: usize) -> Vec<Finding> {
        let hits = if personal::may_need_context(&text[from..]) {
            self.lexicon.hits(text)
        } else {
            Vec::new()
        };
        self.exact(text, from, &hits)
    }

    fn exact(&self, text: &str, from: usize, hits: &[Hit]) -> Vec<Finding> {
        let mut found = Vec::new();
        if let Some(canaries) = &self.canaries {
            let range = Input::new(text).range(from..);
            found.extend(canaries.find_iter(range).map(|hit| Finding {
                kind: FindingKind::Canary,
                span: hit.range(),
                rule: "canary",
                score: 1.0,
            }));
        }
        secret::find(text, from, &self.secrets, hits, &mut found);
        personal::find(text, from, hits, &mut found);
        found.retain(|finding| finding.span.start >= from);
        without_overlaps(found)
    }

    /// Where, from `from` on, tokens with a known prefix begin that may go on after the text.
    pub(crate) fn open_secrets<'a>(
        &'a self,
        text: &'a str,
        from: usize,
    ) -> impl Iterator<Item = usize> + 'a {
        secret::open(text, from, &self.secrets)
    }

    /// The canaries, for hold-back in streams.
    pub(crate) fn canary_texts(&self) -> &[String] {
        &self.canary_texts
    }
}

/// Keeps the stronger of two findings that overlap: canaries, then secrets, then the longer one. A
/// canary inside a key block hides neither: what stands around it is a finding of its own.
fn without_overlaps(found: Vec<Finding>) -> Vec<Finding> {
    if found.len() < 2 {
        return found;
    }
    // INVARIANT: `kept` stays sorted by start and free of overlaps, so one search per finding will
    // do and the whole is O(n log n).
    let mut kept = BTreeMap::new();
    let (canaries, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|finding| finding.kind == FindingKind::Canary);
    for canary in &canaries {
        kept.insert(canary.span.start, canary.clone());
    }
    let (blocks, mut others): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|finding| finding.rule == secret::KEY_BLOCK);
    for block in blocks {
        for span in around(&block.span, &canaries) {
            let part = Finding {
                span,
                ..block.clone()
            };
            kept.insert(part.span.start, part);
        }
    }
    let strength = |finding: &Finding| match finding.kind {
        FindingKind::CloudKey | FindingKind::PrivateKey | FindingKind::ProviderKey => 2,
        _ => 1,
    };
    others.sort_by(|a, b| {
        strength(b)
            .cmp(&strength(a))
            .then(b.score.total_cmp(&a.score))
            .then(b.span.len().cmp(&a.span.len()))
            .then(a.span.start.cmp(&b.span.start))
    });
    for finding in others {
        let before = kept.range(..finding.span.end).next_back();
        if before.is_none_or(|(_, other)| other.span.end <= finding.span.start) {
            kept.insert(finding.span.start, finding);
        }
    }
    kept.into_values().collect()
}

/// The parts of `block` that are no canary.
fn around(block: &Range<usize>, canaries: &[Finding]) -> Vec<Range<usize>> {
    let first = canaries.partition_point(|canary| canary.span.end <= block.start);
    let mut from = block.start;
    let mut parts = Vec::new();
    for canary in canaries.iter().skip(first) {
        if canary.span.start >= block.end {
            break;
        }
        parts.push(from..canary.span.start.max(from));
        from = canary.span.end;
    }
    parts.push(from..block.end.max(from));
    parts.retain(|part| !part.is_empty());
    parts
}
