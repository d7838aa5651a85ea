// SPDX-License-Identifier: Apache-2.0
use super::*;

/// Names in lists that are searched by halves are in order.
#[test]
fn what_is_searched_by_halves_is_sorted() {
    assert!(assigned::sorted());
    assert!(value::sorted());
}

/// What the rules say a secret looks like is found, by its own name.
#[test]
fn secrets_are_found_where_they_are_named() {
    let all = Credentials::new().unwrap();
    let kinds = |text: &str| -> Vec<&'static str> {
        all.find(text).iter().map(|finding| finding.rule).collect()
    };
    let cases: &[(&str, &[&str])] = &[
        ("password = \"T7$kd9!mQ2zzP\"", &[assigned::PASSWORD]),
        ("DB_PASSWORD=hunter2", &[]),
        ("password: ${DB_PASSWORD}", &[]),
        (
            "const tokenBucketRateLimiter = new TokenBucketRateLimiter()",
            &[],
        ),
        (
            "api_key = ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE dev@host",
            &[],
        ),
        ("see getPasswordResetTokenFromRequest", &[]),
        (
            "SECRET_KEY = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'",
            &[assigned::HEX],
        ),
        ("commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(kinds(text), *expected, "{text}");
    }
}
