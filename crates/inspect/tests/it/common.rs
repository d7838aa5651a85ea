// SPDX-License-Identifier: Apache-2.0
//! What several tables need: one inspector, made-up tokens, keys for stand-ins.

use std::sync::LazyLock;

use casemate_inspect::{Hosts, Inspector, Segment, SurrogateKey, Surrogates};
use casemate_types::{Channel, Finding, FindingKind, Role};
use proptest::test_runner::{Config, RngSeed};

/// Strings that must never appear anywhere; one of them has spaces.
pub(crate) const CANARIES: [&str; 2] = ["CANARY-7f3a9c", "the heron flies at noon"];

pub(crate) static INSPECTOR: LazyLock<Inspector> = LazyLock::new(|| {
    let hosts = Hosts::new(&["example.org", "*.example.com", "203.0.113.7", "h"]).unwrap();
    let inspector = Inspector::new(&CANARIES.map(str::to_owned)).unwrap();
    inspector.with_hosts(hosts)
});

/// The same cases at every run.
pub(crate) fn cases(count: u32) -> Config {
    Config {
        cases: count,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        max_shrink_iters: 4096,
        ..Config::default()
    }
}

/// What is found in a text by form, as `kind text`.
pub(crate) fn found(text: &str) -> Vec<String> {
    shown(text, &INSPECTOR.inspect_exact(text))
}

/// What is found in a text of a role.
pub(crate) fn inspected(text: &str, role: Role, channel: Channel) -> Vec<Finding> {
    INSPECTOR.inspect(Segment::new(text, role, channel))
}

/// What a guard is told of: places and days say nothing of a person by themselves.
pub(crate) fn without_entities(found: &[Finding]) -> Vec<Finding> {
    let mut told = found.to_vec();
    told.retain(|one| one.kind != FindingKind::Entity);
    told
}

pub(crate) fn shown(text: &str, found: &[Finding]) -> Vec<String> {
    let show = |f: &Finding| format!("{} {}", f.kind, &text[f.span.clone()]);
    found.iter().map(show).collect()
}

/// `text` with one finding, marked by `⟦⟧`; without marks, nothing may be found.
pub(crate) fn check(kind: FindingKind, marked: &str) {
    let text = marked.replace(['⟦', '⟧'], "");
    let mut expected = Vec::new();
    let mut rest = marked;
    while let Some((_, tail)) = rest.split_once('⟦') {
        let (inside, tail) = tail.split_once('⟧').expect("a mark is closed");
        expected.push(format!("{kind} {inside}"));
        rest = tail;
    }
    assert_eq!(found(&text), expected, "in `{text}`");
}

/// Letters that look random and never form a token by themselves.
pub(crate) fn letters(alphabet: &str, count: usize) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut state = 0x9E37_79B9_u64;
    let step = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        alphabet[(state >> 33) as usize % alphabet.len()]
    };
    (0..count).map(step).collect()
}

pub(crate) const ALNUM: &str = "aZ3bY7cX1dW9eV5fU2gT8hS4";
pub(crate) const UPPER: &str = "A7QX2ZB4MC6NV8L3KD";
pub(crate) const HEX: &str = "0f1e2d3c4b5a6978";
pub(crate) const URL: &str = "aZ3bY7cX1-dW9_eV5fU2gT8";
pub(crate) const BASE64: &str = "aZ3bY7+cX1dW9/eV5fU2gT8";

/// A token that looks like a JSON web token.
pub(crate) fn jwt() -> String {
    format!(
        "eyJ{}.eyJ{}.{}",
        letters(ALNUM, 20),
        letters(ALNUM, 60),
        letters(URL, 43)
    )
}

/// A PEM block, whole.
pub(crate) fn pem() -> String {
    let kind = "RSA PRIVATE KEY";
    let body = letters(BASE64, 64);
    format!("-----BEGIN {kind}-----\n{body}\n{body}\n-----END {kind}-----")
}

/// A key for stand-ins that only needs to be different for different input.
#[derive(Clone, Copy)]
pub(crate) struct TestKey(pub(crate) u64);

impl SurrogateKey for TestKey {
    fn tag(&self, kind: &str, value: &str) -> [u8; 8] {
        let bytes = kind.bytes().chain([0]).chain(value.bytes());
        let hash = bytes.fold(self.0 ^ 0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte))
                .wrapping_mul(0x0100_0000_01B3)
                .rotate_left(23)
        });
        hash.to_be_bytes()
    }
}

/// Stand-ins of three values, two of which need escapes in JSON.
pub(crate) fn stand_ins() -> (Surrogates, Vec<String>) {
    let mut surrogates = Surrogates::default();
    let words = [
        (FindingKind::Email, "ada@example.org"),
        (FindingKind::Phone, "+49 30 901820"),
        (FindingKind::Iban, "\"quoted\\\n\u{1}é𝄞\""),
    ]
    .map(|(kind, value)| surrogates.replace(&TestKey(1), kind, value).unwrap());
    (surrogates, words.to_vec())
}
