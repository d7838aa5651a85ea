// SPDX-License-Identifier: Apache-2.0
//! Twelve disguises of the same texts: how many are still found, and how many ordinary ones are then
//! taken for attacks.

use base64::Engine as _;
use casemate_inspect::Inspector;

use crate::{Row, segment};

/// Longer texts are left out: nobody spells out pages.
const LONGEST: usize = 1500;

type Disguise = (&'static str, fn(&str) -> String);

const DISGUISES: [Disguise; 12] = [
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

pub(crate) fn measure(inspector: &Inspector, rows: &[Row]) {
    let fits = |row: &&Row| {
        let mostly_ascii =
            row.text.chars().filter(char::is_ascii).count() * 10 >= row.text.len() * 9;
        !row.source.starts_with("obfuscated") && row.text.len() <= LONGEST && mostly_ascii
    };
    for role in ["user", "tool", "document"] {
        let rows: Vec<&Row> = rows
            .iter()
            .filter(fits)
            .filter(|row| row.role == role)
            .collect();
        let share = |label: u8, hide: fn(&str) -> String| {
            let own: Vec<_> = rows.iter().filter(|row| row.label == label).collect();
            let flagged = own
                .iter()
                .filter(|row| inspector.injection(segment(role, &hide(&row.text))).flag);
            100.0 * flagged.count() as f64 / own.len().max(1) as f64
        };
        let plain = ("plain", str::to_owned as fn(&str) -> String);
        for (name, hide) in [plain].into_iter().chain(DISGUISES) {
            let (attacks, others) = (share(1, hide), share(0, hide));
            println!("{role:9} {name:14} {attacks:5.1} % of attacks, {others:5.1} % of others");
        }
    }
}

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
