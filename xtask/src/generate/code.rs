// SPDX-License-Identifier: Apache-2.0
//! Codes that people write texts in. Attacks and ordinary texts are encoded alike, so that a code
//! says nothing by itself.

use std::fmt::Write as _;

/// A code, with its name.
pub(super) type Code = (&'static str, fn(&str) -> String);

pub(super) const CODES: [Code; 10] = [
    ("apart", apart),
    ("base64", base64),
    ("binary", |text| {
        bytes(text, |out, byte| write!(out, "{byte:08b} "))
    }),
    ("entities", |text| {
        text.chars()
            .map(|c| format!("&#{};", u32::from(c)))
            .collect()
    }),
    ("escapes", |text| {
        text.encode_utf16()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect()
    }),
    ("hex", |text| {
        bytes(text, |out, byte| write!(out, "{byte:02x}"))
    }),
    ("leet", |text| text.chars().map(leet).collect()),
    ("percent", |text| {
        bytes(text, |out, byte| write!(out, "%{byte:02X}"))
    }),
    ("reversed", |text| text.chars().rev().collect()),
    ("rot13", |text| text.chars().map(turned).collect()),
];

fn bytes(text: &str, form: impl Fn(&mut String, u8) -> std::fmt::Result) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        // Writing to a string cannot fail.
        let _ = form(&mut out, byte);
    }
    out
}

fn turned(c: char) -> char {
    let turn = |first: u8| char::from((c as u8 - first + 13) % 26 + first);
    match c {
        'a'..='z' => turn(b'a'),
        'A'..='Z' => turn(b'A'),
        other => other,
    }
}

const fn leet(c: char) -> char {
    match c.to_ascii_lowercase() {
        'a' => '4',
        'e' => '3',
        'i' => '1',
        'o' => '0',
        's' => '5',
        't' => '7',
        _ => c,
    }
}

/// Letters with a space between them, words with three.
fn apart(text: &str) -> String {
    let spread = |word: &str| word.chars().map(String::from).collect::<Vec<_>>().join(" ");
    let words: Vec<String> = text.split_whitespace().map(spread).collect();
    words.join("   ")
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in text.as_bytes().chunks(3) {
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | u32::from(three.get(at).copied().unwrap_or(0))
        });
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at)) as usize & 63];
            out.push(if at > three.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_ends_with_as_many_signs_as_bytes_are_missing() {
        for (text, expected) in [("M", "TQ=="), ("Ma", "TWE="), ("Man", "TWFu"), ("", "")] {
            assert_eq!(base64(text), expected);
        }
    }

    #[test]
    fn letters_are_turned_by_half_the_alphabet() {
        assert_eq!(
            "Hello, Z!".chars().map(turned).collect::<String>(),
            "Uryyb, M!"
        );
    }
}
