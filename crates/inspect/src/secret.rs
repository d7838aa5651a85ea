// SPDX-License-Identifier: Apache-2.0
//! Secrets by their prefix and form.

use aho_corasick::AhoCorasick;
use casemate_types::{Finding, FindingKind};

use crate::words::{Hit, Sense};

/// What may follow a prefix.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// Letters and digits, at least and at most so many.
    Alnum(usize, usize),
    /// Upper-case letters and digits.
    Upper(usize, usize),
    /// Lower-case hexadecimal.
    Hex(usize, usize),
    /// Letters, digits, `-` and `_`.
    Url(usize, usize),
    /// Letters, digits, `-`, `_` and `.`.
    Dotted(usize, usize),
    /// Base64 with `+`, `/` and `=`.
    Base64(usize, usize),
    /// Three base64url parts with dots, the first beginning with the prefix.
    Jwt,
    /// A PEM header of a private key.
    Pem,
}

#[derive(Debug)]
pub(crate) struct Prefix {
    pub(crate) literal: &'static str,
    form: Form,
    kind: FindingKind,
    rule: &'static str,
}

const fn prefix(
    literal: &'static str,
    form: Form,
    kind: FindingKind,
    rule: &'static str,
) -> Prefix {
    Prefix {
        literal,
        form,
        kind,
        rule,
    }
}

use FindingKind::{CloudKey, PrivateKey, ProviderKey};
use Form::{Alnum, Base64, Dotted, Hex, Jwt, Pem, Upper, Url};

/// Prefixes and forms as their issuers document them.
pub(crate) const PREFIXES: &[Prefix] = &[
    prefix("AKIA", Upper(16, 16), CloudKey, "secret.aws_access_key"),
    prefix("ASIA", Upper(16, 16), CloudKey, "secret.aws_session_key"),
    prefix("AIza", Url(35, 35), CloudKey, "secret.google_api_key"),
    prefix("ya29.", Url(20, 512), CloudKey, "secret.google_oauth"),
    prefix(
        "GOCSPX-",
        Url(28, 28),
        CloudKey,
        "secret.google_client_secret",
    ),
    prefix(
        "AccountKey=",
        Base64(86, 90),
        CloudKey,
        "secret.azure_storage_key",
    ),
    prefix(
        "SharedAccessKey=",
        Base64(43, 45),
        CloudKey,
        "secret.azure_bus_key",
    ),
    prefix("dop_v1_", Hex(64, 64), CloudKey, "secret.digitalocean"),
    prefix("LTAI", Alnum(12, 24), CloudKey, "secret.alibaba"),
    prefix("ghp_", Alnum(36, 36), ProviderKey, "secret.github_token"),
    prefix("gho_", Alnum(36, 36), ProviderKey, "secret.github_token"),
    prefix("ghu_", Alnum(36, 36), ProviderKey, "secret.github_token"),
    prefix("ghs_", Alnum(36, 36), ProviderKey, "secret.github_token"),
    prefix("ghr_", Alnum(36, 76), ProviderKey, "secret.github_token"),
    prefix("github_pat_", Url(82, 82), ProviderKey, "secret.github_pat"),
    prefix("glpat-", Url(20, 64), ProviderKey, "secret.gitlab_token"),
    prefix("sk-ant-", Url(32, 200), ProviderKey, "secret.anthropic_key"),
    prefix("sk-proj-", Url(32, 256), ProviderKey, "secret.openai_key"),
    prefix(
        "sk-svcacct-",
        Url(32, 256),
        ProviderKey,
        "secret.openai_key",
    ),
    prefix(
        "sk-or-v1-",
        Hex(64, 64),
        ProviderKey,
        "secret.openrouter_key",
    ),
    prefix("sk-", Alnum(32, 64), ProviderKey, "secret.openai_key"),
    prefix(
        "hf_",
        Alnum(34, 40),
        ProviderKey,
        "secret.huggingface_token",
    ),
    prefix("gsk_", Alnum(40, 64), ProviderKey, "secret.groq_key"),
    prefix("r8_", Alnum(37, 40), ProviderKey, "secret.replicate_token"),
    prefix("xoxb-", Url(24, 96), ProviderKey, "secret.slack_token"),
    prefix("xoxp-", Url(24, 96), ProviderKey, "secret.slack_token"),
    prefix("xoxa-", Url(24, 96), ProviderKey, "secret.slack_token"),
    prefix("xoxs-", Url(24, 96), ProviderKey, "secret.slack_token"),
    prefix("xapp-", Url(24, 128), ProviderKey, "secret.slack_token"),
    prefix("sk_live_", Alnum(24, 128), ProviderKey, "secret.stripe_key"),
    prefix("rk_live_", Alnum(24, 128), ProviderKey, "secret.stripe_key"),
    prefix(
        "sk_test_",
        Alnum(24, 128),
        ProviderKey,
        "secret.stripe_test_key",
    ),
    prefix(
        "whsec_",
        Base64(32, 64),
        ProviderKey,
        "secret.stripe_webhook",
    ),
    prefix("SG.", Dotted(64, 68), ProviderKey, "secret.sendgrid_key"),
    prefix("npm_", Alnum(36, 36), ProviderKey, "secret.npm_token"),
    prefix(
        "pypi-AgEIcHlwaS5vcmc",
        Url(50, 256),
        ProviderKey,
        "secret.pypi_token",
    ),
    prefix("shpat_", Hex(32, 32), ProviderKey, "secret.shopify_token"),
    prefix("shpss_", Hex(32, 32), ProviderKey, "secret.shopify_secret"),
    prefix("dckr_pat_", Url(27, 40), ProviderKey, "secret.docker_token"),
    prefix("hvs.", Url(24, 128), ProviderKey, "secret.vault_token"),
    prefix(
        "AGE-SECRET-KEY-1",
        Upper(58, 58),
        PrivateKey,
        "secret.age_key",
    ),
    prefix("cm_", Alnum(38, 38), ProviderKey, "secret.casemate_key"),
    prefix("eyJ", Jwt, ProviderKey, "secret.jwt"),
    prefix("-----BEGIN ", Pem, PrivateKey, "secret.private_key"),
];

