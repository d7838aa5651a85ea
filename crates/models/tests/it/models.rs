// SPDX-License-Identifier: Apache-2.0
//! Models that are not what was signed, and models with more than that.

use std::{os::unix::fs::symlink, path::Path, process::Command};

use casemate_crypto::HashAlgorithm;
use casemate_models::signing::{
    Difference, Effort, Irregularity, Links, LocalModel, Method, Refusal, SignOptions, sign,
};

use crate::fixture::{Fixture, refused, verified};

fn sharded(bytes: u64) -> SignOptions {
    SignOptions {
        method: Method::Shards { bytes },
        ..SignOptions::default()
    }
}

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

/// Every way of signing notices every change of a model.
#[test]
fn changes() {
    let ways = [
        SignOptions::default(),
        SignOptions {
            algorithm: HashAlgorithm::Blake3,
            ..SignOptions::default()
        },
        SignOptions {
            algorithm: HashAlgorithm::Blake2b,
            ..sharded(1_000)
        },
        sharded(1_000),
        sharded(2_500),
        sharded(1_000_000_000),
    ];
    let changes: &[(&str, fn(&Fixture), &str)] = &[
        (
            "a bit",
            |it| {
                let mut bytes = vec![7; 2_500];
                bytes[2_400] ^= 1;
                it.write("sub/weights.bin", &bytes);
            },
            "`sub/weights.bin` was changed",
        ),
        (
            "longer",
            |it| it.write("sub/weights.bin", &[7; 2_501]),
            "`sub/weights.bin` was changed",
        ),
        (
            "shorter",
            |it| it.write("sub/weights.bin", &[7; 2_000]),
            "`sub/weights.bin` was changed",
        ),
        (
            "emptied",
            |it| it.write("sub/weights.bin", b""),
            "`sub/weights.bin` was changed",
        ),
        (
            "missing",
            |it| std::fs::remove_file(it.path("sub.txt")).unwrap(),
            "`sub.txt` is missing",
        ),
        (
            "more",
            |it| it.write("deep/down/extra.py", b"x"),
            "`deep/down/extra.py` was not signed",
        ),
        (
            "hidden",
            |it| it.write(".hidden", b"x"),
            "`.hidden` was not signed",
        ),
        (
            "git further down",
            |it| it.write("sub/.git/config", b"x"),
            "`sub/.git/config` was not signed",
        ),
        (
            "nearly git",
            |it| it.write(".gitx", b"x"),
            "`.gitx` was not signed",
        ),
        (
            "renamed",
            |it| std::fs::rename(it.path("sub.txt"), it.path("sub2.txt")).unwrap(),
            "`sub2.txt` was not signed",
        ),
        (
            "other case",
            |it| std::fs::rename(it.path("sub.txt"), it.path("Sub.txt")).unwrap(),
            "`Sub.txt` was not signed",
        ),
        (
            "a link instead",
            |it| {
                std::fs::rename(it.path("sub.txt"), it.dir.join("outside")).unwrap();
                symlink(it.dir.join("outside"), it.path("sub.txt")).unwrap();
            },
            "`sub.txt` is a link",
        ),
        (
            "a directory that is a link",
            |it| {
                std::fs::rename(it.path("sub"), it.dir.join("elsewhere")).unwrap();
                symlink(it.dir.join("elsewhere"), it.path("sub")).unwrap();
            },
            "`sub/weights.bin` is missing",
        ),
        ("a pipe", |it| pipe(&it.path("pipe")), "`pipe` is a pipe"),
        (
            "a pipe instead",
            |it| {
                std::fs::remove_file(it.path("sub.txt")).unwrap();
                pipe(&it.path("sub.txt"));
            },
            "`sub.txt` is a pipe",
        ),
        (
            "a directory instead",
            |it| {
                std::fs::remove_file(it.path("sub.txt")).unwrap();
                std::fs::create_dir(it.path("sub.txt")).unwrap();
            },
            "`sub.txt` is missing",
        ),
        (
            "nothing left",
            |it| {
                std::fs::remove_dir_all(&it.model)
                    .and_then(|()| std::fs::create_dir(&it.model))
                    .unwrap()
            },
            "is missing",
        ),
    ];
    for options in ways {
        for (what, change, why) in changes {
            let fixture = Fixture::new();
            let bundle = fixture.sign_with(&options).bundle;
            verified(what, fixture.verify(&bundle), &[]);
            change(&fixture);
            refused(what, fixture.verify(&bundle), why);
        }
    }
}

