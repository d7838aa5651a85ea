// SPDX-License-Identifier: Apache-2.0
//! The content matrix: something is planted in every place of every wire format, and does not get
//! through.

use casemate_gateway::{
    Dialect, Endpoint,
    matrix::{ABSENT, Cell, Fate, HOLE, Shape, cells},
};
use casemate_types::{Channel, Direction, GuardAction};
use serde_json::Value;

use crate::{
    fixture::{EMAIL, House, KEY, SECRET},
    upstream::Script,
};

#[test]
fn every_combination_has_a_place_or_a_reason() {
    for endpoint in Endpoint::ALL {
        for channel in Channel::ALL {
            for (direction, stream) in [
                (Direction::Input, false),
                (Direction::Input, true),
                (Direction::Output, false),
                (Direction::Output, true),
            ] {
                let there = cells().any(|cell| {
                    cell.endpoint == *endpoint
                        && cell.channel == *channel
                        && cell.direction() == direction
                        && cell.covers(stream)
                });
                let reasoned = ABSENT.iter().any(|absent| {
                    absent.endpoint == *endpoint
                        && absent.channel.is_none_or(|c| c == *channel)
                        && absent.direction.is_none_or(|d| d == direction)
                        && absent.stream.is_none_or(|s| s == stream)
                        && !absent.why.is_empty()
                });
                let place = format!("{endpoint:?} {channel} {direction} streamed: {stream}");
                assert!(there || reasoned, "no cell for {place}");
                assert!(!there || !reasoned, "a cell and a reason for {place}");
            }
        }
    }
}

fn name(cell: &Cell) -> String {
    format!(
        "{:?} {} {}: {}",
        cell.endpoint,
        cell.direction(),
        cell.channel,
        cell.name
    )
}

/// Characters as escapes of the documents they stand in.
fn escaped(text: &str, depth: usize) -> String {
    let first = text.chars().next().unwrap();
    let slashes = "\\".repeat(1 << (depth - 1));
    format!(
        "{slashes}u{:04x}{}",
        u32::from(first),
        &text[first.len_utf8()..]
    )
}

fn request_of(cell: &Cell, stream: bool, text: &str) -> String {
    let document = cell.document.replace(HOLE, text);
    if stream {
        document.replacen('{', "{\"stream\":true,", 1)
    } else {
        document
    }
}

