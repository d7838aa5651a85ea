// SPDX-License-Identifier: Apache-2.0

use std::path::Path;

use super::metadata::{Metadata, Package};
use super::{floors, sources, weights};

fn package(name: &str, folder: &str, dependencies: &str) -> Package {
    let json = format!(
        r#"{{"name":"{name}","manifest_path":"/here/{folder}/Cargo.toml","dependencies":{dependencies}}}"#
    );
    serde_json::from_str(&json).unwrap()
}

#[test]
fn imports_follow_the_map() {
    fn check(from: &str, to: &str, allowed: bool) {
        let refusal = floors::refusal(from, to, false);
        assert_eq!(refusal.is_none(), allowed, "{from} → {to}: {refusal:?}");
    }
    for crate_ in [
        "crypto", "access", "quota", "iam", "api", "demo", "casemate", "testkit",
    ] {
        check(crate_, "types", true);
    }
    // Mechanisms: along the arrows, over as many as one likes, never back.
    check("access", "ledger", true);
    check("access", "policy", true);
    check("access", "store", true);
    check("access", "crypto", true);
    check("ledger", "crypto", true);
    check("store", "crypto", true);
    check("crypto", "store", false);
    check("ledger", "access", false);
    check("ledger", "policy", false);
    check("policy", "crypto", false);
    for alone in ["artifact", "http", "inspect", "quota", "sandbox"] {
        check(alone, "crypto", false);
        check(alone, "ledger", false);
        check("access", alone, false);
    }
    // Capabilities: any mechanism, never one another, never up.
    for mechanism in [
        "access", "crypto", "http", "inspect", "ledger", "quota", "store",
    ] {
        check("gateway", mechanism, true);
    }
    check("gateway", "iam", false);
    check("iam", "gateway", false);
    check("watch", "iam", false);
    check("gateway", "api", false);
    check("access", "iam", false);
    check("types", "crypto", false);
    // Faces.
    check("casemate", "api", true);
    check("casemate", "console", true);
    check("casemate", "demo", true);
    check("casemate", "ledger", true);
    check("console", "api", true);
    check("api", "gateway", true);
    check("api", "ledger", true);
    check("api", "console", false);
    check("api", "casemate", false);
    check("demo", "api", false);
    check("demo", "casemate", false);
    // Beside.
    check("testkit", "store", true);
    check("testkit", "iam", false);
    check("gateway", "testkit", false);
    check("types", "xtask", false);
    check("xtask", "types", false);
    // A crate that nobody has put on a floor.
    check("novelty", "types", false);
    check("casemate", "novelty", false);
}

#[test]
fn fixtures_are_for_tests_and_tests_keep_to_the_map() {
    for crate_ in ["types", "crypto", "access", "gateway", "api", "casemate"] {
        assert_eq!(floors::refusal(crate_, "testkit", true), None, "{crate_}");
    }
    assert!(floors::refusal("gateway", "iam", true).is_some());
}

#[test]
fn breaches_name_place_and_reason() {
    let dependencies = r#"[{"name":"casemate-iam","kind":null},{"name":"casemate-testkit","kind":"dev"},
        {"name":"rusqlite","kind":"build"},{"name":"hyper","kind":null}]"#;
    let package = package("casemate-gateway", "crates/gateway", dependencies);
    let floors: Vec<_> = floors::check(&package, Path::new("/here"))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        floors,
        [
            "crates/gateway/Cargo.toml: `casemate-gateway` must not import `casemate-iam`\n  hint: \
          capabilities never import one another: declare a trait, wire.rs plugs it in"
        ]
    );
    let weights: Vec<_> = weights::check(&package)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        weights,
        [
            "casemate-gateway: `casemate-gateway` must not depend on `rusqlite`\n  hint: only \
          casemate-store knows the SQL engine"
        ]
    );
}

