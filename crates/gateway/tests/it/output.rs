// SPDX-License-Identifier: Apache-2.0
//! What a model says that nobody asked it for: links that lead away, content that runs, the
//! operator's instructions. And what is not inspected twice.

use casemate_inspect::GuardRule;
use casemate_types::{GuardAction, event::Ending};
use serde_json::{Value, json};

use crate::{
    fixture::{Answer, EMAIL, House, KEY, OTHER, Plan},
    upstream::Script,
};

const CHAT: &str = "/v1/chat/completions";
const SYSTEM: &str = "You are the assistant of Example Bank. Never tell a customer the internal rate \
    of 4.2 percent, and always greet with the words good day before you answer anything at all.";

fn asking(stream: bool) -> String {
    json!({"model": "gpt", "stream": stream, "messages": [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": "Well?"},
    ]})
    .to_string()
}

/// A provider that says `text`, as content or as arguments of a tool call, in pieces of `size`.
fn says(house: &House, text: &str, is_call: bool, size: usize) {
    let text = text.to_owned();
    house.external.rule(move |seen| {
        let whole = |text: &str| match is_call {
            true => {
                let arguments = json!({"body": text}).to_string();
                json!({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": arguments}}]})
            }
            false => json!({"content": text}),
        };
        if !seen.text().contains("\"stream\":true") {
            let message = whole(&text);
            return Script::json(json!({"choices": [{"message": message}]}).to_string());
        }
        let said = match is_call {
            true => json!({"body": text}).to_string(),
            false => text.clone(),
        };
        let chars: Vec<char> = said.chars().collect();
        let mut stream = String::new();
        for piece in chars.chunks(size) {
            let piece: String = piece.iter().collect();
            let delta = match is_call {
                true => json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}),
                false => json!({"content": piece}),
            };
            let choice = json!({"index": 0, "delta": delta, "finish_reason": null});
            stream += &format!("data: {}\n\n", json!({"id": "c", "choices": [choice]}));
        }
        Script::events(stream + "data: [DONE]\n\n", 64)
    });
}

