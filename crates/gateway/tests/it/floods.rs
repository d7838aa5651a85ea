// SPDX-License-Identifier: Apache-2.0
//! Answers that are made to cost: more than a stream may hold, and events that ask for work which
//! grows with the square of their size.

use crate::{
    chat::{CHAT, asking, whole},
    fixture::{House, KEY},
    upstream::Script,
};

const DONE: &str = "data: [DONE]\n\n";

/// What comes of a stream.
async fn stream(house: &House, events: String) -> String {
    house.external.script(Script::events(events, 1 << 20));
    let answer = house.post(KEY, CHAT, asking(true, "Well?")).await;
    assert_eq!(answer.status, 200);
    answer.text().to_owned()
}

#[tokio::test]
async fn a_stream_says_only_so_much_beside_its_answer() {
    let house = House::new().await;
    let text = "a".repeat(1 << 20);
    for (before, after) in [(r#""choices":[{"index":0,"delta":{"#, "}}]"), ("", "")] {
        let event =
            |n: usize| format!("data: {{\"id\":\"c\",{before}\"n{n}\":\"{text}\"{after}}}\n\n");
        let events: String = (0..100).map(event).collect();
        let said = stream(&house, events + DONE).await;
        assert!(said.len() < 32 << 20, "{}", said.len());
        assert!(said.contains("beside"), "{}", &said[said.len() - 300..]);
    }
    // Names count as well.
    let event = |n: usize| format!("data: {{\"id\":\"c\",\"{text}{n}\":1}}\n\n");
    let said = stream(&house, (0..100).map(event).collect::<String>() + DONE).await;
    assert!(said.len() < 32 << 20, "{}", said.len());
}

/// An event with many choices.
fn event(choices: impl Iterator<Item = String>) -> String {
    let choices: Vec<_> = choices.collect();
    format!(
        "data: {{\"id\":\"c\",\"choices\":[{}]}}\n\n",
        choices.join(",")
    )
}

const MANY: usize = 80_000;

#[tokio::test]
async fn an_event_of_many_texts_is_looked_at_once() {
    let house = House::new().await;
    // All of one text.
    let choice = |_| r#"{"index":0,"delta":{"content":""}}"#.to_owned();
    let said = stream(&house, event((0..MANY).map(choice)) + DONE).await;
    assert!(said.ends_with(DONE), "{}", &said[said.len() - 300..]);
    // Each of its own: that is too many.
    let own = |n| format!(r#"{{"index":{n},"delta":{{"content":""}}}}"#);
    let said = stream(&house, event((0..MANY).map(own)) + DONE).await;
    assert!(
        said.contains("too many texts"),
        "{}",
        &said[said.len() - 300..]
    );
    // As many ends of texts that were never begun.
    let end = |n| format!(r#"{{"index":{n},"finish_reason":"stop"}}"#);
    let said = stream(&house, event((0..MANY).map(end)) + DONE).await;
    assert!(
        said.contains("too many texts"),
        "{}",
        &said[said.len() - 300..]
    );
    // Many texts that go on and end over and over.
    let start = event((0..4000).map(own));
    let again = |n| format!(r#"{{"index":{},"delta":{{"content":""}}}}"#, n % 4000);
    let end = |n| format!(r#"{{"index":{},"finish_reason":"stop"}}"#, n % 90);
    let events = start + &event((0..MANY).map(again)) + &event((0..MANY).map(end)) + DONE;
    let said = stream(&house, events).await;
    assert!(said.ends_with(DONE), "{}", &said[said.len() - 300..]);
}

#[tokio::test]
async fn arguments_of_many_texts_are_looked_at_once() {
    let house = House::new().await;
    let arguments = format!("[{}\"\"]", "\"\",".repeat(200_000));
    house.external.script(whole(&arguments, true));
    let answer = house.post(KEY, CHAT, asking(false, "Well?")).await;
    assert_eq!(answer.status, 200);
}
