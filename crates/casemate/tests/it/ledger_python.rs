// SPDX-License-Identifier: Apache-2.0
//! A verifier of another make: Python, from the specifications, agrees with ours about exports.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    harness::{Home, Server, until},
    sdk::python,
};

/// Entries of a full bundle, and hashes of a full tile.
const WIDTH: usize = 256;

/// What the script says: its exit code and its words.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    /// A line of the answer by its first word.
    #[track_caller]
    fn line(&self, word: &str) -> &str {
        let mut lines = self.out.lines().filter_map(|line| line.split_once(' '));
        let found = lines.find(|(first, _)| *first == word);
        found.unwrap_or_else(|| panic!("no `{word}`: {self:?}")).1
    }
}

fn script(python: &Path, arguments: &[&str]) -> Said {
    let output = Command::new(python)
        .args(["-I", "-W", "error"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/verify_ledger.py"))
        .args(arguments)
        .output()
        .unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A log of more than one tile, exported, with its keys.
struct Exported {
    python: PathBuf,
    home: Home,
    _server: Server,
    export: PathBuf,
    keys: PathBuf,
}

impl Exported {
    /// `bundles` full bundles of entries and some more; none without Python.
    fn new(bundles: usize) -> Option<Self> {
        let python = python()?;
        let home = Home::new();
        let server = home.up(&["--try"]);
        // A decision and an outcome for each.
        for number in 0..bundles * WIDTH / 2 {
            let text = format!("question {number}, of ada@example.org");
            let reply = server.chat(server.key(), "stand-in", &text);
            assert_eq!(reply.status, 200, "{}", reply.body);
        }
        home.ok(&["ledger", "tail"]);
        // A checkpoint comes every second.
        let least = (bundles * WIDTH) as u64;
        until("a checkpoint", || {
            let ran = home.run(&["ledger", "checkpoint"]);
            (ran.code == Some(0) && size_of(&ran.out) > least).then_some(())
        });
        let (export, keys) = (home.dir.join("export"), home.dir.join("log.keys"));
        std::fs::write(&keys, home.ok(&["ledger", "keys"])).unwrap();
        home.ok(&["ledger", "export", text(&export)]);
        Some(Self {
            python,
            home,
            _server: server,
            export,
            keys,
        })
    }

    /// What the script says of the export.
    fn script(&self) -> Said {
        self.script_with(&self.keys)
    }

    fn script_with(&self, keys: &Path) -> Said {
        script(&self.python, &[text(&self.export), text(keys)])
    }

    /// What we say of it: the exit code and the report.
    fn ours(&self) -> (Option<i32>, Value) {
        let arguments = ["ledger", "verify", "--format", "json", "--export"];
        let more = [text(&self.export), "--keys", text(&self.keys)];
        let ran = self.home.run(&[&arguments[..], &more].concat());
        let report = serde_json::from_str(&ran.out).unwrap_or_default();
        (ran.code, report)
    }

    fn checkpoint(&self) -> String {
        std::fs::read_to_string(self.export.join("checkpoint")).unwrap()
    }

    /// Writes something else to a file of the export, has both verifiers refuse, and undoes it.
    #[track_caller]
    fn refused(&self, what: &str, path: &Path, bytes: &[u8]) -> String {
        let whole = std::fs::read(path).unwrap();
        assert!(whole != bytes, "{what}: nothing was changed");
        std::fs::write(path, bytes).unwrap();
        let said = self.refused_as_it_is(what);
        std::fs::write(path, whole).unwrap();
        said
    }

    #[track_caller]
    fn refused_as_it_is(&self, what: &str) -> String {
        let said = self.script();
        assert_eq!(said.code, Some(3), "{what}: {said:?}");
        assert!(said.out.is_empty(), "{what}: {said:?}");
        assert!(said.err.starts_with("refused: "), "{what}: {said:?}");
        let (code, report) = self.ours();
        assert_eq!(code, Some(3), "{what}: {report}");
        said.err
    }

    /// The first bundle, which is full.
    fn bundle(&self) -> PathBuf {
        self.export.join("tile/entries/000")
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn size_of(note: &str) -> u64 {
    note.lines().nth(1).unwrap().parse().unwrap()
}

/// Entries of a bundle, each with its length in front.
fn entries(bundle: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut all) = (bundle, Vec::new());
    while !rest.is_empty() {
        let length = 2 + usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        all.push(rest[..length].to_vec());
        rest = &rest[length..];
    }
    all
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            all.extend(files(&entry.path()));
        } else {
            all.push(entry.path());
        }
    }
    all.sort();
    all
}

#[test]
fn the_verifier_knows_its_trade() {
    let Some(python) = python() else { return };
    let said = script(&python, &["--self-test"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    // It is not ours in disguise: it imports nothing but what comes with Python.
    let source = include_str!("../data/verify_ledger.py");
    let imports: Vec<_> = source
        .lines()
        .filter(|line| line.starts_with("import ") || line.starts_with("from "))
        .collect();
    assert_eq!(
        imports,
        [
            "import base64",
            "import binascii",
            "import hashlib",
            "import json",
            "import os",
            "import re",
            "import sys"
        ]
    );
}

#[test]
fn both_verifiers_agree_about_a_whole_log() {
    // Two full tiles, so that there is a tile of tiles and a rest.
    let Some(it) = Exported::new(2) else { return };
    let said = it.script();
    assert_eq!(said.code, Some(0), "{said:?}");
    let checkpoint = it.checkpoint();
    let lines: Vec<_> = checkpoint.lines().collect();
    let all = ["origin", "size", "root"].map(|word| said.line(word));
    assert_eq!(all, lines[..3]);
    let (code, report) = it.ours();
    assert_eq!(code, Some(0), "{report}");
    let size: u64 = said.line("size").parse().unwrap();
    assert_eq!(
        (&report["entries"], &report["signed"]),
        (&size.into(), &size.into())
    );
    assert!(size as usize > 2 * WIDTH);

    // And about what stands in it.
    let list = it.home.json(&["ledger", "tail", "-n", "10000"]);
    let mut counts = HashMap::new();
    for record in list.as_array().unwrap() {
        if record["index"].as_u64().unwrap() < size {
            let kind = record["kind"].as_str().unwrap().to_owned();
            *counts.entry(kind).or_insert(0) += 1;
        }
    }
    assert_eq!(counts.values().sum::<u64>(), size, "the list is cut");
    for (kind, count) in counts {
        assert_eq!(said.line(&kind), count.to_string(), "{kind}");
    }

    // Keys of nobody, of another log, and of one under a name that is not the log's.
    let own = std::fs::read_to_string(&it.keys).unwrap();
    let others = Home::new();
    let server = others.up(&[]);
    let foreign = others.ok(&["ledger", "keys"]);
    assert!(server.end().success());
    let (origin, _) = own.split_once('+').unwrap();
    let (other, _) = foreign.split_once('+').unwrap();
    let cosigner: String = own
        .lines()
        .skip(1)
        .map(|line| line.to_owned() + "\n")
        .collect();
    for (what, keys) in [
        ("no key", String::new()),
        ("another log", foreign.clone()),
        ("another log by this name", foreign.replace(other, origin)),
        ("not the log's own", cosigner),
        ("no keys at all", "nonsense\n".to_owned()),
    ] {
        let file = it.home.dir.join("wrong.keys");
        std::fs::write(&file, keys).unwrap();
        let said = it.script_with(&file);
        assert_eq!(said.code, Some(3), "{what}: {said:?}");
        assert!(said.out.is_empty(), "{what}: {said:?}");
    }
}

#[test]
fn both_verifiers_refuse_what_was_changed() {
    let Some(it) = Exported::new(1) else { return };
    assert_eq!(it.script().code, Some(0), "{:?}", it.script());

    // One bit of every file that says something; of the checkpoint, one in every line.
    let mut changed = 0;
    for path in files(&it.export) {
        if path.ends_with("keys") {
            continue;
        }
        let whole = std::fs::read(&path).unwrap();
        let is_note = path.ends_with("checkpoint");
        let places: Vec<usize> = if is_note {
            let ends = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            ends.map(|(at, _)| at)
                .filter(|at| *at > 0)
                .map(|at| at - 1)
                .collect()
        } else {
            vec![0, whole.len() / 2, whole.len() - 1]
        };
        for at in places {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            it.refused(&format!("byte {at} of {}", path.display()), &path, &bytes);
            changed += 1;
        }
    }
    assert!(changed >= 15, "{changed}");

    let bundle = std::fs::read(it.bundle()).unwrap();
    let all = entries(&bundle);
    assert_eq!(all.len(), WIDTH);
    // A record is gone; two have changed places; one is there twice, one is made up.
    let mut gone = all.clone();
    gone.remove(100);
    let err = it.refused("gone", &it.bundle(), &gone.concat());
    assert!(err.contains("has 255 entries"), "{err}");
    let mut swapped = all.clone();
    swapped.swap(100, 101);
    it.refused("swapped", &it.bundle(), &swapped.concat());
    let mut twice = all.clone();
    twice[101] = twice[100].clone();
    it.refused("twice", &it.bundle(), &twice.concat());
    let mut more = all.clone();
    more.push(all[0].clone());
    it.refused("more", &it.bundle(), &more.concat());
    let mut empty = all.clone();
    empty[100] = vec![0, 0];
    it.refused("emptied", &it.bundle(), &empty.concat());
    it.refused("cut", &it.bundle(), &bundle[..bundle.len() - 1]);
    it.refused("nothing", &it.bundle(), &[]);

    // Everything behind some record is gone, and the checkpoint says the same.
    let note = it.checkpoint();
    let size = size_of(&note).to_string();
    let shorter = note.replacen(&format!("\n{size}\n"), "\n256\n", 1);
    it.refused("cut off", &it.export.join("checkpoint"), shorter.as_bytes());
    // Signatures: the log's own is gone, all are gone, one of nobody comes first.
    let (body, signatures) = note.split_once("\n\n").unwrap();
    let rest = signatures.split_once('\n').unwrap().1;
    let file = it.export.join("checkpoint");
    it.refused("unsigned", &file, format!("{body}\n\n").as_bytes());
    let (name, _) = signatures
        .split_once(' ')
        .unwrap()
        .1
        .split_once(' ')
        .unwrap();
    let nobody = format!("\u{2014} {name} {}\n", "A".repeat(91) + "=");
    it.refused("nobody's", &file, format!("{body}\n\n{nobody}").as_bytes());
    if !rest.is_empty() {
        it.refused(
            "cosigned only",
            &file,
            format!("{body}\n\n{rest}").as_bytes(),
        );
    }
    // A signature of nobody beside the log's own is nobody's business.
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, format!("{body}\n\n{nobody}{signatures}")).unwrap();
    let said = it.script();
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(it.ours().0, Some(0));
    std::fs::write(&file, whole).unwrap();

    // Two files have changed places, and one is gone.
    let rest = files(&it.export.join("tile/entries/001.p")).remove(0);
    let (first, second) = (bundle, std::fs::read(&rest).unwrap());
    std::fs::write(it.bundle(), &second).unwrap();
    std::fs::write(&rest, &first).unwrap();
    it.refused_as_it_is("files swapped");
    std::fs::write(it.bundle(), &first).unwrap();
    std::fs::remove_file(&rest).unwrap();
    it.refused_as_it_is("file gone");
    std::fs::write(&rest, &second).unwrap();
    let said = it.script();
    assert_eq!(said.code, Some(0), "{said:?}");
}
