// SPDX-License-Identifier: Apache-2.0
//! Twelve disguises of a text.

use base64::Engine as _;

/// Longer texts are left out of figures: nobody spells out pages.
pub(crate) const LONGEST: usize = 1500;

pub(crate) type Disguise = (&'static str, fn(&str) -> String);

pub(crate) const DISGUISES: [Disguise; 12] = [
    ("base64", |text| {
        base64::engine::general_purpose::STANDARD.encode(text)
    }),
    ("hexadecimal", |text| {
        bytes(text, |byte| format!("{byte:02x}"))
    }),
    ("percent", |text| bytes(text, |byte| format!("%{byte:02X}"))),
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
    ("binary", |text| bytes(text, |byte| format!("{byte:08b} "))),
    ("rot13", |text| text.chars().map(turned).collect()),
    ("backwards", |text| text.chars().rev().collect()),
    ("leet", |text| text.chars().map(leet).collect()),
    ("letters apart", apart),
    ("zero width", |text| {
        text.chars().flat_map(|c| [c, '\u{200b}']).collect()
    }),
    ("look-alikes", |text| text.chars().map(look_alike).collect()),
];

fn bytes(text: &str, form: impl Fn(u8) -> String) -> String {
    text.bytes().map(form).collect()
}

fn turned(c: char) -> char {
    match c {
        'a'..='m' | 'A'..='M' => char::from(c as u8 + 13),
        'n'..='z' | 'N'..='Z' => char::from(c as u8 - 13),
        other => other,
    }
}

fn leet(c: char) -> char {
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

fn apart(text: &str) -> String {
    let spread = |word: &str| word.chars().map(String::from).collect::<Vec<_>>().join(" ");
    text.split_whitespace()
        .map(spread)
        .collect::<Vec<_>>()
        .join("   ")
}

fn look_alike(c: char) -> char {
    match c {
        'a' => 'а',
        'e' => 'е',
        'o' => 'о',
        'p' => 'р',
        'c' => 'с',
        other => other,
    }
}
