// SPDX-License-Identifier: Apache-2.0
//! Upstreams that fail in every way they can.

use std::time::Duration;

use bytes::Bytes;
use casemate_ledger::Kind;
use casemate_types::{Decision, event::Ending};
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::net::TcpSocket;

use crate::{
    fixture::{Answer, EMAIL, House, KEY, Log, Plan, SECRET},
    upstream::{End, Script},
};

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

fn body(path: &str, model: &str, stream: bool, text: &str) -> String {
    let message = json!([{"role": "user", "content": text}]);
    let mut body = json!({"model": model, "stream": stream, "messages": message});
    if path == MESSAGES {
        body["max_tokens"] = json!(4096);
    }
    body.to_string()
}

fn model_of(path: &str) -> &'static str {
    if path == CHAT { "gpt" } else { "claude" }
}

async fn ask(house: &House, path: &str, stream: bool) -> Answer {
    house
        .post(
            KEY,
            path,
            body(path, model_of(path), stream, "to ada.lovelace@example.org"),
        )
        .await
}

/// One event with a text.
fn event(path: &str, text: &str) -> String {
    if path == CHAT {
        let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
        return format!("data: {}\n\n", json!({"id": "c", "choices": [choice]}));
    }
    let delta = json!({"type": "text_delta", "text": text});
    let data = json!({"type": "content_block_delta", "index": 0, "delta": delta});
    format!("event: content_block_delta\ndata: {data}\n\n")
}

/// Anthropic's providers count a first token before there is any.
fn start(path: &str) -> String {
    if path == CHAT {
        return String::new();
    }
    let usage = json!({"input_tokens": 9, "output_tokens": 1});
    let data = json!({"type": "message_start", "message": {"id": "m", "usage": usage}});
    format!("event: message_start\ndata: {data}\n\n")
}

fn hurry(plan: &mut Plan) {
    for name in ["out", "out-a", "in"] {
        plan.upstream(name).timeout = casemate_gateway::TimeoutConfig {
            connect_ms: 500,
            first_byte_ms: 150,
            idle_ms: 150,
            total_ms: 600,
        };
    }
    plan.config.request.answer_bytes = 1 << 20;
}

