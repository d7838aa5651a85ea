// SPDX-License-Identifier: Apache-2.0
//! The official Python clients against the real binary.

use std::{path::PathBuf, process::Command};

use crate::harness::Home;

/// The interpreter that `cargo xtask test` prepared. Without one the test is left out, but never in
/// continuous integration.
pub(crate) fn python() -> Option<PathBuf> {
    let found = std::env::var_os("CASEMATE_TEST_PYTHON").map(PathBuf::from);
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CASEMATE_TEST_PYTHON is not set; run `cargo xtask test`"
        );
        eprintln!("SKIPPED: CASEMATE_TEST_PYTHON is not set; `cargo xtask test` sets it");
    }
    found
}

fn script(name: &str) {
    let Some(python) = python() else { return };
    let home = Home::new();
    let server = home.up(&["--try"]);
    let limited = home.json(&["key", "create", "try", "try", "--requests-per-minute", "1"]);
    let other = home.json(&["key", "create", "try", "try", "--model", "nothing-of-this"]);
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/python")
        .join(name);
    let output = Command::new(python)
        .arg(file)
        .env("CASEMATE_URL", server.data_url())
        .env("CASEMATE_KEY", server.key())
        .env(
            "CASEMATE_LIMITED_KEY",
            limited[0]["secret"].as_str().unwrap(),
        )
        .env("CASEMATE_OTHER_KEY", other[0]["secret"].as_str().unwrap())
        .env("NO_PROXY", "*")
        .env_remove("OPENAI_API_KEY")
        .env_remove("ANTHROPIC_API_KEY")
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
    // Every request the client was told of can be explained.
    let ids: Vec<_> = out
        .lines()
        .filter_map(|line| line.strip_prefix("request "))
        .collect();
    assert!(ids.len() >= 3, "{out}");
    for id in ids {
        assert!(home.ok(&["explain", id]).contains("decision"), "{id}");
    }
}

#[test]
fn the_openai_client_works() {
    script("openai_client.py");
}

#[test]
fn the_anthropic_client_works() {
    script("anthropic_client.py");
}
