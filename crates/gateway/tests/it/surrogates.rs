// SPDX-License-Identifier: Apache-2.0
//! Stand-ins for personal data: the same for the same value within a project, and nowhere written
//! down what they stand for.

use casemate_inspect::{GuardProfile, ProfileName};
use casemate_types::GuardAction;
use serde_json::{Value, json};

use crate::{
    chat::{pieces, seen, whole},
    fixture::{EMAIL, House, KEY, Log, OTHER, POOR},
    upstream::Script,
};

const CHAT: &str = "/v1/chat/completions";

fn asking(text: &str) -> String {
    json!({"model": "gpt", "messages": [{"role": "user", "content": text}]}).to_string()
}

#[tokio::test]
async fn stand_ins_belong_to_a_project() {
    let house = House::new().await;
    let mut seen = Vec::new();
    for (key, text) in [
        (KEY, format!("write to {EMAIL}")),
        (KEY, format!("and again: <{EMAIL}>, {EMAIL}")),
        // Another service of the same project.
        (POOR, format!("to {EMAIL}")),
        (OTHER, format!("to {EMAIL}")),
    ] {
        house.post(key, CHAT, asking(&text)).await;
        let sent = house.take_sent();
        let surrogate = sent[0].surrogate("EMAIL_").unwrap();
        let count = text.matches(EMAIL).count();
        assert_eq!(sent[0].text().matches(&surrogate).count(), count);
        seen.push(surrogate);
    }
    house
        .post(KEY, CHAT, asking("to charles@example.org"))
        .await;
    seen.push(house.take_sent()[0].surrogate("EMAIL_").unwrap());
    assert!(seen[0] == seen[1] && seen[1] == seen[2]);
    assert_ne!(seen[0], seen[3]);
    assert_ne!(seen[0], seen[4]);
}

#[tokio::test]
async fn nothing_personal_is_written_down() {
    let values = [
        EMAIL,
        "+49 30 901820",
        "4111 1111 1111 1111",
        "DE89 3704 0044 0532 0130 00",
    ];
    let log = Log::new();
    let house = House::new().await;
    house.external.rule(|seen| {
        let said = serde_json::from_str::<Value>(seen.text()).unwrap();
        let said = said["messages"][0]["content"].clone();
        Script::json(json!({"choices": [{"message": {"content": said}}]}).to_string())
    });
    for value in values {
        let text = format!("phone or mail of Ada: {value}, please");
        let answer = house.post(KEY, CHAT, asking(&text)).await;
        assert!(!house.take_sent()[0].text().contains(value), "{value}");
        assert_eq!(answer.json()["choices"][0]["message"]["content"], text);
    }
    let book = house.end().await;
    for value in values {
        assert!(!book.holds(value), "{value}");
        assert!(!book.metrics.contains(value), "{value}");
        assert!(!log.text().contains(value), "{value}");
    }
    assert!(
        book.metrics
            .contains("kind=\"email\",action=\"pseudonymise\""),
        "{}",
        book.metrics
    );
}

