// SPDX-License-Identifier: Apache-2.0
//! Borders between projects, and between roles.

use std::time::Duration;

use casemate_http::Peer;

use crate::fixture::{Fixture, OPERATOR, Who};

#[test]
fn a_foreign_project_looks_like_a_missing_one() {
    let fixture = Fixture::new();
    let key = fixture.new_key();
    let missing_key = "key_00000000000000000000000000";
    let a = fixture.project_a.to_string();
    // Even with every role there is: roles count in the own project.
    let all = ["admin", "analyst", "auditor", "developer", "service"];
    let strongest = fixture.member("b", "strongest", &all).1;
    for who in [&fixture.stranger, &strongest] {
        for (method, path, body) in [
            ("PUT", "/v1/projects/NAME/limits", "{}"),
            ("GET", "/v1/projects/NAME/services", ""),
            ("POST", "/v1/projects/NAME/services", r#"{"name": "n"}"#),
            ("GET", "/v1/projects/NAME/keys", ""),
            ("POST", "/v1/projects/NAME/services/app/keys", "{}"),
            ("POST", "/v1/projects/NAME/services/none/keys", "{}"),
            ("POST", "/v1/keys/KEY/revoke", ""),
            ("POST", "/v1/keys/KEY/rotate", "{}"),
        ] {
            let call = |name: &str, key: &str| {
                let path = path.replace("NAME", name).replace("KEY", key);
                fixture.call(who, method, &path, body)
            };
            let missing = call("nowhere", missing_key);
            assert_eq!(missing.status, 404, "{method} {path}: {missing:?}");
            assert_eq!(call("a", &key), missing, "{method} {path}");
            assert_eq!(call(&a, &key), missing, "{method} {path} by id");
        }
        let list = fixture.call(who, "GET", "/v1/projects", "").json();
        let names: Vec<_> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["name"].clone())
            .collect();
        assert_eq!(names, ["b"]);
    }
    // Nothing happened to it.
    let keys = fixture
        .call(&fixture.admin, "GET", "/v1/projects/a/keys", "")
        .json();
    assert!(
        keys.as_array()
            .unwrap()
            .iter()
            .all(|key| key["revoked"].is_null()),
        "{keys}"
    );
}

#[test]
fn an_administrators_key_is_out_of_reach_for_projects() {
    let fixture = Fixture::new();
    let Who::Key(secret) = &fixture.admin else {
        panic!("nobody")
    };
    let id = fixture
        .iam
        .authenticate(Some(secret), None, false)
        .unwrap()
        .key()
        .id;
    for verb in ["revoke", "rotate"] {
        let reply = fixture.call(
            &fixture.developer,
            "POST",
            &format!("/v1/keys/{id}/{verb}"),
            "{}",
        );
        assert_eq!(reply.status, 404, "{reply:?}");
    }
    assert!(fixture.iam.authenticate(Some(secret), None, false).is_ok());
}

#[test]
fn an_auditor_of_one_project_reads_the_records_of_one_project() {
    let fixture = Fixture::new();
    let record = fixture.record();
    let of_a = fixture.member("a", "auditor", &["auditor"]).1;
    let of_b = fixture.member("b", "auditor", &["auditor"]).1;
    let paths = [
        format!("/v1/ledger/records/{record}"),
        format!("/v1/ledger/records/{record}/proof"),
    ];
    for path in &paths {
        assert_eq!(fixture.call(&of_a, "GET", path, "").status, 200);
        let foreign = fixture.call(&of_b, "GET", path, "");
        let other = path.replace(&record.to_string(), "req_00000000000000000000000000");
        let missing = fixture.call(&of_b, "GET", &other, "");
        assert_eq!((foreign.status, &foreign.text), (404, &missing.text));
    }
    let list = fixture
        .call(&of_b, "GET", "/v1/ledger/records?from=0&limit=1000", "")
        .json();
    let own = fixture.iam.project_named("b").unwrap().id.to_string();
    assert!(!list.as_array().unwrap().is_empty());
    for record in list.as_array().unwrap() {
        assert_eq!(record["project"], own.as_str());
    }
    let export = serde_json::json!({"directory": fixture.dir.join("export")}).to_string();
    assert_eq!(
        fixture
            .call(&of_b, "POST", "/v1/ledger/export", &export)
            .status,
        403
    );
    assert!(!fixture.dir.join("export").exists());
}

#[test]
fn nobody_hands_out_more_than_they_have() {
    let fixture = Fixture::new();
    let make = |name: &str, role: &str| {
        let body = serde_json::json!({"name": name, "roles": [role]}).to_string();
        fixture.call(&fixture.developer, "POST", "/v1/projects/a/services", &body)
    };
    assert_eq!(make("one", "service").status, 200);
    assert_eq!(make("two", "developer").status, 200);
    for role in ["admin", "auditor", "bootstrap"] {
        let refused = make("three", role);
        assert_eq!(refused.status, 403, "{role}: {refused:?}");
        assert!(refused.text.contains(role));
    }
    // Nor by a key for somebody who has more.
    let (key, _) = fixture.member("a", "chief", &["admin"]);
    let path = "/v1/projects/a/services/chief/keys";
    assert_eq!(
        fixture.call(&fixture.developer, "POST", path, "{}").status,
        403
    );
    let rotate = format!("/v1/keys/{key}/rotate");
    assert_eq!(
        fixture
            .call(&fixture.developer, "POST", &rotate, "{}")
            .status,
        403
    );
    assert_eq!(fixture.call(&fixture.admin, "POST", path, "{}").status, 200);
}

