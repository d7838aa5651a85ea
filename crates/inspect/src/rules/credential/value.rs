// SPDX-License-Identifier: Apache-2.0
//! What a secret is not: placeholders, references, words, names, paths.

use super::gibberish::is_wordlike;

/// Parts of what stands where a secret would.
const PLACEHOLDERS: &[&str] = &[
    "0badc0de",
    "change_me",
    "changeme",
    "deadbeef",
    "dummy",
    "example",
    "fakefake",
    "insert",
    "not-a-real",
    "notarealkey",
    "notreal",
    "placeholder",
    "redacted",
    "replace",
    "sample_",
    "your",
];
/// The same for values, which are less random.
const POOR: &[&str] = &[
    "****", "....", "_key", "my-", "passwd", "password", "secret_", "xxxx",
];
/// Whole values that protect nothing.
const COMMON: &[&str] = &[
    "abc",
    "abcd",
    "admin",
    "apikey",
    "bar",
    "baz",
    "changeit",
    "dbpass",
    "default",
    "demo",
    "elastic",
    "empty",
    "false",
    "foo",
    "foobar",
    "guest",
    "hello",
    "hidden",
    "key",
    "kibana",
    "letmein",
    "login",
    "masked",
    "mongo",
    "mypass",
    "mysql",
    "nil",
    "none",
    "null",
    "omitted",
    "pass",
    "postgres",
    "pwd",
    "qwerty",
    "rabbitmq",
    "redis",
    "removed",
    "root",
    "sample",
    "secret",
    "string",
    "tbd",
    "test",
    "tester",
    "testing",
    "text",
    "todo",
    "token",
    "true",
    "undefined",
    "user",
    "username",
    "userpass",
    "value",
    "world",
    "xxx",
    "yyy",
];
/// What a value that is looked up elsewhere has in it.
const REFERENCES: &[&str] = &[
    "$(",
    "${",
    "%(",
    ".env",
    "environ",
    "getenv",
    "process.env",
    "secrets.",
    "vars.",
    "{{",
];

/// Shannon entropy in bits a byte.
pub(super) fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_u32; 256];
    bytes
        .iter()
        .for_each(|byte| counts[usize::from(*byte)] += 1);
    let all = bytes.len() as f32;
    let part = |count: &u32| {
        let share = *count as f32 / all;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(part).sum()
}

/// The longest run of one byte.
fn repeated(bytes: &[u8]) -> usize {
    longest(bytes, |a, b| a == b)
}

/// The longest run of bytes that follow one another.
fn ascending(bytes: &[u8]) -> usize {
    longest(bytes, |a, b| a.checked_add(1) == Some(b))
}

fn longest(bytes: &[u8], joined: impl Fn(u8, u8) -> bool) -> usize {
    let (mut best, mut run) = (1, 1);
    for pair in bytes.windows(2) {
        run = if joined(pair[0], pair[1]) { run + 1 } else { 1 };
        best = best.max(run);
    }
    best.min(bytes.len())
}

fn kinds(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    bytes
        .iter()
        .for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count()
}

/// Whether a token stands in the place of a real one. `varied` is what its form leaves open.
pub(super) fn is_placeholder(token: &str, varied: &[u8]) -> bool {
    let lower = token.to_ascii_lowercase();
    let named = token.len() <= 300 && PLACEHOLDERS.iter().any(|word| lower.contains(word));
    let flat =
        repeated(varied) >= (varied.len() / 8).max(6) || (varied.len() >= 16 && kinds(varied) < 5);
    let counted = varied.len() <= 80 && ascending(&varied.to_ascii_lowercase()) >= 8;
    named || flat || counted
}

/// Whether a value of an assignment, or a password in a URL, may be a secret.
pub(super) fn may_be_secret(value: &str) -> bool {
    let value = value.trim_matches(['\'', '"']);
    let inner = value
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .filter(|inner| !inner.starts_with('{'));
    let value = inner.unwrap_or(value);
    let lower = value.to_ascii_lowercase();
    let bytes = value.as_bytes();
    if bytes.len() < 4 || is_reference(value) || is_common(&lower) {
        return false;
    }
    let poor = PLACEHOLDERS
        .iter()
        .chain(POOR)
        .any(|word| lower.contains(word));
    let short_number = bytes.len() < 10 && bytes.iter().all(u8::is_ascii_digit);
    let flat = repeated(bytes) >= (bytes.len() / 2).max(4) || kinds(bytes) < 4;
    if poor || short_number || flat || ascending(lower.as_bytes()) >= 6 {
        return false;
    }
    if bytes
        .iter()
        .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'))
    {
        return reads_like_none(bytes);
    }
    true
}

fn is_reference(value: &str) -> bool {
    let begins = |byte: &u8| matches!(byte, b'<' | b'[' | b'{');
    let bytes = value.as_bytes();
    let second = bytes.get(1);
    let letter = second.is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let variable = match bytes.first() {
        Some(b'$') => {
            letter
                || matches!(second, Some(b'{' | b'('))
                || bytes[1..].iter().all(u8::is_ascii_digit)
        }
        Some(b'%') => value.len() > 2 && value.ends_with('%'),
        Some(b'@') => letter,
        Some(b'#') => second == Some(&b'{'),
        Some(b'/') => value[1..].contains('/'),
        Some(b'.' | b'~') => second == Some(&b'/'),
        other => other.is_some_and(begins),
    };
    let signs = ['*', '.', '-']
        .iter()
        .any(|sign| value.trim_matches(*sign).is_empty());
    let address = value.starts_with("http:") || value.starts_with("https:");
    variable || signs || address || REFERENCES.iter().any(|part| value.contains(part))
}

fn is_common(lower: &str) -> bool {
    let trimmed = lower.trim_matches(|c: char| "-_.:!?123#".contains(c));
    let letters: String = lower.chars().filter(char::is_ascii_lowercase).collect();
    let known = |word: &str| COMMON.binary_search(&word).is_ok() || word == "password";
    known(trimmed) || known(&letters)
}

/// Letters alone are a secret only when their case changes as no word's does.
fn reads_like_none(bytes: &[u8]) -> bool {
    let upper = bytes.iter().any(u8::is_ascii_uppercase);
    let lower = bytes.iter().any(u8::is_ascii_lowercase);
    let joined = bytes.iter().any(|byte| matches!(byte, b'_' | b'-'));
    let title = bytes[1..].iter().all(u8::is_ascii_lowercase);
    if !upper || !lower || joined || title {
        return false;
    }
    let changes = bytes
        .windows(2)
        .filter(|pair| pair[0].is_ascii_lowercase() != pair[1].is_ascii_lowercase())
        .count();
    bytes.len() >= 12 && changes as f32 / bytes.len() as f32 > 0.35
}

/// Whether a value is a name as programmers make them: words joined by case or signs.
pub(super) fn is_name(value: &str) -> bool {
    let signs = |c: char| c.is_ascii_alphanumeric() || "._-/:$[]@".contains(c);
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    value.chars().all(signs) && digits * 5 <= value.len() && is_wordlike(value)
}

/// Whether the list that is searched by halves is in order.
#[cfg(test)]
pub(super) fn sorted() -> bool {
    COMMON.is_sorted()
}
