// SPDX-License-Identifier: Apache-2.0
//! Refusals are problems (RFC 9457), whatever was wrong.

use std::collections::BTreeSet;

use casemate_api::ROUTES;

use crate::fixture::{Fixture, Who};

#[test]
fn whatever_is_wrong_is_a_problem() {
    let fixture = Fixture::new();
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(3 << 20));
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    for (method, path, body, status, code) in [
        ("POST", "/v1/projects", "", 400, "invalid"),
        ("POST", "/v1/projects", "{", 400, "invalid"),
        ("POST", "/v1/projects", "[]", 400, "invalid"),
        ("POST", "/v1/projects", r#"{"name": 1}"#, 400, "invalid"),
        (
            "POST",
            "/v1/projects",
            r#"{"name": "n", "more": 1}"#,
            400,
            "invalid",
        ),
        (
            "POST",
            "/v1/projects",
            r#"{"name": "n", "limits": {"x": 1}}"#,
            400,
            "invalid",
        ),
        (
            "POST",
            "/v1/projects",
            r#"{"name": "two words"}"#,
            400,
            "invalid",
        ),
        ("POST", "/v1/projects", r#"{"name": "a"}"#, 409, "conflict"),
        ("POST", "/v1/projects", &deep, 400, "invalid"),
        ("POST", "/v1/projects", &large, 413, "body_limit"),
        (
            "POST",
            "/v1/policies",
            r#"{"text": "permit"}"#,
            400,
            "invalid",
        ),
        ("GET", "/v1/ledger/records?limit=many", "", 400, "invalid"),
        ("GET", "/v1/ledger/records?more=1", "", 400, "invalid"),
        ("GET", "/v1/ledger/records/nonsense", "", 400, "invalid"),
        (
            "GET",
            "/v1/ledger/records/req_00000000000000000000000000",
            "",
            404,
            "not_found",
        ),
        ("GET", "/nothing", "", 404, "not_found"),
        ("POST", "/v1/keys/nonsense/revoke", "", 404, "not_found"),
    ] {
        let reply = fixture.call(&fixture.admin, method, path, body);
        assert_eq!(reply.status, status, "{method} {path} {reply:?}");
        assert_eq!(
            reply.kind, "application/problem+json",
            "{method} {path} {reply:?}"
        );
        let problem = reply.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(
            problem["type"],
            format!("urn:casemate:problem:{code}"),
            "{problem}"
        );
        for member in ["title", "detail"] {
            assert!(!problem[member].as_str().unwrap().is_empty(), "{problem}");
        }
    }
}

#[test]
fn a_method_that_is_not_taken_is_a_problem() {
    let fixture = Fixture::new();
    let paths: BTreeSet<_> = ROUTES.iter().map(|route| route.path).collect();
    for path in paths {
        let taken: BTreeSet<_> = ROUTES
            .iter()
            .filter(|route| route.path == path)
            .map(|route| route.method)
            .collect();
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            if taken.contains(method) {
                continue;
            }
            for who in [&fixture.admin, &Who::Nobody] {
                let address = path.replace(['{', '}'], "");
                let reply = fixture.call(who, method, &address, "not even JSON");
                assert_eq!(reply.status, 405, "{method} {path}: {reply:?}");
                assert_eq!(reply.kind, "application/problem+json", "{method} {path}");
                let problem = reply.json();
                assert_eq!(problem["code"], "method_not_allowed", "{problem}");
                let detail = problem["detail"].as_str().unwrap();
                assert!(detail.contains("/openapi.json"), "{problem}");
                // RFC 9110, section 15.5.6: it says which methods there are.
                let allowed: BTreeSet<_> = reply.allow.split(',').map(str::trim).collect();
                for method in &taken {
                    assert!(allowed.contains(method), "{method} {path}: {reply:?}");
                }
            }
        }
    }
}

#[test]
fn a_problem_says_the_status_it_came_with() {
    // RFC 9457, section 3.1.2.
    let fixture = Fixture::new();
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("POST", "/v1/projects", 400),
        ("DELETE", "/v1/projects", 405),
    ] {
        let reply = fixture.call(&fixture.admin, method, path, "");
        assert_eq!(reply.status, status, "{reply:?}");
        assert_eq!(reply.json()["status"], status, "{reply:?}");
    }
}

#[test]
fn a_refusal_says_how_to_ask_why() {
    let fixture = Fixture::new();
    let problem = fixture.call(
        &fixture.developer,
        "POST",
        "/v1/projects",
        r#"{"name": "n"}"#,
    );
    assert_eq!(problem.status, 403);
    let problem = problem.json();
    let id = problem["request_id"].as_str().unwrap();
    assert!(problem["hint"].as_str().unwrap().contains(id), "{problem}");
    let path = format!("/v1/ledger/records/{id}");
    let record = fixture.call(&fixture.admin, "GET", &path, "").json();
    assert_eq!(record[0]["facts"]["decision"], "deny", "{record}");
}

#[test]
fn a_secret_is_in_one_answer_only() {
    let fixture = Fixture::new();
    let path = "/v1/projects/a/services/app/keys";
    let made = fixture
        .call(&fixture.admin, "POST", path, r#"{"label": "l"}"#)
        .json();
    let secret = made["secret"].as_str().unwrap().to_owned();
    let id = made["id"].as_str().unwrap();
    for (method, path) in [
        ("GET", "/v1/projects/a/keys".to_owned()),
        ("GET", "/v1/ledger/records?limit=1000".to_owned()),
        ("POST", format!("/v1/keys/{id}/revoke")),
    ] {
        let reply = fixture.call(&fixture.admin, method, &path, "");
        assert_eq!(reply.status, 200);
        assert!(
            !reply.text.contains(&secret) && !reply.text.contains("\"secret\""),
            "{path}"
        );
    }
    // Revoked: refused by the very next call.
    assert_eq!(
        fixture
            .call(&Who::Key(secret), "GET", "/v1/projects", "")
            .status,
        401
    );
}

#[test]
fn the_start_page_runs_nothing_foreign() {
    let fixture = Fixture::new();
    for path in ["/start", "/start.js"] {
        let page = fixture.call(&Who::Nobody, "GET", path, "").text;
        for foreign in ["http://", "https://", "eval(", "innerHTML", "onclick"] {
            assert!(!page.contains(foreign), "{path} has {foreign}");
        }
    }
}
