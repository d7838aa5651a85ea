// SPDX-License-Identifier: Apache-2.0
//! What a secret is not: placeholders, references, words, names, paths.

use super::{super::place::ones, gibberish::is_wordlike, texts::Texts};

/// Parts of what stands where a secret would.
static PLACEHOLDERS: Texts = Texts::new(&[
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
]);
/// The same for values, which are less random.
static POOR: Texts = Texts::new(&[
    "****", "....", "_key", "my-", "passwd", "password", "secret_", "xxxx",
]);
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
    "password",
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
static REFERENCES: Texts = Texts::new(&[
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
]);

/// Shannon entropy in bits a byte.
pub(super) fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_usize; 256];
    let mut seen = Set::default();
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
        seen.add(*byte);
    }
    let all = bytes.len() as f32;
    let part = |count: usize| {
        let share = count as f32 / all;
        -share * share.log2()
    };
    // In what is random most bytes stand once or twice.
    let often: [f32; 4] = std::array::from_fn(part);
    let counts = seen.bytes().map(|byte| counts[usize::from(byte)]);
    counts
        .map(|count| often.get(count).copied().unwrap_or_else(|| part(count)))
        .sum()
}

/// The longest run of one byte.
fn repeated(bytes: &[u8]) -> usize {
    longest(bytes, |a, b| a == b)
}

/// The longest run of bytes that follow one another, in any case.
fn ascending(bytes: &[u8]) -> usize {
    longest(bytes, |a, b| {
        a.to_ascii_lowercase().checked_add(1) == Some(b.to_ascii_lowercase())
    })
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
    let mut seen = Set::default();
    bytes.iter().for_each(|byte| seen.add(*byte));
    seen.bytes().count()
}

/// Whether a token stands in the place of a real one. `varied` is what its form leaves open.
pub(super) fn is_placeholder(token: &str, varied: &[u8]) -> bool {
    let named = token.len() <= 300 && PLACEHOLDERS.any_in(token);
    let flat =
        repeated(varied) >= (varied.len() / 8).max(6) || (varied.len() >= 16 && kinds(varied) < 5);
    let counted = varied.len() <= 80 && ascending(varied) >= 8;
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
    let bytes = value.as_bytes();
    if bytes.len() < 4 || is_reference(value) || is_common(value) {
        return false;
    }
    let poor = PLACEHOLDERS.any_in(value) || POOR.any_in(value);
    let short_number = bytes.len() < 10 && bytes.iter().all(u8::is_ascii_digit);
    let flat = repeated(bytes) >= (bytes.len() / 2).max(4) || kinds(bytes) < 4;
    if poor || short_number || flat || ascending(bytes) >= 6 {
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
    variable || signs || address || REFERENCES.any_exactly_in(value)
}

fn is_common(value: &str) -> bool {
    let sign = |byte: &u8| b"-_.:!?123#".contains(byte);
    let bytes = value.as_bytes();
    let begin = bytes.iter().take_while(|byte| sign(byte)).count();
    let end = bytes.len() - bytes.iter().rev().take_while(|byte| sign(byte)).count();
    let trimmed = bytes.get(begin..end).unwrap_or_default().iter();
    let letters = bytes.iter().filter(|byte| byte.is_ascii_alphabetic());
    is_known(trimmed) || is_known(letters)
}

/// Whether bytes are a whole value that protects nothing, in any case.
fn is_known<'a>(bytes: impl Iterator<Item = &'a u8>) -> bool {
    // One byte longer than the longest.
    let mut word = [0; 10];
    let mut length = 0;
    for (place, byte) in word.iter_mut().zip(bytes) {
        *place = byte.to_ascii_lowercase();
        length += 1;
    }
    let word = &word[..length];
    COMMON
        .binary_search_by(|known| known.as_bytes().cmp(word))
        .is_ok()
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

/// Bytes that were seen.
#[derive(Default)]
struct Set([u64; 4]);

impl Set {
    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    /// In their order.
    fn bytes(&self) -> impl Iterator<Item = u8> {
        let places = self.0.iter().zip([0, 64, 128, 192]);
        places.flat_map(|(bits, from)| ones(*bits).map(move |place| from + place as u8))
    }
}

/// Whether the list that is searched by halves is in order.
#[cfg(test)]
pub(super) fn sorted() -> bool {
    COMMON.is_sorted()
}
