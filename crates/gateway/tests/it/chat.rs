// SPDX-License-Identifier: Apache-2.0
//! What a provider says in a chat, whole or in pieces, and what of it the caller sees.

use serde_json::{Value, json};

use crate::{fixture::Answer, upstream::Script};

pub(crate) const CHAT: &str = "/v1/chat/completions";

/// A question.
pub(crate) fn asking(stream: bool, text: &str) -> String {
    let messages = json!([{"role": "user", "content": text}]);
    json!({"model": "gpt", "stream": stream, "messages": messages}).to_string()
}

/// A message or delta with text in its content, or in the arguments of a tool call.
pub(crate) fn part(text: &str, is_call: bool) -> Value {
    match is_call {
        true => json!({"tool_calls": [{"index": 0, "function": {"arguments": text}}]}),
        false => json!({"content": text}),
    }
}

/// An answer that says something whole.
pub(crate) fn whole(text: &str, is_call: bool) -> Script {
    Script::json(json!({"choices": [{"message": part(text, is_call)}]}).to_string())
}

/// An answer that says something in pieces.
pub(crate) fn pieces(pieces: &[&str], is_call: bool) -> Script {
    let event = |piece: &&str| {
        let choice = json!({"index": 0, "delta": part(piece, is_call), "finish_reason": null});
        format!("data: {}\n\n", json!({"id": "c", "choices": [choice]}))
    };
    let stream: String = pieces.iter().map(event).collect();
    Script::events(stream + "data: [DONE]\n\n", 256)
}

/// A text as a whole, in every two pieces, and character by character.
pub(crate) fn divisions(text: &str) -> Vec<Vec<&str>> {
    let places: Vec<_> = text.char_indices().map(|(at, _)| at).skip(1).collect();
    let mut all = vec![vec![text]];
    all.extend(places.iter().map(|at| vec![&text[..*at], &text[*at..]]));
    let mut single = Vec::new();
    let mut from = 0;
    for at in places.into_iter().chain([text.len()]) {
        single.push(&text[from..at]);
        from = at;
    }
    all.push(single);
    all
}

/// What the caller sees of it.
pub(crate) fn seen(answer: &Answer, stream: bool, is_call: bool) -> String {
    let end = match is_call {
        true => "tool_calls/0/function/arguments",
        false => "content",
    };
    let pick = |value: &Value, head: &str| {
        let text = value.pointer(&format!("/choices/0/{head}/{end}"))?;
        text.as_str().map(str::to_owned)
    };
    if !stream {
        return pick(&answer.json(), "message").unwrap_or_default();
    }
    let events = answer.events().into_iter();
    let values = events.filter_map(|event| serde_json::from_str::<Value>(&event).ok());
    values.filter_map(|value| pick(&value, "delta")).collect()
}
