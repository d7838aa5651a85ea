// SPDX-License-Identifier: Apache-2.0
//! Why a text reads like an attack: by leaving out what it may be for and looking again.

use std::ops::Range;

use casemate_types::{Channel, Finding, Role};

use super::{AttackReason, Explanation, ScorePart, WordScore, meaning};
use crate::{Inspector, Segment, inspector::THRESHOLD};

/// Words that are left out in turn, at most: a window has fewer.
const WORDS: usize = 128;
/// A window this long is no text of words.
const LONGEST: usize = 16 << 10;
/// Words that are named.
const NAMED: usize = 5;
/// The fall of a logit below which a word says little.
const LITTLE: f32 = 0.25;

pub(super) fn explain(
    inspector: &Inspector,
    segment: Segment<'_>,
    finding: &Finding,
    why: &mut Explanation,
) {
    let hits = inspector.hits(segment.text);
    let Some(attempt) = inspector.attempt(segment, &hits) else {
        return meaning::of_form(finding, why);
    };
    let embedded = segment.role == Role::Tool || segment.channel == Channel::ToolResult;
    let words = attempt.words.map(|words| WordScore {
        rule: words.rule,
        score: words.score,
        counts: words.score >= THRESHOLD,
    });
    why.score.push(ScorePart {
        part: "model",
        value: attempt.model,
        meaning: "the window to the model alone",
    });
    if let Some(words) = &words {
        why.score.push(ScorePart {
            part: "words",
            value: words.score,
            meaning: match words.counts {
                true => "words of attacks that stand together; they raise the model's logit by 3",
                false => "words of attacks, too few or too far apart to count",
            },
        });
    }
    let raised_by = match attempt.codes.is_empty() {
        true => raised_by(inspector, segment, attempt.window.clone()),
        // What was decoded has no place in the text.
        false => Vec::new(),
    };
    why.attack = Some(AttackReason {
        judged_as: if embedded { "embedded" } else { "user" },
        window: attempt.window,
        model: attempt.model,
        words,
        codes: attempt.codes,
        raised_by,
    });
}

/// The words of a window without which the model is less sure, the heaviest first.
fn raised_by(
    inspector: &Inspector,
    segment: Segment<'_>,
    window: Range<usize>,
) -> Vec<(Range<usize>, f32)> {
    let Some(text) = segment.text.get(window.clone()) else {
        return Vec::new();
    };
    if text.len() > LONGEST {
        return Vec::new();
    }
    let logit = |text: &str| {
        let score = inspector.model_score(Segment { text, ..segment });
        let score = score.clamp(1e-6, 1.0 - 1e-6);
        (score / (1.0 - score)).ln()
    };
    let whole = logit(text);
    let mut all: Vec<(Range<usize>, f32)> = words(text)
        .take(WORDS)
        .map(|word| {
            let without = [&text[..word.start], &text[word.end..]].concat();
            let place = window.start + word.start..window.start + word.end;
            (place, whole - logit(&without))
        })
        .filter(|(_, fall)| *fall >= LITTLE)
        .collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.truncate(NAMED);
    all
}

/// Where the words of a text stand.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_part = |c: char| c.is_alphanumeric();
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + text.get(rest..)?.find(is_part)?;
        let length = text[start..].find(|c| !is_part(c));
        rest = length.map_or(text.len(), |length| start + length);
        Some(start..rest)
    })
}
