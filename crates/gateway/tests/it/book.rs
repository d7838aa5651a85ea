// SPDX-License-Identifier: Apache-2.0
//! The book comes first, and money runs out.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use casemate_gateway::Endpoint;
use casemate_ledger::Kind;
use casemate_quota::Limits;
use casemate_types::{Decision, event::Facts};
use serde_json::json;

use crate::{
    fixture::{House, KEY, POOR},
    upstream::Script,
};

fn body(endpoint: Endpoint, stream: bool) -> String {
    let messages = json!([{"role": "user", "content": "hello"}]);
    match endpoint {
        Endpoint::ChatCompletions => {
            json!({"model": "gpt", "stream": stream, "max_tokens": 10, "messages": messages})
        }
        Endpoint::Embeddings => json!({"model": "gpt", "input": "hello"}),
        Endpoint::Messages => {
            json!({"model": "claude", "stream": stream, "max_tokens": 10, "messages": messages})
        }
    }
    .to_string()
}

#[tokio::test]
async fn the_decision_is_durable_before_an_external_upstream_hears_of_it() {
    let house = House::new().await;
    let (reader, met) = (house.reader.clone(), Arc::new(AtomicUsize::new(0)));
    let count = met.clone();
    house.external.rule(move |_| {
        // Every request so far has its decision on disk.
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        let records = reader.list(0, usize::MAX).unwrap();
        let decisions = records.iter().filter(|r| r.entry.kind == Kind::Decision);
        let allowed = decisions
            .filter_map(|record| Facts::from_event(&record.entry.event))
            .filter(|facts| facts.decision == Some(Decision::Allow) && facts.booking.is_some());
        let status = if allowed.count() >= number { 200 } else { 500 };
        Script::status(status, "{}")
    });
    for _ in 0..20 {
        for endpoint in Endpoint::ALL {
            let answer = house
                .post(KEY, endpoint.path(), body(*endpoint, false))
                .await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
    assert_eq!(met.load(Ordering::SeqCst), 60);
}

#[tokio::test]
async fn every_access_has_one_outcome() {
    let house = House::new().await;
    house.local.script(Script::status(500, "{}"));
    for script in [
        Script::json("{\"id\":\"c\"}"),
        Script::status(500, "{}"),
        Script::json("<html>"),
        Script::json(r#"{"AKIAQYLPMN5HHHFPZAM2":1}"#),
        Script::events("data: {\"type\":\"message_stop\"}\n\ndata: [DONE]\n\n", 3),
        Script::events("data: <html>\n\n", 3),
    ] {
        house.external.script(script);
        for endpoint in Endpoint::ALL {
            for stream in [false, true] {
                let text = body(*endpoint, stream);
                house.post(KEY, endpoint.path(), text.clone()).await;
                let text = text.replace("\"gpt\"", "\"gpt-fall\"");
                house.post(KEY, endpoint.path(), text).await;
            }
        }
    }
    let book = house.end().await;
    let mut open = HashMap::new();
    for record in &book.records {
        let facts = Facts::from_event(&record.entry.event).unwrap();
        match record.entry.kind {
            Kind::Decision if facts.decision == Some(Decision::Allow) => {
                assert!(facts.booking.is_some());
                open.insert(record.entry.id, 0);
            }
            Kind::Outcome => *open.get_mut(&record.entry.about).unwrap() += 1,
            _ => {}
        }
    }
    assert!(open.len() > 60);
    assert!(open.values().all(|outcomes| *outcomes == 1), "{open:?}");
}

#[tokio::test]
async fn nothing_leaves_when_the_book_is_full() {
    let house = House::with(|plan| plan.max_bytes = Some(1 << 20)).await;
    house.external.script(Script::json("{\"id\":\"c\"}"));
    let mut sent = 0;
    while !house.is_pressed() {
        let answer = house
            .post(
                KEY,
                Endpoint::ChatCompletions.path(),
                body(Endpoint::ChatCompletions, false),
            )
            .await;
        sent += usize::from(answer.status == 200);
        assert!(matches!(answer.status, 200 | 503), "{}", answer.text());
        assert!(sent < 5_000, "the book never filled up");
    }
    assert_eq!(house.take_sent().len(), sent);
    let account = casemate_quota::Account::Project(casemate_types::ProjectId::from_bytes([1; 16]));
    let spent = house.quota.spend(account);
    for endpoint in Endpoint::ALL {
        let answer = house
            .post(KEY, endpoint.path(), body(*endpoint, false))
            .await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        let expected = match endpoint {
            Endpoint::Messages => "overloaded_error",
            _ => "server_error",
        };
        assert_eq!(answer.json()["error"]["type"], expected);
        answer.id();
    }
    assert!(house.take_sent().is_empty());
    assert_eq!(
        house.quota.spend(account),
        spent,
        "what did not leave costs nothing"
    );
}

#[tokio::test]
async fn a_budget_for_ten_lets_ten_through() {
    let house = House::with(|plan| {
        plan.limits = Limits {
            micros_per_day: Some(100),
            ..Limits::default()
        };
    })
    .await;
    let usage = json!({"prompt_tokens": 5, "completion_tokens": 10});
    house
        .external
        .script(Script::json(json!({"id": "c", "usage": usage}).to_string()));
    let path = Endpoint::ChatCompletions.path();
    let all = (0..200).map(|_| house.post(POOR, path, body(Endpoint::ChatCompletions, false)));
    let answers = futures_util::future::join_all(all).await;
    let passed = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(passed, 10);
    assert_eq!(house.take_sent().len(), 10);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(answer.status, 429);
        assert_eq!(answer.json()["error"]["code"], "insufficient_quota");
        assert_eq!(answer.headers["x-should-retry"], "false");
        // The fixture's clock stands at 08:00 UTC and the budget is one of the day.
        assert_eq!(answer.headers["retry-after"], "57600");
    }
    // Who spends nothing of it still passes.
    assert_eq!(
        house
            .post(KEY, path, body(Endpoint::ChatCompletions, false))
            .await
            .status,
        200
    );
    let book = house.end().await;
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    let facts = book.decision(refused.id());
    assert_eq!(facts.reasons[0].policy, "quota.money_per_day");
}
