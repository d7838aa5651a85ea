// SPDX-License-Identifier: Apache-2.0
//! How the lines of `rules/secrets.rules` are read: kinds, literals to look for, borders.

use casemate_types::FindingKind;

use super::{
    super::shape::{Matcher, Notation, Part, Remembered, Set, Shape},
    Literals, Rule,
    test::Test,
};

/// A literal this long is looked for.
const ANCHOR: usize = 3;

/// A rule and the literals by which it is found; none when only words lead to it.
pub(super) fn read(
    fields: &[&'static str],
    remembered: &mut Remembered,
) -> Result<(Rule, Literals), String> {
    let &[kind, shape, words, checks, _] = fields else {
        return Err("it has not five fields".into());
    };
    let shape = Shape::parse(shape, Notation::Secret)?;
    let words = if words == "-" {
        Vec::new()
    } else {
        words.split(',').collect()
    };
    let (mut tests, mut raw) = (Vec::new(), false);
    for check in checks.split(',').filter(|check| *check != "-") {
        match check.split_once('=') {
            // Only raises a weight that nobody needs yet.
            _ if check.starts_with('~') => {}
            Some(("base64", bytes)) => {
                tests.push(Test::Base64(
                    bytes.parse().map_err(|_| "no number of bytes")?,
                ));
            }
            Some(("entropy", bits)) => {
                tests.push(Test::Entropy(
                    bits.parse().map_err(|_| "no number of bits")?,
                ));
            }
            Some(("value", which)) => {
                tests.push(Test::Value(
                    which.parse().map_err(|_| "no number of a class")?,
                ));
            }
            None if check == "basic" => tests.push(Test::Basic),
            None if check == "jwt" => tests.push(Test::Jwt),
            None if check == "mixed" => tests.push(Test::Mixed),
            None if check == "not_hex" => tests.push(Test::NotHex),
            None if check == "raw" => raw = true,
            None if check == "uuid" => tests.push(Test::Uuid),
            _ => return Err(format!("the check `{check}` is not known")),
        }
    }
    let (anchors, offset) = anchor(&shape);
    if anchors.is_empty() && words.is_empty() {
        return Err("it has neither a literal nor a word".into());
    }
    let (before, after) = borders(&shape);
    let literal = anchors.iter().map(|text| text.len()).min().unwrap_or(0);
    let header = ["api_header", "basic_auth", "bearer_token", "curl_auth"].contains(&kind);
    let strength = match (header, literal) {
        (true, _) => 0.5,
        (_, 0) => 1.5,
        (_, length) => 2.0 + length as f32 / 20.0 + if words.is_empty() { 0.0 } else { 1.0 },
    };
    Ok((
        Rule {
            kind,
            finding: finding_of(kind),
            matcher: Matcher::new(&shape, after, remembered),
            shape,
            by_word: anchors.is_empty(),
            words,
            tests,
            raw,
            before,
            after,
            offset,
            strength,
        },
        anchors,
    ))
}

fn finding_of(kind: &str) -> FindingKind {
    const CLOUD: &[&str] = &[
        "alibaba",
        "amazon",
        "aws",
        "azure",
        "baidu",
        "cloudflare",
        "digitalocean",
        "gcp",
        "google",
        "hetzner",
        "huawei",
        "ibm",
        "linode",
        "oracle",
        "ovh",
        "scaleway",
        "tencent",
        "volcengine",
        "vultr",
        "yandex",
    ];
    const KEYS: &[&str] = &[
        "age",
        "bip32",
        "bitcoin_wif",
        "cosign",
        "dotenvx",
        "ethereum_key",
        "jwk_private",
        "nostr",
        "openssh",
        "pem",
        "pgp_private",
        "putty",
        "rsa_pem",
        "ssh2_private",
        "wireguard",
    ];
    const LOGINS: &[&str] = &[
        "api_header",
        "basic_auth",
        "bearer_token",
        "connection_string",
        "curl_auth",
        "db_url",
        "docker_auth",
        "netrc_password",
        "npmrc_auth",
        "sshpass",
        "url_password",
        "url_token",
    ];
    let begins = |list: &[&str]| {
        list.iter().any(|head| {
            kind.strip_prefix(head)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        })
    };
    if begins(KEYS) {
        FindingKind::PrivateKey
    } else if begins(CLOUD) {
        FindingKind::CloudKey
    } else if begins(LOGINS) {
        FindingKind::Credential
    } else {
        FindingKind::ProviderKey
    }
}

/// The literals by which a shape is found, and how far they stand from its beginning: the first
/// part that is long enough, as long as it does not stand far into it.
fn anchor(shape: &Shape) -> (Literals, (usize, usize)) {
    let (mut least, mut most) = (0, 0);
    for (at, part) in shape.parts.iter().enumerate() {
        match part {
            Part::Literal(text) if text.len() >= ANCHOR => {
                return (vec![text.clone()], (least, most));
            }
            Part::Any(texts) => {
                // A literal behind makes short alternatives long enough.
                let behind: &[u8] = match shape.parts.get(at + 1) {
                    Some(Part::Literal(text)) => text,
                    _ => b"",
                };
                let whole: Vec<Box<[u8]>> = texts
                    .iter()
                    .map(|text| [text, behind].concat().into())
                    .collect();
                if whole.iter().all(|text| text.len() >= ANCHOR) {
                    return (whole, (least, most));
                }
                let lengths = texts.iter().map(|text| text.len());
                least += lengths.clone().min().unwrap_or(0);
                most += lengths.max().unwrap_or(0);
            }
            Part::Literal(text) => {
                least += text.len();
                most += text.len();
            }
            Part::Class(_, few, many) => {
                least += few;
                most += many;
            }
            Part::Gap => {}
        }
        if most - least > 8 {
            break;
        }
    }
    (Vec::new(), (0, 0))
}

fn word_set() -> Set {
    Set::of(&[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')])
}

/// What may not stand before and behind a match.
fn borders(shape: &Shape) -> (Set, Set) {
    let word = word_set();
    let ends = |text: &[u8], last: bool| {
        let byte = if last { text.last() } else { text.first() };
        byte.is_some_and(|byte| word.has(*byte))
    };
    let edge = |part: Option<&Part>, last: bool| match part {
        Some(Part::Literal(text)) => ends(text, last),
        Some(Part::Any(texts)) => texts.iter().any(|text| ends(text, last)),
        Some(Part::Class(set, ..)) => set.meets(word),
        _ => false,
    };
    let mut before = Set::default();
    if edge(shape.parts.first(), false) {
        before = before.with(word);
    }
    if let Some(Part::Class(set, ..)) = shape.parts.first() {
        before = before.with(set.without(b'='));
    }
    let mut after = Set::default();
    let mut open = false;
    for part in shape.parts.iter().rev() {
        let Part::Class(set, least, _) = part else {
            break;
        };
        after = after.with(*set);
        open |= *least == 0;
        if *least > 0 {
            break;
        }
    }
    if edge(shape.parts.last(), true) || open {
        after = after.with(word);
    }
    if after.has(b'+') && after.has(b'/') {
        after = after.with(Set::of(&[(b'=', b'=')]));
    }
    (before, after)
}
