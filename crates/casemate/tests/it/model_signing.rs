// SPDX-License-Identifier: Apache-2.0
//! `casemate model keygen|sign|verify`: with the reference implementation from PyPI, and alone.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{harness::Home, sdk::python};

/// Both directions, over curves, forms of keys, digests, serializations and certificates.
#[test]
fn the_reference_implementation_agrees() {
    let Some(python) = python() else { return };
    let home = Home::new();
    let work = home.dir.join("interop");
    fs::create_dir(&work).unwrap();
    let script = "tests/python/model_signing_interop.py";
    let output = Command::new(python)
        .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(script))
        .env("CASEMATE_BIN", env!("CARGO_BIN_EXE_casemate"))
        .env("WORK", &work)
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{out}\n{err}");
    let last = out.lines().last().and_then(|line| line.split_once(' '));
    let count: usize = last.unwrap().0.parse().unwrap();
    assert!(count >= 200, "{out}");
}

/// A key and a model of two files.
struct Place {
    home: Home,
    key: String,
    public: String,
    model: String,
    signature: String,
}

impl Place {
    fn new() -> Self {
        let home = Home::new();
        let text = |name: &str| home.dir.join(name).to_str().unwrap().to_owned();
        let place = Self {
            key: text("key.pem"),
            public: text("key.pub.pem"),
            model: text("model"),
            signature: text("model.sig"),
            home,
        };
        fs::create_dir(&place.model).unwrap();
        fs::write(place.file("a"), b"a").unwrap();
        fs::write(place.file("b"), b"b").unwrap();
        place.home.ok(&["model", "keygen", "--out", &place.key]);
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(&self.model).join(name)
    }

    fn sign(&self) -> [&str; 7] {
        let Self {
            key,
            signature,
            model,
            ..
        } = self;
        [
            "model",
            "sign",
            "--key",
            key,
            "--signature",
            signature,
            model,
        ]
    }