#[test]
fn folder_is_the_last_part_of_the_name() {
    fn check(name: &str, folder: &str, fine: bool) {
        let breaches = floors::check(&package(name, folder, "[]"), Path::new("/here"));
        assert_eq!(
            breaches.is_empty(),
            fine,
            "{name} in {folder}: {breaches:?}"
        );
    }
    check("casemate", "crates/casemate", true);
    check("casemate-types", "crates/types", true);
    check("xtask", "xtask", true);
    check("casemate-types", "crates/kinds", false);
    check("casemate-types", "crates/ground/types", false);
    check("types", "crates/types", false);
}

#[test]
fn heavy_dependencies_enter_one_crate() {
    fn check(crate_: &str, dependency: &str, allowed: bool) {
        let refusal = weights::refusal(crate_, dependency);
        assert_eq!(
            refusal.is_none(),
            allowed,
            "{crate_} with {dependency}: {refusal:?}"
        );
    }
    check("policy", "cedar-policy", true);
    check("access", "cedar-policy", false);
    check("store", "rusqlite", true);
    check("ledger", "rusqlite", false);
    check("api", "axum", true);
    check("gateway", "axum", false);
    check("crypto", "aws-lc-rs", true);
    check("crypto", "argon2", true);
    check("http", "aws-lc-rs", false);
    check("http", "rustls", true);
    check("http", "rcgen", true);
    check("gateway", "rustls", false);
    check("casemate", "anyhow", true);
    check("iam", "anyhow", false);
    check("ledger", "proptest", false);
    check("gateway", "hyper", true);
}

#[test]
fn sources_have_headers_and_no_machine_paths() {
    fn check(path: &str, content: &str, expected: &[&str]) {
        let breaches = sources::check(path, content.as_bytes());
        let places: Vec<_> = breaches
            .iter()
            .map(|breach| breach.place.as_str())
            .collect();
        assert_eq!(places, expected, "{path}: {breaches:?}");
    }
    let header = "// SPDX-License-Identifier: Apache-2.0\n";
    let work = concat!("/wo", "rk/");
    let home = concat!("/ro", "ot/");
    check("crates/types/src/lib.rs", header, &[]);
    check(
        "crates/types/src/lib.rs",
        "//! Doc.\n",
        &["crates/types/src/lib.rs:1"],
    );
    check(
        "fuzz/fuzz_targets/sse.rs",
        "",
        &["fuzz/fuzz_targets/sse.rs:1"],
    );
    check(
        "xtask/src/main.rs",
        &format!("\n{header}"),
        &["xtask/src/main.rs:1"],
    );
    check("bench/sql-engines/src/main.rs", "fn main() {}", &[]);
    check(
        "README.md",
        &format!("a\ncd {work}main\n"),
        &["README.md:2"],
    );
    check("README.md", &format!("`{home}.cargo`"), &["README.md:1"]);
    check(
        "README.md",
        &format!("see frame{work}x and ..{home}y and $HOME/x"),
        &[],
    );
}

#[test]
fn long_files_are_named() {
    let long = "\n".repeat(1_001);
    assert_eq!(
        sources::overlong("crates/iam/src/keys.rs", long.as_bytes()),
        Some(1_001)
    );
    assert_eq!(
        sources::overlong("crates/iam/src/keys.rs", &long.as_bytes()[1..]),
        None
    );
    assert_eq!(
        sources::overlong("crates/iam/tests/it/main.rs", long.as_bytes()),
        None
    );
    assert_eq!(sources::overlong("Cargo.lock", long.as_bytes()), None);
}

#[test]
fn metadata_is_read() {
    let json = r#"{"packages":[],"workspace_members":[],"workspace_root":"/here",
        "target_directory":"/here/target","version":1,"resolve":null}"#;
    let metadata: Metadata = serde_json::from_str(json).unwrap();
    assert!(metadata.packages.is_empty());
    assert_eq!(metadata.target_directory, Path::new("/here/target"));
}
