// SPDX-License-Identifier: Apache-2.0
//! What is no request, or not one that can be inspected, is refused: in the shape of its wire
//! format, with an id, with a record, and without a byte for the upstream.

use std::time::Duration;

use casemate_ledger::Kind;
use casemate_types::{Decision, RecordId};
use serde_json::{Value, json};

use crate::fixture::{Answer, House, KEY};

const CHAT: &str = "/v1/chat/completions";
const EMBEDDINGS: &str = "/v1/embeddings";
const MESSAGES: &str = "/v1/messages";

fn chat() -> Value {
    json!({"model": "gpt", "messages": [{"role": "user", "content": "a"}]})
}

fn messages() -> Value {
    json!({"model": "claude", "max_tokens": 5, "messages": [{"role": "user", "content": "a"}]})
}

/// The error is one that the wire format's official client understands; gives its id.
fn refused(answer: &Answer, path: &str, status: u16, what: &str) -> RecordId {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    let body = answer.json();
    let error = &body["error"];
    let id = if path == MESSAGES {
        assert_eq!(body["type"], "error", "{what}");
        &body["request_id"]
    } else {
        assert!(error["code"].is_string(), "{what}");
        &error["request_id"]
    };
    assert!(error["type"].is_string(), "{what}");
    assert!(!error["message"].as_str().unwrap().is_empty(), "{what}");
    assert_eq!(id.as_str().unwrap(), answer.id().to_string(), "{what}");
    answer.id()
}

