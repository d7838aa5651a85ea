// SPDX-License-Identifier: Apache-2.0
//! The stand-in for Anthropic.

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::{pieces, reply, server::Answer, tokens};

pub(crate) fn messages(body: &[u8]) -> Answer {
    let Ok(request) = serde_json::from_slice::<Value>(body) else {
        return refused("not JSON");
    };
    if request["max_tokens"].as_u64().is_none() {
        return refused("max_tokens: Field required");
    }
    let text = last_text(&request);
    let tool = request["tools"].as_array().and_then(|tools| tools.first());
    let mut blocks = Vec::new();
    if request["thinking"]["type"] == json!("enabled") {
        let thought = format!("The user wrote: {text}");
        blocks.push(json!({"type": "thinking", "thinking": thought, "signature": "standin"}));
    }
    match tool {
        Some(tool) => blocks.push(json!({
            "type": "tool_use", "id": "toolu_standin", "name": tool["name"],
            "input": {"text": text},
        })),
        None => blocks.push(json!({"type": "text", "text": reply(&text)})),
    }
    let reason = if tool.is_some() {
        "tool_use"
    } else {
        "end_turn"
    };
    let usage = json!({
        "input_tokens": tokens(body.len()),
        "output_tokens": tokens(Value::from(blocks.clone()).to_string().len()),
    });
    let mut message = json!({
        "id": "msg_standin", "type": "message", "role": "assistant", "model": request["model"],
        "content": blocks, "stop_reason": reason, "stop_sequence": null, "usage": usage,
    });
    if request["stream"] == json!(true) {
        return Answer::Events(events(&mut message));
    }
    Answer::Whole(message.to_string().into_bytes())
}

fn events(message: &mut Value) -> Vec<Bytes> {
    let mut out = Vec::new();
    let mut send = |value: Value| {
        let kind = value["type"].as_str().unwrap_or_default().to_owned();
        out.push(Bytes::from(format!("event: {kind}\ndata: {value}\n\n")));
    };
    let blocks = message["content"]
        .take()
        .as_array()
        .cloned()
        .unwrap_or_default();
    let (usage, reason) = (message["usage"].clone(), message["stop_reason"].take());
    message["content"] = json!([]);
    message["usage"]["output_tokens"] = json!(1);
    send(json!({"type": "message_start", "message": message}));
    for (index, block) in blocks.iter().enumerate() {
        let mut start = block.clone();
        let (kind, field, text) = match block["type"].as_str() {
            Some("thinking") => (
                "thinking_delta",
                "thinking",
                block["thinking"].as_str().unwrap_or("").to_owned(),
            ),
            Some("tool_use") => (
                "input_json_delta",
                "partial_json",
                block["input"].to_string(),
            ),
            _ => (
                "text_delta",
                "text",
                block["text"].as_str().unwrap_or("").to_owned(),
            ),
        };
        for field in ["text", "thinking", "signature"] {
            if start.get(field).is_some() {
                start[field] = json!("");
            }
        }
        if start.get("input").is_some() {
            start["input"] = json!({});
        }
        send(json!({"type": "content_block_start", "index": index, "content_block": start}));
        for piece in pieces(&text) {
            let delta = json!({"type": kind, field: piece});
            send(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        send(json!({"type": "content_block_stop", "index": index}));
    }
    send(json!({
        "type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null},
        "usage": {"output_tokens": usage["output_tokens"]},
    }));
    send(json!({"type": "message_stop"}));
    out
}

fn last_text(request: &Value) -> String {
    let last = request["messages"]
        .as_array()
        .and_then(|messages| messages.last());
    match last.map(|message| &message["content"]) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(blocks)) => {
            let texts = blocks
                .iter()
                .filter_map(|block| match block["type"].as_str() {
                    Some("tool_result") => block["content"].as_str(),
                    _ => block["text"].as_str(),
                });
            texts.collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

fn refused(text: &str) -> Answer {
    let error = json!({"type": "invalid_request_error", "message": text});
    let body = json!({"type": "error", "error": error});
    Answer::Refused(StatusCode::BAD_REQUEST, body.to_string().into_bytes())
}
