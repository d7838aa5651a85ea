// SPDX-License-Identifier: Apache-2.0
//! Starting, stopping, being killed, starting again.

use std::{
    collections::HashSet,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    harness::{CONFIG, Home, Server, chat, try_post},
    upstream::Upstream,
};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_makes_a_home_and_the_second_uses_it() {
    let home = Home::new();
    let server = home.up(&[]);
    assert_eq!(mode(&home.data), 0o700);
    assert_eq!(mode(&home.key_file), 0o600);
    assert_eq!(mode(&home.kit()), 0o600);
    assert!(!home.key_file.starts_with(&home.data));
    assert_eq!(mode(&home.data.join("casemate.sock")), 0o600);
    home.ok(&["project", "create", "team"]);
    assert!(server.end().success());
    assert!(!home.data.join("casemate.sock").exists());
    let before =
        [&home.key_file, &home.data.join("keyslots.json")].map(|f| std::fs::read(f).unwrap());
    std::fs::remove_file(home.kit()).unwrap();
    let _server = home.up(&[]);
    let after =
        [&home.key_file, &home.data.join("keyslots.json")].map(|f| std::fs::read(f).unwrap());
    assert!(before == after, "the second start made other keys");
    assert!(!home.kit().exists(), "the second start made another kit");
    assert!(home.ok(&["project", "list"]).contains("team"));
}

#[test]
fn the_first_start_tells_how_to_go_on() {
    use std::io::{BufRead as _, BufReader};
    let home = Home::new();
    let config = home.config();
    let mut command = home.command(&["up", "--config", config.to_str().unwrap()]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = String::new();
    for line in lines.map_while(Result::ok) {
        seen.push_str(&(line + "\n"));
        if seen.contains("How to go on") {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for word in [
        "models   http://",
        "openapi.json",
        "recovery kit is in",
        "/start#cm_",
    ] {
        assert!(seen.contains(word), "no `{word}` in:\n{seen}");
    }
    let kit = std::fs::read_to_string(home.kit()).unwrap();
    let secret = kit
        .lines()
        .find(|line| line.len() > 40 && !line.contains(' '))
        .unwrap();
    assert!(!seen.contains(secret), "the kit was printed");
}

#[test]
fn a_key_inside_of_the_data_is_refused() {
    let mut home = Home::new();
    home.key_file = home.data.join("machine.key");
    home.fails_to_start()
        .says(&["lies inside the data it opens"]);
    assert!(!home.data.exists());
}

#[test]
fn a_second_instance_is_refused_and_the_first_goes_on() {
    let home = Home::new();
    let server = home.up(&["--try"]);
    home.fails_to_start().says(&[
        "error:",
        "another `casemate up`",
        "in use by another process",
    ]);
    assert_eq!(server.chat(server.key(), "stand-in", "Hello?").status, 200);
    assert!(
        home.ok(&["project", "list"]).contains("try"),
        "its socket is gone"
    );
}

#[test]
fn a_second_instance_says_so_soon() {
    let home = Home::new();
    let _server = home.up(&[]);
    let start = Instant::now();
    home.fails_to_start().says(&["another `casemate up`"]);
    // It says so within two seconds; the rest is for a machine that has much else to do.
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
}

/// Every file and directory of a place.
fn walk(place: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        }
        found.push(path);
    }
}

#[test]
fn nothing_that_is_written_is_for_others() {
    let home = Home::new();
    // Certificates are made, too.
    home.configure(&CONFIG.replacen("127.0.0.1:0", "0.0.0.0:0", 1));
    let config = home.config();
    let file = config.to_str().unwrap();
    let mut command = Command::new("sh");
    // With a umask that would let everybody read.
    let program = home.command(&["up", "--ready-json", "--config", file]);
    command.args(["-c", "umask 000; exec \"$@\"", "sh"]);
    command.arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let server = Server::start(command);
    home.ok(&["project", "create", "team"]);
    let [export, backup, proof] = ["export", "backup", "proof"].map(|name| home.dir.join(name));
    let path = |path: &PathBuf| path.to_str().unwrap().to_owned();
    home.ok(&["ledger", "export", &path(&export)]);
    home.ok(&["backup", &path(&backup)]);
    let shown = home.json(&["ledger", "tail", "-n", "1"]);
    let record = shown[0]["about"].as_str().unwrap();
    home.ok(&["ledger", "prove", record, "--out", &path(&proof)]);
    let mut found = vec![
        home.data.clone(),
        home.key_file.clone(),
        home.kit(),
        export.clone(),
        backup,
        proof,
    ];
    walk(&home.data, &mut found);
    walk(&export, &mut found);
    let names: Vec<_> = found.iter().map(path).collect();
    for name in [
        "state.db",
        "ledger.db",
        "ledger.reserve",
        "keyslots.json",
        "tls/",
    ] {
        assert!(
            names.iter().any(|path| path.contains(name)),
            "{name}: {names:?}"
        );
    }
    for path in &found {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(path), expected, "{}", path.display());
    }
    assert!(server.end().success());
}

#[test]
fn a_directory_that_cannot_be_written_is_refused() {
    let mut home = Home::new();
    // Even the super-user cannot make a directory here.
    home.data = "/proc/casemate-test".into();
    home.fails_to_start()
        .says(&["`/proc/casemate-test` cannot be made"]);
    assert!(!home.kit().exists(), "a kit for nothing");
    if rustix::process::geteuid().is_root() {
        eprintln!("the rest is left out: the super-user may write everywhere");
        return;
    }
    let home = Home::new();
    assert!(home.up(&[]).end().success());
    std::fs::set_permissions(&home.data, PermissionsExt::from_mode(0o500)).unwrap();
    home.fails_to_start().says(&["error:"]);
    std::fs::set_permissions(&home.data, PermissionsExt::from_mode(0o700)).unwrap();
}