/// An answer that says nothing.
fn harmless(endpoint: Endpoint, stream: bool) -> Script {
    if stream {
        let body = match endpoint.dialect() {
            Dialect::OpenAi => "data: {\"id\":\"c\",\"choices\":[]}\n\ndata: [DONE]\n\n",
            Dialect::Anthropic => "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        };
        Script::events(body, usize::MAX)
    } else {
        Script::json("{\"id\":\"c\"}")
    }
}

fn requests() -> impl Iterator<Item = (&'static Cell, bool)> {
    cells()
        .filter(|cell| matches!(cell.shape, Shape::Request))
        .flat_map(|cell| [(cell, false), (cell, true)])
        .filter(|(cell, stream)| cell.covers(*stream))
}

#[tokio::test]
async fn no_secret_reaches_an_upstream() {
    let house = House::new().await;
    for (cell, stream) in requests() {
        house.external.script(harmless(cell.endpoint, stream));
        for text in [SECRET.to_owned(), escaped(SECRET, cell.depth)] {
            let body = request_of(cell, stream, &text);
            let answer = house.post(KEY, cell.endpoint.path(), body).await;
            assert_eq!(answer.status, 403, "{} {}", name(cell), answer.text());
            assert!(!answer.text().contains(SECRET), "{}", name(cell));
            assert!(house.take_sent().is_empty(), "{}", name(cell));
        }
    }
    assert!(!house.end().await.holds(SECRET));
}

#[tokio::test]
async fn secrets_that_are_redacted_leave_marks() {
    let house = House::with(|plan| plan.config.guard.secret.untrusted = GuardAction::Redact).await;
    for (cell, stream) in requests() {
        house.external.script(harmless(cell.endpoint, stream));
        let trusted = cell.name.contains("prompt") || cell.name.contains("system");
        for text in [SECRET.to_owned(), escaped(SECRET, cell.depth)] {
            let body = request_of(cell, stream, &text);
            let answer = house.post(KEY, cell.endpoint.path(), body).await;
            let sent = house.take_sent();
            if cell.fate == Fate::Name || trusted {
                assert_eq!(answer.status, 403, "{} {}", name(cell), answer.text());
                assert!(sent.is_empty(), "{}", name(cell));
            } else {
                assert_eq!(answer.status, 200, "{} {}", name(cell), answer.text());
                assert_eq!(sent.len(), 1);
                let expected = request_of(cell, stream, "[redacted:cloud_key]");
                assert_same_request(cell, sent[0].text(), &expected);
            }
        }
    }
}

/// The same document, but for usage that the gateway asks for in streams.
fn assert_same_request(cell: &Cell, sent: &str, expected: &str) {
    let read = |text: &str| {
        let mut value: Value = serde_json::from_str(text).unwrap();
        let options = value
            .get_mut("stream_options")
            .and_then(Value::as_object_mut);
        if let Some(options) = options {
            options.remove("include_usage");
            if options.is_empty() {
                value.as_object_mut().unwrap().remove("stream_options");
            }
        }
        value
    };
    assert_eq!(read(sent), read(expected), "{}", name(cell));
}

#[tokio::test]
async fn personal_data_reaches_an_upstream_as_surrogate_only() {
    let house = House::new().await;
    for (cell, stream) in requests() {
        house.external.script(harmless(cell.endpoint, stream));
        for text in [EMAIL.to_owned(), escaped(EMAIL, cell.depth)] {
            let body = request_of(cell, stream, &text);
            let answer = house.post(KEY, cell.endpoint.path(), body).await;
            let sent = house.take_sent();
            if cell.fate == Fate::Name {
                assert_eq!(answer.status, 403, "{} {}", name(cell), answer.text());
                assert!(sent.is_empty(), "{}", name(cell));
                continue;
            }
            assert_eq!(answer.status, 200, "{} {}", name(cell), answer.text());
            let surrogate = sent[0].surrogate("EMAIL_").expect(&name(cell));
            let expected = request_of(cell, stream, &surrogate);
            assert_same_request(cell, sent[0].text(), &expected);
            let tail = &EMAIL[1..];
            assert!(!sent[0].text().contains(tail), "{}", name(cell));
        }
    }
    assert!(!house.end().await.holds(EMAIL));
}

/// A request that makes the surrogate of [`EMAIL`] known.
fn asking(endpoint: Endpoint, stream: bool) -> String {
    match endpoint {
        Endpoint::ChatCompletions => format!(
            r#"{{"model":"gpt","stream":{stream},"messages":[{{"role":"user","content":"write to {EMAIL}"}}]}}"#
        ),
        Endpoint::Embeddings => format!(r#"{{"model":"gpt","input":"write to {EMAIL}"}}"#),
        Endpoint::Messages => format!(
            r#"{{"model":"claude","max_tokens":500,"stream":{stream},"messages":[{{"role":"user","content":"write to {EMAIL}"}}]}}"#
        ),
    }
}

fn wholes() -> impl Iterator<Item = &'static Cell> {
    cells().filter(|cell| matches!(cell.shape, Shape::Whole))
}

#[tokio::test]
async fn no_secret_in_a_plain_answer_reaches_the_caller() {
    let house = House::new().await;
    for cell in wholes() {
        for text in [SECRET.to_owned(), escaped(SECRET, cell.depth)] {
            house
                .external
                .script(Script::json(cell.document.replace(HOLE, &text)));
            let body = asking(cell.endpoint, false);
            let answer = house.post(KEY, cell.endpoint.path(), body).await;
            assert!(!answer.text().contains(&SECRET[1..]), "{}", name(cell));
            if cell.fate == Fate::Name {
                assert_eq!(answer.status, 403, "{}", name(cell));
            } else {
                let expected = cell.document.replace(HOLE, "[redacted:cloud_key]");
                assert_eq!(answer.text(), expected, "{}", name(cell));
            }
        }
    }
}

#[tokio::test]
async fn surrogates_in_a_plain_answer_become_originals() {
    let house = House::new().await;
    for cell in wholes() {
        for escape in [false, true] {
            house.external.rule(move |seen| {
                let mut surrogate = seen.surrogate("EMAIL_").unwrap();
                if escape {
                    surrogate = escaped(&surrogate, cell.depth);
                }
                Script::json(cell.document.replace(HOLE, &surrogate))
            });
            let body = asking(cell.endpoint, false);
            let answer = house.post(KEY, cell.endpoint.path(), body).await;
            let expected = cell.document.replace(HOLE, EMAIL);
            assert_eq!(answer.text(), expected, "{}", name(cell));
        }
    }
}

/// A stream with the text in several events.
fn stream_of(cell: &Cell, parts: &[&str]) -> String {
    let Shape::Stream { before, after, .. } = cell.shape else {
        panic!("{} is no stream", name(cell));
    };
    let middle = parts.iter().map(|part| cell.document.replace(HOLE, part));
    let middle: Vec<_> = middle.collect();
    let all = before
        .iter()
        .copied()
        .chain(middle.iter().map(String::as_str));
    all.chain(after.iter().copied())
        .map(|data| frame(cell.endpoint.dialect(), data))
        .collect()
}

fn frame(dialect: Dialect, data: &str) -> String {
    if dialect == Dialect::OpenAi {
        return format!("data: {data}\n\n");
    }
    let value: Value = serde_json::from_str(data).unwrap();
    let kind = value["type"].as_str().unwrap_or("later");
    format!("event: {kind}\ndata: {data}\n\n")
}

/// Everything that stands at the cell's place in events of its choice or block.
fn said(cell: &Cell, events: &[String]) -> String {
    let Shape::Stream { pointer, .. } = cell.shape else {
        return String::new();
    };
    let index = |value: &Value| {
        let index = value.pointer("/choices/0/index").or(value.get("index"));
        index.and_then(Value::as_u64)
    };
    let own: Value = serde_json::from_str(cell.document).unwrap();
    let pointers = [pointer, "/delta/text"];
    events
        .iter()
        .filter_map(|data| serde_json::from_str::<Value>(data).ok())
        .filter(|value| index(value) == index(&own))
        .flat_map(|value| {
            let texts = pointers.map(|at| value.pointer(at)?.as_str().map(str::to_owned));
            texts.into_iter().flatten().take(1).collect::<Vec<_>>()
        })
        .collect()
}

fn streams() -> impl Iterator<Item = &'static Cell> {
    cells().filter(|cell| matches!(cell.shape, Shape::Stream { .. }))
}

