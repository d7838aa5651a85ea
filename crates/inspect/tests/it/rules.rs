// SPDX-License-Identifier: Apache-2.0
//! The rule packs: each rule finds what it describes, and nothing that only looks like it. Tokens
//! are made from the shapes when the test runs; none stands in this file.

use std::collections::BTreeSet;

use base64::Engine as _;
use casemate_types::{Finding, FindingKind};

use crate::common::{INSPECTOR, letters};

const SECRETS: &str = include_str!("../../rules/secrets.rules");

// ----- made-up tokens

/// The same numbers at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

#[derive(Debug, Clone)]
enum Part {
    Any(Vec<String>),
    Class(Vec<u8>, usize, usize),
    Literal(String),
}

/// A rule of the pack.
struct Rule {
    kind: &'static str,
    parts: Vec<Part>,
    words: Vec<&'static str>,
    checks: Vec<&'static str>,
}

fn rules() -> Vec<Rule> {
    let lines = SECRETS
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let fields: Vec<_> = line.split(" | ").map(str::trim).collect();
            let list = |field: &'static str| match field {
                "-" => Vec::new(),
                field => field.split(',').collect(),
            };
            Rule {
                kind: fields[0],
                parts: parts(fields[1]),
                words: list(fields[2]),
                checks: list(fields[3]),
            }
        })
        .collect()
}

/// The parts of a shape.
fn parts(shape: &str) -> Vec<Part> {
    let mut rest = shape.bytes().peekable();
    let mut out = Vec::new();
    while let Some(byte) = rest.next() {
        match byte {
            b'(' => {
                let mut texts = vec![String::new()];
                loop {
                    match rest.next().unwrap() {
                        b')' => break,
                        b'|' => texts.push(String::new()),
                        b'\\' => texts
                            .last_mut()
                            .unwrap()
                            .push(char::from(rest.next().unwrap())),
                        other => texts.last_mut().unwrap().push(char::from(other)),
                    }
                }
                out.push(Part::Any(texts));
            }
            b'[' => {
                let mut members = Vec::new();
                let mut range = false;
                loop {
                    let (byte, escaped) = match rest.next().unwrap() {
                        b']' => break,
                        b'\\' => match rest.next().unwrap() {
                            b'n' => (b'\n', true),
                            b'r' => (b'\r', true),
                            b't' => (b'\t', true),
                            other => (other, true),
                        },
                        other => (other, false),
                    };
                    if byte == b'-' && !escaped && !members.is_empty() && rest.peek() != Some(&b']')
                    {
                        range = true;
                    } else if range {
                        let first = *members.last().unwrap();
                        members.extend(first + 1..=byte);
                        range = false;
                    } else {
                        members.push(byte);
                    }
                }
                let (least, most) = count(&mut rest);
                out.push(Part::Class(members, least, most));
            }
            byte => {
                let byte = if byte == b'\\' {
                    rest.next().unwrap()
                } else {
                    byte
                };
                match out.last_mut() {
                    Some(Part::Literal(text)) => text.push(char::from(byte)),
                    _ => out.push(Part::Literal(char::from(byte).to_string())),
                }
            }
        }
    }
    out
}

fn count(rest: &mut std::iter::Peekable<std::str::Bytes<'_>>) -> (usize, usize) {
    if rest.peek() != Some(&b'{') {
        return (1, 1);
    }
    rest.next();
    let inside: String = rest
        .by_ref()
        .map(char::from)
        .take_while(|c| *c != '}')
        .collect();
    match inside.split_once(',') {
        None => (inside.parse().unwrap(), inside.parse().unwrap()),
        Some((least, "")) => (least.parse().unwrap(), 4096),
        Some((least, most)) => (least.parse().unwrap(), most.parse().unwrap()),
    }
}

/// A token of a rule: letters, digits and few signs, as many as `long` says.
fn token(rule: &Rule, dice: &mut Dice, long: bool) -> String {
    loop {
        let (token, open) = any_token(rule, dice, long);
        let mixed =
            rule.checks.contains(&"mixed") || rule.checks.iter().any(|c| c.starts_with("value"));
        let digit = open.contains(|c: char| c.is_ascii_digit());
        let letter = open.contains(|c: char| c.is_ascii_alphabetic());
        if !mixed || (digit && letter) {
            return token;
        }
    }
}

