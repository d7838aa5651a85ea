// SPDX-License-Identifier: Apache-2.0
//! What commands print: tables for people, lines for scripts, JSON for programs.

use serde_json::Value;

use crate::harness::{Home, post};

#[test]
fn every_read_has_three_forms() {
    let home = Home::new();
    let server = home.up(&["--try"]);
    let reply = server.chat(server.key(), "stand-in", "Hello?");
    // Columns of the plain form; none where a person reads sentences.
    for (command, columns) in [
        (&["project", "list"][..], Some(3)),
        (&["service", "list", "try"], Some(4)),
        (&["key", "list", "try"], Some(7)),
        (&["policy", "history"], Some(5)),
        (&["ledger", "tail"], Some(7)),
        (&["doctor"], Some(3)),
        (&["ledger", "show", reply.request()], None),
        (&["explain", reply.request()], None),
        (&["ledger", "verify"], None),
    ] {
        let human = home.ok(command);
        let plain = home.ok(&[command, &["--format", "plain"]].concat());
        let json = home.json(command);
        assert!(!json.is_null(), "{command:?}");
        assert!(
            !plain.is_empty() && !plain.contains('│') && !plain.contains('\u{1b}'),
            "{plain}"
        );
        assert!(
            !human.contains('\u{1b}'),
            "colour without a terminal: {human}"
        );
        if let Some(columns) = columns {
            assert_eq!(
                plain.lines().count(),
                json.as_array().unwrap().len(),
                "{plain}"
            );
            for line in plain.lines() {
                assert_eq!(line.split('\t').count(), columns, "{line}");
            }
            assert!(human.contains('│'), "{human}");
        }
    }
}

#[test]
fn a_secret_is_shown_once() {
    let home = Home::new();
    let server = home.up(&["--try"]);
    home.ok(&["project", "create", "team", "--per-month", "12.5"]);
    home.ok(&["service", "create", "team", "app"]);
    let made = home.json(&[
        "key", "create", "team", "app", "--label", "first", "--days", "7",
    ]);
    let (id, secret) = (
        made[0]["id"].as_str().unwrap(),
        made[0]["secret"].as_str().unwrap(),
    );
    assert!(secret.starts_with("cm_"));
    let listed = home.json(&["key", "list", "team"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(
        (&listed[0]["id"], &listed[0]["label"]),
        (&made[0]["id"], &"first".into())
    );
    assert!(!listed.to_string().contains(secret));

    // Its successor works beside it, and a revoked one does not from the next request on.
    let next = home.json(&["key", "rotate", id]);
    let next_secret = next[0]["secret"].as_str().unwrap();
    for key in [secret, next_secret] {
        assert_eq!(server.chat(key, "stand-in", "Hello?").status, 200);
    }
    home.ok(&["key", "revoke", id]);
    assert_eq!(server.chat(secret, "stand-in", "Hello?").status, 401);
    assert_eq!(server.chat(next_secret, "stand-in", "Hello?").status, 200);
    let projects = home.json(&["project", "list"]);
    let team = projects
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["name"] == "team")
        .unwrap();
    assert_eq!(team["limits"]["micros_per_month"], 12_500_000);
}

#[test]
fn mistakes_are_answered_with_what_to_do() {
    let home = Home::new();
    let _server = home.up(&["--try"]);
    for (command, said) in [
        (&["project", "create", "try"][..], "`try` exists already"),
        (&["project", "create", "two words"], "is no name"),
        (&["service", "list", "nobody"], "there is no such project"),
        (&["key", "create", "try", "nobody"], "there is no"),
        (
            &["key", "create", "try", "try", "--network", "10.0.0.0/99"],
            "no address range",
        ),
        (&["key", "revoke", "nonsense"], "there is no such key"),
        (&["key", "list", "../v1"], "neither a name nor an id"),
    ] {
        home.run(command).exits(1).says(&["error: ", said]);
    }
    // What cannot even be typed.
    for command in [
        &["key", "rotate"][..],
        &["project", "create", "p", "--per-day", "1.2.3"],
    ] {
        assert_eq!(home.run(command).code, Some(2));
    }
}

#[test]
fn the_first_administrator_comes_by_the_link() {
    use std::io::{BufRead as _, BufReader};
    let home = Home::new();
    let config = home.config();
    let mut command = home.command(&["up", "--config", config.to_str().unwrap()]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let link = lines.find(|line| line.contains("/start#")).unwrap();
    let (admin, token) = link.trim().split_once("/start#").unwrap();
    let body = serde_json::json!({"token": token, "name": "Grace Hopper"});
    let first = post(admin, "/v1/bootstrap", "", &body);
    assert_eq!(first.status, 200, "{}", first.body);
    let made: Value = serde_json::from_str(&first.body).unwrap();
    let again = post(admin, "/v1/bootstrap", "", &body);
    assert_eq!(again.status, 404, "{}", again.body);
    let key = made["secret"].as_str().unwrap();
    let project = post(
        admin,
        "/v1/projects",
        key,
        &serde_json::json!({"name": "mine"}),
    );
    assert_eq!(project.status, 200, "{}", project.body);
    child.kill().unwrap();
    child.wait().unwrap();
    // The name stands in no file.
    for file in std::fs::read_dir(&home.data).unwrap().map(Result::unwrap) {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        let has = |text: &str| {
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        };
        assert!(
            !has("Grace Hopper") && !has(key) && !has(token),
            "{:?}",
            file.path()
        );
    }
}