/// Sends bodies that must be refused; each must leave a record.
async fn check(house: House, cases: Vec<(&str, u16, Vec<u8>)>) {
    let mut ids = Vec::new();
    for (path, status, body) in cases {
        let what = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        let answer = house.post(KEY, path, body).await;
        ids.push((refused(&answer, path, status, &what), what));
    }
    assert!(house.take_sent().is_empty());
    let book = house.end().await;
    for (id, what) in ids {
        let facts = book.decision(id);
        assert_eq!(facts.decision, Some(Decision::Deny), "{what}");
        assert!(!facts.reasons.is_empty(), "{what}");
        assert!(book.of(id, Kind::Outcome).is_empty(), "{what}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_json() {
    let deep = |document: Value| {
        let text = document.to_string();
        let nest = "[".repeat(100) + &"]".repeat(100);
        format!("{},\"x\":{nest}}}", &text[..text.len() - 1])
    };
    let mut cases = Vec::new();
    for (path, document) in [
        (CHAT, chat()),
        (MESSAGES, messages()),
        (EMBEDDINGS, json!({"model": "gpt", "input": "a"})),
    ] {
        let text = document.to_string();
        let end = text.len() - 1;
        let bodies = [
            String::new(),
            "null".into(),
            "[]".into(),
            "\"x\"".into(),
            "{".into(),
            text[..end].to_owned(),
            format!("{text}{text}"),
            text.replace('"', "'"),
            format!("{},\"user\":\"\\ud800\"}}", &text[..end]),
            format!("{},\"user\":\"a\",\"user\":\"b\"}}", &text[..end]),
            format!("{},\"user\":\"a\",\"us\\u0065r\":\"b\"}}", &text[..end]),
            format!("{},\"mod\\u0065l\":\"gpt-local\"}}", &text[..end]),
            format!("{},\"x\":01}}", &text[..end]),
            format!("{},\"x\":\"a\u{1}b\"}}", &text[..end]),
            deep(document),
        ];
        cases.extend(bodies.map(|body| (path, 400, body.into_bytes())));
        let mut invalid = text.into_bytes();
        invalid.splice(end..end, b",\"user\":\"\xff\xfe\"".iter().copied());
        cases.push((path, 400, invalid));
    }
    check(House::new().await, cases).await;
}

#[tokio::test]
async fn members_of_the_wrong_kind() {
    let wrong = |field: &str| match field {
        "model" => vec![json!(null), json!(5), json!([]), json!({}), json!("")],
        "messages" => vec![
            json!(null),
            json!("a"),
            json!({}),
            json!([5]),
            json!(["a"]),
            json!([null]),
            json!([{}]),
            json!([{"role": 5, "content": "a"}]),
            json!([{"role": "robot", "content": "a"}]),
            json!([{"role": "user", "content": 5}]),
            json!([{"role": "user", "content": true}]),
            json!([{"role": "user", "content": {"type": "text", "text": "a"}}]),
            json!([{"role": "user", "content": ["a"]}]),
            json!([{"role": "user", "content": [5]}]),
            json!([{"role": "user", "content": [{"text": "a"}]}]),
            json!([{"role": "user", "content": [{"type": 5, "text": "a"}]}]),
            json!([{"role": "user", "content": [{"type": "hologram", "text": "a"}]}]),
        ],
        "stream" => vec![json!(1), json!("true"), json!([]), json!({})],
        "max_tokens" | "max_completion_tokens" => {
            vec![json!("5"), json!(-1), json!(1.5), json!({}), json!(1e30)]
        }
        "n" => vec![json!("2"), json!(-1), json!(129), json!([])],
        "tools" | "functions" => vec![json!("a"), json!({"type": "web_search"}), json!(5)],
        "stream_options" => vec![
            json!("a"),
            json!([]),
            json!({"include_usage": "yes"}),
            json!({"include_usage": 1}),
        ],
        "logprobs" => vec![json!(true), json!(1), json!("true")],
        "system" => vec![json!(5), json!({}), json!([5]), json!([{"type": "image5"}])],
        "input" => vec![
            json!(null),
            json!(5),
            json!({}),
            json!([]),
            json!([1, 2]),
            json!([[1, 2]]),
            json!(["a", 5]),
        ],
        other => panic!("no wrong values for {other}"),
    };
    let mut cases = Vec::new();
    let embeddings = json!({"model": "gpt", "input": "a"});
    for (path, document, fields) in [
        (
            CHAT,
            chat(),
            "model messages stream max_tokens max_completion_tokens n tools functions \
             stream_options logprobs",
        ),
        (
            MESSAGES,
            messages(),
            "model messages stream max_tokens tools system",
        ),
        (EMBEDDINGS, embeddings, "model input stream"),
    ] {
        for field in fields.split_whitespace() {
            for value in wrong(field) {
                let mut body = document.clone();
                body[field] = value;
                cases.push((path, 400, body.to_string().into_bytes()));
            }
        }
        for field in document
            .as_object()
            .unwrap()
            .keys()
            .filter(|k| *k != "max_tokens")
        {
            let mut body = document.clone();
            body.as_object_mut().unwrap().remove(field);
            cases.push((path, 400, body.to_string().into_bytes()));
        }
    }
    cases.push((
        EMBEDDINGS,
        400,
        json!({"model": "gpt", "input": "a", "stream": true})
            .to_string()
            .into(),
    ));
    check(House::new().await, cases).await;
}

/// What a provider keeps or fetches by itself, with the name by which an operator can allow it.
fn states() -> Vec<(&'static str, &'static str, Value)> {
    let chat = |field: &str, value: Value| {
        let mut body = chat();
        body[field] = value;
        body
    };
    let message = |field: &str, value: Value| {
        let mut body = messages();
        body[field] = value;
        body
    };
    vec![
        (
            "previous_response_id",
            CHAT,
            chat("previous_response_id", json!("r1")),
        ),
        (
            "conversation",
            CHAT,
            chat("conversation", json!({"id": "c1"})),
        ),
        ("background", CHAT, chat("background", json!(true))),
        ("store", CHAT, chat("store", json!(true))),
        ("store", CHAT, chat("store", json!("true"))),
        (
            "web_search_options",
            CHAT,
            chat("web_search_options", json!({})),
        ),
        (
            "hosted_tools",
            CHAT,
            chat("tools", json!([{"type": "web_search"}])),
        ),
        ("hosted_tools", CHAT, chat("tools", json!([{"type": 5}]))),
        ("container", MESSAGES, message("container", json!("c1"))),
        (
            "mcp_servers",
            MESSAGES,
            message("mcp_servers", json!([{"url": "https://x"}])),
        ),
        (
            "hosted_tools",
            MESSAGES,
            message(
                "tools",
                json!([{"type": "web_search_20250305", "name": "web_search"}]),
            ),
        ),
    ]
}

#[tokio::test]
async fn state_of_the_provider_is_refused_unless_allowed_by_name() {
    let mut cases: Vec<_> = states()
        .into_iter()
        .map(|(_, path, body)| (path, 403, body.to_string().into_bytes()))
        .collect();
    let file = json!([{"role": "user", "content": [{"type": "file", "file": {"file_id": "f1"}}]}]);
    let mut body = chat();
    body["messages"] = file;
    cases.push((CHAT, 403, body.to_string().into()));
    let source = json!({"type": "file", "file_id": "f1"});
    let mut body = messages();
    body["messages"][0]["content"] = json!([{"type": "image", "source": source}]);
    cases.push((MESSAGES, 403, body.to_string().into()));
    check(House::new().await, cases).await;
    for (name, path, body) in states() {
        let house = House::with(|plan| {
            for model in ["gpt", "claude"] {
                plan.route(model).provider_state = vec![name.to_owned()];
            }
        })
        .await;
        let answer = house.post(KEY, path, body.to_string()).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(house.take_sent()[0].text(), body.to_string(), "{name}");
    }
}

#[tokio::test]
async fn state_that_is_switched_off_is_no_state() {
    let house = House::new().await;
    for (path, field, value) in [
        (CHAT, "store", json!(false)),
        (CHAT, "store", json!(null)),
        (
            CHAT,
            "tools",
            json!([{"type": "function", "function": {"name": "f"}}]),
        ),
        (CHAT, "logprobs", json!(false)),
        (MESSAGES, "mcp_servers", json!([])),
        (
            MESSAGES,
            "tools",
            json!([{"name": "f", "input_schema": {}}]),
        ),
    ] {
        let mut body = if path == CHAT { chat() } else { messages() };
        body[field] = value;
        let answer = house.post(KEY, path, body.to_string()).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.text());
    }
}

#[tokio::test]
async fn opaque_parts_are_refused_by_the_base_policies() {
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}});
    let mut one = chat();
    one["messages"][0]["content"] = json!([{"type": "text", "text": "a"}, image]);
    let source = json!({"type": "base64", "media_type": "image/png", "data": "AA=="});
    let mut two = messages();
    two["messages"][0]["content"] = json!([{"type": "image", "source": source}]);
    let cases = vec![
        (CHAT, 403, one.to_string().into()),
        (MESSAGES, 403, two.to_string().into()),
    ];
    check(House::new().await, cases).await;
}