#[tokio::test]
async fn answers_that_are_none() {
    let house = House::with(hurry).await;
    let text = |path| start(path) + &event(path, "hello world, ");
    let mut ids = Vec::new();
    for path in [CHAT, MESSAGES] {
        let whole = |status| (status, false, true);
        let head = |status| (status, true, true);
        let middle = (200, true, false);
        for (what, script, (status, stream, empty)) in [
            ("silence", Script::Silence, whole(504)),
            ("silence", Script::Silence, head(504)),
            (
                "not HTTP",
                Script::Raw(Bytes::from_static(b"\x00\xff garbage\r\n\r\n")),
                whole(502),
            ),
            ("nothing", Script::Raw(Bytes::new()), head(502)),
            ("not JSON", Script::json("<html>"), whole(502)),
            (
                "duplicate names",
                Script::json(r#"{"a":1,"a":2}"#),
                whole(502),
            ),
            (
                "invalid UTF-8",
                Script::json(Bytes::from_static(b"{\"a\":\"\xff\"}")),
                whole(502),
            ),
            (
                "compressed",
                Script::json("{}").header("content-encoding", "gzip"),
                whole(502),
            ),
            ("a stream", Script::events(text(path), 5), whole(502)),
            ("no stream", Script::json("{}"), head(502)),
            ("huge", Script::json(vec![b' '; 2 << 20]), whole(502)),
            (
                "broken body",
                Script::json("{\"id\":").ending(End::Broken),
                whole(502),
            ),
            (
                "stalled body",
                Script::json("{\"id\":").ending(End::Stalled),
                whole(504),
            ),
            (
                "moved",
                Script::status(302, "").header("location", "http://x/"),
                whole(502),
            ),
            (
                "cut off",
                Script::events(text(path) + "data: {\"cho", 9).ending(End::Broken),
                middle,
            ),
            ("ended early", Script::events(text(path), 9), middle),
            (
                "ended in a frame",
                Script::events(text(path) + "data: {\"cho", 9),
                middle,
            ),
            (
                "stalled",
                Script::events(text(path), 9).ending(End::Stalled),
                middle,
            ),
            (
                "garbage",
                Script::events(text(path) + "data: <html>\n\n", 9),
                middle,
            ),
            (
                "huge frame",
                Script::events(text(path) + "data: " + &"a".repeat(5 << 20), 1 << 16),
                middle,
            ),
        ] {
            house.external.script(script);
            let answer = ask(&house, path, stream).await;
            let context = format!("{path} {what}: {}", answer.text());
            assert_eq!(answer.status, status, "{context}");
            if status == 200 {
                assert!(answer.text().contains("hello world"), "{context}");
                let events = answer.events();
                assert!(
                    events.last().unwrap().contains(&answer.id().to_string()),
                    "{context}"
                );
                assert!(events.last().unwrap().contains("\"error\""), "{context}");
                assert!(
                    path == CHAT || answer.text().contains("event: error\n"),
                    "{context}"
                );
            } else {
                let error = answer.json()["error"]["type"].as_str().unwrap().to_owned();
                assert!(
                    !error.is_empty() && !answer.text().contains("html"),
                    "{context}"
                );
            }
            assert_eq!(house.external.take().len(), 1, "{context}");
            ids.push((answer.id(), empty, context));
        }
    }
    let book = house.end().await;
    for (id, empty, context) in ids {
        assert_eq!(
            book.decision(id).decision,
            Some(Decision::Allow),
            "{context}"
        );
        let outcome = book.outcome(id);
        assert_eq!(outcome.ending, Some(Ending::Failed), "{context}");
        let booked = outcome.booking.unwrap().tokens;
        assert_eq!(booked == 0, empty, "{context}: {booked}");
    }
}

#[tokio::test]
async fn nobody_is_there() {
    // Taken for as long as the test runs: given back, it would be the next listener's.
    let silent = TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = silent.local_addr().unwrap();
    let house = House::with(|plan| {
        hurry(plan);
        plan.upstream("out").url = format!("http://{address}");
    })
    .await;
    let answer = ask(&house, CHAT, true).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    let book = house.end().await;
    assert_eq!(book.outcome(answer.id()).booking.unwrap().micros, 0);
}

#[tokio::test]
async fn errors_of_an_upstream_carry_no_secret() {
    let log = Log::new();
    let house = House::with(hurry).await;
    let long = format!("{}{SECRET}", "word ".repeat(98));
    let mut ids = Vec::new();
    for path in [CHAT, MESSAGES] {
        for said in [&format!("bad key {SECRET}"), &long, &format!("for {EMAIL}")] {
            for error in [
                json!({"error": {"message": said, "type": "x"}}),
                json!({"type": "error", "error": {"type": "x", "message": said}}),
                json!({"error": said}),
                json!({"detail": said}),
                json!(said),
            ] {
                for (status, shown) in [(400, 400), (401, 502), (404, 400), (500, 502), (529, 502)]
                {
                    house
                        .external
                        .script(Script::status(status, error.to_string()));
                    let answer = ask(&house, path, status == 500).await;
                    assert_eq!(answer.status, shown, "{error}");
                    for end in 8..=SECRET.len() {
                        assert!(!answer.text().contains(&SECRET[..end]), "{}", answer.text());
                    }
                    ids.push(answer.id());
                }
            }
        }
        let inner = json!({"type": "error", "error": {"type": "x", "message": SECRET}});
        for stream in [
            format!("event: error\ndata: {inner}\n\n"),
            format!(": {SECRET}\n\n{}", event(path, "a")),
            format!(
                ": {SECRET}\nid: {SECRET}\nretry: {SECRET}\n{}",
                event(path, "a")
            ),
            format!("{SECRET}: x\n{}", event(path, "a")),
            format!(
                "event: {SECRET}\n{}",
                event(path, "a").split('\n').next_back().unwrap()
            ),
            event(path, "a").replace("data:", &format!("event: {SECRET}\ndata:")),
        ] {
            house.external.script(Script::events(stream, 11));
            let answer = ask(&house, path, true).await;
            assert!(!answer.text().contains("AKIA"), "{}", answer.text());
        }
    }
    let book = house.end().await;
    assert!(!book.holds("AKIA") && !book.holds(EMAIL));
    // That there were errors is logged, what they said is not.
    assert!(log.text().contains("answered with an error"));
    assert!(!log.text().contains("AKIA") && !log.text().contains(EMAIL));
    for id in ids {
        assert_eq!(book.outcome(id).ending, Some(Ending::Failed));
    }
}

#[tokio::test]
async fn what_an_upstream_says_about_a_surrogate_is_not_written_down() {
    let house = House::new().await;
    house.external.rule(|seen| {
        let said = format!("no mailbox {}", seen.surrogate("EMAIL_").unwrap());
        Script::status(400, json!({"error": {"message": said}}).to_string())
    });
    let answer = ask(&house, CHAT, false).await;
    assert!(answer.text().contains(EMAIL), "{}", answer.text());
    assert!(!house.end().await.holds(EMAIL));
}

#[tokio::test]
async fn a_rate_limit_is_passed_on() {
    let house = House::new().await;
    for path in [CHAT, MESSAGES] {
        let limited = json!({"error": {"type": "rate_limit_error", "message": "slow down"}});
        house
            .external
            .script(Script::status(429, limited.to_string()).header("retry-after", "7"));
        let answer = ask(&house, path, false).await;
        assert_eq!(answer.status, 429);
        assert_eq!(answer.headers["retry-after"], "7");
        assert!(answer.text().contains("slow down"));
    }
}

#[tokio::test]
async fn a_fallback_is_decided_anew() {
    let house = House::with(hurry).await;
    house.external.script(Script::json("{\"id\":\"c\"}"));
    let mut ids = Vec::new();
    for script in [
        Script::status(500, "{}"),
        Script::status(429, "{}"),
        Script::Silence,
        Script::Raw(Bytes::new()),
    ] {
        house.local.script(script);
        let answer = house
            .post(KEY, CHAT, body(CHAT, "gpt-fall", false, "hello"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(
            (house.local.take().len(), house.external.take().len()),
            (1, 1)
        );
        ids.push(answer.id());
    }
    // What the caller did wrong is wrong everywhere.
    house.local.script(Script::status(400, "{}"));
    let answer = house
        .post(KEY, CHAT, body(CHAT, "gpt-fall", false, "hello"))
        .await;
    assert_eq!((answer.status, house.external.take().len()), (400, 0));
    // Health data may go to the local model, and nowhere else when that is down.
    let record = "The patient's diagnosis is diabetes; the patient takes insulin and metformin.";
    house.local.script(Script::json("{\"id\":\"c\"}"));
    let answer = house
        .post(KEY, CHAT, body(CHAT, "gpt-fall", false, record))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    house.local.script(Script::status(500, "{}"));
    let denied = house
        .post(KEY, CHAT, body(CHAT, "gpt-fall", false, record))
        .await;
    assert_eq!(denied.status, 403, "{}", denied.text());
    assert!(house.external.take().is_empty());
    let book = house.end().await;
    for id in ids {
        let decisions = book.of(id, Kind::Decision);
        let upstreams: Vec<_> = decisions
            .iter()
            .map(|facts| facts.upstream.as_str())
            .collect();
        assert_eq!(upstreams, ["in", "out"]);
        assert!(
            decisions
                .iter()
                .all(|facts| facts.decision == Some(Decision::Allow))
        );
        let outcomes = book.of(id, Kind::Outcome);
        let endings: Vec<_> = outcomes.iter().map(|facts| facts.ending.unwrap()).collect();
        assert_eq!(endings, [Ending::Failed, Ending::Completed]);
    }
    let decisions = book.of(denied.id(), Kind::Decision);
    let answers: Vec<_> = decisions
        .iter()
        .map(|facts| facts.decision.unwrap())
        .collect();
    assert_eq!(answers, [Decision::Allow, Decision::Deny]);
    assert_eq!(decisions[1].reasons[0].policy, "health.local-only");
}

#[tokio::test]
async fn an_answer_ends_where_its_reservation_does() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for path in [CHAT, MESSAGES] {
        let stream = start(path) + &event(path, "twelve bytes").repeat(40);
        house.external.script(Script::events(stream, 64));
        let message = json!([{"role": "user", "content": "a"}]);
        let body =
            json!({"model": model_of(path), "stream": true, "max_tokens": 10, "messages": message});
        let answer = house.post(KEY, path, body.to_string()).await;
        let count = answer.text().matches("twelve").count();
        assert!((1..=7).contains(&count), "{count} of 40");
        assert!(answer.events().last().unwrap().contains("\"error\""));
        ids.push(answer.id());
    }
    let book = house.end().await;
    for id in ids {
        let outcome = book.outcome(id);
        assert_eq!(outcome.ending, Some(Ending::Cut));
        assert!(outcome.usage.unwrap().output >= 10, "{:?}", outcome.usage);
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_pays_for_what_was_made() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for path in [CHAT, MESSAGES] {
        let stream = start(path) + &event(path, "a hundred letters, more or less. ").repeat(30);
        house
            .external
            .script(Script::events(stream, 4096).ending(End::Stalled));
        let text = body(path, model_of(path), true, "hello");
        let mut response = house.begin(house.request(KEY, path, text)).await;
        let mut read = 0;
        while read < 900 {
            read += response
                .body_mut()
                .frame()
                .await
                .unwrap()
                .unwrap()
                .into_data()
                .unwrap()
                .len();
        }
        let id = response.headers()["x-request-id"].to_str().unwrap();
        ids.push(id.parse().unwrap());
        drop(response);
    }
    let book = house.end().await;
    for id in ids {
        let outcome = book.outcome(id);
        assert_eq!(outcome.ending, Some(Ending::Aborted), "{outcome:?}");
        let usage = outcome.usage.unwrap();
        assert!(usage.output > 50 && usage.estimated, "{usage:?}");
        assert!(outcome.booking.unwrap().micros >= usage.output);
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_before_the_answer_is_recorded() {
    let house = House::new().await;
    house.external.script(Script::Silence);
    let text = body(CHAT, "gpt", false, "hello");
    let request = house.request(KEY, CHAT, text);
    let waiting = tokio::time::timeout(Duration::from_millis(300), house.begin(request));
    assert!(waiting.await.is_err());
    assert_eq!(house.take_sent().len(), 1);
    let book = house.end().await;
    let outcomes: Vec<_> = book
        .records
        .iter()
        .filter(|r| r.entry.kind == Kind::Outcome)
        .collect();
    assert_eq!(outcomes.len(), 1);
    let outcome = book.outcome(outcomes[0].entry.about);
    assert_eq!(outcome.ending, Some(Ending::Aborted));
    assert_eq!(
        outcome.booking,
        book.decision(outcomes[0].entry.about).booking
    );
}

#[tokio::test]
async fn a_caller_that_does_not_read_is_left() {
    let house = House::with(|plan| plan.listening.write_time = Duration::from_millis(200)).await;
    let stream = event(CHAT, &"word ".repeat(400_000)).repeat(8);
    house
        .external
        .script(Script::events(stream, 1 << 20).ending(End::Stalled));
    let mut text: serde_json::Value =
        serde_json::from_str(&body(CHAT, "gpt", true, "hello")).unwrap();
    text["max_tokens"] = json!(100_000_000);
    let response = house
        .begin(house.request(KEY, CHAT, text.to_string()))
        .await;
    let id = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let book = house.end().await;
    assert_eq!(book.outcome(id).ending, Some(Ending::Aborted));
    drop(response);
}

#[tokio::test]
async fn an_end_is_an_end() {
    let house = House::new().await;
    // The second half of a key behind the end of its text.
    let (one, two) = SECRET.split_at(10);
    let choice = |text: &str, reason: &str| {
        let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": reason});
        format!("data: {}\n\n", json!({"id": "c", "choices": [choice]}))
    };
    let stop = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
    for (path, stream) in [
        (
            CHAT,
            choice(one, "stop") + &choice(two, "stop") + "data: [DONE]\n\n",
        ),
        (
            MESSAGES,
            event(MESSAGES, one) + stop + &event(MESSAGES, two) + stop,
        ),
    ] {
        house.external.script(Script::events(stream, 33));
        let answer = ask(&house, path, true).await;
        assert!(!answer.text().contains(two), "{}", answer.text());
    }
    // The text of the last event stands before its reason, in the order of the text.
    let stream = event(CHAT, "mail 12") + &choice("3 x AKIA", "stop") + "data: [DONE]";
    house.external.script(Script::events(stream, 33));
    let answer = ask(&house, CHAT, true).await;
    let texts: Vec<_> = answer
        .events()
        .iter()
        .filter_map(|data| serde_json::from_str::<serde_json::Value>(data).ok())
        .filter_map(|value| {
            value["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(texts.concat(), "mail 123 x AKIA");
    let events = answer.events();
    assert!(events[events.len() - 2].contains("stop"), "{events:?}");
    assert_eq!(events.last().unwrap(), "[DONE]");
}
