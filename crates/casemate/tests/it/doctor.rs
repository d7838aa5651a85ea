// SPDX-License-Identifier: Apache-2.0
//! `casemate doctor` finds what newcomers get wrong.

use std::{net::TcpListener, os::unix::fs::PermissionsExt, path::Path};

use serde_json::Value;

use crate::{
    harness::{CONFIG, Home},
    inbox::taken_and_silent,
    witness::some_key,
};

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
             url = \"https://127.0.0.1:9\"\nlocality = \"external\"\n\
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

#[test]
fn an_upstream_that_nobody_answers_for_is_found() {
    let there = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = there.local_addr().unwrap().port();
    let nowhere = taken_and_silent().port();
    let upstream = |name: &str, url: &str| {
        format!(
            "[[gateway.upstream]]\nname = \"{name}\"\nkind = \"openai\"\nurl = \"{url}\"\n\
             locality = \"local\"\nallow_private = true\n"
        )
    };
    let home = Home::new();
    home.configure(
        &[
            CONFIG,
            &upstream("here", &format!("http://127.0.0.1:{here}/path")),
            &upstream("gone", &format!("https://127.0.0.1:{nowhere}")),
            &upstream("six", &format!("http://[::1]:{nowhere}")),
            &upstream("words", "no url at all"),
        ]
        .concat(),
    );
    finds(
        &home,
        1,
        &[
            "ok upstream: `here` is complete",
            &format!("warning upstream: …`gone`…127.0.0.1 port {nowhere} cannot be reached: "),
            &format!("warning upstream: …`six`…::1 port {nowhere} cannot be reached: "),
            "WRONG upstream: …`words`…is no URL",
        ],
    );
    let (_, lines) = findings(&home);
    let reached = |line: &String| line.contains("`here`") && line.contains("reached");
    assert!(!lines.iter().any(reached), "{lines:?}");
    // What cannot be reached now may be there later: that alone is nothing wrong.
    home.configure(
        &[
            CONFIG,
            &upstream("gone", &format!("http://127.0.0.1:{nowhere}")),
        ]
        .concat(),
    );
    finds(&home, 0, &["warning upstream: …`gone`"]);
    // Nothing was sent to the one that is there.
    there.set_nonblocking(true).unwrap();
    while let Ok((mut stream, _)) = there.accept() {
        let mut some = [0; 16];
        assert_eq!(std::io::Read::read(&mut stream, &mut some).unwrap_or(0), 0);
    }
}

#[test]
fn certificates_that_cannot_be_used_are_found() {
    let home = Home::new();
    let [chain, key, authority] =
        ["chain.pem", "key.pem", "ca.pem"].map(|name| home.dir.join(name));
    let tls = format!(
        "[tls]\ncertificate = {chain:?}\nkey = {key:?}\nclient_authority = {authority:?}\n"
    );
    home.configure(&format!("{CONFIG}{tls}"));
    finds(
        &home,
        1,
        &[
            "WRONG tls: …chain.pem` cannot be read: ",
            "WRONG tls: …key.pem` cannot be read: ",
            "WRONG tls: …ca.pem` cannot be read: ",
        ],
    );
    for file in [&chain, &key, &authority] {
        std::fs::write(file, "pem").unwrap();
        set_mode(file, 0o644);
    }
    // Certificates are for everybody, keys are not.
    finds(
        &home,
        1,
        &["WRONG tls: others may read …key.pem`: chmod 600 it"],
    );
    let (_, lines) = findings(&home);
    assert_eq!(
        lines.iter().filter(|line| line.contains(" tls: ")).count(),
        1,
        "{lines:?}"
    );
    set_mode(&key, 0o600);
    let (_, lines) = findings(&home);
    assert!(
        !lines.iter().any(|line| line.contains(" tls: ")),
        "{lines:?}"
    );
}

/// A witness in the configuration.
fn witness(key: &str) -> String {
    format!(
        "[[ledger.witness]]\nurl = \"http://127.0.0.1:9\"\nkey = \"{key}\"\nallow_private = true\n"
    )
}

#[test]
fn a_witness_that_cannot_be_meant_is_found() {
    let home = Home::new();
    home.configure(&(CONFIG.to_owned() + &witness("witness.example/w+00000000+AA==")));
    let (code, lines) = findings(&home);
    assert_eq!(code, 1, "{lines:?}");
    home.fails_to_start().says(&["http://127.0.0.1:9"]);
    assert!(
        !home.data.exists(),
        "something was made for a wrong configuration"
    );
}

#[test]
fn a_book_without_witness_is_found() {
    let home = Home::new();
    finds(
        &home,
        0,
        &["warning witness: nobody else signs …`[[ledger.witness]]`…ledger checkpoint"],
    );
    let witness = witness(&some_key());
    home.configure(&format!("{CONFIG}{witness}{witness}"));
    finds(&home, 0, &["ok witness: 2 configured"]);
    let (_, lines) = findings(&home);
    assert!(
        !lines.iter().any(|line| line.contains("nobody else signs")),
        "{lines:?}"
    );
}
