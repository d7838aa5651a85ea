// SPDX-License-Identifier: Apache-2.0
//! Text in a form that cannot be guarded, token by token, is neither asked for nor given out; and
//! nobody gets around routes and guards by members of the provider's own.

use serde_json::{Value, json};

use crate::{
    chat::{CHAT, asking},
    fixture::{House, KEY},
    upstream::Script,
};

const MESSAGES: &str = "/v1/messages";

fn body(path: &str) -> Value {
    let messages = json!([{"role": "user", "content": "Well?"}]);
    match path {
        MESSAGES => json!({"model": "claude", "max_tokens": 5, "messages": messages}),
        _ => json!({"model": "gpt", "messages": messages}),
    }
}

#[tokio::test]
async fn tokens_are_not_asked_for() {
    let house = House::new().await;
    for (name, value) in [
        ("logprobs", json!(true)),
        ("n_probs", json!(5)),
        ("prompt_logprobs", json!(0)),
        ("return_token_ids", json!(true)),
        ("return_tokens_as_token_ids", json!(true)),
        ("return_tokens", json!(true)),
        ("echo", json!(true)),
        ("post_sampling_probs", json!(true)),
    ] {
        for path in [CHAT, MESSAGES] {
            let mut asked = body(path);
            asked[name] = value.clone();
            let answer = house.post(KEY, path, asked.to_string()).await;
            assert_eq!(answer.status, 400, "{name}: {}", answer.text());
            assert!(answer.text().contains(name), "{}", answer.text());
            assert!(house.take_sent().is_empty(), "{name}");
            asked[name] = json!(false);
            let answer = house.post(KEY, path, asked.to_string()).await;
            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
            house.take_sent();
        }
    }
    let mut asked = body(CHAT);
    asked["n_probs"] = json!(0);
    let answer = house.post(KEY, CHAT, asked.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn routes_and_guards_are_not_sidestepped_by_name() {
    let house = House::new().await;
    for (name, value) in [
        ("models", json!(["gpt", "other/model"])),
        ("fallbacks", json!(["other/model"])),
        ("plugins", json!([{"id": "web"}])),
        ("provider", json!({"order": ["elsewhere"]})),
        ("preset", json!("mine")),
        ("prompt", json!({"id": "pmpt_1"})),
        ("api_base", json!("https://evil.example")),
        ("chat_template", json!("{{ 'a' + 'b' }}")),
        ("prompt_embeds", json!("AAAA")),
        ("kv_transfer_params", json!({"remote_host": "x"})),
        ("audio", json!({"voice": "alloy", "format": "wav"})),
    ] {
        let mut asked = body(CHAT);
        asked[name] = value;
        let answer = house.post(KEY, CHAT, asked.to_string()).await;
        assert_eq!(answer.status, 403, "{name}: {}", answer.text());
        assert!(answer.text().contains(name), "{}", answer.text());
    }
    let mut asked = body(CHAT);
    asked["messages"] = json!([{"role": "assistant", "audio": {"id": "audio_1"}}]);
    let answer = house.post(KEY, CHAT, asked.to_string()).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(house.take_sent().is_empty());
}

/// Members with which answers come token by token, in JSON.
const TOKENS: [&str; 9] = [
    r#""logprobs":{"content":[{"token":"A","logprob":-0.1}]}"#,
    r#""logprobs":[-0.1]"#,
    r#""prompt_logprobs":[null,{"9906":{"logprob":-0.1}}]"#,
    r#""token_ids":[9906]"#,
    r#""prompt_token_ids":[9906]"#,
    r#""tokens":["A"]"#,
    r#""completion_probabilities":[{"token":"A"}]"#,
    r#""later":{"ids":[[9906,11]]}"#,
    r#""token_ids":9906"#,
];
/// The same, with nothing in them; and lists of numbers where they belong.
const NONE: [&str; 6] = [
    r#""logprobs":null"#,
    r#""logprobs":{"content":null,"refusal":null}"#,
    r#""logprobs":{}"#,
    r#""token_ids":[]"#,
    r#""usage":{"prompt_tokens":1,"completion_tokens":1,"tokens":5}"#,
    r#""later":[{"x":1},{"x":2}]"#,
];

fn chat_with(member: &str, stream: bool) -> Script {
    let (kind, end) = match stream {
        true => ("delta", r#""finish_reason":null"#),
        false => ("message", r#""finish_reason":"stop""#),
    };
    let usage = member.contains("usage").then_some(member);
    let (inside, outside) = usage.map_or((member, r#""n":1"#), |usage| (r#""n":1"#, usage));
    let event = format!(
        r#"{{"id":"c","choices":[{{"index":0,"{kind}":{{"content":"x"}},{inside},{end}}}],{outside}}}"#
    );
    match stream {
        true => Script::events(format!("data: {event}\n\ndata: [DONE]\n\n"), 64),
        false => Script::json(event),
    }
}

#[tokio::test]
async fn tokens_are_not_given_out() {
    let house = House::new().await;
    for stream in [false, true] {
        for member in TOKENS {
            house.external.script(chat_with(member, stream));
            let answer = house.post(KEY, CHAT, asking(stream, "Well?")).await;
            assert_eq!(answer.status == 200, stream, "{member}: {}", answer.text());
            assert!(!answer.text().contains(member), "{}", answer.text());
            assert!(answer.text().contains("guard_blocked"), "{}", answer.text());
        }
        for member in NONE {
            house.external.script(chat_with(member, stream));
            let answer = house.post(KEY, CHAT, asking(stream, "Well?")).await;
            assert_eq!(answer.status, 200, "{member}: {}", answer.text());
            assert!(answer.text().contains(member), "{}", answer.text());
        }
    }
}

#[tokio::test]
async fn numbers_for_tools_and_vectors_are_no_tokens() {
    let house = House::new().await;
    let block = json!({"type": "tool_use", "id": "t", "name": "f", "input": {"tokens": [1, 2]}});
    let message = json!({"id": "m", "type": "message", "role": "assistant", "content": [block]});
    house.external.script(Script::json(message.to_string()));
    let answer = house.post(KEY, MESSAGES, body(MESSAGES).to_string()).await;
    assert_eq!(answer.json(), message);
    let vector = json!({"data": [{"index": 0, "embedding": [0.5, 0.25]}]});
    house.external.script(Script::json(vector.to_string()));
    let asked = json!({"model": "gpt", "input": "a"}).to_string();
    let answer = house.post(KEY, "/v1/embeddings", asked).await;
    assert_eq!(answer.json(), vector);
}