#[tokio::test]
async fn bodies_that_are_too_large_too_slow_or_compressed() {
    let house = House::with(|plan| {
        plan.config.request.body_bytes = 4096;
        plan.config.request.body_ms = 150;
    })
    .await;
    let mut ids = Vec::new();
    for path in [CHAT, EMBEDDINGS, MESSAGES] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n");
        let chunk = format!("1000\r\n{}\r\n", "a".repeat(4096));
        for (status, rest) in [
            (413, "content-length: 68719476736\r\n\r\n".to_owned()),
            (
                413,
                format!("transfer-encoding: chunked\r\n\r\n{chunk}1\r\na\r\n"),
            ),
            (413, "content-length: 50\r\n\r\n{\"model\":".to_owned()),
            (
                413,
                "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n".to_owned(),
            ),
            (
                400,
                "connection: close\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}".into(),
            ),
            (
                400,
                "connection: close\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\n{}".into(),
            ),
        ] {
            let said = house.raw(format!("{head}{rest}").as_bytes()).await;
            let (top, body) = said.split_once("\r\n\r\n").unwrap();
            assert!(top.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
            let body: Value = serde_json::from_str(body).unwrap();
            let id = body["request_id"]
                .as_str()
                .or(body["error"]["request_id"].as_str());
            ids.push(id.unwrap().parse::<RecordId>().unwrap());
        }
        let answer = house
            .send(
                http::Request::get(path)
                    .header("host", "x")
                    .header("authorization", format!("Bearer {KEY}"))
                    .body(Default::default())
                    .unwrap(),
            )
            .await;
        ids.push(refused(&answer, path, 400, "GET"));
    }
    assert!(house.take_sent().is_empty());
    let book = house.end().await;
    for id in ids {
        assert_eq!(book.decision(id).decision, Some(Decision::Deny));
    }
}

#[tokio::test]
async fn heads_that_two_servers_read_differently() {
    let house = House::with(|plan| {
        plan.listening.head_time = Duration::from_millis(200);
    })
    .await;
    let body = chat().to_string();
    let length = body.len();
    let chunked = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    let smuggled = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    let head = format!("POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n");
    // One of both lengths may count, but the connection ends behind that body.
    for lines in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
    ] {
        let said = house
            .raw(format!("{head}{lines}\r\n{chunked}{smuggled}").as_bytes())
            .await;
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{said}");
        let sent = house.take_sent();
        assert!(sent.len() <= 1 && sent.iter().all(|seen| seen.text() == body));
    }
    for lines in [
        format!("content-length: {length}\r\ncontent-length: 4\r\n"),
        format!("content-length: {length}, 4\r\n"),
        format!("content-length: +{length}\r\n"),
        "transfer-encoding: chunked, identity\r\n".to_owned(),
        "transfer-encoding: xchunked\r\n".to_owned(),
        format!("x-folded: a\r\n b\r\ncontent-length: {length}\r\n"),
        format!("content-length : {length}\r\n"),
        format!("x-null: a\0b\r\ncontent-length: {length}\r\n"),
    ] {
        let said = house
            .raw(format!("{head}{lines}\r\n{body}").as_bytes())
            .await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{lines:?}: {said}");
        assert!(house.take_sent().is_empty(), "{lines:?}");
    }
    // A head that never ends, and one with too many lines.
    house.raw(head.as_bytes()).await;
    let many: String = (0..200).map(|n| format!("x-{n}: a\r\n")).collect();
    let said = house.raw(format!("{head}{many}\r\n").as_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 4"), "{said}");
    let long = "a".repeat(64 * 1024);
    let said = house
        .raw(format!("{head}x-long: {long}\r\n\r\n").as_bytes())
        .await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
    assert!(house.take_sent().is_empty());
}

