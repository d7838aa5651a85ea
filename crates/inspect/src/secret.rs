// SPDX-License-Identifier: Apache-2.0
//! Secrets by their prefix and form.

use aho_corasick::{AhoCorasick, Input};
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
    prefix("-----BEGIN ", Pem, PrivateKey, KEY_BLOCK),
];

/// The longest token with a known prefix, in bytes; one that is longer is none.
pub(crate) const LONGEST: usize = 4096;
/// The rule that sees PEM blocks.
pub(crate) const KEY_BLOCK: &str = "secret.private_key";
/// The longest header of a PEM block.
const PEM_HEADER: usize = 64;

/// Finds what begins at `from` or later; what stands before is only looked back at.
pub(crate) fn find(
    text: &str,
    from: usize,
    prefixes: &AhoCorasick,
    hits: &[Hit],
    found: &mut Vec<Finding>,
) {
    let bytes = text.as_bytes();
    // A key block that does not end goes to the end of the text, so whatever begins in one is part
    // of it; looking at it again would make a text of nothing but headers slow.
    let mut block = from;
    for hit in prefixes.find_iter(Input::new(text).range(from..)) {
        let prefix = &PREFIXES[hit.pattern().as_usize()];
        if hit.start() < block || joined(bytes, hit.start(), prefix.form) {
            continue;
        }
        if let Some(end) = end_of(bytes, hit.start(), hit.end(), prefix.form) {
            if matches!(prefix.form, Pem) {
                block = end;
            }
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
        aws_secret(bytes, from, word.end, found);
    }
}

/// Where, from `from` on, tokens begin that may go on after the end of the text.
pub(crate) fn open<'a>(
    text: &'a str,
    from: usize,
    prefixes: &'a AhoCorasick,
) -> impl Iterator<Item = usize> + 'a {
    let bytes = text.as_bytes();
    prefixes
        .find_iter(Input::new(text).range(from..))
        .filter(move |hit| {
            let form = PREFIXES[hit.pattern().as_usize()].form;
            !joined(bytes, hit.start(), form) && runs_out(bytes, hit.start(), hit.end(), form)
        })
        .map(|hit| hit.start())
}

/// Whether a prefix at `start` is the middle of a longer word.
fn joined(bytes: &[u8], start: usize, form: Form) -> bool {
    let before = start.checked_sub(1).and_then(|at| bytes.get(at));
    before.is_some_and(|byte| match form {
        Pem => false,
        // With `-` too, a run of base64url is looked at once and not from each `-eyJ` on.
        Jwt => is_url(*byte),
        _ => byte.is_ascii_alphanumeric() || *byte == b'_',
    })
}

const fn is_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Whether a byte can follow the prefix.
fn allows(form: Form, byte: u8) -> bool {
    match form {
        Alnum(..) => byte.is_ascii_alphanumeric(),
        Upper(..) => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        Hex(..) => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        Url(..) => is_url(byte),
        Dotted(..) | Jwt => is_url(byte) || byte == b'.',
        Base64(..) => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
        Pem => byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b' ' | b'-'),
    }
}

/// Least and most bytes after the prefix.
const fn bounds(form: Form) -> (usize, usize) {
    match form {
        Alnum(least, most)
        | Upper(least, most)
        | Hex(least, most)
        | Url(least, most)
        | Dotted(least, most)
        | Base64(least, most) => (least, most),
        Jwt => (0, LONGEST),
        Pem => (0, PEM_HEADER),
    }
}

/// How many bytes that the form allows stand at `from`, at most one more than it may have.
fn length(bytes: &[u8], from: usize, form: Form) -> usize {
    bytes[from..]
        .iter()
        .take(bounds(form).1 + 1)
        .take_while(|byte| allows(form, **byte))
        .count()
}

/// Whether more text could change what the token is.
fn runs_out(bytes: &[u8], start: usize, from: usize, form: Form) -> bool {
    match form {
        Jwt => jwt(bytes, start) == Token::Open,
        Pem if pem_end(bytes, start, from).is_some() => false,
        _ => {
            let length = length(bytes, from, form);
            from + length == bytes.len() && length <= bounds(form).1
        }
    }
}

fn end_of(bytes: &[u8], start: usize, from: usize, form: Form) -> Option<usize> {
    match form {
        Jwt => {
            return match jwt(bytes, start) {
                Token::To(end) => Some(end),
                Token::None | Token::Open => None,
            };
        }
        Pem => return pem_end(bytes, start, from),
        _ => {}
    }
    let length = length(bytes, from, form);
    let (least, most) = bounds(form);
    let end = from + length;
    let next = bytes.get(end);
    let goes_on = match form {
        Alnum(..) => next == Some(&b'_'),
        Upper(..) | Hex(..) => next.is_some_and(u8::is_ascii_alphanumeric),
        _ => false,
    };
    ((least..=most).contains(&length) && !goes_on).then_some(end)
}

/// What stands at a prefix.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// None.
    None,
    /// None, but what there is may go on after the text.
    Open,
    /// A token to here.
    To(usize),
}

fn jwt(bytes: &[u8], start: usize) -> Token {
    let token = &bytes[start..bytes.len().min(start + LONGEST + 1)];
    let mut at = 0;
    for part in 0..3 {
        let length = token[at..].iter().take_while(|byte| is_url(**byte)).count();
        at += length;
        let least = if part == 2 { 16 } else { 10 };
        let next = token.get(at);
        if at > LONGEST || (next.is_some() && (length < least || (part < 2 && next != Some(&b'.'))))
        {
            return Token::None;
        }
        if next.is_none() && (length < least || part < 2) {
            return Token::Open;
        }
        at += usize::from(part < 2);
    }
    Token::To(start + at)
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
fn aws_secret(bytes: &[u8], from: usize, word: usize, found: &mut Vec<Finding>) {
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut start = word;
    while start - word <= AWS_GAP {
        let rest = bytes.get(start..).unwrap_or_default();
        let secret = rest.iter().take(41).take_while(|byte| base64(byte)).count();
        // Words are only looked for in a text with digits, so a secret must have one: 1 in 900 has
        // none.
        if secret == 40 && start >= from && rest[..secret].iter().any(u8::is_ascii_digit) {
            found.push(Finding {
                kind: CloudKey,
                span: start..start + secret,
                rule: "secret.aws_secret_key",
                score: 0.97,
            });
            return;
        }
        // Whatever stands between: a sign, a quote, a word such as `is`.
        start += secret.max(1);
    }
}

/// Bytes between the word and the secret.
const AWS_GAP: usize = 12;
