// SPDX-License-Identifier: Apache-2.0
//! `casemate doctor` finds what newcomers get wrong.

use std::{net::TcpListener, os::unix::fs::PermissionsExt, path::Path};

use serde_json::Value;

use crate::harness::{CONFIG, Home};

/// What the doctor says: its exit code and `level what text` lines.
fn findings(home: &Home) -> (i32, Vec<String>) {
    let config = home.config();
    let ran = home.run(&[
        "doctor",
        "--config",
        config.to_str().unwrap(),
        "--format",
        "json",
    ]);
    let list: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
    let word = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    let lines = list.iter().map(|one| {
        format!(
            "{} {}: {}",
            word(one, "level"),
            word(one, "what"),
            word(one, "text")
        )
    });
    (ran.code.unwrap(), lines.collect())
}

#[track_caller]
fn finds(home: &Home, code: i32, said: &[&str]) {
    let (ended, lines) = findings(home);
    let all = lines.join("\n");
    assert_eq!(ended, code, "{all}");
    for words in said {
        let parts: Vec<_> = words.split('…').collect();
        let has = lines
            .iter()
            .any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(has, "no `{words}` in:\n{all}");
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

#[test]
fn a_fresh_machine_is_healthy() {
    let home = Home::new();
    finds(
        &home,
        0,
        &[
            "ok configuration: can be read",
            "ok data: …is not there yet",
            "ok data plane: …is free",
            "warning routes: no model is routed anywhere",
            "ok server: does not run",
        ],
    );
    assert!(!home.data.exists(), "the doctor made something");
}

#[test]
fn open_permissions_and_a_kit_that_lies_around_are_found() {
    let home = Home::new();
    let server = home.up(&[]);
    finds(
        &home,
        0,
        &[
            "ok server: runs",
            "ok root key: opens",
            "ok data: …is private",
            "warning key file: …opens the data for whoever copies both",
            "warning recovery: the recovery kit is still in …delete the file",
        ],
    );
    assert!(server.end().success());
    std::fs::remove_file(home.kit()).unwrap();
    let (_, lines) = findings(&home);
    assert!(
        !lines.iter().any(|line| line.contains("recovery")),
        "{lines:?}"
    );
    set_mode(&home.data, 0o755);
    finds(&home, 1, &["WRONG data: others may look into …chmod 700"]);
    set_mode(&home.data, 0o700);
    set_mode(&home.key_file, 0o644);
    finds(&home, 1, &["WRONG key file: others may read …chmod 600"]);
    set_mode(&home.key_file, 0o600);
    finds(&home, 0, &[]);
    let key = std::fs::read(&home.key_file).unwrap();
    std::fs::write(&home.key_file, [1; 32]).unwrap();
    finds(&home, 1, &["WRONG root key: "]);
    std::fs::remove_file(&home.key_file).unwrap();
    finds(&home, 1, &["WRONG root key: …cannot be read"]);
    std::fs::write(&home.key_file, key).unwrap();
    set_mode(&home.key_file, 0o600);
    finds(&home, 0, &[]);
}

#[test]
fn a_directory_of_something_else_is_found() {
    let home = Home::new();
    std::fs::create_dir(&home.data).unwrap();
    set_mode(&home.data, 0o700);
    std::fs::write(home.data.join("diary.txt"), "dear").unwrap();
    finds(&home, 1, &["WRONG data: …is no installation"]);
}

#[test]
fn upstreams_that_cannot_work_are_found() {
    let home = Home::new();
    let upstream = |name: &str, credential: &str| {
        format!(
            "[[gateway.upstream]]\nname = \"{name}\"\nkind = \"openai\"\n\
             url = \"https://models.example.org\"\nlocality = \"external\"\n\
             credential = \"{credential}\"\n"
        )
    };
    let route = "[[gateway.route]]\nmodel = \"m\"\nupstream = \"a\"\n";
    home.configure(
        &[
            CONFIG,
            &upstream("a", "env:CASEMATE_TEST_NOT_SET"),
            &upstream("b", "file:/nonexistent/key"),
            &upstream("c", "sealed:/nonexistent/sealed"),
            &upstream("d", "sk-in-clear"),
            &upstream("e", "env:HOME"),
            route,
        ]
        .concat(),
    );
    finds(
        &home,
        1,
        &[
            "WRONG upstream: …`a`…`CASEMATE_TEST_NOT_SET` is not set",
            "WRONG upstream: …`b`…`/nonexistent/key` is not there",
            "WRONG upstream: …`c`…`/nonexistent/sealed` is not there",
            "WRONG upstream: …`d`…is no `env:`, `file:` or `sealed:` reference",
            "ok upstream: `e` is complete",
        ],
    );
    let (_, lines) = findings(&home);
    assert!(
        !lines.join("\n").contains("sk-in-clear"),
        "a secret was printed"
    );
}

#[test]
fn a_port_that_is_taken_is_found() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let home = Home::new();
    home.configure(&CONFIG.replacen("127.0.0.1:0", &address.to_string(), 1));
    finds(
        &home,
        1,
        &[
            &format!("WRONG data plane: {address}: …in use"),
            "ok admin plane: ",
        ],
    );
    home.fails_to_start()
        .says(&[&address.to_string(), "error:"]);
}