/// An original with line breaks comes back with the escapes of the place it comes back to.
#[tokio::test]
async fn originals_are_escaped_for_their_place() {
    let body = "MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEA";
    let key = format!("-----BEGIN PRIVATE KEY-----\n{body}\n{body}\n-----END PRIVATE KEY-----");
    let house = House::with(|plan| {
        plan.config.guard.secret.untrusted = GuardAction::Pseudonymise;
        plan.config.guard.secret.output = GuardAction::Allow;
    })
    .await;
    house.external.rule(|seen| {
        let secret = seen.surrogate("SECRET_").unwrap();
        let arguments = json!({"key": secret}).to_string();
        if !seen.text().contains("\"stream\":true") {
            let call = json!({"function": {"name": "f", "arguments": arguments}});
            let message = json!({"content": format!("<{secret}>"), "tool_calls": [call]});
            return Script::json(json!({"choices": [{"message": message}]}).to_string());
        }
        let (one, two) = arguments.split_at(15);
        let event = |delta: Value| {
            let choice = json!({"index": 0, "delta": delta, "finish_reason": null});
            format!("data: {}\n\n", json!({"id": "c", "choices": [choice]}))
        };
        let call =
            |text: &str| json!({"tool_calls": [{"index": 0, "function": {"arguments": text}}]});
        let content = json!({"content": format!("<{secret}>")});
        let stream = event(content) + &event(call(one)) + &event(call(two)) + "data: [DONE]\n\n";
        Script::events(stream, 13)
    });
    let answer = house
        .post(KEY, CHAT, asking(&format!("here: {key} end")))
        .await;
    assert!(!house.take_sent()[0].text().contains("MIIB"));
    let message = &answer.json()["choices"][0]["message"];
    assert_eq!(message["content"], format!("<{key}>"));
    let arguments = message["tool_calls"][0]["function"]["arguments"]
        .as_str()
        .unwrap();
    let arguments: Value = serde_json::from_str(arguments).unwrap();
    assert_eq!(arguments, json!({"key": key}));
    let mut request: Value = serde_json::from_str(&asking(&format!("here: {key} end"))).unwrap();
    request["stream"] = json!(true);
    let answer = house.post(KEY, CHAT, request.to_string()).await;
    let join = |pointer: &str| -> String {
        let events = answer.events();
        let values = events
            .iter()
            .filter_map(|e| serde_json::from_str::<Value>(e).ok());
        values
            .filter_map(|value| value.pointer(pointer)?.as_str().map(str::to_owned))
            .collect()
    };
    assert_eq!(join("/choices/0/delta/content"), format!("<{key}>"));
    let arguments = join("/choices/0/delta/tool_calls/0/function/arguments");
    let arguments: Value = serde_json::from_str(&arguments).unwrap();
    assert_eq!(arguments, json!({"key": key}));
    assert!(!house.end().await.holds(body));
}

const IBAN: &str = "DE89 3704 0044 0532 0130 00";

/// A provider that says what the first message says, as content or as arguments of a tool call.
fn echoes(house: &House, is_call: bool) {
    house.external.rule(move |sent| {
        let asked: Value = serde_json::from_str(sent.text()).unwrap();
        let said = asked["messages"][0]["content"].as_str().unwrap();
        let said = match is_call {
            true => json!({"said": said}).to_string(),
            false => said.to_owned(),
        };
        match asked["stream"] == true {
            true => {
                let chars: Vec<_> = said.chars().map(String::from).collect();
                let parts: Vec<_> = chars.iter().map(String::as_str).collect();
                pieces(&parts, is_call)
            }
            false => whole(&said, is_call),
        }
    });
}

/// What comes back of a text that stands in the first message.
async fn echoed(house: &House, messages: Value) -> Vec<String> {
    let mut all = Vec::new();
    for is_call in [false, true] {
        echoes(house, is_call);
        for stream in [false, true] {
            let body = json!({"model": "gpt", "stream": stream, "messages": messages});
            let answer = house.post(KEY, CHAT, body.to_string()).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(!house.take_sent()[0].text().contains(IBAN));
            all.push(seen(&answer, stream, is_call));
        }
    }
    all
}

#[tokio::test]
async fn what_only_the_system_prompt_has_does_not_come_back() {
    let house = House::with(|plan| plan.config.guard = GuardProfile::default()).await;
    let secret = format!("The account is {IBAN}, never tell.");
    let system = json!({"role": "system", "content": secret});
    for said in echoed(
        &house,
        json!([system, {"role": "user", "content": "Well?"}]),
    )
    .await
    {
        assert!(said.contains("is [redacted:iban], never"), "{said}");
    }
    // Whoever has said it may have it back.
    for said in echoed(&house, json!([{"role": "user", "content": secret}])).await {
        assert!(said.contains(&secret), "{said}");
    }
    let user = json!({"role": "user", "content": format!("Is it {IBAN}?")});
    for said in echoed(&house, json!([system, user])).await {
        assert!(said.contains(&secret), "{said}");
    }
    assert!(!house.end().await.holds(IBAN));
}

#[tokio::test]
async fn what_may_be_said_of_the_system_prompt_comes_back() {
    let house = House::with(|plan| {
        plan.config.guard = GuardProfile::named(ProfileName::Balanced);
        plan.config.guard.payment.output = GuardAction::Flag;
    })
    .await;
    let system = json!({"role": "system", "content": format!("Tell everyone: {IBAN}!")});
    for said in echoed(
        &house,
        json!([system, {"role": "user", "content": "Well?"}]),
    )
    .await
    {
        assert!(said.contains(IBAN), "{said}");
    }
}
