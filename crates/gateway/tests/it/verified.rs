// SPDX-License-Identifier: Apache-2.0
//! Routes that need a verified model are led only to servers that run it.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
};

use casemate_gateway::{GatewayError, VerifiedModels};
use serde_json::json;

use crate::{
    fixture::{House, KEY, Plan},
    upstream::Script,
};

const CHAT: &str = "/v1/chat/completions";
const REFERENCE: &str = "acme/fraud@production";

/// A registry that says what it was told.
#[derive(Default)]
struct Told(Mutex<Option<Result<String, String>>>);

impl Told {
    fn tell(&self, served: Result<String, &str>) {
        *self.0.lock().unwrap() = Some(served.map_err(str::to_owned));
    }
}

impl VerifiedModels for Told {
    fn served<'a>(
        &'a self,
        reference: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>> {
        assert_eq!(reference, REFERENCE);
        let told = self.0.lock().unwrap().clone().unwrap();
        Box::pin(std::future::ready(told))
    }
}

fn digest(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

/// `gpt-fall` needs a verified model; its server runs `a`, and that of its fallback `b`.
fn needs(plan: &mut Plan) {
    plan.upstream("in").digest = Some(digest('a'));
    plan.upstream("out").digest = Some(digest('b'));
    plan.route("gpt-fall").verified = Some(REFERENCE.to_owned());
}

fn asking(model: &str) -> String {
    json!({"model": model, "messages": [{"role": "user", "content": "Well?"}]}).to_string()
}

#[tokio::test]
async fn requests_go_where_the_verified_version_runs() {
    let told = Arc::new(Told::default());
    let models = told.clone();
    let house = House::with(|plan| {
        needs(plan);
        plan.models = Some(models);
    })
    .await;
    for (served, local, external) in [
        (Ok(digest('a')), 1, 0),
        (Ok(digest('b')), 0, 1),
        (Ok(digest('a')), 1, 0),
    ] {
        told.tell(served);
        let answer = house.post(KEY, CHAT, asking("gpt-fall")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let got = (house.local.take().len(), house.external.take().len());
        assert_eq!(got, (local, external));
    }
    let mut refused = Vec::new();
    for served in [
        Ok(digest('c')),
        Err("version 2 is quarantined: one flipped bit"),
    ] {
        told.tell(served);
        let answer = house.post(KEY, CHAT, asking("gpt-fall")).await;
        assert_eq!(answer.status, 403, "{}", answer.text());
        refused.push(answer.id());
        assert!(house.take_sent().is_empty());
    }
    // Other routes need none.
    let answer = house.post(KEY, CHAT, asking("gpt-local")).await;
    assert_eq!(answer.status, 200);
    let book = house.end().await;
    for (id, why) in refused
        .into_iter()
        .zip(["no server of this route", "one flipped bit"])
    {
        let reasons = book.decision(id).reasons;
        assert_eq!(reasons[0].policy, "route.unverified");
        assert!(reasons[0].text.contains(why), "{}", reasons[0].text);
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_stood_in_for_by_another_version() {
    let told = Arc::new(Told::default());
    told.tell(Ok(digest('a')));
    let models = told.clone();
    let house = House::with(|plan| {
        needs(plan);
        plan.models = Some(models);
    })
    .await;
    house.local.rule(|_| Script::status(503, "{}"));
    let answer = house.post(KEY, CHAT, asking("gpt-fall")).await;
    assert!(answer.status >= 500, "{}", answer.text());
    assert!(house.external.take().is_empty());
}

#[tokio::test]
async fn without_a_registry_nothing_is_verified() {
    let house = House::with(needs).await;
    let answer = house.post(KEY, CHAT, asking("gpt-fall")).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(house.take_sent().is_empty());
}

#[tokio::test]
async fn what_could_never_be_verified_is_no_configuration() {
    type Change = fn(&mut Plan);
    let changes: [(Change, &str); 4] = [
        (
            |plan| plan.upstream("out").digest = None,
            "`out` has no `digest`",
        ),
        (
            |plan| plan.upstream("in").digest = Some("sha256:A".into()),
            "is no digest",
        ),
        // Who asks would choose what the server runs.
        (
            |plan| plan.route("gpt-fall").model = "gpt-f*".into(),
            "`upstream_model`",
        ),
        (
            |plan| plan.route("gpt-fall").model = "*".into(),
            "`upstream_model`",
        ),
    ];
    for (change, why) in changes {
        let mut wrong = None;
        let house = House::with(|plan| {
            needs(plan);
            change(plan);
            wrong = Some(plan.config.clone());
            plan.config.route.clear();
            plan.config.upstream.clear();
        })
        .await;
        let none = |_: &str| Err("there are no credentials here".to_owned());
        let error: GatewayError = house.gateway.reload(wrong.unwrap(), &none).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_pattern_leads_to_the_one_model_that_was_verified() {
    let told = Arc::new(Told::default());
    told.tell(Ok(digest('a')));
    let models = told.clone();
    let house = House::with(|plan| {
        needs(plan);
        let route = plan.route("gpt-fall");
        route.model = "fraud-*".to_owned();
        route.upstream_model = Some("fraud".to_owned());
        plan.models = Some(models);
    })
    .await;
    let answer = house.post(KEY, CHAT, asking("fraud-other")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(house.local.take()[0].text().contains("\"model\":\"fraud\""));
}
