// SPDX-License-Identifier: Apache-2.0
//! `casemate ledger` and `casemate explain`.

use std::path::{Path, PathBuf};

use crate::harness::{Home, Server, until};

const LEAKED: &str = concat!("AKIA", "IOSFODNN7DEMOKEY");

/// A server with one answered and one refused request.
struct Book {
    home: Home,
    server: Server,
    answered: String,
    refused: String,
}

impl Book {
    fn new() -> Self {
        let home = Home::new();
        let server = home.up(&["--try"]);
        let answered = server.chat(server.key(), "stand-in", "write to ada@example.org");
        let refused = server.chat(server.key(), "stand-in", &format!("what is {LEAKED}?"));
        assert_eq!((answered.status, refused.status), (200, 403));
        let (answered, refused) = (answered.request().to_owned(), refused.request().to_owned());
        let book = Self {
            home,
            server,
            answered,
            refused,
        };
        // Whoever reads writes too, and what was read is durable then.
        book.home.ok(&["ledger", "tail"]);
        book
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.dir.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn keys(&self) -> PathBuf {
        self.file("keys.txt", &self.home.ok(&["ledger", "keys"]))
    }

    /// A checkpoint over more than `records`; one comes every second.
    fn checkpoint(&self, name: &str, records: u64) -> PathBuf {
        let note = until("a checkpoint", || {
            let ran = self.home.run(&["ledger", "checkpoint"]);
            (ran.code == Some(0) && signed(&ran.out) > records).then_some(ran.out)
        });
        self.file(name, &note)
    }

    fn export(&self, name: &str) -> PathBuf {
        let path = self.home.dir.join(name);
        let said = self.home.ok(&["ledger", "export", text(&path)]);
        assert!(said.contains("records in"), "{said}");
        path
    }
}

/// How many records a checkpoint is over: its second line.
fn signed(note: &str) -> u64 {
    note.lines().nth(1).unwrap().parse().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_request_is_explained() {
    let book = Book::new();
    for command in [&["explain"][..], &["ledger", "show"]] {
        let explain = |id: &str| book.home.ok(&[command, &[id]].concat());
        let why = explain(&book.refused);
        for word in ["deny", "because", "guard.blocked", "found", "block"] {
            assert!(why.contains(word), "no `{word}` in:\n{why}");
        }
        let why = explain(&book.answered);
        for word in [
            "allow",
            "role.service",
            "found",
            "pseudonymise",
            "upstream",
            "completed",
        ] {
            assert!(why.contains(word), "no `{word}` in:\n{why}");
        }
        // The book knows that there was something, and nothing of what it was.
        for id in [&book.answered, &book.refused] {
            let all = book.home.json(&[command, &[id]].concat()).to_string();
            assert!(!all.contains("ada@") && !all.contains(LEAKED), "{all}");
        }
    }
    book.home
        .run(&["explain", "req_nonsense"])
        .exits(1)
        .says(&["error:"]);
    book.home
        .run(&["explain", "../keys"])
        .exits(1)
        .says(&["neither a name nor an id"]);
}

#[test]
fn the_tail_is_the_newest() {
    let book = Book::new();
    let all = book.home.json(&["ledger", "tail", "-n", "1000"]);
    let all = all.as_array().unwrap();
    let few = book.home.json(&["ledger", "tail", "-n", "3"]);
    assert_eq!(few.as_array().unwrap().len(), 3);
    assert!(few[2]["index"].as_u64() > all.last().unwrap()["index"].as_u64());
    let plain = book
        .home
        .ok(&["ledger", "tail", "-n", "1000", "--format", "plain"]);
    let line = plain
        .lines()
        .find(|l| l.contains(&book.refused) && l.contains("\tdecision\t"));
    let columns: Vec<_> = line.unwrap().split('\t').collect();
    assert_eq!(
        columns[4..],
        ["model:invoke", "deny", "guard.blocked"],
        "{plain}"
    );
}

#[test]
fn a_record_is_proved_offline() {
    let book = Book::new();
    let keys = book.keys();
    let proof = book.home.dir.join("record.tlog-proof");
    // A proof needs a checkpoint over the record; one comes within a second.
    let prove = ["ledger", "prove", &book.refused, "--out", text(&proof)];
    until("a checkpoint", || {
        (book.home.run(&prove).code == Some(0)).then_some(())
    });
    let check = |proof: &Path, keys: &Path| {
        let ran = book
            .home
            .run(&["ledger", "check-proof", text(proof), "--keys", text(keys)]);
        (ran.code, ran.out)
    };
    let (code, out) = check(&proof, &keys);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("proved"), "{out}");

    // Another record under the same proof, another key, a changed path.
    let page = std::fs::read_to_string(&proof).unwrap();
    let others = Book::new();
    let (code, out) = check(&proof, &others.keys());
    assert_eq!(code, Some(3), "{out}");
    let mut changed = 0;
    for (number, line) in page.lines().enumerate().filter(|(_, line)| line.len() > 40) {
        let at = line.len() / 2;
        let other = if line.as_bytes()[at] == b'A' {
            "B"
        } else {
            "A"
        };
        let line = format!("{}{other}{}", &line[..at], &line[at + 1..]);
        let lines = page.lines().enumerate();
        let text: String = lines
            .map(|(n, l)| {
                if n == number {
                    line.clone() + "\n"
                } else {
                    format!("{l}\n")
                }
            })
            .collect();
        let (code, out) = check(&book.file("changed.tlog-proof", &text), &keys);
        assert_ne!(code, Some(0), "line {number} was changed: {out}");
        changed += 1;
    }
    assert!(changed >= 3, "{page}");
}

#[test]
fn an_export_is_verified_with_nothing_but_the_keys() {
    let book = Book::new();
    let (keys, kept) = (book.keys(), book.checkpoint("kept", 0));
    let old = book.export("old");
    for number in 0..5 {
        book.server
            .chat(book.server.key(), "stand-in", &format!("question {number}"));
    }
    let new = book.export("new");
    let old_size = signed(&std::fs::read_to_string(old.join("checkpoint")).unwrap());
    let late = book.checkpoint("late", old_size);
    // Nothing of the installation is needed.
    let nowhere = Home::new();
    let verify = |directory: &Path, keys: &Path, kept: Option<&Path>| {
        let mut arguments = vec![
            "ledger",
            "verify",
            "--export",
            text(directory),
            "--keys",
            text(keys),
        ];
        if let Some(kept) = kept {
            arguments.extend(["--kept", text(kept)]);
        }
        nowhere.run(&arguments)
    };
    verify(&new, &keys, None).exits(0).says(&["whole: "]);
    verify(&new, &keys, Some(&kept)).exits(0).says(&["whole: "]);
    verify(&old, &keys, Some(&kept)).exits(0);
    let json = [
        "ledger",
        "verify",
        "--export",
        text(&new),
        "--keys",
        text(&keys),
    ];
    assert!(nowhere.json(&json)["entries"].as_u64().unwrap() > 10);

    // An old copy, against a checkpoint that was kept from later.
    verify(&old, &keys, Some(&late))
        .exits(3)
        .says(&["TAMPERED"]);
    // The keys of another log.
    let others = Book::new();
    verify(&new, &others.keys(), None)
        .exits(3)
        .says(&["error: "]);
    // Every file of the export, one byte changed.
    let mut files = Vec::new();
    collect(&new, &mut files);
    // The export's own list of keys proves nothing, so nobody reads it.
    files.retain(|file| !file.ends_with("keys"));
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let whole = std::fs::read(&file).unwrap();
        if whole.is_empty() {
            continue;
        }
        let mut bytes = whole.clone();
        bytes[whole.len() / 2] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let ran = verify(&new, &keys, None);
        assert_eq!(ran.code, Some(3), "{}: {ran:?}", file.display());
        std::fs::remove_file(&file).unwrap();
        let ran = verify(&new, &keys, None);
        // Without a checkpoint it is no export at all.
        let code = if file.ends_with("checkpoint") { 1 } else { 3 };
        assert_eq!(ran.code, Some(code), "{} is gone: {ran:?}", file.display());
        std::fs::write(&file, whole).unwrap();
    }
    verify(&new, &keys, None).exits(0);
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[test]
fn an_edited_record_is_named() {
    let book = Book::new();
    let Book {
        home,
        server,
        refused,
        ..
    } = book;
    home.run(&["ledger", "verify"]).exits(0).says(&["whole: "]);
    assert!(server.end().success());
    home.run(&["ledger", "verify"]).exits(0).says(&["whole: "]);
    // Somebody with the disk turns a refusal into something else.
    let file = home.data.join("ledger.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let (from, to) = (b"guard.blocked", b"guard.ignored");
    let mut edited = 0;
    for at in 0..bytes.len() - from.len() {
        if &bytes[at..at + from.len()] == from {
            bytes[at..at + from.len()].copy_from_slice(to);
            edited += 1;
        }
    }
    assert!(edited > 0, "the record does not stand in the file");
    std::fs::write(&file, bytes).unwrap();
    home.run(&["ledger", "verify"])
        .exits(3)
        .says(&["TAMPERED", &refused]);
    let report = home
        .run(&["ledger", "verify", "--format", "json"])
        .exits(3)
        .out;
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["faults"][0]["record"], refused.as_str(), "{report}");
}

#[test]
fn erasure_leaves_every_proof() {
    let book = Book::new();
    let services = book.home.json(&["service", "list", "try"]);
    let service = services[0]["id"].as_str().unwrap();
    book.home
        .run(&["ledger", "erase", service])
        .exits(0)
        .says(&["destroyed"]);
    book.home
        .run(&["ledger", "verify"])
        .exits(0)
        .says(&["whole: "]);
    book.home
        .run(&["ledger", "erase", "svc_nonsense"])
        .exits(1)
        .says(&["error:"]);
}

#[test]
fn without_a_server_commands_say_so() {
    let home = Home::new();
    for command in [
        &["ledger", "tail"][..],
        &["project", "list"],
        &["config", "reload"],
    ] {
        home.run(command)
            .exits(1)
            .says(&["start it with `casemate up`"]);
    }
}