#[test]
fn everything_that_differs_is_named() {
    let fixture = Fixture::new();
    let bundle = fixture.sign();
    fixture.write("one", b"");
    fixture.write("two", b"");
    std::fs::remove_file(fixture.path("config.json")).unwrap();
    let Err(Refusal::Different(all)) = fixture.verify(&bundle) else {
        panic!("not refused");
    };
    let unsigned = |name: &str| Difference::Unsigned(name.to_owned());
    let missing = Difference::Missing("config.json".to_owned());
    assert_eq!(all, [missing, unsigned("one"), unsigned("two")]);
}

#[test]
fn what_is_not_part_of_a_model() {
    let fixture = Fixture::new();
    let bundle = fixture.sign();
    std::fs::create_dir_all(fixture.path("empty/directories")).unwrap();
    verified("directories", fixture.verify(&bundle), &[]);
    let moved = fixture.dir.join("renamed");
    std::fs::rename(&fixture.model, &moved).unwrap();
    verified("a new name", fixture.verify_at(&moved, &bundle), &[]);
    let link = fixture.dir.join("link");
    symlink(&moved, &link).unwrap();
    verified("a link to it", fixture.verify_at(&link, &bundle), &[]);
}

#[test]
fn what_is_planted_is_named() {
    let ignored = |name: &str| Irregularity::Ignored(name.to_owned());
    let fixture = Fixture::new();
    let options = SignOptions {
        ignored: vec!["cache".to_owned(), "sub/tmp/".to_owned()],
        ..SignOptions::default()
    };
    let bundle = fixture.sign_with(&options).bundle;
    verified("nothing", fixture.verify(&bundle), &[]);
    let names = [
        ".git/hooks/a",
        ".gitattributes",
        ".github/b",
        "cache/c",
        "sub/tmp",
    ];
    for name in names {
        fixture.write(name, b"planted");
    }
    pipe(&fixture.path(".git/pipe"));
    symlink("/etc", fixture.path(".git/link")).unwrap();
    let mut all: Vec<_> = names.into_iter().map(ignored).collect();
    all.extend([ignored(".git/pipe"), ignored(".git/link")]);
    all.sort();
    verified("planted", fixture.verify(&bundle), &all);
    fixture.write("cached", b"");
    refused(
        "nearly ignored",
        fixture.verify(&bundle),
        "`cached` was not signed",
    );
}

#[test]
fn paths_that_lead_outside_ignore_nothing() {
    let fixture = Fixture::new();
    for path in ["../other", "/", ".", "", "..", "sub/..", "/etc"] {
        let bundle = fixture.restated(|it| {
            it["predicate"]["serialization"]["ignore_paths"] = serde_json::json!([path]);
        });
        let path = path.strip_suffix('/').unwrap_or(path).to_owned();
        verified(
            &path,
            fixture.verify(&bundle),
            &[Irregularity::IgnoredPath(path.clone())],
        );
        fixture.write("extra", b"");
        refused(&path, fixture.verify(&bundle), "`extra` was not signed");
        std::fs::remove_file(fixture.path("extra")).unwrap();
    }
}

#[test]
fn files_that_are_listed_twice() {
    let fixture = Fixture::new();
    let twice = |change: fn(&mut serde_json::Value)| {
        fixture.restated(|it| {
            let list = it["predicate"]["resources"].as_array_mut().unwrap();
            let mut again = list[0].clone();
            change(&mut again);
            list.push(again);
            let digests: String = list
                .iter()
                .map(|one| one["digest"].as_str().unwrap())
                .collect();
            let bytes: Vec<u8> = (0..digests.len() / 2)
                .map(|at| u8::from_str_radix(&digests[2 * at..2 * at + 2], 16).unwrap())
                .collect();
            let root = casemate_crypto::sha256(&bytes);
            let root: String = root.iter().map(|byte| format!("{byte:02x}")).collect();
            it["subject"][0]["digest"]["sha256"] = root.into();
        })
    };
    let same = fixture.verify(&twice(|_| {}));
    verified(
        "the same",
        same,
        &[Irregularity::Duplicate("config.json".to_owned())],
    );
    let other = twice(|again| again["digest"] = "11".repeat(32).into());
    refused(
        "another digest",
        fixture.verify(&other),
        "twice with different digests",
    );
}

