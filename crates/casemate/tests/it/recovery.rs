// SPDX-License-Identifier: Apache-2.0
//! The recovery kit, the root key's rotation, backups: proved, not promised.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use crate::harness::{Home, Server, until};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The key of an installation works, and its book is whole.
fn lives(home: &Home, key: &str) -> Server {
    let server = home.up(&["--try"]);
    let reply = server.chat(key, "stand-in", "write to ada@example.org");
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(reply.body.contains("ada@example.org"));
    home.run(&["ledger", "verify"]).exits(0).says(&["whole: "]);
    server
}

#[test]
fn the_kit_is_proved_by_a_drill() {
    let home = Home::new();
    let _server = home.up(&[]);
    home.run(&["recovery", "drill", "--kit", text(&home.kit())])
        .exits(0)
        .says(&["opens a copy of this data"]);
    let other = Home::new();
    let _other = other.up(&[]);
    home.run(&["recovery", "drill", "--kit", text(&other.kit())])
        .exits(1)
        .says(&["error:"]);
    let nonsense = home.dir.join("nonsense.txt");
    std::fs::write(&nonsense, "no kit at all\n").unwrap();
    home.run(&["recovery", "drill", "--kit", text(&nonsense)])
        .exits(1)
        .says(&["error:"]);
    home.run(&["recovery", "drill", "--kit", "/nonexistent"])
        .exits(1)
        .says(&["/nonexistent"]);
    // Nothing of the copies stays.
    let left: Vec<_> = std::fs::read_dir(home.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_str().unwrap().starts_with(".casemate"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn two_shares_of_the_kit_are_enough_and_one_is_not() {
    let home = Home::new();
    let _server = home.up(&["--shares"]);
    let page = std::fs::read_to_string(home.kit()).unwrap();
    let is_share = |line: &&str| line.len() > 40 && line.contains('-') && !line.contains(' ');
    let lines: Vec<_> = page.lines().filter(is_share).collect();
    assert_eq!(lines.len(), 3, "{page}");
    for (some, code) in [(&lines[..2], 0), (&lines[1..], 0), (&lines[..1], 1)] {
        let file = home.dir.join("some.txt");
        std::fs::write(&file, some.join("\n")).unwrap();
        home.run(&["recovery", "drill", "--kit", text(&file)])
            .exits(code);
    }
}

#[test]
fn the_root_key_is_rotated_while_requests_run() {
    let home = Home::new();
    let server = home.up(&["--try"]);
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let slots = || std::fs::read_to_string(home.data.join("keyslots.json")).unwrap();
    let before = slots();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let reply = server.chat(server.key(), "stand-in", "write to ada@example.org");
                    assert_eq!(reply.status, 200, "{}", reply.body);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let rotations = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..3 {
                let count = answered.load(Ordering::Relaxed);
                home.ok(&["key", "rotate", "--root"]);
                until("another answer", || {
                    (answered.load(Ordering::Relaxed) > count).then_some(())
                });
            }
        }));
        stop.store(true, Ordering::Relaxed);
        rotations.unwrap();
    });
    assert_ne!(before, slots());
    home.ok(&["recovery", "drill", "--kit", text(&home.kit())]);
    let key = server.key().to_owned();
    server.kill();
    let server = lives(&home, &key);
    home.ok(&["recovery", "drill", "--kit", text(&home.kit())]);
    assert!(server.end().success());
}

