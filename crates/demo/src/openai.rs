// SPDX-License-Identifier: Apache-2.0
//! The stand-in for `OpenAI`.

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::{pieces, reply, server::Answer, tokens};

const ID: &str = "chatcmpl-standin";
const CREATED: u64 = 1_700_000_000;

pub(crate) fn chat(body: &[u8]) -> Answer {
    let Ok(request) = serde_json::from_slice::<Value>(body) else {
        return refused("not JSON");
    };
    let model = request["model"].as_str().unwrap_or("stand-in").to_owned();
    let text = last_text(&request);
    let call = request["tools"]
        .as_array()
        .and_then(|tools| tools.first())
        .cloned();
    let choices = request["n"].as_u64().unwrap_or(1).clamp(1, 8);
    let message = match &call {
        Some(tool) => tool_message(tool, &text),
        None => {
            json!({"role": "assistant", "content": answer_text(&request, &text), "refusal": null})
        }
    };
    let output = tokens(message.to_string().len()) * choices;
    let usage = json!({
        "prompt_tokens": tokens(body.len()),
        "completion_tokens": output,
        "total_tokens": tokens(body.len()) + output,
    });
    if request["stream"] == json!(true) {
        let wants = request["stream_options"]["include_usage"] == json!(true);
        return Answer::Events(events(&model, &message, choices, wants.then_some(&usage)));
    }
    let reason = if call.is_some() { "tool_calls" } else { "stop" };
    let all: Vec<_> = (0..choices)
        .map(|index| {
            json!({"index": index, "message": message, "logprobs": null, "finish_reason": reason})
        })
        .collect();
    let answer = json!({
        "id": ID, "object": "chat.completion", "created": CREATED, "model": model,
        "choices": all, "usage": usage,
    });
    Answer::Whole(answer.to_string().into_bytes())
}

/// Structured output is answered with an object; otherwise with a sentence.
fn answer_text(request: &Value, text: &str) -> String {
    if request["response_format"]["type"]
        .as_str()
        .is_some_and(|kind| kind.starts_with("json"))
    {
        return json!({"answer": text}).to_string();
    }
    reply(text)
}

fn tool_message(tool: &Value, text: &str) -> Value {
    let arguments = json!({"text": text}).to_string();
    json!({
        "role": "assistant", "content": null, "refusal": null,
        "tool_calls": [{
            "id": "call_standin", "type": "function",
            "function": {"name": tool["function"]["name"], "arguments": arguments},
        }],
    })
}

fn events(model: &str, message: &Value, choices: u64, usage: Option<&Value>) -> Vec<Bytes> {
    let chunk = |choices: Value| {
        json!({
            "id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": model,
            "choices": choices,
        })
    };
    let mut out = Vec::new();
    let mut send = |value: Value| out.push(Bytes::from(format!("data: {value}\n\n")));
    for index in 0..choices {
        let choice = |delta: Value, reason: Value| {
            chunk(
                json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": reason}]),
            )
        };
        send(choice(
            json!({"role": "assistant", "content": ""}),
            Value::Null,
        ));
        let mut reason = "stop";
        if let Some(text) = message["content"].as_str() {
            pieces(text)
                .iter()
                .for_each(|p| send(choice(json!({"content": p}), Value::Null)));
        }
        if let Some(call) = message["tool_calls"].get(0) {
            reason = "tool_calls";
            let name = &call["function"]["name"];
            send(choice(
                json!({"tool_calls": [{
                    "index": 0, "id": call["id"], "type": "function",
                    "function": {"name": name, "arguments": ""},
                }]}),
                Value::Null,
            ));
            for piece in pieces(call["function"]["arguments"].as_str().unwrap_or_default()) {
                let call = json!({"index": 0, "function": {"arguments": piece}});
                send(choice(json!({"tool_calls": [call]}), Value::Null));
            }
        }
        send(choice(json!({}), json!(reason)));
    }
    if let Some(usage) = usage {
        let mut last = chunk(json!([]));
        last["usage"] = usage.clone();
        send(last);
    }
    out.push(Bytes::from_static(b"data: [DONE]\n\n"));
    out
}

pub(crate) fn embeddings(body: &[u8]) -> Answer {
    let Ok(request) = serde_json::from_slice::<Value>(body) else {
        return refused("not JSON");
    };
    let inputs = match &request["input"] {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let data: Vec<_> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let length = input.as_str().map_or(0, str::len) as f64;
            json!({"object": "embedding", "index": index, "embedding": [length / 100.0, 0.5, 0.25]})
        })
        .collect();
    let count = tokens(body.len());
    let answer = json!({
        "object": "list", "model": request["model"], "data": data,
        "usage": {"prompt_tokens": count, "total_tokens": count},
    });
    Answer::Whole(answer.to_string().into_bytes())
}

fn last_text(request: &Value) -> String {
    let last = request["messages"]
        .as_array()
        .and_then(|messages| messages.last());
    match last.map(|message| &message["content"]) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str());
            texts.collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

fn refused(text: &str) -> Answer {
    let body = json!({"error": {"message": text, "type": "invalid_request_error"}});
    Answer::Refused(StatusCode::BAD_REQUEST, body.to_string().into_bytes())
}