/// All ways to divide a text in two, at most one when it cannot go on in another event.
fn divisions<'a>(cell: &Cell, text: &'a str) -> Vec<Vec<&'a str>> {
    let mut all = vec![vec![text]];
    if matches!(cell.fate, Fate::Edited | Fate::Followed) {
        // An escape of the innermost document may be divided, one of the event's own may not.
        let whole = |at: &usize| {
            let back = text[..*at]
                .bytes()
                .rev()
                .take_while(|b| *b == b'\\')
                .count();
            let inside = text
                .find("\\u")
                .is_some_and(|e| (e + 1..e + 6).contains(at));
            text.is_char_boundary(*at) && back % 2 == 0 && (cell.depth > 1 || !inside)
        };
        all.extend(
            (1..text.len())
                .filter(whole)
                .map(|at| vec![&text[..at], &text[at..]]),
        );
        if !text.contains('\\') {
            all.push((0..text.len()).map(|at| &text[at..=at]).collect());
        }
    }
    all
}

#[tokio::test]
async fn no_secret_in_a_stream_reaches_the_caller() {
    let house = House::new().await;
    for cell in streams() {
        for text in [SECRET.to_owned(), escaped(SECRET, cell.depth)] {
            for (number, parts) in divisions(cell, &text).iter().enumerate() {
                let stream = stream_of(cell, parts);
                // Pieces of every size up to that of a frame, besides all at once.
                let size = if number == 0 { usize::MAX } else { 7 * number };
                house.external.script(Script::events(stream, size));
                let body = asking(cell.endpoint, true);
                let answer = house.post(KEY, cell.endpoint.path(), body).await;
                let context = format!("{} {parts:?}\n{}", name(cell), answer.text());
                assert_eq!(answer.status, 200, "{context}");
                let said = said(cell, &answer.events());
                assert!(!answer.text().contains(&SECRET[1..]), "{context}");
                assert!(!said.contains(&SECRET[1..]), "{context}");
                let ended = answer.text().contains("\"error\"");
                let editable = match cell.fate {
                    Fate::Edited => true,
                    Fate::Followed | Fate::Single => number == 0,
                    Fate::Name => false,
                };
                let mark = answer.text().contains("[redacted:cloud_key]");
                assert_eq!((mark, ended), (editable, !editable), "{context}");
            }
        }
    }
    assert!(!house.end().await.holds(SECRET));
}

#[tokio::test]
async fn surrogates_in_a_stream_become_originals() {
    let house = House::new().await;
    // The same for every request of the project.
    house
        .external
        .script(harmless(Endpoint::ChatCompletions, true));
    house
        .post(
            KEY,
            "/v1/chat/completions",
            asking(Endpoint::ChatCompletions, true),
        )
        .await;
    let surrogate = house.take_sent()[0].surrogate("EMAIL_").unwrap();
    for cell in streams().filter(|cell| cell.fate != Fate::Name) {
        for text in [surrogate.clone(), escaped(&surrogate, cell.depth)] {
            for (number, parts) in divisions(cell, &text).iter().enumerate() {
                if cell.fate == Fate::Followed && number > 0 {
                    break;
                }
                let stream = stream_of(cell, parts);
                let size = if number == 0 { usize::MAX } else { 5 * number };
                house.external.script(Script::events(stream, size));
                let body = asking(cell.endpoint, true);
                let answer = house.post(KEY, cell.endpoint.path(), body).await;
                let events = answer.events();
                let context = format!("{} {parts:?}\n{}", name(cell), answer.text());
                assert!(!answer.text().contains("\"error\""), "{context}");
                if cell.fate == Fate::Single {
                    assert!(answer.text().contains(EMAIL), "{context}");
                } else {
                    assert_eq!(said(cell, &events), plain(cell), "{context}");
                }
            }
        }
    }
}

/// What the caller should have read at the cell's place.
fn plain(cell: &Cell) -> String {
    said(cell, &events_of(&stream_of(cell, &[EMAIL])))
}

fn events_of(stream: &str) -> Vec<String> {
    let frames = stream.split("\n\n").filter(|frame| !frame.is_empty());
    let data = frames.map(|frame| frame.split("data: ").nth(1).unwrap().to_owned());
    data.collect()
}
