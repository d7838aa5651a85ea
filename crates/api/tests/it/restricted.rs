// SPDX-License-Identifier: Apache-2.0
//! Keys that are made for some models, networks or a time: they reach no further, by no address.

use casemate_api::{Access, ROUTES};
use serde_json::{Value, json};

use crate::{
    fixture::{Fixture, OPERATOR, Reply, Who, filled},
    matrix::ROWS,
};

const KEYS: &str = "/v1/projects/a/services/chief/keys";

/// A key of `chief`, an administrator of project `a`, that somebody else made.
fn key(fixture: &Fixture, body: &Value) -> Who {
    let made = fixture.call(&fixture.admin, "POST", KEYS, &body.to_string());
    assert_eq!(made.status, 200, "{made:?}");
    Who::Key(made.json()["secret"].as_str().unwrap().to_owned())
}

/// A house with a model `m` in project `a`, and the body that makes its first version.
fn house() -> (Fixture, String) {
    let fixture = Fixture::new();
    fixture.member("a", "chief", &["admin"]);
    let version = fixture.model();
    (fixture, version)
}

/// Every address of a model with the body that its administrator sends.
fn of_a_model() -> impl Iterator<Item = (&'static str, &'static str, &'static str, Access)> {
    let routes = ROUTES.iter().filter(|route| route.path.contains("{model}"));
    routes.map(|route| {
        let same = |path: &str| path.split('?').next() == Some(route.path);
        let row = ROWS
            .iter()
            .find(|row| row.method == route.method && same(row.path));
        let row = row.unwrap();
        (row.method, row.path, row.body, route.access)
    })
}

/// Refusals of the key itself: their actions, in order.
fn refused(fixture: &Fixture) -> Vec<String> {
    let path = "/v1/ledger/records?from=0&limit=1000";
    let all = fixture.call(&Who::Socket(OPERATOR), "GET", path, "").json();
    let by_key = |record: &&Value| record["facts"]["reasons"][0]["policy"] == "key.models";
    let action = |record: &Value| record["facts"]["action"].as_str().unwrap().to_owned();
    all.as_array()
        .unwrap()
        .iter()
        .filter(by_key)
        .map(action)
        .collect()
}

#[test]
fn no_address_serves_a_key_for_other_models() {
    let (fixture, version) = house();
    let of_m = |who: &Who| fixture.call(who, "GET", "/v1/projects/a/models/m", "").text;
    let before = of_m(&fixture.admin);
    let other = key(&fixture, &json!({"models": ["open", "gpt-*"]}));
    let mut expected = Vec::new();
    for (method, path, body, access) in of_a_model() {
        let path = filled(path, "", "");
        let body = if body == "VERSION" { &version } else { body };
        let reply = fixture.call(&other, method, &path, body);
        assert_eq!(reply.status, 403, "{method} {path}: {reply:?}");
        assert!(
            reply.text.contains("not for this model"),
            "{path}: {reply:?}"
        );
        // What is not there is refused in the same words.
        let nowhere = path.replace("/models/m", "/models/none");
        let missing = fixture.call(&other, method, &nowhere, body);
        let words = |reply: &Reply| (reply.json()["code"].clone(), reply.json()["detail"].clone());
        assert_eq!(words(&missing), words(&reply), "{method} {nowhere}");
        let Access::Action(action) = access else {
            panic!("{method} {path} is open to anyone")
        };
        expected.extend([action.to_string(), action.to_string()]);
    }
    assert!(expected.len() > 30, "{expected:?}");
    assert_eq!(of_m(&fixture.admin), before, "something happened to it");
    assert_eq!(refused(&fixture), expected);
}

#[test]
fn a_key_for_the_model_is_served_and_sees_no_other() {
    let (fixture, version) = house();
    let own = key(&fixture, &json!({"models": ["m"]}));
    for (method, path, body, _) in of_a_model() {
        let path = filled(path, "", "");
        let body = if body == "VERSION" { &version } else { body };
        let reply = fixture.call(&own, method, &path, body);
        // Some leave no room for those behind them; what counts is that the key opens each.
        assert!(
            !reply.text.contains("not for this model"),
            "{method} {path}: {reply:?}"
        );
        assert_ne!(reply.status, 500, "{method} {path}: {reply:?}");
    }
    for (models, seen) in [
        (json!(["m"]), 1),
        (json!(["*"]), 1),
        (json!([]), 1),
        (json!(["mm"]), 0),
    ] {
        let who = key(&fixture, &json!({"models": models}));
        let list = fixture
            .call(&who, "GET", "/v1/projects/a/models", "")
            .json();
        assert_eq!(list.as_array().unwrap().len(), seen, "{models}");
    }
}