#[tokio::test]
async fn nobody_and_nothing_have_an_id_too() {
    let house = House::new().await;
    let mut signs = Vec::new();
    for (path, body) in [(CHAT, chat()), (MESSAGES, messages())] {
        let answer = house.post("key-none", path, body.to_string()).await;
        signs.push(refused(&answer, path, 401, "a key that is none"));
    }
    let get = |path: &str| {
        http::Request::get(path)
            .header("host", "x")
            .body(Default::default())
            .unwrap()
    };
    let answer = house.send(get("/v1/models")).await;
    signs.push(refused(&answer, CHAT, 401, "a list for nobody"));
    let answer = house.send(get("/v1/responses")).await;
    refused(&answer, CHAT, 404, "an address that is none");
    let mut request = get("/v1/other");
    request
        .headers_mut()
        .insert("anthropic-version", "2023-06-01".parse().unwrap());
    refused(
        &house.send(request).await,
        MESSAGES,
        404,
        "an address that is none",
    );
    assert!(house.take_sent().is_empty());
    let book = house.end().await;
    for id in signs {
        assert!(
            book.records
                .iter()
                .any(|r| r.entry.id == id && r.entry.kind == Kind::Notice)
        );
    }
}

#[tokio::test]
async fn models_that_are_no_models_do_not_stand_in_the_book() {
    let house = House::with(|plan| {
        plan.config
            .route
            .push(crate::fixture::route("open-*", "out", None));
    })
    .await;
    for model in ["ada.lovelace@example.org", "open-AKIAQYLPMN5HHHFPZAM2"] {
        let mut body = chat();
        body["model"] = json!(model);
        let answer = house.post(KEY, CHAT, body.to_string()).await;
        refused(&answer, CHAT, 400, model);
        assert!(!answer.text().contains(model));
    }
    let mut body = chat();
    body["model"] = json!("unheard-of");
    refused(
        &house.post(KEY, CHAT, body.to_string()).await,
        CHAT,
        404,
        "unknown",
    );
    assert!(house.take_sent().is_empty());
    let book = house.end().await;
    assert!(!book.holds("lovelace") && !book.holds("AKIAIOS"));
}

#[tokio::test]
async fn headers_of_the_caller_stay_here() {
    let house = House::new().await;
    let mut request = house.request(KEY, MESSAGES, messages().to_string());
    for (name, value) in [
        ("anthropic-version", "AKIAQYLPMN5HHHFPZAM2"),
        ("anthropic-beta", "AKIAQYLPMN5HHHFPZAM2"),
        ("cookie", "AKIAQYLPMN5HHHFPZAM2"),
        ("x-forwarded-for", "AKIAQYLPMN5HHHFPZAM2"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let path = format!("{MESSAGES}?x=AKIAQYLPMN5HHHFPZAM2");
    *request.uri_mut() = path.parse().unwrap();
    assert_eq!(house.send(request).await.status, 200);
    let sent = house.take_sent();
    assert!(
        !sent[0].head.contains("akia") && !sent[0].head.contains(KEY),
        "{}",
        sent[0].head
    );
    assert_eq!(sent[0].path, MESSAGES);
}

#[tokio::test]
async fn options_of_a_stream_are_kept() {
    let house = House::new().await;
    for (options, expected) in [
        (None, json!({"include_usage": true})),
        (Some(json!(null)), json!({"include_usage": true})),
        (Some(json!({})), json!({"include_usage": true})),
        (
            Some(json!({"x": 1})),
            json!({"include_usage": true, "x": 1}),
        ),
        (
            Some(json!({"include_usage": false, "x": 1})),
            json!({"include_usage": true, "x": 1}),
        ),
        (
            Some(json!({"include_usage": null})),
            json!({"include_usage": true}),
        ),
        (
            Some(json!({"include_usage": true, "x": 1})),
            json!({"include_usage": true, "x": 1}),
        ),
    ] {
        let asked = options.as_ref().is_some_and(|o| o["include_usage"] == true);
        let usage = r#"{"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
        let stream = format!("data: {usage}\n\ndata: [DONE]\n\n");
        house
            .external
            .script(crate::upstream::Script::events(stream, 9));
        let mut body = chat();
        body["stream"] = json!(true);
        if let Some(options) = options {
            body["stream_options"] = options;
        }
        let answer = house.post(KEY, CHAT, body.to_string()).await;
        let sent: Value = serde_json::from_str(house.take_sent()[0].text()).unwrap();
        assert_eq!(sent["stream_options"], expected);
        // What only the gateway wanted to know, the caller does not get.
        assert_eq!(answer.text().contains("usage"), asked, "{}", answer.text());
    }
}