#[test]
fn a_backup_is_restored_with_the_machines_key_and_with_the_kit() {
    let home = Home::new();
    let server = home.up(&["--try"]);
    let key = server.key().to_owned();
    assert_eq!(server.chat(&key, "stand-in", "Hello?").status, 200);
    home.ok(&["key", "rotate", "--root"]);
    let file = home.dir.join("backup.cm");
    home.run(&["backup", text(&file)])
        .exits(0)
        .says(&["bytes were written"]);
    home.run(&["backup", text(&file)])
        .exits(1)
        .says(&["error:"]);
    let bytes = std::fs::read(&file).unwrap();
    for clear in [&b"SQLite format"[..], b"model:invoke", key.as_bytes()] {
        assert!(
            !bytes.windows(clear.len()).any(|window| window == clear),
            "in clear"
        );
    }
    // Never over something that is there.
    home.run(&["restore", text(&file)])
        .exits(1)
        .says(&["is not empty"]);
    assert!(server.end().success());

    // With the machine's key.
    let same = home.beside("again", "keys/machine.key");
    same.run(&["restore", text(&file)])
        .exits(0)
        .says(&["start it with"]);
    assert!(lives(&same, &key).end().success());

    // With nothing but the kit; the new machine gets a key of its own.
    let other = home.beside("elsewhere", "other/machine.key");
    other
        .run(&["restore", text(&file)])
        .exits(1)
        .says(&["recovery kit"]);
    other
        .run(&["restore", text(&file), "--kit", text(&home.kit())])
        .exits(0);
    assert_ne!(
        std::fs::read(&home.key_file).unwrap(),
        std::fs::read(&other.key_file).unwrap()
    );
    let server = lives(&other, &key);
    other.ok(&["recovery", "drill", "--kit", text(&home.kit())]);
    assert!(server.end().success());
}

#[test]
fn a_backup_that_was_touched_is_refused() {
    let home = Home::new();
    let server = home.up(&["--try"]);
    let file = home.dir.join("backup.cm");
    home.ok(&["backup", text(&file)]);
    assert!(server.end().success());
    let whole = std::fs::read(&file).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let middle = whole.len() / 2;
    let bad = [
        ("flipped in the head", flipped(3)),
        ("flipped in the slots", flipped(60)),
        ("flipped in the middle", flipped(middle)),
        ("flipped at the end", flipped(whole.len() - 1)),
        ("cut in the middle", whole[..middle].to_vec()),
        ("cut at the end", whole[..whole.len() - 1].to_vec()),
        ("cut to its head", whole[..9].to_vec()),
        ("empty", Vec::new()),
        ("longer", [&whole[..], b"x"].concat()),
    ];
    let touched = home.dir.join("touched.cm");
    for (number, (what, bytes)) in bad.into_iter().enumerate() {
        std::fs::write(&touched, bytes).unwrap();
        for kit in [None, Some(home.kit())] {
            let key_file = if kit.is_some() {
                "new/machine.key"
            } else {
                "keys/machine.key"
            };
            let place = home.beside(&format!("place-{number}"), key_file);
            let mut arguments = vec!["restore", text(&touched)];
            if let Some(kit) = &kit {
                arguments.extend(["--kit", text(kit)]);
            }
            let ran = place.run(&arguments);
            assert_eq!(ran.code, Some(1), "{what}: {ran:?}");
            assert!(
                !place.data.join("keyslots.json").exists(),
                "{what}: it looks complete"
            );
            assert!(
                kit.is_none() || !place.key_file.exists(),
                "{what}: a key was left"
            );
        }
    }
    // After all that, the whole one still goes to the same places.
    let place = home.beside("place-0", "new/machine.key");
    place.ok(&["restore", text(&file), "--kit", text(&home.kit())]);
    // The kit of somebody else opens nothing.
    let stranger = Home::new();
    assert!(stranger.up(&[]).end().success());
    let place = home.beside("place-1", "newer/machine.key");
    place
        .run(&["restore", text(&file), "--kit", text(&stranger.kit())])
        .exits(1);
}

#[test]
fn a_lost_key_is_said_to_be_lost() {
    let home = Home::new();
    assert!(home.up(&[]).end().success());
    std::fs::rename(&home.key_file, home.dir.join("lost")).unwrap();
    home.fails_to_start()
        .says(&["the root key cannot be opened", "recovery kit"]);
    std::fs::write(&home.key_file, [7; 32]).unwrap();
    home.fails_to_start().says(&["error:"]);
    std::fs::rename(home.dir.join("lost"), &home.key_file).unwrap();
    assert!(home.up(&[]).end().success());
}
