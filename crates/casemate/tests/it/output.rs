// SPDX-License-Identifier: Apache-2.0
//! What commands print: tables for people, lines for scripts, JSON for programs.

use std::process::Stdio;

use serde_json::Value;

use crate::harness::{Home, post, until};

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
        (&["project", "spend", "try"], Some(6)),
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
        (
            &["key", "create", "try", "try", "--model", ""],
            "a model of a key has no name; leave it out for all models",
        ),
        (
            &[
                "key", "create", "try", "try", "--model", "m", "--model", "  ",
            ],
            "a model of a key has no name",
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

/// All ids in a value.
fn ids(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() == 30 && text.as_bytes()[3] == b'_' => {
            found.push(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| ids(item, found)),
        Value::Object(members) => members.values().for_each(|item| ids(item, found)),
        _ => {}
    }
}

#[test]
fn an_id_is_never_broken() {
    let home = Home::new();
    let server = home.up(&["--try"]);
    server.chat(server.key(), "stand-in", "Hello?");
    // As much text beside the ids as there may be.
    let (project, service) = ("p".repeat(60), "s".repeat(60));
    home.ok(&["project", "create", &project]);
    home.ok(&["service", "create", &project, &service]);
    let label = "a label of a key that is much longer than any label should be, ".repeat(2);
    let model = "a-model-with-a-long-name-".repeat(3);
    let mut create = vec!["key", "create", &project, &service, "--label", label.trim()];
    for _ in 0..3 {
        create.extend(["--model", &model]);
    }
    create.extend(["--days", "7"]);
    let made = home.ok(&create);
    let listed = home.json(&["key", "list", &project]);
    let mut of_key = Vec::new();
    ids(&listed[0]["id"], &mut of_key);
    assert!(made.contains(&of_key[0]), "{made}");
    for command in [
        &["project", "list"][..],
        &["service", "list", &project],
        &["key", "list", &project],
        &["key", "list", "try"],
        &["policy", "history"],
    ] {
        let (human, mut all) = (home.ok(command), Vec::new());
        ids(&home.json(command), &mut all);
        let shown: Vec<_> = all.iter().filter(|id| human.contains(&id[..12])).collect();
        for id in shown {
            assert!(human.contains(id.as_str()), "{id} is broken in:\n{human}");
        }
        assert!(command[0] == "policy" || all.iter().any(|id| human.contains(id.as_str())));
    }
    let human = home.ok(&["ledger", "tail", "-n", "200"]);
    let plain = home.ok(&["ledger", "tail", "-n", "100", "--format", "plain"]);
    let mut seen = 0;
    for line in plain.lines() {
        let request = line.split('\t').nth(2).unwrap();
        seen += usize::from(human.contains(request));
    }
    assert!(seen >= 10, "{human}\n{plain}");
    for line in human.lines().filter(|line| line.contains("req_")) {
        let at = line.find("req_").unwrap();
        let id: String = line[at..].chars().take(30).collect();
        assert!(!id.contains(['│', ' ']), "`{id}` is broken in:\n{human}");
    }
}

#[test]
fn nobody_has_to_read_to_the_end() {
    let home = Home::new();
    let server = home.up(&["--try"]);
    server.chat(server.key(), "stand-in", "Hello?");
    until("a checkpoint", || {
        (home.run(&["ledger", "checkpoint"]).code == Some(0)).then_some(())
    });
    for command in [
        &["ledger", "tail"][..],
        &["ledger", "tail", "--format", "json"],
        &["ledger", "tail", "--format", "plain"],
        &["ledger", "checkpoint"],
        &["ledger", "keys"],
        &["policy", "show"],
        &["project", "list"],
        &["doctor"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        // Whoever reads has gone before a byte was written.
        drop(reader);
        let output = home
            .command(command)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{command:?}: {said}");
        assert!(said.is_empty(), "{command:?}: {said}");
    }
}

#[test]
fn what_could_not_be_written_is_no_success() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let Ok(full) = full else {
        eprintln!("left out: this system has no /dev/full");
        return;
    };
    let home = Home::new();
    let _server = home.up(&[]);
    // A checkpoint that is kept somewhere else, on a disk without room.
    let output = home
        .command(&["ledger", "keys"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_ne!(output.status.code(), Some(0), "{said}");
    assert!(!said.is_empty());
}
