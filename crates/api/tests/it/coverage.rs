// SPDX-License-Identifier: Apache-2.0
//! The table, the document and the router speak of the same endpoints.

use std::collections::BTreeSet;

use casemate_api::{Access, ROUTES, document};

use crate::{
    fixture::{Fixture, Who, filled},
    matrix::ROWS,
};

type Set = BTreeSet<(String, String)>;

fn set<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Set {
    pairs
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect()
}

/// Method and path of every operation of the document; only those without authentication if asked.
fn documented(only_open: bool) -> Set {
    let document = document();
    let mut found = Set::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let open = operation["security"] == serde_json::json!([]);
            assert!(
                open || operation["security"][0]["key"].is_array(),
                "{method} {path}"
            );
            if open || !only_open {
                found.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    found
}

#[test]
fn the_table_the_list_and_the_document_agree() {
    let listed = set(ROUTES.iter().map(|route| (route.method, route.path)));
    assert_eq!(listed.len(), ROUTES.len(), "an endpoint is listed twice");
    assert_eq!(
        set(ROWS.iter().map(|row| (row.method, without_query(row.path)))),
        listed
    );
    assert_eq!(documented(false), listed);
    let fixture = Fixture::new();
    let served = fixture
        .call(&Who::Nobody, "GET", "/openapi.json", "")
        .json();
    assert_eq!(served, document());
}

#[test]
fn every_schema_the_document_refers_to_is_there() {
    fn references(value: &serde_json::Value, found: &mut BTreeSet<String>) {
        match value {
            serde_json::Value::Object(members) => {
                if let Some(name) = members.get("$ref") {
                    found.insert(name.as_str().unwrap().to_owned());
                }
                members.values().for_each(|value| references(value, found));
            }
            serde_json::Value::Array(items) => {
                items.iter().for_each(|value| references(value, found));
            }
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for name in &found {
        assert!(document.pointer(&name[1..]).is_some(), "{name}");
    }
    assert!(found.len() > 10);
}

/// The whole list of invariant 8: health, sign-in, public keys, static files.
#[test]
fn the_endpoints_without_authentication_are_these() {
    let open = set([
        ("GET", "/livez"),
        ("GET", "/openapi.json"),
        ("GET", "/readyz"),
        ("GET", "/start"),
        ("GET", "/start.js"),
        ("GET", "/v1/ledger/keys"),
        ("POST", "/v1/bootstrap"),
    ]
    .into_iter());
    let listed = ROUTES.iter().filter(|route| route.access == Access::Public);
    assert_eq!(set(listed.map(|route| (route.method, route.path))), open);
    assert_eq!(documented(true), open);
    // And the router thinks so too: everybody else is asked who they are, before anything is read.
    let fixture = Fixture::new();
    for route in ROUTES {
        let path = route.path.replace(['{', '}'], "");
        let reply = fixture.call(&Who::Nobody, route.method, &path, "not even JSON");
        let is_open = open.contains(&(route.method.to_owned(), route.path.to_owned()));
        assert_eq!(
            reply.status != 401,
            is_open,
            "{} {path}: {reply:?}",
            route.method
        );
    }
}

#[test]
fn everything_documented_is_served_and_nothing_else() {
    let fixture = Fixture::new();
    let record = fixture.record().to_string();
    fixture.model();
    let documented = documented(false);
    let paths: BTreeSet<_> = documented.iter().map(|(_, path)| path.as_str()).collect();
    for path in &paths {
        let filled = filled(path, &fixture.new_key(), &record);
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            let known = documented.contains(&(method.to_owned(), (*path).to_owned()));
            let reply = fixture.call(&fixture.admin, method, &filled, "not even JSON");
            assert_eq!(reply.status == 405, !known, "{method} {path}: {reply:?}");
            assert_ne!(reply.status, 404, "{method} {path}: {reply:?}");
        }
        for wrong in [
            format!("{filled}/"),
            format!("{filled}/more"),
            format!("/v2{filled}"),
        ] {
            let reply = fixture.call(&fixture.admin, "GET", &wrong, "");
            // What ends in a parameter reaches one path further down.
            if !paths.iter().any(|other| fits(other, &wrong)) {
                assert_eq!(reply.status, 404, "{wrong}: {reply:?}");
                assert!(
                    reply.json()["detail"]
                        .as_str()
                        .unwrap()
                        .contains("such address")
                );
            }
        }
    }
    // The router's own file names no other path. (axum gives no list of what it serves.)
    let source = include_str!("../../src/routes.rs");
    let routed: BTreeSet<_> = source
        .split(".route(")
        .skip(1)
        .map(|after| after.split('"').nth(1).unwrap())
        .collect();
    assert_eq!(routed, paths);
    assert!(!source.contains(".nest(") && !source.contains(".merge(") && !source.contains("any("));
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut a, mut b) = (pattern.split('/'), path.split('/'));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b || a.starts_with('{') => {}
            _ => return false,
        }
    }
}

fn without_query(path: &'static str) -> &'static str {
    path.split('?').next().unwrap_or(path)
}
