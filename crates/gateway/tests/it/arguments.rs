// SPDX-License-Identifier: Apache-2.0
//! Arguments of tool calls that are no ordinary documents, and numbers that are no text.

use casemate_inspect::{GuardProfile, ProfileName};
use casemate_types::GuardAction;
use serde_json::{Value, json};

use crate::{
    chat::{CHAT, asking, divisions, pieces, seen, whole},
    fixture::{EMAIL, House, KEY},
    upstream::Script,
};

const MESSAGES: &str = "/v1/messages";
/// Ways to write the number of a card as a number.
const CARDS: [&str; 4] = [
    "4111111111111111",
    "-4111111111111111",
    "4111111111111111.0",
    "4.111111111111111e15",
];
/// Instants, ids of posts and rows, amounts: some with the check digits of something else.
const HARMLESS: [&str; 14] = [
    "1735689600",
    "1735689600123",
    "1735689600123456",
    "1735689600123456789",
    "175928847299117063",
    "613425648685547541",
    "1541815603606036480",
    "3538472019384756102",
    "4006381333931",
    "49927398716",
    "20240131235959",
    "0.4111111111111111",
    "1e400",
    "4.111111111111111e-3",
];

fn messages() -> String {
    let messages = json!([{"role": "user", "content": "Well?"}]);
    json!({"model": "claude", "max_tokens": 50, "messages": messages}).to_string()
}

