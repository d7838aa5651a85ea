// SPDX-License-Identifier: Apache-2.0
//! A first score for instructions that do not come from the operator.
//!
//! Senses of words that stand together make signals; the role they stand in decides how much a
//! signal says. Later tiers replace the score, not the interface.

use casemate_types::{Channel, Finding, FindingKind, Role};

use crate::{
    Segment,
    words::{Hit, Sense, says_which},
};

/// Bytes within which words belong together.
const WINDOW: usize = 90;
/// Bytes behind the rules within which it may still be said which: languages differ in the order.
const AFTER: usize = 24;
/// The score of an attack that somebody quotes to talk about it, below any sensible threshold.
const QUOTED: f32 = 0.6;
/// Scores below this are not worth a record.
const WORTH_A_RECORD: f32 = 0.5;
/// What words add to the logit of the model when they say that this is an attack.
pub(crate) const WORTH: f32 = 3.0;

pub(crate) fn find(segment: Segment<'_>, hits: &[Hit]) -> Option<Finding> {
    let embedded = segment.role == Role::Tool || segment.channel == Channel::ToolResult;
    let topic = !embedded && hits.iter().any(|hit| hit.sense == Sense::Topic);
    let mut best: Option<Finding> = None;
    for (at, hit) in hits.iter().enumerate() {
        let window = window_from(hits, at);
        let Some((score, rule, last)) = signal(segment.text, hit, window, embedded) else {
            continue;
        };
        let mut score = score + hidden(segment.text, hit.start);
        // Whoever asks about attacks quotes them. In a tool's answer that is no excuse.
        if topic && is_quoted(segment.text, hit.start) {
            score = score.min(QUOTED);
        }
        if score >= WORTH_A_RECORD && best.as_ref().is_none_or(|found| score > found.score) {
            let span = hit.start..last;
            let score = score.min(0.99);
            best = Some(Finding {
                kind: FindingKind::Injection,
                span,
                rule,
                score,
            });
        }
    }
    best
}

/// The hits from `at` on that begin within the window.
fn window_from(hits: &[Hit], at: usize) -> &[Hit] {
    let limit = hits[at].end + WINDOW;
    // Windows are short, so a bounded number of steps is enough; it also bounds the work on a text
    // made of nothing but trigger words.
    let upto = hits[at..]
        .iter()
        .take(24)
        .take_while(|hit| hit.start <= limit)
        .count();
    &hits[at..at + upto]
}

/// What the words from `first` on say: score, rule, end of the last word.
fn signal(
    text: &str,
    first: &Hit,
    window: &[Hit],
    embedded: bool,
) -> Option<(f32, &'static str, usize)> {
    let later = |sense: Sense| window.iter().skip(1).find(|hit| hit.sense == sense);
    let raised = if embedded { 0.15 } else { 0.0 };
    match first.sense {
        Sense::Override => {
            let rules = later(Sense::Rules).or_else(|| later(Sense::SystemPrompt))?;
            let upto = text.floor_char_boundary((rules.end + AFTER).min(text.len()));
            let which = says_which(text.get(first.start..upto).unwrap_or_default())
                || rules.sense == Sense::SystemPrompt;
            let close = rules.start.saturating_sub(first.end) <= 40;
            let score = match (which, close) {
                (true, true) => 0.9,
                (true, false) => 0.6,
                (false, true) => 0.55,
                (false, false) => 0.3,
            };
            Some((score + raised, "injection.override", rules.end))
        }
        Sense::Persona => {
            let more = later(Sense::Persona).or_else(|| later(Sense::Rules));
            let score = if more.is_some() { 0.85 } else { 0.6 };
            Some((
                score + raised,
                "injection.persona",
                more.map_or(first.end, |hit| hit.end),
            ))
        }
        Sense::Reveal => {
            let prompt = later(Sense::SystemPrompt)?;
            let close = prompt.start.saturating_sub(first.end) <= 30;
            Some((
                if close { 0.85 } else { 0.5 } + raised,
                "injection.extract",
                prompt.end,
            ))
        }
        Sense::Template => Some((0.8 + raised, "injection.template", first.end)),
        Sense::Conceal => Some((
            if embedded { 0.9 } else { 0.55 },
            "injection.conceal",
            first.end,
        )),
        Sense::Addressed if embedded => {
            let act = later(Sense::Send)
                .or_else(|| later(Sense::Override))
                .or_else(|| later(Sense::Reveal))
                .or_else(|| later(Sense::Conceal))?;
            Some((0.85, "injection.embedded", act.end))
        }
        _ => None,
    }
}

/// Whether a quotation begins at `at`.
fn is_quoted(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    before.ends_with([
        '"', '\'', '`', '\u{201c}', '\u{201e}', '\u{2018}', '\u{ab}', '\u{2039}',
    ])
}

/// Characters that nobody types and no screen shows, near the words: zero-width, bidi, tags.
fn hidden(text: &str, at: usize) -> f32 {
    let from = text.floor_char_boundary(at.saturating_sub(WINDOW));
    let upto = text.floor_char_boundary((at + WINDOW).min(text.len()));
    let window = text.get(from..upto).unwrap_or_default();
    if window.is_ascii() {
        return 0.0;
    }
    let strange = window
        .chars()
        .filter(|c| {
            matches!(u32::from(*c), 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x2064 | 0xE0000..=0xE007F)
        })
        .count();
    if strange > 2 { 0.3 } else { 0.0 }
}