/// The longest a token with a known prefix is held back in a stream, in bytes.
pub(crate) const LONGEST: usize = 4096;
/// The longest header of a PEM block.
const PEM_HEADER: usize = 64;

pub(crate) fn find(text: &str, prefixes: &AhoCorasick, hits: &[Hit], found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    for hit in prefixes.find_iter(text) {
        let prefix = &PREFIXES[hit.pattern().as_usize()];
        let joined = hit
            .start()
            .checked_sub(1)
            .and_then(|at| bytes.get(at))
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if joined && !matches!(prefix.form, Pem) {
            continue;
        }
        if let Some(end) = end_of(bytes, hit.start(), hit.end(), prefix.form) {
            let span = hit.start()..end;
            found.push(Finding {
                kind: prefix.kind,
                span,
                rule: prefix.rule,
                score: 0.97,
            });
        }
    }
    for word in hits.iter().filter(|hit| hit.sense == Sense::AwsSecret) {
        aws_secret(bytes, word.end, found);
    }
}

/// Whether a text begins like a secret; such a word is held back longer in a stream.
pub(crate) fn begins_like_one(word: &str) -> bool {
    PREFIXES.iter().any(|prefix| {
        let literal = prefix.literal;
        word.starts_with(literal) || literal.starts_with(word)
    })
}

fn end_of(bytes: &[u8], start: usize, from: usize, form: Form) -> Option<usize> {
    let url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let take = |allowed: &dyn Fn(u8) -> bool, least: usize, most: usize| {
        let count = bytes[from..]
            .iter()
            .take(most + 1)
            .take_while(|byte| allowed(**byte))
            .count();
        (least..=most).contains(&count).then_some(from + count)
    };
    match form {
        Alnum(least, most) => {
            let end = take(&|byte| byte.is_ascii_alphanumeric(), least, most)?;
            (bytes.get(end) != Some(&b'_')).then_some(end)
        }
        Upper(least, most) => take(
            &|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            least,
            most,
        )
        .filter(|end| !bytes.get(*end).is_some_and(u8::is_ascii_alphanumeric)),
        Hex(least, most) => take(
            &|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
            least,
            most,
        )
        .filter(|end| !bytes.get(*end).is_some_and(u8::is_ascii_alphanumeric)),
        Url(least, most) => take(&url, least, most),
        Dotted(least, most) => take(&|byte| url(byte) || byte == b'.', least, most),
        Base64(least, most) => take(
            &|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
            least,
            most,
        ),
        Jwt => jwt_end(bytes, start),
        Pem => pem_end(bytes, start, from),
    }
}

fn jwt_end(bytes: &[u8], start: usize) -> Option<usize> {
    let url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut at = start;
    for part in 0..3 {
        let length = bytes[at..]
            .iter()
            .take(LONGEST)
            .take_while(|byte| url(byte))
            .count();
        let least = if part == 2 { 16 } else { 10 };
        if length < least {
            return None;
        }
        at += length;
        if part < 2 {
            if bytes.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
    }
    Some(at)
}

/// To the end of the block when it is there, else to the end of what there is: the header alone
/// says that a key follows.
fn pem_end(bytes: &[u8], start: usize, from: usize) -> Option<usize> {
    let head = &bytes[from..bytes.len().min(from + PEM_HEADER)];
    let key = memchr::memmem::find(head, b"PRIVATE KEY-----")?;
    if head[..key]
        .iter()
        .any(|byte| !(byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' '))
    {
        return None;
    }
    let body = from + key + 16;
    let tail = memchr::memmem::find(&bytes[body..], b"-----END ").and_then(|at| {
        memchr::memmem::find(&bytes[body + at + 9..], b"-----").map(|more| body + at + 9 + more + 5)
    });
    Some(tail.unwrap_or(bytes.len())).filter(|end| *end > start)
}

/// Forty base64 letters soon after a word that names an AWS secret.
fn aws_secret(bytes: &[u8], from: usize, found: &mut Vec<Finding>) {
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let gap = bytes[from..]
        .iter()
        .take(12)
        .take_while(|byte| !base64(byte))
        .count();
    let start = from + gap;
    let length = bytes[start..]
        .iter()
        .take(41)
        .take_while(|byte| base64(byte))
        .count();
    if length == 40 {
        found.push(Finding {
            kind: CloudKey,
            span: start..start + 40,
            rule: "secret.aws_secret_key",
            score: 0.97,
        });
    }
}