#[test]
fn a_server_that_is_told_to_end_ends_cleanly() {
    let upstream = Upstream::new(1);
    let home = Home::new();
    home.configure(&upstream.config());
    let server = home.up(&[]);
    let key = home.key(&[]);
    // One request is done and one is still at the model when the signal comes.
    assert_eq!(server.chat(&key, "load-1", "Hello?").status, 200);
    let url = server.data_url().to_owned();
    let waits = std::thread::spawn(move || {
        try_post(
            &url,
            "/v1/chat/completions",
            &key,
            &chat("load-2", "Hello?"),
        )
    });
    upstream.has_received(2);
    server.signal(rustix::process::Signal::TERM);
    server.logs(0, "running requests have ten seconds");
    upstream.answer(2);
    assert_eq!(
        waits.join().unwrap().unwrap().status,
        200,
        "a running request was dropped"
    );
    assert!(server.end().success());
    home.run(&["ledger", "verify"]).exits(0).says(&["whole: "]);
    let _server = home.up(&[]);
    for record in records(&home) {
        assert_ne!(record["facts"]["ending"], "unknown", "{record}");
    }
}

fn records(home: &Home) -> Vec<Value> {
    let list = home.json(&["ledger", "tail", "-n", "1000"]);
    list.as_array().unwrap().clone()
}

/// Sends `load-0`, `load-1`, … from eight threads until `stop` says so; gives how many were
/// answered.
fn send(url: &str, key: &str, next: &AtomicUsize, last: usize) -> usize {
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= last {
                        break;
                    }
                    let body = chat(&format!("load-{number}"), "Hello?");
                    match try_post(url, "/v1/chat/completions", key, &body) {
                        Ok(reply) if reply.status == 200 => {
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(reply) => assert_eq!(reply.status, 429, "{}", reply.body),
                        // Killed.
                        Err(_) => break,
                    }
                }
            });
        }
    });
    answered.into_inner()
}

#[test]
fn nothing_is_lost_when_the_process_is_killed_under_load() {
    // Each request costs a hundred millionths, so the budget is for thirty.
    let (before, budget) = (12, 30);
    let upstream = Upstream::new(before);
    let home = Home::new();
    home.configure(&upstream.config());
    let server = home.up(&[]);
    let key = home.key(&["--per-day", "0.003"]);
    let next = AtomicUsize::new(0);
    let url = server.data_url().to_owned();
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| send(&url, &key, &next, 1000));
        // Twelve answered, the next ones left at the model: the kill comes in the middle of them.
        upstream.has_received(before + 4);
        server.kill();
        assert!(sending.join().unwrap() <= before);
    });
    home.run(&["ledger", "verify"]).exits(0).says(&["whole: "]);

    let server = home.up(&[]);
    home.run(&["ledger", "verify"]).exits(0);
    let received = upstream.received();
    let all = records(&home);
    let decided: Vec<_> = all
        .iter()
        .filter(|r| r["kind"] == "decision" && r["facts"]["action"] == "model:invoke")
        .filter(|r| r["facts"]["decision"] == "allow")
        .collect();
    for body in &received {
        let resource = format!("Model::\"{}\"", body["model"].as_str().unwrap());
        let has = decided
            .iter()
            .any(|r| r["facts"]["resource"] == resource.as_str());
        assert!(has, "{resource} left without a decision record");
    }
    let mut unknown = 0;
    for decision in &decided {
        let ended: Vec<_> = all
            .iter()
            .filter(|r| r["kind"] == "outcome" && r["about"] == decision["id"])
            .collect();
        assert_eq!(ended.len(), 1, "{decision}");
        unknown += usize::from(ended[0]["facts"]["ending"] == "unknown");
    }
    assert!(unknown >= 4, "{unknown} unknown");

    // What was spent is still spent: together with those before, thirty get through at most.
    upstream.answer(usize::MAX);
    let next = AtomicUsize::new(2000);
    send(server.data_url(), &key, &next, 2060);
    let received: HashSet<_> = upstream
        .received()
        .iter()
        .map(|b| b["model"].to_string())
        .collect();
    assert!(received.len() <= budget, "{} got through", received.len());
    assert!(received.len() > before + 4);
    let reply = server.chat(&key, "load-9999", "Hello?");
    assert_eq!(reply.status, 429, "{}", reply.body);
    assert!(reply.header("retry-after").parse::<u64>().unwrap() <= 86_400);
}

#[test]
fn a_budget_stays_spent_after_a_kill() {
    let upstream = Upstream::new(usize::MAX);
    let home = Home::new();
    home.configure(&upstream.config());
    let mut server = home.up(&[]);
    let key = home.key(&["--per-day", "0.0003"]);
    for number in 0..3 {
        assert_eq!(
            server
                .chat(&key, &format!("load-{number}"), "Hello?")
                .status,
            200
        );
    }
    for _ in 0..2 {
        assert_eq!(server.chat(&key, "load-4", "Hello?").status, 429);
        server.kill();
        server = home.up(&[]);
    }
    assert_eq!(upstream.received().len(), 3);
}