    fn verify(&self) -> [&str; 7] {
        let Self {
            public,
            signature,
            model,
            ..
        } = self;
        [
            "model",
            "verify",
            "--public-key",
            public,
            "--signature",
            signature,
            model,
        ]
    }
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_signed_is_verified() {
    let place = Place::new();
    let home = &place.home;
    let signed = home.json(&place.sign());
    assert_eq!(
        (&signed["files"], mode(&place.signature)),
        (&2.into(), 0o644)
    );
    let verified = home.json(&place.verify());
    assert_eq!(verified["outcome"], "verified");
    assert_eq!(verified["root"], signed["root"]);
    assert_eq!(verified["bytes"], 2);
    home.run(&place.verify())
        .exits(0)
        .says(&["2 files", "key sha256:"]);
    fs::write(place.file("b"), b"x").unwrap();
    home.run(&place.verify())
        .exits(3)
        .says(&["refused", "`b` was changed"]);
    let refused = home
        .run(&[&place.verify()[..], &["--format", "json"]].concat())
        .exits(3);
    let refused: Value = serde_json::from_str(&refused.out).unwrap();
    assert_eq!(refused["outcome"], "refused");
}

#[test]
fn warnings_name_what_is_irregular_and_strictness_refuses_it() {
    let place = Place::new();
    place.home.ok(&place.sign());
    fs::create_dir(place.file(".git")).unwrap();
    fs::write(place.file(".git/planted\u{1b}[31m"), b"x").unwrap();
    let ran = place.home.run(&place.verify()).exits(0);
    assert!(
        ran.err
            .contains("warning: `.git/planted\\u{1b}[31m` is ignored"),
        "{}",
        ran.err
    );
    let strict = [&place.verify()[..], &["--strict"]].concat();
    place
        .home
        .run(&strict)
        .exits(3)
        .says(&["not strictly as signed", ".git/planted"]);
}

#[test]
fn wrong_usage_is_told_from_a_refusal() {
    let place = Place::new();
    let Place {
        key,
        public,
        signature,
        model,
        ..
    } = &place;
    place.home.ok(&place.sign());
    let missing = "/nonexistent/x";
    for arguments in [
        &["model", "verify", "--signature", signature, model][..],
        &["model", "verify", "--public-key", public, model],
        &[
            "model",
            "verify",
            "--public-key",
            public,
            "--signature",
            signature,
        ],
        &[
            "model",
            "verify",
            "--public-key",
            public,
            "--trust-root",
            public,
            "--signature",
            signature,
            model,
        ],
        &[
            "model",
            "verify",
            "--public-key",
            key,
            "--signature",
            signature,
            model,
        ],
        &[
            "model",
            "verify",
            "--public-key",
            missing,
            "--signature",
            signature,
            model,
        ],
        &[
            "model",
            "verify",
            "--public-key",
            public,
            "--signature",
            missing,
            model,
        ],
        &[
            "model",
            "verify",
            "--public-key",
            public,
            "--signature",
            signature,
            missing,
        ],
        &[
            "model",
            "verify",
            "--trust-root",
            public,
            "--signature",
            signature,
            model,
        ],
        &[
            "model",
            "verify",
            "--trust-root",
            public,
            "--signature",
            signature,
        ],
        // An identity alone, and a trust root that is none (or that this build cannot use).
        &[
            "model",
            "verify",
            "--sigstore-root",
            public,
            "--identity",
            "a@example.org",
            "--signature",
            signature,
            model,
        ],
        &[
            "model",
            "verify",
            "--sigstore-root",
            public,
            "--identity",
            "a@example.org",
            "--issuer",
            "https://example.org",
            "--signature",
            signature,
            model,
        ],
        &["model", "verify", "--no-such-option"],
        &[
            "model",
            "verify",
            "--format",
            "sarif",
            "--public-key",
            public,
            "--signature",
            signature,
            model,
        ],
        &[
            "model",
            "sign",
            "--key",
            public,
            "--signature",
            signature,
            model,
        ],
        &[
            "model",
            "sign",
            "--key",
            key,
            "--signature",
            signature,
            missing,
        ],
        &[
            "model",
            "sign",
            "--key",
            key,
            "--signature",
            "/nonexistent/x/y",
            model,
        ],
        &[
            "model",
            "sign",
            "--key",
            key,
            "--hash",
            "md5",
            "--signature",
            signature,
            model,
        ],
        &[
            "model",
            "sign",
            "--key",
            key,
            "--shard-size",
            "0",
            "--signature",
            signature,
            model,
        ],
        &[
            "model",
            "sign",
            "--key",
            key,
            "--certificate-chain",
            public,
            "--signature",
            signature,
            model,
        ],
        &["model", "keygen", "--curve", "ed25519"],
    ] {
        place.home.run(arguments).exits(1);
    }
    // What is no signature is refused: it may have been one.
    fs::write(signature, b"{}").unwrap();
    place.home.run(&place.verify()).exits(3);
}

#[test]
fn nothing_is_overwritten_but_signatures() {
    let place = Place::new();
    let Place {
        home,
        key,
        public,
        model,
        ..
    } = &place;
    assert_eq!((mode(key), mode(public)), (0o600, 0o644));
    let before = fs::read(key).unwrap();
    home.run(&["model", "keygen", "--out", key])
        .exits(1)
        .says(&["not overwritten"]);
    for out in [key, public, &format!("{model}/a"), model] {
        let ran = home.run(&["model", "sign", "--key", key, "--signature", out, model]);
        ran.exits(1).says(&["already"]);
    }
    assert_eq!(fs::read(key).unwrap(), before);
    // A public key alone is a reason as well.
    fs::remove_file(key).unwrap();
    home.run(&["model", "keygen", "--out", key]).exits(1);
    assert!(!Path::new(key).exists());
    fs::write(key, before).unwrap();
    home.ok(&place.sign());
    home.ok(&place.sign());
    let itself = [&place.sign()[..6], &[&place.signature]].concat();
    home.run(&itself).exits(1).says(&["the model itself"]);
    let link = home.dir.join("link.sig");
    symlink(key, &link).unwrap();
    let link = link.to_str().unwrap();
    home.run(&["model", "sign", "--key", key, "--signature", link, model])
        .exits(1);
}

#[test]
fn a_failed_signing_leaves_nothing() {
    let place = Place::new();
    symlink("a", place.file("link")).unwrap();
    place
        .home
        .run(&place.sign())
        .exits(1)
        .says(&["`link` is a link"]);
    let left: Vec<_> = fs::read_dir(place.home.dir.path()).unwrap().collect();
    let name = |entry: &std::io::Result<fs::DirEntry>| entry.as_ref().unwrap().file_name();
    assert!(
        left.iter()
            .all(|entry| !name(entry).to_string_lossy().contains("sig")),
        "{left:?}"
    );
}