/// A token, and what of it the form leaves open.
fn any_token(rule: &Rule, dice: &mut Dice, long: bool) -> (String, String) {
    let has = |check: &str| {
        rule.checks
            .iter()
            .any(|known| known.trim_start_matches('~') == check)
    };
    let values = rule.checks.iter().any(|check| check.starts_with("value="));
    let (mut out, mut open) = (String::new(), String::new());
    for part in &rule.parts {
        let (members, least, most) = match part {
            Part::Literal(text) => {
                out.push_str(text);
                continue;
            }
            Part::Any(texts) => {
                out.push_str(&texts[dice.below(texts.len())]);
                continue;
            }
            Part::Class(members, least, most) => (members, *least, *most),
        };
        if most <= 12 && members.contains(&b'\n') {
            out.push('\n');
            continue;
        }
        if has("jwt") && out.ends_with("eyJ") && !out.contains('.') {
            out.push_str("hbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9");
            continue;
        }
        let login = format!("deploy:Zt7{}q", dice.below(1_000_000));
        if has("basic") && least >= 8 {
            let engine = base64::engine::general_purpose::STANDARD_NO_PAD;
            out.push_str(&engine.encode(login));
            continue;
        }
        // Padding goes with a length that the test does not look at.
        if members == b"=" && least == 0 {
            continue;
        }
        let plain: Vec<u8> = members
            .iter()
            .copied()
            .filter(u8::is_ascii_alphanumeric)
            .collect();
        let few = match least {
            // A user may be empty, and a password is no word of four letters.
            0 => 4,
            1..=11 if values && most > 40 => 12,
            least => least,
        };
        let length = if long {
            most.min(few + 200)
        } else {
            few.min(most)
        };
        for at in 0..length {
            let signs = at > 0 && at + 1 < length && dice.below(12) == 0 && !values;
            let from = if signs || plain.is_empty() {
                members
            } else {
                &plain
            };
            let inner = |byte: &&u8| !b" \n\r\t\\\"'".contains(byte);
            let from: Vec<u8> = from.iter().filter(inner).copied().collect();
            let from = if from.is_empty() {
                members.clone()
            } else {
                from
            };
            let c = char::from(from[dice.below(from.len())]);
            out.push(c);
            open.push(c);
        }
    }
    (out, open)
}

fn secrets(text: &str) -> Vec<Finding> {
    let mut found = INSPECTOR.structured(text);
    found.retain(|finding| {
        matches!(
            finding.kind,
            FindingKind::CloudKey
                | FindingKind::Credential
                | FindingKind::PrivateKey
                | FindingKind::ProviderKey
        )
    });
    found
}

/// Rules whose tokens another rule names, since its form is the same and its literal longer.
const OVERLAPS: &[(&str, &str)] = &[];

/// Kinds with a sign in their form at which `Credentials::explained` cuts tokens, so that the first
/// part is shorter than it looks at: known misses.
const NEVER_FOUND: &[&str] = &["ably", "asana", "facebook_app", "sidekiq"];

/// Whether a rule may speak for another.
fn speaks_for(found: &str, kind: &str) -> bool {
    found == kind || OVERLAPS.contains(&(kind, found))
}

