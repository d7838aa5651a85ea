// SPDX-License-Identifier: Apache-2.0
//! Explanations, for people and for programs. Nothing of the text is in them.

use std::ops::Range;

use casemate_inspect::{AttackReason, ContextWord, Explanation};
use serde_json::{Value, json};

use super::places::Places;

/// Lines of an explanation, with what each is about.
pub(super) fn lines(why: &Explanation, places: &Places<'_>) -> Vec<(&'static str, String)> {
    let mut lines = vec![("is", why.description.clone())];
    if let Some(source) = &why.source {
        lines.push(("rule", source.clone()));
    }
    for held in &why.checks {
        lines.push(("passed", format!("{} ({})", held.meaning, held.check)));
    }
    if why.checks.is_empty() && why.attack.is_none() {
        lines.push(("passed", "the form alone".to_owned()));
    }
    lines.extend(why.words.iter().map(|word| ("word", word_line(word))));
    if let Some(attack) = &why.attack {
        lines.extend(attack_lines(attack, places));
    }
    for part in &why.score {
        // What is rare is small, and every digit of it counts.
        let value = match part.value >= 0.1 {
            true => format!("{:.2}", part.value),
            false => part.value.to_string(),
        };
        lines.push(("score", format!("{} {value}: {}", part.part, part.meaning)));
    }
    lines
}

fn word_line(word: &ContextWord) -> String {
    let side = word.side.as_str();
    match word.word {
        Some(known) => {
            let s = if word.distance == 1 { "" } else { "s" };
            format!("`{known}`, {} character{s} {side}", word.distance)
        }
        None => "a part of it is one of the rule's words".to_owned(),
    }
}

fn attack_lines(attack: &AttackReason, places: &Places<'_>) -> Vec<(&'static str, String)> {
    let place = |at: usize| {
        let place = places.at(at);
        format!("{}:{}", place.line(), place.column())
    };
    let read = match attack.codes.is_empty() {
        true => "as it stands".to_owned(),
        false => format!("decoded: {}", attack.codes.join(", then ")),
    };
    let window = &attack.window;
    let mut lines = vec![
        (
            "judged",
            format!("as what a{} says", speaker(attack.judged_as)),
        ),
        ("read", read),
        (
            "window",
            format!("{} to {}", place(window.start), place(window.end)),
        ),
    ];
    if let Some(words) = &attack.words {
        lines.push(("words", format!("{} {:.2}", words.rule, words.score)));
    }
    if !attack.raised_by.is_empty() {
        let all = attack.raised_by.iter();
        let all: Vec<_> = all
            .map(|(at, fall)| format!("{} (+{fall:.1})", place(at.start)))
            .collect();
        lines.push(("raised by", format!("the words at {}", all.join(", "))));
    }
    lines
}

fn speaker(judged_as: &str) -> &'static str {
    match judged_as {
        "embedded" => " tool or document",
        _ => " user",
    }
}

/// The same for programs.
pub(super) fn object(why: &Explanation, places: &Places<'_>) -> Value {
    let checks: Vec<_> = why
        .checks
        .iter()
        .map(|held| json!({"check": held.check, "meaning": held.meaning}))
        .collect();
    let words: Vec<_> = why
        .words
        .iter()
        .map(|word| {
            json!({"word": word.word, "side": word.side.as_str(), "distance": word.distance})
        })
        .collect();
    let score: Vec<_> = why
        .score
        .iter()
        .map(|part| {
            json!({"part": part.part, "value": decimal(part.value), "meaning": part.meaning})
        })
        .collect();
    let mut object = json!({
        "description": why.description, "source": why.source,
        "checks": checks, "words": words, "score": score,
    });
    if let Some(attack) = &why.attack {
        object["injection"] = attack_object(attack, places);
    }
    object
}

fn attack_object(attack: &AttackReason, places: &Places<'_>) -> Value {
    let stretch = |at: &Range<usize>| {
        let (start, end) = (places.at(at.start), places.at(at.end));
        json!({
            "line": start.line(), "column": start.column(),
            "start": start.byte, "end": end.byte,
        })
    };
    let words = attack.words.as_ref().map(
        |words| json!({"rule": words.rule, "score": decimal(words.score), "counts": words.counts}),
    );
    let raised_by: Vec<_> = attack
        .raised_by
        .iter()
        .map(|(at, fall)| {
            let mut object = stretch(at);
            object["logit"] = json!(decimal(*fall));
            object
        })
        .collect();
    json!({
        "judged_as": attack.judged_as, "window": stretch(&attack.window),
        "model": decimal(attack.model), "words": words, "codes": attack.codes,
        "raised_by": raised_by,
    })
}

/// The number as it is written, not as its binary neighbour.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_default()
}