/// A message with a tool call in which a number stands.
fn tool_use(number: &str) -> Script {
    let block = format!(
        r#"{{"type":"tool_use","id":"t1","name":"pay","input":{{"card":{number},"l":[{number}]}}}}"#
    );
    let text = format!(r#"{{"id":"m","type":"message","role":"assistant","content":[{block}]}}"#);
    Script::json(text)
}

#[tokio::test]
async fn cards_that_are_numbers_are_withheld() {
    let house = House::new().await;
    for number in CARDS {
        let arguments = format!(r#"{{"card":{number}}}"#);
        house.external.script(whole(&arguments, true));
        let answer = house.post(KEY, CHAT, asking(false, "Well?")).await;
        assert_eq!(answer.status, 403, "{number}: {}", answer.text());
        house.external.script(tool_use(number));
        let answer = house.post(KEY, MESSAGES, messages()).await;
        assert_eq!(answer.status, 403, "{number}: {}", answer.text());
        // Beside the answer of a stream.
        let event = format!(r#"{{"id":"c","choices":[],"later":{{"card":{number}}}}}"#);
        let stream = format!("data: {event}\n\ndata: [DONE]\n\n");
        house.external.script(Script::events(stream, 64));
        let answer = house.post(KEY, CHAT, asking(true, "Well?")).await;
        assert!(!answer.text().contains(number), "{}", answer.text());
        assert!(answer.text().contains("payment"), "{}", answer.text());
    }
}

#[tokio::test]
async fn cards_that_are_numbers_do_not_leave_the_house() {
    let house = House::new().await;
    for number in CARDS {
        let inside = format!(r#"{{\"card\":{number}}}"#);
        let call = format!(
            r#"{{"role":"assistant","tool_calls":[{{"function":{{"arguments":"{inside}"}}}}]}}"#
        );
        let used =
            format!(r#"[{{"type":"tool_use","id":"t","name":"f","input":{{"n":{number}}}}}]"#);
        for (path, body) in [
            (CHAT, format!(r#"{{"model":"gpt","messages":[{call}]}}"#)),
            (
                CHAT,
                format!(r#"{{"model":"gpt","messages":[],"metadata":{{"n":{number}}}}}"#),
            ),
            (
                MESSAGES,
                format!(
                    r#"{{"model":"claude","max_tokens":5,"messages":[{{"role":"assistant","content":{used}}}]}}"#
                ),
            ),
        ] {
            let answer = house.post(KEY, path, body).await;
            assert_eq!(answer.status, 403, "{number}: {}", answer.text());
            assert!(answer.text().contains("a guard found"), "{}", answer.text());
        }
    }
    assert!(house.take_sent().is_empty());
}

#[tokio::test]
async fn instants_and_ids_are_no_cards() {
    for profile in ProfileName::ALL {
        let house = House::with(|plan| plan.config.guard = GuardProfile::named(*profile)).await;
        for number in HARMLESS {
            let arguments = format!(r#"{{"at":{number},"ids":[{number}]}}"#);
            house.external.script(whole(&arguments, true));
            let inside = arguments.replace('"', "\\\"");
            let call = format!(
                r#"{{"role":"assistant","tool_calls":[{{"function":{{"arguments":"{inside}"}}}}]}}"#
            );
            let body = format!(r#"{{"model":"gpt","messages":[{call}],"metadata":{arguments}}}"#);
            let answer = house.post(KEY, CHAT, body.clone()).await;
            assert_eq!(answer.status, 200, "{number}: {}", answer.text());
            assert_eq!(house.take_sent()[0].text(), body);
            assert_eq!(seen(&answer, false, true), arguments);
            house.external.script(tool_use(number));
            let answer = house.post(KEY, MESSAGES, messages()).await;
            assert_eq!(answer.status, 200, "{number}: {}", answer.text());
            house.take_sent();
        }
    }
}

#[tokio::test]
async fn escapes_hide_nothing_in_arguments_that_are_no_document() {
    let house = House::with(|plan| plan.config.guard.personal.output = GuardAction::Redact).await;
    let hidden = r"\u0061da.lovelace@example\u002eorg";
    let deep = format!("{}\"{hidden}\"{}", "[".repeat(80), "]".repeat(80));
    for arguments in [
        format!(r#"{{"a":1,"a":2,"to":"{hidden}"}}"#),
        format!(r#"{{"a":"\ud800","to":"{hidden}"}}"#),
        format!(r#"{{"to":"{hidden}""#),
        format!(r#"x {{"to":"{hidden}"}}"#),
        deep,
    ] {
        let wanted = arguments.replace(hidden, "[redacted:email]");
        house.external.script(whole(&arguments, true));
        let answer = house.post(KEY, CHAT, asking(false, "Well?")).await;
        assert_eq!(seen(&answer, false, true), wanted, "{}", answer.text());
        for parts in divisions(&arguments) {
            house.external.script(pieces(&parts, true));
            let answer = house.post(KEY, CHAT, asking(true, "Well?")).await;
            assert_eq!(seen(&answer, true, true), wanted, "{parts:?}");
        }
    }
}

#[tokio::test]
async fn stand_ins_come_back_in_arguments_that_are_no_document() {
    let house = House::new().await;
    house.external.rule(|sent| {
        let stand_in = sent.surrogate("EMAIL_").unwrap().replace('_', r"\u005f");
        whole(&format!(r#"{{"a":1,"a":2,"to":"{stand_in}"}}"#), true)
    });
    let answer = house
        .post(KEY, CHAT, asking(false, &format!("to {EMAIL}")))
        .await;
    let wanted = format!(r#"{{"a":1,"a":2,"to":"{EMAIL}"}}"#);
    assert_eq!(seen(&answer, false, true), wanted);
    // The same on the way to a provider.
    let arguments = r#"{"a":1,"a":2,"to":"\u0061da.lovelace@example.org"}"#;
    let call = json!({"role": "assistant", "tool_calls": [{"function": {"arguments": arguments}}]});
    let body = json!({"model": "gpt", "messages": [call]}).to_string();
    house.take_sent();
    house.post(KEY, CHAT, body).await;
    let sent = house.take_sent();
    assert!(!sent[0].text().contains("lovelace"), "{}", sent[0].text());
    let sent: Value = serde_json::from_str(sent[0].text()).unwrap();
    let sent = &sent["messages"][0]["tool_calls"][0]["function"]["arguments"];
    assert!(
        sent.as_str()
            .unwrap()
            .starts_with(r#"{"a":1,"a":2,"to":"EMAIL_"#),
        "{sent}"
    );
}