#[test]
fn every_form_without_words_is_found_alone_and_in_an_assignment() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for rule in rules().iter().filter(|rule| rule.words.is_empty()) {
        let mut dice = Dice(7);
        for long in [false, true, false] {
            tried += 1;
            let token = token(rule, &mut dice, long);
            for (before, after) in [("", ""), ("key = \"", "\""), ("é ", "\n")] {
                // A form that ends in a quote is not followed by another.
                if after.starts_with('"') && token.ends_with(['"', '\'']) {
                    continue;
                }
                let text = format!("{before}{token}{after}");
                let found = secrets(&text);
                let right = matches!(found.as_slice(), [one]
                    if speaks_for(one.rule, rule.kind) && text[one.span.clone()] == token);
                if !right {
                    let shown: Vec<_> = found
                        .iter()
                        .map(|f| (f.rule, &text[f.span.clone()]))
                        .collect();
                    wrong.push(format!("{}: {shown:?} in `{text}`", rule.kind));
                }
            }
        }
    }
    assert!(tried > 600, "{tried}");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_form_with_words_is_found_behind_them_only() {
    let (mut wrong, mut missed) = (Vec::new(), BTreeSet::new());
    for rule in rules().iter().filter(|rule| !rule.words.is_empty()) {
        let mut dice = Dice(11);
        let token = token(rule, &mut dice, false);
        for word in &rule.words {
            let text = format!("{} = {token}", word.to_ascii_uppercase());
            let found = secrets(&text);
            let seen = found
                .iter()
                .any(|one| text[one.span.clone()].contains(&token));
            if !seen && NEVER_FOUND.contains(&rule.kind) {
                missed.insert(rule.kind);
            } else if !seen {
                let shown: Vec<_> = found
                    .iter()
                    .map(|f| (f.rule, &text[f.span.clone()]))
                    .collect();
                wrong.push(format!("{}: {shown:?} in `{text}`", rule.kind));
            }
        }
        let text = format!("see {token} there");
        if secrets(&text).iter().any(|one| one.rule == rule.kind) {
            wrong.push(format!("{} without a word in `{text}`", rule.kind));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let never: BTreeSet<_> = NEVER_FOUND.iter().copied().collect();
    assert_eq!(missed, never, "what is found now is to be taken out");
}

/// Near misses that another form of the same kind takes, or whose cut is no part of the form.
const NEAR_MISSES_TAKEN: &[&str] = &["azure_storage"];

/// One character less than the form wants, or another first letter, and it is none.
#[test]
fn near_misses_are_none() {
    let mut wrong = BTreeSet::new();
    let mut tried = 0;
    for rule in rules().iter().filter(|rule| rule.words.is_empty()) {
        let whole = token(rule, &mut Dice(17), false);
        let mut near = Vec::new();
        if let Some(Part::Class(_, least, most)) = rule.parts.last()
            && *least > 1
            && least == most
        {
            near.push(whole[..whole.len() - 1].to_owned());
        }
        let first = matches!(rule.parts.first(), Some(Part::Literal(_) | Part::Any(_)));
        if first && whole.starts_with(|c: char| c.is_ascii_alphabetic()) {
            near.push(format!("q{}", &whole[1..]));
        }
        for text in near {
            tried += 1;
            let taken = NEAR_MISSES_TAKEN.contains(&rule.kind);
            if !taken && secrets(&text).iter().any(|one| one.rule == rule.kind) {
                wrong.insert(format!("{} in `{text}`", rule.kind));
            }
        }
    }
    assert!(tried > 200, "{tried}");
    let wrong: Vec<_> = wrong.into_iter().collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_form_in_the_middle_of_a_longer_word_is_none() {
    let mut wrong = Vec::new();
    for rule in rules().iter().filter(|rule| rule.words.is_empty()) {
        let token = token(rule, &mut Dice(13), false);
        if !token.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            continue;
        }
        let text = format!("Zq{token}");
        if secrets(&text)
            .iter()
            .any(|one| one.rule == rule.kind && one.span.start == 2)
        {
            wrong.push(format!("{} in `{text}`", rule.kind));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_pack_names_every_kind_once_in_a_place() {
    let kinds: BTreeSet<_> = rules().iter().map(|rule| rule.kind).collect();
    assert!(kinds.len() > 300, "{}", kinds.len());
    for (kind, winner) in OVERLAPS {
        assert!(
            kinds.contains(kind) && kinds.contains(winner),
            "{kind} {winner}"
        );
    }
}

// ----- false friends

fn hex(count: usize) -> String {
    letters("0f1e2d3c4b5a6978", count)
}

/// Things that programs and people write all day and that open nothing.
fn false_friends() -> Vec<(&'static str, Vec<String>)> {
    let base64 = |count| letters("aZ3bY7cX1dW9eV5fU2gT8hS4+/", count);
    let uuid = "3f2b1c4d-9e8a-4b7c-8d6e-5f4a3b2c1d0e";
    vec![
        (
            "uuid",
            vec![
                uuid.to_owned(),
                format!("id: {uuid}"),
                format!("\"request_id\": \"{uuid}\""),
                format!("GET /v1/orders/{uuid}/lines"),
                format!("user_id={uuid}&session_id={uuid}"),
            ],
        ),
        (
            "digest",
            vec![
                format!("commit {}", hex(40)),
                format!("sha256:{}", hex(64)),
                format!("md5 = {}", hex(32)),
                format!("{}  release.tar.gz", hex(64)),
                format!("index {}..{} 100644", hex(7), &hex(16)[8..15]),
                format!("ETag: \"{}\"", hex(32)),
                format!("FROM alpine@sha256:{}", hex(64)),
            ],
        ),
        (
            "lock file",
            vec![
                format!("checksum = \"{}\"", hex(64)),
                format!("\"integrity\": \"sha512-{}==\"", base64(86)),
                format!(
                    "  resolved \"https://registry.yarnpkg.com/a/-/a-1.2.3.tgz#{}\"",
                    hex(40)
                ),
                format!("github.com/pkg/errors v0.9.1 h1:{}=", base64(43)),
                format!("    --hash=sha256:{}", hex(64)),
                format!("\"content-hash\": \"{}\"", hex(32)),
                format!("  rev = \"{}\"", hex(40)),
            ],
        ),
        (
            "public key",
            vec![
                format!(
                    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} ada@host",
                    base64(43)
                ),
                format!("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ{}", base64(300)),
                format!(
                    "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
                    base64(64)
                ),
                format!(
                    "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----",
                    base64(64)
                ),
                format!(
                    "api_key = ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{}",
                    base64(43)
                ),
                format!("age1{}", letters("qpzry9x8gf2tvdw0s3jn54khce6mua7l", 58)),
                format!("public_key = \"{}=\"", base64(43)),
                format!("publishable key: pk_live_{}", letters("aZ3bY7cX1dW9", 24)),
            ],
        ),
        (
            "placeholder",
            [
                "API_KEY=your-api-key-here",
                "api_key = \"<YOUR_API_KEY>\"",
                "password = changeme",
                "password: \"********\"",
                "token: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                "SECRET_KEY=replace_me_with_a_real_secret",
                "PASSWORD=example-password-123",
                "secret: [redacted]",
                "token = \"...\"",
                "password = \"\"",
                "auth_token: null",
                "client_secret: TODO",
                "access_token = 00000000000000000000000000000000",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
        (
            "name",
            [
                "const tokenBucketRateLimiter = new TokenBucketRateLimiter()",
                "passwordResetTokenGenerator.makeToken(user)",
                "secretKey = getSecretKeyFromConfiguration",
                "api_key = settings.SERVICE_ACCOUNT_API_KEY",
                "accessToken: authenticationContext.accessTokenForCurrentUser",
                "let password = PasswordHasherFactory::default_hasher()",
                "AbstractSingletonProxyFactoryBeanTokenProvider",
                "self.credential_provider_for_environment_variables",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
        (
            "address of data",
            vec![
                format!("data:image/png;base64,iVBORw0KGgo{}", base64(200)),
                format!("<img src=\"data:image/gif;base64,R0lGOD{}\">", base64(80)),
                format!("url(data:font/woff2;base64,d09GMg{})", base64(120)),
                format!("integrity=\"sha384-{}\"", base64(64)),
            ],
        ),
        (
            "reference",
            [
                "password: ${DB_PASSWORD}",
                "API_KEY=$API_KEY",
                "token: ${{ secrets.DEPLOY_TOKEN }}",
                "secret = os.environ[\"APP_SECRET\"]",
                "apiKey: process.env.SERVICE_API_KEY",
                "password = {{ vault_database_password }}",
                "PASSWORD=%DB_PASSWORD%",
                "client_secret: op://vault/item/field",
                "password_file: /run/secrets/database_password",
                "secret: arn:aws:secretsmanager:eu-west-1:stack/app",
                "token = $(cat /run/secrets/token)",
                "postgres://app:${DB_PASSWORD}@db.internal/app",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
        (
            "order number",
            [
                "order 1234567",
                "Order #2024-000123 was shipped",
                "Bestellung Nr. 4711-0815",
                "invoice INV-2024-00042",
                "ticket JIRA-12345, build 20241122.7",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
        (
            "time",
            [
                "ts=1732246626",
                "at 1732246626123 ms",
                "2024-11-22T03:36:50Z",
                "22.11.2024, 03:36:50",
                "elapsed 1732246626123456 ns",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
        (
            "book and article",
            [
                "ISBN 978-3-16-148410-0",
                "ISBN 9783161484100",
                "EAN 4006381333931",
                "ISSN 0378-5955",
                "doi:10.1000/182",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
        (
            "version and price",
            [
                "version 1.2.3-beta.4+build.567",
                "v10.15.7 (19H2026)",
                "rustc 1.91.0 (59807616e 2026-10-12)",
                "EUR 1.234.567,89",
                "$1,234,567.89 in 12 months",
                "1920x1080, 60 Hz, 24 bit",
                "3.14159265358979",
                "coordinates 52.520008, 13.404954",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
        (
            "parcel",
            [
                "tracking 1Z999AA10123456784",
                "parcel RB123456785DE",
                "DHL 00340434161094042557",
                "FedEx 449044304137821",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
    ]
}

/// False friends that are taken for data today: sort, text, rule.
const KNOWN_ALARMS: &[(&str, &str, &str)] = &[];

#[test]
fn false_friends_are_left_alone() {
    let mut wrong = Vec::new();
    for (sort, texts) in false_friends() {
        for text in texts {
            let found = INSPECTOR.structured(&text);
            let known = KNOWN_ALARMS
                .iter()
                .find(|(kind, known, _)| *kind == sort && text.starts_with(known));
            match (known, found.as_slice()) {
                (None, []) => {}
                (Some((.., rule)), [one]) if one.rule == *rule => {}
                (Some(_), _) => {
                    wrong.push(format!("{sort}: no known alarm now: {found:?} in `{text}`"))
                }
                (None, _) => {
                    let shown: Vec<_> = found
                        .iter()
                        .map(|f| (f.rule, &text[f.span.clone()]))
                        .collect();
                    wrong.push(format!("{sort}: {shown:?} in `{text}`"));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

// ----- numbers of persons

/// `text` with one finding, marked by `⟦⟧`, and its rule; without marks nothing may be found.
#[track_caller]
fn check(rule: &str, marked: &str) {
    let text = marked.replace(['⟦', '⟧'], "");
    let expected: Vec<_> = marked
        .split_once('⟦')
        .and_then(|(_, tail)| tail.split_once('⟧'))
        .map(|(inside, _)| (rule, inside))
        .into_iter()
        .collect();
    let found = INSPECTOR.structured(&text);
    let shown: Vec<_> = found
        .iter()
        .map(|f| (f.rule, &text[f.span.clone()]))
        .collect();
    assert_eq!(shown, expected, "in `{text}`");
}

const PERSONAL: &str = include_str!("../../rules/personal.rules");
const PERSONAL_CASES: &str = include_str!("../data/personal-cases.tsv");

/// Forms of numbers that match and are not always found in a text, with their types: known misses.
/// `Identifiers::find` begins at runs with a digit, at one word of capitals before such a run and at
/// pairs, so what begins with other words is not reached; and `FirstRun::take` forgets that behind a
/// class such as `[0-9<]` letters may follow in the same run.
const NOT_REACHED: &[(&str, &str)] = &[
    ("BIC", "[A-Z]{6}[A-Z0-9]{2}"),
    (
        "BR_CNPJ",
        "[0-9A-Z]{2}.[0-9A-Z]{3}.[0-9A-Z]{3}/[0-9A-Z]{4}-[0-9]{2}",
    ),
    ("CRYPTO_BCH", "bitcoincash:(q|p)[02-9ac-hj-np-z]{41}"),
    (
        "DATE_OF_BIRTH",
        "(January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{1,2}, [0-9]{4}",
    ),
    (
        "FR_VAT",
        "FR[ ][0-9A-HJ-NP-Z]{2}[ ][0-9]{3}[ ][0-9]{3}[ ][0-9]{3}",
    ),
    (
        "IT_FISCAL_CODE",
        "[A-Z]{3} [A-Z]{3} [0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2} [A-Z][0-9LMNPQRSTUV]{3}[A-Z]",
    ),
    ("LICENSE_PLATE", "[A-ZÄÖÜ]{1,3}-[A-Z]{1,2} [0-9]{1,4}"),
    ("LICENSE_PLATE", "[A-ZÄÖÜ]{1,3}-[A-Z]{1,2}~[0-9]{1,4}"),
    (
        "MRZ_TD1_LINE1",
        "[ACI][A-Z0-9<][A-Z<]{3}[A-Z0-9<]{9}[0-9][A-Z0-9<]{15}",
    ),
    (
        "MRZ_TD1_LINE2",
        "[0-9<]{6}[0-9][MFX<][0-9]{6}[0-9][A-Z<]{3}[A-Z0-9<]{11}[0-9]",
    ),
    ("MRZ_TD2_LINE1", "[ACI][A-Z<][A-Z<]{3}[A-Z<]{31}"),
    ("MRZ_TD3_LINE1", "P[A-Z<][A-Z<]{3}[A-Z<]{39}"),
];

/// Every number of the table is found in a sentence behind a word that explains it.
#[test]
fn every_form_of_a_number_is_found_in_a_sentence() {
    let rules: Vec<Vec<&str>> = PERSONAL
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| line.split(" | ").map(str::trim).collect())
        .collect();
    let (mut tried, mut wrong, mut missed) = (0, BTreeSet::new(), BTreeSet::new());
    for line in PERSONAL_CASES.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = line.split('\t').collect();
        let [name, value, "1", note, ..] = fields.as_slice() else {
            continue;
        };
        let form = note.strip_prefix("form ").unwrap_or(note);
        let Some(rule) = rules
            .iter()
            .find(|rule| rule[0] == *name && rule[1] == form)
        else {
            continue;
        };
        tried += 1;
        let word = rule[3]
            .split(',')
            .next()
            .map_or("", str::trim)
            .replace('-', "");
        let text = format!("The {word} {value}, please.");
        let start = text.find(value).unwrap();
        let found = INSPECTOR.structured(&text);
        let seen = found
            .iter()
            .any(|one| one.span.start <= start && one.span.end >= start + value.len());
        if !seen {
            missed.insert((*name, form));
            if !NOT_REACHED.contains(&(*name, form)) {
                let shown: Vec<_> = found
                    .iter()
                    .map(|f| (f.rule, &text[f.span.clone()]))
                    .collect();
                wrong.insert(format!("{name} {form}: {shown:?} in `{text}`"));
            }
        }
    }
    assert!(tried > 1000, "{tried}");
    let wrong: Vec<_> = wrong.into_iter().collect();
    assert!(
        wrong.is_empty(),
        "{} of {tried} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    for known in NOT_REACHED {
        assert!(
            missed.contains(known),
            "{known:?} is found now: take it out"
        );
    }
}

/// A number that only a word explains is found behind the word in any of its languages, and not
/// without it.
#[test]
fn words_of_many_languages_explain_a_number() {
    for (rule, marked) in [
        ("CARD_CVV", "CVV: ⟦123⟧"),
        ("CARD_CVV", "Prüfziffer ⟦123⟧"),
        ("CARD_CVV", "código de seguridad ⟦123⟧"),
        ("DATE_OF_BIRTH", "born ⟦1984-03-12⟧"),
        ("DATE_OF_BIRTH", "geboren am ⟦12.03.1984⟧ in Köln"),
        ("DATE_OF_BIRTH", "née le ⟦12/03/1984⟧"),
        ("DATE_OF_BIRTH", "дата рождения: ⟦12.03.1984⟧"),
        ("DATE_OF_BIRTH", "生年月日: ⟦1984-03-12⟧"),
        ("DE_STEUERNUMMER", "Finanzamt, ⟦32/6224/31025⟧"),
        ("DRIVING_LICENCE", "prawo jazdy ⟦AB12345678⟧"),
        ("LICENSE_PLATE", "Kennzeichen ⟦K-AB1234⟧"),
        ("PASSPORT", "паспорт ⟦RJ063065⟧"),
        ("PASSPORT", "Reisepass: ⟦RJ063065⟧"),
        ("PL_PESEL", "numer PESEL ⟦88122466799⟧"),
        ("CN_RIC", "身份证号: ⟦36326320150715102X⟧"),
        ("JP_MY_NUMBER", "マイナンバー: ⟦3547 3313 7599⟧"),
        ("KR_RRN", "주민등록번호 ⟦101007-8669175⟧"),
        ("TH_PIN", "เลขประจำตัวประชาชน ⟦1-7331-89331-72-5⟧"),
        ("TR_TCKN", "T.C. Kimlik No: ⟦77698932180⟧"),
        ("IL_ID", "תעודת זהות ⟦85593789-2⟧"),
        ("RU_INN", "ИНН ⟦650726496108⟧"),
        ("IN_AADHAAR", "आधार ⟦7174 0761 4670⟧"),
        ("BR_CPF", "CPF ⟦830.715.656-40⟧"),
        ("NL_BSN", "burgerservicenummer ⟦532314566⟧"),
        ("UK_NHS", "NHS number ⟦880-839-7874⟧"),
    ] {
        check(rule, marked);
    }
}

#[test]
fn scripts_without_spaces_touch_their_numbers() {
    for (rule, marked) in [
        ("DATE_OF_BIRTH", "生年月日⟦1984-03-12⟧生まれ"),
        ("CN_RIC", "身份证号⟦36326320150715102X⟧，谢谢"),
        ("CREDIT_CARD", "卡号是⟦4111111111111111⟧。"),
        ("TH_PIN", "เลขประจำตัวประชาชน⟦1-7331-89331-72-5⟧"),
    ] {
        check(rule, marked);
    }
}

#[test]
fn without_a_word_such_a_number_is_none() {
    for text in [
        "123",
        "1984-03-12",
        "the fair of 12.03.1984",
        "32/6224/31025",
        "K-AB 1234",
        "RJ063065",
        "532314566",
        "2937588107 units",
        "7174 0761 4670",
        "77698932180",
    ] {
        check("", text);
    }
}

/// A word inside another explains nothing.
#[test]
fn only_whole_words_explain() {
    for text in [
        // `dl`, `tc`, `pass`, `tel`, `reg`, `dob`, `mrn`, `card`, `cid` and `nie` are words of lists.
        "handler 281487117",
        "watch 77698932180",
        "bypassing RJ063065",
        "hotel 4951813",
        "region EJ37 WMV",
        "adobe 12.03.1984",
        "public 281487117",
        "acid 123",
        "placid 123",
    ] {
        check("", text);
    }
}

/// A number in a row of groups is a part of something longer.
#[test]
fn a_number_inside_a_longer_one_is_none() {
    // A card that stands in an IBAN, and numbers with groups before and behind.
    check("IBAN", "⟦DE89 3704 0044 0532 0130 00⟧");
    check("IBAN", "IBAN: ⟦DE89370400440532013000⟧ please");
    for text in [
        "1234-4111-1111-1111-1111",
        "4111-1111-1111-1111-1234",
        "9 4111 1111 1111 1111 22",
        "x4111111111111111",
        "41111111111111112345",
    ] {
        check("", text);
    }
    check("CREDIT_CARD", "card ⟦4111 1111 1111 1111⟧, thanks");
    check("CREDIT_CARD", "⟦4111111111111111⟧");
}

#[test]
fn of_two_readings_of_a_number_one_is_told() {
    for text in [
        "IBAN DE89 3704 0044 0532 0130 00",
        "card 4111 1111 1111 1111 cvv 123 exp 12/29",
        "tel +49 30 901820 fax +49 30 901821",
        "passport C01X00T47 issued 12.03.2014, born 12.03.1984",
        "SSN 338-34-3961 or 833 32 9039",
    ] {
        let found = INSPECTOR.structured(text);
        assert!(!found.is_empty(), "{text}");
        for pair in found.windows(2) {
            assert!(
                pair[0].span.end <= pair[1].span.start,
                "{found:?} in `{text}`"
            );
        }
    }
    // A token is stronger than a number in it, a canary stronger than everything.
    let token = format!("AKIA{}", letters("A7QX2ZB4MC6NVL3KD", 16));
    let found = INSPECTOR.structured(&format!("{token} 4111111111111111"));
    let rules: Vec<_> = found.iter().map(|one| one.rule).collect();
    assert_eq!(rules, ["aws_access_key", "CREDIT_CARD"]);
}

#[test]
fn places_are_bytes_whatever_stands_before() {
    for before in [
        "",
        "é ",
        "漢字 ",
        "🦀🦀 ",
        "e\u{301} ",
        "\u{200b} ",
        "«",
        "„",
    ] {
        for (rule, value) in [
            ("IBAN", "DE89370400440532013000"),
            ("CREDIT_CARD", "4111 1111 1111 1111"),
            ("BR_CPF", "830.715.656-40"),
        ] {
            check(rule, &format!("{before}⟦{value}⟧ ü"));
        }
    }
    // A letter that touches a number makes it a word.
    check("", "é4111111111111111");
}