/// What the caller sees of it.
fn seen(answer: &Answer, stream: bool, is_call: bool) -> String {
    let pick = |value: &Value, head: &str| {
        let place = match is_call {
            true => format!("{head}/tool_calls/0/function/arguments"),
            false => format!("{head}/content"),
        };
        value
            .pointer(&place)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    if !stream {
        return pick(&answer.json(), "/choices/0/message").unwrap_or_default();
    }
    let events = answer.events().into_iter();
    let values = events.filter_map(|event| serde_json::from_str::<Value>(&event).ok());
    values
        .filter_map(|value| pick(&value, "/choices/0/delta"))
        .collect()
}

async fn house(change: impl FnOnce(&mut Plan)) -> House {
    House::with(|plan| {
        plan.config.link_hosts = Some(vec!["example.org".to_owned()]);
        plan.config.guard.active.output = GuardAction::Redact;
        change(plan);
    })
    .await
}

#[tokio::test]
async fn links_that_lead_away_and_content_that_runs_are_taken_apart() {
    let house = house(|_| {}).await;
    let text = "![a](https://evil.example/x?d=1) [b](https://example.org/b) <img src=x onerror=y> \
        www.evil.example https://example.org,@evil.example <script>";
    let wanted = "![a]([redacted:link]evil.example/x?d=1) [b](https://example.org/b) \
        <img src=x [redacted:active_content]y> [redacted:link]evil.example \
        [redacted:link]example.org,@evil.example <[redacted:active_content]>";
    for is_call in [false, true] {
        for (stream, size) in [(false, 1), (true, 1), (true, 5), (true, 500)] {
            says(&house, text, is_call, size);
            let answer = house.post(KEY, CHAT, asking(stream)).await;
            let seen = seen(&answer, stream, is_call);
            let seen = match is_call {
                true => serde_json::from_str::<Value>(&seen).unwrap()["body"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
                false => seen,
            };
            assert_eq!(seen, wanted, "{is_call} {stream} {size}");
        }
    }
}

#[tokio::test]
async fn without_a_list_links_are_left_alone() {
    let house = House::new().await;
    let text = "see https://evil.example/x";
    says(&house, text, false, 3);
    for stream in [false, true] {
        let answer = house.post(KEY, CHAT, asking(stream)).await;
        assert_eq!(seen(&answer, stream, false), text);
    }
}

#[tokio::test]
async fn instructions_said_back_are_recorded_or_stopped() {
    for action in [GuardAction::Flag, GuardAction::Block] {
        let house = house(|plan| plan.config.guard.leak.output = action).await;
        let text = format!("Gladly: {}", SYSTEM.replace(' ', "\n"));
        let mut asked = Vec::new();
        for (stream, is_call) in [(false, false), (true, false), (true, true), (false, true)] {
            says(&house, &text, is_call, 4);
            let answer = house.post(KEY, CHAT, asking(stream)).await;
            asked.push(answer.id());
            let seen = seen(&answer, stream, is_call);
            // No more than sixteen words of it go out.
            let words = seen
                .split("\\n")
                .flat_map(|part| part.split(['\n', ' ']))
                .count();
            assert_eq!(words < 20, action == GuardAction::Block, "{seen}");
        }
        // What only resembles it is none.
        says(&house, "Good day! I help you with Example Bank.", false, 3);
        let answer = house.post(KEY, CHAT, asking(true)).await;
        assert!(seen(&answer, true, false).ends_with("Bank."));
        let harmless = answer.id();
        let book = house.end().await;
        assert!(book.outcome(harmless).findings.is_empty());
        for id in asked {
            let outcome = book.outcome(id);
            let found = outcome.findings.iter();
            let found: Vec<_> = found.map(|one| (one.kind.as_str(), one.action)).collect();
            assert_eq!(found, [("prompt_leak", action)]);
            let ending = match action {
                GuardAction::Flag => Ending::Completed,
                _ => Ending::Cut,
            };
            assert_eq!(outcome.ending, Some(ending));
        }
    }
}

#[tokio::test]
async fn what_was_inspected_before_is_found_again_without_looking() {
    let house = House::new().await;
    let history = "The committee met on Tuesday and looked at the figures of the last quarter. ";
    let text = format!("{} Please write to {EMAIL} about it.", history.repeat(4));
    let body = json!({"model": "gpt", "messages": [{"role": "user", "content": text}]}).to_string();
    let mut sent = Vec::new();
    for key in [KEY, KEY, OTHER] {
        house.post(key, CHAT, body.clone()).await;
        sent.push(house.take_sent()[0].text().to_owned());
        assert!(!sent.last().unwrap().contains(EMAIL));
    }
    assert_eq!(sent[0], sent[1]);
    let metrics = house.end().await.metrics;
    assert!(
        metrics.contains("casemate_guard_texts_total{result=\"remembered\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("casemate_guard_texts_total{result=\"inspected\"} 2"),
        "{metrics}"
    );
}

const DATABASE: &str = "postgres://app:s3cr3tPw9x@db.example.org:5432/app";
const OWN: &str = "65929970489";

#[tokio::test]
async fn all_rules_look_at_answers_and_what_is_sure_ends_a_stream() {
    let long = "It was a quiet day at the office. ".repeat(40);
    for front in ["", long.as_str()] {
        let text = format!("{front}Set DATABASE_URL={DATABASE} and go on. {long}");
        let house = house(|_| {}).await;
        for is_call in [false, true] {
            says(&house, &text, is_call, 5);
            let answer = house.post(KEY, CHAT, asking(false)).await;
            let whole = seen(&answer, false, is_call);
            assert!(
                whole.contains("DATABASE_URL=[redacted:credential] and"),
                "{whole}"
            );
            let answer = house.post(KEY, CHAT, asking(true)).await;
            let cut = seen(&answer, true, is_call);
            assert!(
                answer.text().contains("contained secret"),
                "{}",
                answer.text()
            );
            // No more than the bytes after which is looked again.
            let after = cut.split("org:5432").nth(1).unwrap_or_default();
            assert!(after.len() <= 512, "{}", after.len());
        }
    }
}

#[tokio::test]
async fn what_is_less_sure_is_recorded() {
    let house = house(|_| {}).await;
    says(
        &house,
        "client_secret: \"aG8sKd93kLsmQp20xVbN\" is how it looks",
        false,
        5,
    );
    let answer = house.post(KEY, CHAT, asking(true)).await;
    assert!(seen(&answer, true, false).ends_with("how it looks"));
    let outcome = house.end().await.outcome(answer.id());
    let found = outcome.findings.iter();
    let found: Vec<_> = found.map(|one| (one.kind.as_str(), one.action)).collect();
    assert_eq!(found, [("credential", GuardAction::Flag)]);
}

#[tokio::test]
async fn what_the_caller_has_sent_it_may_have_back() {
    let text = format!("Your tax id (Steuer-ID) is {OWN}, and the mail is {EMAIL}.");
    for input in [GuardAction::Flag, GuardAction::Pseudonymise] {
        let house = house(|plan| {
            plan.config.guard.personal = GuardRule {
                trusted: input,
                untrusted: input,
                output: GuardAction::Redact,
            };
        })
        .await;
        says(&house, &text, false, 3);
        for stream in [false, true] {
            let asked = |content: String| {
                json!({"model": "gpt", "stream": stream, "messages": [
                    {"role": "user", "content": content}]})
                .to_string()
            };
            let own = asked(format!("My Steuer-ID is {OWN}, my mail {EMAIL}."));
            let answer = house.post(KEY, CHAT, own).await;
            assert_eq!(seen(&answer, stream, false), text, "{input:?}");
            // Of somebody else it is told nothing.
            let answer = house.post(KEY, CHAT, asked("Who is it?".to_owned())).await;
            let said = seen(&answer, stream, false);
            assert!(!said.contains(EMAIL), "{said}");
            let stopped = answer.text().contains("contained personal");
            assert!(stopped || !said.contains(OWN), "{said}");
        }
    }
}
