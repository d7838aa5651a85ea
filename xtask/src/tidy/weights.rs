// SPDX-License-Identifier: Apache-2.0
//! Dependencies that only certain crates may carry: heavy ones enter exactly one, test tools none.

use super::Breach;
use super::metadata::{Package, short_name};

pub(super) fn check(package: &Package) -> Vec<Breach> {
    let Some(short) = short_name(&package.name) else {
        return Vec::new();
    };
    let ships = package
        .dependencies
        .iter()
        .filter(|dependency| !dependency.only_for_tests());
    ships
        .filter_map(|dependency| {
            let hint = refusal(short, &dependency.name)?;
            let what = format!(
                "`{}` must not depend on `{}`",
                package.name, dependency.name
            );
            Some(Breach {
                place: package.name.clone(),
                what,
                hint,
            })
        })
        .collect()
}

/// Why crate `short` may not ship with `dependency`, or none if it may.
pub(super) fn refusal(short: &str, dependency: &str) -> Option<&'static str> {
    if TEST_TOOLS.contains(&dependency) {
        return Some("test tools stand under [dev-dependencies]");
    }
    let (_, owners, hint) = OWNERS.iter().find(|(name, ..)| *name == dependency)?;
    (!owners.contains(&short)).then_some(hint)
}

/// A dependency, the crates that may name it, and where to go instead.
const OWNERS: &[(&str, &[&str], &str)] = &[
    (
        "anyhow",
        &["casemate", "xtask"],
        "a library has an error enum of its own (thiserror)",
    ),
    (
        "argon2",
        &["crypto"],
        "only casemate-crypto does cryptography",
    ),
    (
        "aws-lc-rs",
        &["crypto"],
        "only casemate-crypto does cryptography",
    ),
    (
        "axum",
        &["api"],
        "only casemate-api has routes of the admin plane",
    ),
    (
        "blake2",
        &["crypto"],
        "only casemate-crypto does cryptography",
    ),
    (
        "blake3",
        &["crypto"],
        "only casemate-crypto does cryptography",
    ),
    ("bzip2", &["artifact"], UNPACKS),
    (
        "cedar-policy",
        &["policy"],
        "only casemate-policy knows Cedar",
    ),
    (
        "clap",
        &["casemate", "xtask"],
        "command lines belong to the binary",
    ),
    ("comfy-table", &["casemate"], "tables belong to the binary"),
    ("flate2", &["artifact"], UNPACKS),
    ("hyper-rustls", &["http"], "only casemate-http does TLS"),
    (
        "indicatif",
        &["casemate"],
        "progress displays belong to the binary",
    ),
    ("lz4_flex", &["artifact"], UNPACKS),
    ("lzma-rust2", &["artifact"], UNPACKS),
    (
        "object_store",
        &["store"],
        "only casemate-store knows where blobs lie",
    ),
    ("rcgen", &["http"], "only casemate-http does TLS"),
    (
        "rusqlite",
        &["store"],
        "only casemate-store knows the SQL engine",
    ),
    ("rustls", &["http"], "only casemate-http does TLS"),
    (
        "rustls-native-certs",
        &["http"],
        "only casemate-http does TLS",
    ),
    (
        "rustls-webpki",
        &["crypto"],
        "only casemate-crypto does cryptography",
    ),
    ("ruzstd", &["artifact"], UNPACKS),
    // Checksums inside of addresses of cryptocurrencies, and the floor of the measurements: no
    // secret depends on either.
    (
        "sha2",
        &["inspect", "xtask"],
        "only casemate-crypto does cryptography",
    ),
    (
        "sha3",
        &["inspect"],
        "only casemate-crypto does cryptography",
    ),
    (
        "tokio-postgres",
        &["store"],
        "only casemate-store knows the SQL engine",
    ),
    ("tokio-rustls", &["http"], "only casemate-http does TLS"),
    (
        "tracing-subscriber",
        &["casemate"],
        "where logs go is decided by the binary",
    ),
];

const UNPACKS: &str = "only casemate-artifact unpacks, within bounds";

const TEST_TOOLS: &[&str] = &["insta", "proptest", "signed_note", "tlog_tiles", "trycmd"];