#[test]
fn the_local_socket_is_for_the_operator() {
    let fixture = Fixture::new();
    for (uid, status) in [(OPERATOR, 200), (0, 200), (OPERATOR + 1, 401)] {
        assert_eq!(
            fixture
                .call(&Who::Socket(uid), "GET", "/v1/system", "")
                .status,
            status
        );
    }
    // A key does not help who may not be there at all.
    let Who::Key(key) = &fixture.admin else {
        panic!("nobody")
    };
    let bearer = format!("Bearer {key}");
    let peer = Some(Peer::Unix { uid: OPERATOR + 1 });
    assert_eq!(
        fixture
            .send(peer, Some(&bearer), "GET", "/v1/system", "")
            .status,
        401
    );
    assert_eq!(
        fixture
            .send(None, Some(&bearer), "GET", "/v1/system", "")
            .status,
        401
    );
    let address = "192.0.2.1:1".parse().unwrap();
    let peer = Some(Peer::Tcp {
        address,
        certified: false,
    });
    assert_eq!(
        fixture
            .send(peer, Some(&bearer), "GET", "/v1/system", "")
            .status,
        200
    );
    for wrong in [
        "",
        "Bearer",
        "Bearer ",
        key,
        &format!("Basic {key}"),
        &format!("{bearer} "),
    ] {
        assert_eq!(
            fixture
                .send(peer, Some(wrong), "GET", "/v1/system", "")
                .status,
            401,
            "{wrong}"
        );
    }
}

#[test]
fn the_bootstrap_token_makes_one_administrator() {
    let fixture = Fixture::new();
    // There is an administrator already, so no token is given and none works.
    assert!(fixture.iam.bootstrap_token().is_err());
    let body = serde_json::json!({"token": "cm_x", "name": "Eve"}).to_string();
    let reply = fixture.call(&Who::Nobody, "POST", "/v1/bootstrap", &body);
    assert_eq!(reply.status, 404, "{reply:?}");
    let persons = fixture
        .call(&fixture.admin, "GET", "/v1/persons", "")
        .json();
    assert_eq!(persons.as_array().unwrap().len(), 1);
    // Nobody can fill the book with attempts: what stands there is how the administrator came in.
    let records = fixture
        .call(&fixture.admin, "GET", "/v1/ledger/records?limit=1000", "")
        .json();
    let attempts: Vec<_> = records
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| r["kind"] == "decision" && r["facts"]["action"] == "person:bootstrap")
        .collect();
    assert_eq!(attempts.len(), 1, "{attempts:?}");
}

/// Tries a token; gives the status.
fn bootstrap(fixture: &Fixture, token: &str) -> u16 {
    let body = serde_json::json!({"token": token, "name": "Eve"}).to_string();
    let reply = fixture.call(&Who::Nobody, "POST", "/v1/bootstrap", &body);
    let code = match reply.status {
        404 => "not_found",
        429 => "rate_limited",
        _ => return reply.status,
    };
    assert_eq!(reply.kind, "application/problem+json", "{reply:?}");
    assert_eq!(reply.json()["code"], code, "{reply:?}");
    reply.status
}

/// How many records there are once everything is written: what is durable came after it.
fn records(fixture: &Fixture) -> usize {
    let path = "/v1/ledger/records?from=0&limit=1000";
    let operator = Who::Socket(OPERATOR);
    let all = fixture.call(&operator, "GET", path, "").json();
    let all = all.as_array().unwrap();
    all.iter()
        .filter(|record| record["facts"]["action"] == "person:bootstrap")
        .count()
}

#[test]
fn the_link_writes_nothing_once_there_is_an_administrator() {
    let fixture = Fixture::new();
    let before = records(&fixture);
    let size = fixture.door.reader().size();
    for number in 0..50 {
        // No attempt is too many: nothing happens at all.
        assert_eq!(bootstrap(&fixture, &format!("cm_{number}")), 404);
    }
    assert!(
        fixture.door.reader().size() <= size + 1,
        "the last reading's outcome"
    );
    assert_eq!(records(&fixture), before);
}

#[test]
fn the_link_can_be_tried_ten_times_a_minute() {
    let fixture = Fixture::young();
    let token = fixture.iam.bootstrap_token().unwrap();
    for round in 1..4 {
        for number in 0..10 {
            assert_eq!(bootstrap(&fixture, &format!("cm_{round}_{number}")), 404);
        }
        let written = records(&fixture);
        assert!(
            written > 0 && written <= round * 20,
            "{written} of round {round}"
        );
        for _ in 0..20 {
            assert_eq!(bootstrap(&fixture, "cm_again"), 429);
        }
        // Not even the right one, and nobody can fill the book with it.
        assert_eq!(bootstrap(&fixture, token.expose()), 429);
        assert_eq!(records(&fixture), written);
        assert!(!fixture.iam.has_person());
        fixture.clock.advance(Duration::from_secs(60));
    }
    // What the body lacks is said before anything is counted.
    for _ in 0..20 {
        let reply = fixture.call(&Who::Nobody, "POST", "/v1/bootstrap", "{}");
        assert_eq!(reply.status, 400, "{reply:?}");
    }
    // A clock that went back is another minute, too.
    fixture.clock.retreat(Duration::from_secs(3600));
    assert_eq!(bootstrap(&fixture, token.expose()), 200);
    assert_eq!(bootstrap(&fixture, token.expose()), 404);
    assert!(fixture.iam.has_person());
}