#[test]
fn links_that_are_allowed() {
    let fixture = Fixture::new();
    std::fs::write(fixture.dir.join("blob"), b"content").unwrap();
    symlink("../blob", fixture.path("linked")).unwrap();
    let allowed = SignOptions {
        links: Links::Follow,
        ..SignOptions::default()
    };
    let bundle = fixture.sign_with(&allowed).bundle;
    let link = Irregularity::Link("linked".to_owned());
    verified(
        "a link",
        fixture.verify(&bundle),
        std::slice::from_ref(&link),
    );
    symlink("..", fixture.path("loop")).unwrap();
    let directory = Irregularity::LinkedDirectory("loop".to_owned());
    verified("a directory", fixture.verify(&bundle), &[link, directory]);
    symlink("nowhere", fixture.path("dangling")).unwrap();
    refused(
        "nowhere",
        fixture.verify(&bundle),
        "`dangling` was not signed",
    );
    std::fs::remove_file(fixture.path("dangling")).unwrap();
    std::fs::write(fixture.dir.join("blob"), b"changed").unwrap();
    refused(
        "its target",
        fixture.verify(&bundle),
        "`linked` was changed",
    );
}

#[test]
fn empty_files_in_shards() {
    let fixture = Fixture::new();
    fixture.write("__init__.py", b"");
    let bundle = fixture.sign_with(&sharded(1_000)).bundle;
    let empty = Irregularity::EmptyFile("__init__.py".to_owned());
    verified("empty", fixture.verify(&bundle), &[empty]);
    verified("as files", fixture.verify(&fixture.sign()), &[]);
}

#[test]
fn single_files() {
    let fixture = Fixture::new();
    let path = fixture.path("config.json");
    let options = SignOptions::default();
    let signed = |path: &Path| {
        let model = LocalModel::open(path).unwrap();
        sign(&model, &fixture.signer(), &options, &Effort::default())
            .unwrap()
            .bundle
    };
    let bundle = signed(&path);
    verified("a file", fixture.verify_at(&path, &bundle), &[]);
    refused(
        "another",
        fixture.verify_at(&fixture.path("sub.txt"), &bundle),
        "changed",
    );
    refused("a directory", fixture.verify(&bundle), "`.` is missing");
    refused(
        "of a directory",
        fixture.verify_at(&path, &fixture.sign()),
        "missing",
    );
    // The specification names the file where the reference implementation does not.
    let mut named = crate::fixture::statement(&bundle);
    named["predicate"]["resources"][0]["name"] = "config.json".into();
    let named = fixture.sealed(named.to_string().as_bytes());
    verified("by name", fixture.verify_at(&path, &named), &[]);
    let moved = fixture.dir.join("moved");
    std::fs::rename(&path, &moved).unwrap();
    verified("renamed", fixture.verify_at(&moved, &bundle), &[]);
    refused(
        "renamed by name",
        fixture.verify_at(&moved, &named),
        "missing",
    );
    let pipe_path = fixture.dir.join("pipe");
    pipe(&pipe_path);
    refused(
        "a pipe",
        fixture.verify_at(&pipe_path, &bundle),
        "neither a file",
    );
}

#[test]
fn what_cannot_be_signed() {
    let cases: &[(&str, fn(&Fixture), SignOptions, &str)] = &[
        (
            "a link",
            |it| symlink("config.json", it.path("x")).unwrap(),
            SignOptions::default(),
            "`x` is a link",
        ),
        (
            "a pipe",
            |it| pipe(&it.path("x")),
            SignOptions::default(),
            "`x` is a pipe",
        ),
        (
            "a link to a directory",
            |it| symlink("sub", it.path("x")).unwrap(),
            SignOptions {
                links: Links::Follow,
                ..SignOptions::default()
            },
            "a link to a directory",
        ),
        (
            "a link to nothing",
            |it| symlink("none", it.path("x")).unwrap(),
            SignOptions {
                links: Links::Follow,
                ..SignOptions::default()
            },
            "a link to no file",
        ),
        (
            "nothing",
            |it| {
                std::fs::remove_dir_all(&it.model)
                    .and_then(|()| std::fs::create_dir(&it.model))
                    .unwrap()
            },
            SignOptions::default(),
            "no files",
        ),
        (
            "outside",
            |_| {},
            SignOptions {
                ignored: vec!["../x".to_owned()],
                ..SignOptions::default()
            },
            "`../x`",
        ),
        (
            "all of it",
            |_| {},
            SignOptions {
                ignored: vec![".".to_owned()],
                ..SignOptions::default()
            },
            "`.`",
        ),
        (
            "a name that is no text",
            |it| {
                use std::os::unix::ffi::OsStrExt as _;
                let name = std::ffi::OsStr::from_bytes(b"\xff");
                std::fs::write(it.model.join(name), b"").unwrap();
            },
            SignOptions::default(),
            "UTF-8",
        ),
    ];
    for (what, change, options, why) in cases {
        let fixture = Fixture::new();
        change(&fixture);
        let model = LocalModel::open(&fixture.model).unwrap();
        let error = sign(&model, &fixture.signer(), options, &Effort::default()).unwrap_err();
        assert!(error.to_string().contains(why), "{what}: {error}");
    }
}
