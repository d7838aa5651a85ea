// SPDX-License-Identifier: Apache-2.0
//! Keys that are made for some models, networks or a time: they reach no further, by no address.

use std::time::Duration;

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

#[test]
fn what_a_model_was_made_from_shows_to_who_may_know_it() {
    let (fixture, _) = house();
    // With the same files, so both have the same digest.
    fixture.model_named("secret");
    let at = "/v1/projects/a/models/m/versions";
    let digest = |number: u8| {
        let shown = fixture.call(&fixture.admin, "GET", &format!("{at}/{number}"), "");
        let digest = shown.json()["digest"].as_str().unwrap().to_owned();
        digest.trim_start_matches("sha256:").to_owned()
    };
    let provenance = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "m", "digest": {"sha256": digest(2)}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {"resolvedDependencies": [
            {"digest": {"sha256": digest(1)}},
        ]}},
    });
    let path = format!("{at}/2/documents/provenance");
    let told = fixture.call(&fixture.admin, "POST", &path, &provenance.to_string());
    assert_eq!(told.status, 200, "{told:?}");
    for (models, seen) in [(json!([]), &["m", "secret"][..]), (json!(["m"]), &["m"])] {
        let who = key(&fixture, &json!({"models": models}));
        let lineage = fixture
            .call(&who, "GET", &format!("{at}/2/lineage"), "")
            .json();
        let parents = lineage["lineage"]["parents"].as_array().unwrap().iter();
        let names: Vec<_> = parents
            .map(|parent| parent["model"].as_str().unwrap())
            .collect();
        assert_eq!(names, seen, "{models}");
    }
}

#[test]
fn a_key_makes_none_that_reaches_further() {
    let fixture = Fixture::new();
    fixture.member("a", "chief", &["admin"]);
    let own = json!({
        "models": ["open", "gpt-*"], "networks": ["192.0.2.0/24"], "expires_in_seconds": 3600,
    });
    let giver = key(&fixture, &own);
    let make = |body: Value| fixture.call(&giver, "POST", KEYS, &body.to_string());
    // What is not said is inherited.
    let made = make(json!({"label": "x"}));
    assert_eq!(made.status, 200, "{made:?}");
    let made = made.json();
    assert_eq!(made["models"], own["models"]);
    assert_eq!(made["networks"], own["networks"]);
    let end = made["expires"].as_str().unwrap().to_owned();
    for (body, status) in [
        (json!({"models": ["open"]}), 200),
        (json!({"models": ["gpt-4", "gpt-4*", "gpt-*"]}), 200),
        (json!({"models": ["open", "secret"]}), 403),
        (json!({"models": ["*"]}), 403),
        (json!({"models": ["open*"]}), 403),
        (json!({"models": ["gpt*"]}), 403),
        (json!({"networks": ["192.0.2.128/25", "192.0.2.7"]}), 200),
        (json!({"networks": ["192.0.2.0/23"]}), 403),
        (json!({"networks": ["0.0.0.0/0"]}), 403),
        (json!({"networks": ["192.0.2.1", "::/0"]}), 403),
        (json!({"networks": ["::ffff:192.0.2.0/24"]}), 403),
        (json!({"expires_in_seconds": 3600}), 200),
        (json!({"expires_in_seconds": 3601}), 403),
    ] {
        let reply = make(body.clone());
        assert_eq!(reply.status, status, "{body}: {reply:?}");
        if status == 200 {
            let longest = reply.json()["expires"].as_str().unwrap().to_owned();
            assert!(longest <= end, "{body}: {longest}");
        } else {
            assert!(reply.text.contains("reaches further"), "{body}: {reply:?}");
        }
    }
    // A generation on it is no other.
    let child = Who::Key(made["secret"].as_str().unwrap().to_owned());
    let reply = fixture.call(&child, "POST", KEYS, r#"{"models": ["secret"]}"#);
    assert_eq!(reply.status, 403, "{reply:?}");
}

#[test]
fn a_key_rotates_none_that_reaches_further() {
    let fixture = Fixture::new();
    let wide = fixture.member("a", "chief", &["admin"]).0;
    let made = |body: Value| {
        fixture
            .call(&fixture.admin, "POST", KEYS, &body.to_string())
            .json()
    };
    let own = made(json!({"models": ["open"], "expires_in_seconds": 3600}));
    let giver = Who::Key(own["secret"].as_str().unwrap().to_owned());
    let rotate = |id: &str| fixture.call(&giver, "POST", &format!("/v1/keys/{id}/rotate"), "{}");
    let same =
        made(json!({"models": ["open"], "networks": ["10.0.0.0/8"], "expires_in_seconds": 60}));
    let longer = made(json!({"models": ["open"], "expires_in_seconds": 7200}));
    let others = made(json!({"models": ["secret"], "expires_in_seconds": 60}));
    for (id, status) in [
        (wide.as_str(), 403),
        (longer["id"].as_str().unwrap(), 403),
        (others["id"].as_str().unwrap(), 403),
        (same["id"].as_str().unwrap(), 200),
    ] {
        let reply = rotate(id);
        assert_eq!(reply.status, status, "{reply:?}");
    }
    // What was refused goes on as it was.
    fixture.clock.advance(Duration::from_secs(1));
    let keys = fixture
        .call(&fixture.admin, "GET", "/v1/projects/a/keys", "")
        .json();
    let wide = keys
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["id"] == wide.as_str());
    assert_eq!(wide.unwrap()["expires"], Value::Null);
    // Its own successor is as it is itself.
    let next = rotate(own["id"].as_str().unwrap());
    assert_eq!(next.status, 200, "{next:?}");
    assert_eq!(next.json()["models"], json!(["open"]));
    assert_eq!(next.json()["expires"], own["expires"]);
}

#[test]
fn who_may_not_push_waits_for_no_turn() {
    let fixture = Fixture::new();
    let digest = crate::fixture::digest("{\"a\"}");
    let path = format!("/v1/projects/a/models/m/blobs/{digest}");
    let other = fixture.member("a", "limited", &["developer"]);
    assert_eq!(fixture.push_in_a_crowd(&fixture.service, &path), 403);
    let body = r#"{"models": ["open"]}"#;
    let made = "/v1/projects/a/services/limited/keys";
    let made = fixture.call(&other.1, "POST", made, body).json();
    let limited = Who::Key(made["secret"].as_str().unwrap().to_owned());
    assert_eq!(fixture.push_in_a_crowd(&limited, &path), 403);
}
