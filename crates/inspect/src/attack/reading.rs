// SPDX-License-Identifier: Apache-2.0
//! The ways in which a text can be read: as it stands, and decoded.
//!
//! Decoding is bounded: at most [`DEPTH`] layers, [`READINGS`] readings, and never more than twice
//! the bytes. What is decoded counts only when it reads like language.

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::rules::credential::word_bits;

/// Layers of encoding that are undone.
const DEPTH: usize = 3;
/// Readings of a text beside the first.
const READINGS: usize = 6;
/// The shortest run of letters that is taken for base64 or hexadecimal.
const SHORTEST: usize = 16;
/// Bits a pair of letters below which text reads like language.
const LANGUAGE: f32 = 4.9;

/// A reading, with the codes that were undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) text: String,
    /// How it was made; empty for the text as it stands.
    pub(crate) codes: Vec<&'static str>,
}

type Decoder = fn(&str) -> Option<String>;

const DECODERS: &[(&str, Decoder)] = &[
    ("entities", entities),
    ("escapes", escapes),
    ("percent", percent),
    ("base64", base64),
    ("hex", hex),
    ("binary", binary),
    ("spaced", spaced),
    ("leet", leet),
    ("rot13", rot13),
    ("reversed", reversed),
];

/// All readings of a text, as it stands first.
pub(crate) fn readings(text: &str) -> Vec<Reading> {
    let mut all = vec![Reading {
        text: text.to_owned(),
        codes: Vec::new(),
    }];
    let limit = text.len() * 2 + 64;
    let mut at = 0;
    while at < all.len() {
        let from = all[at].clone();
        at += 1;
        if from.codes.len() >= DEPTH {
            continue;
        }
        for (name, decoder) in DECODERS {
            let Some(decoded) = decoder(&from.text) else {
                continue;
            };
            let known = all.iter().any(|reading| reading.text == decoded);
            if known || decoded.len() > limit || all.len() > READINGS {
                continue;
            }
            let mut codes = from.codes.clone();
            codes.push(name);
            all.push(Reading {
                text: decoded,
                codes,
            });
        }
    }
    all
}

/// Whether bytes are text that somebody may have written.
fn language(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let plain = |c: &char| c.is_alphanumeric() || c.is_whitespace() || c.is_ascii_punctuation();
    let all = text.chars().count();
    let good = text.chars().filter(plain).count();
    let words = text.chars().filter(|c| c.is_alphabetic()).count();
    (all >= 6 && good * 20 >= all * 19 && words * 2 >= all).then_some(text)
}

/// Replaces runs of characters by what they decode to.
fn replace_runs(
    text: &str,
    part: impl Fn(u8) -> bool,
    decode: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut out, mut done, mut at, mut changed) = (String::new(), 0, 0, false);
    while at < bytes.len() {
        let length = bytes[at..].iter().take_while(|byte| part(**byte)).count();
        if length < SHORTEST {
            at += length.max(1);
            continue;
        }
        if let Some(decoded) = text.get(at..at + length).and_then(&decode) {
            out.push_str(text.get(done..at)?);
            out.push_str(&decoded);
            done = at + length;
            changed = true;
        }
        at += length;
    }
    out.push_str(text.get(done..)?);
    changed.then_some(out)
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

fn base64(text: &str) -> Option<String> {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte);
    replace_runs(text, part, |run| {
        let alphabet = if run.contains(['-', '_']) {
            &URL_SAFE
        } else {
            &STANDARD
        };
        let engine = GeneralPurpose::new(alphabet, LENIENT);
        language(engine.decode(run.trim_end_matches('=')).ok()?)
    })
}

fn hex(text: &str) -> Option<String> {
    let digit = |byte: u8| byte.is_ascii_hexdigit();
    let plain = replace_runs(text, digit, |run| {
        let value = |byte: u8| char::from(byte).to_digit(16);
        let pairs = run.as_bytes().as_chunks::<2>().0.iter();
        let bytes: Option<Vec<u8>> = pairs
            .map(|[high, low]| u8::try_from(value(*high)? << 4 | value(*low)?).ok())
            .collect();
        language(bytes?)
    });
    // The same in pairs: `48 65 6c`, `48:65:6c`, `0x48 0x65`, `\x48\x65`.
    plain.or_else(|| groups(text, 16, 2))
}

fn binary(text: &str) -> Option<String> {
    groups(text, 2, 8)
}

/// Numbers of a base with so many digits each, at least six in a row.
fn groups(text: &str, base: u32, digits: usize) -> Option<String> {
    let mut bytes = Vec::new();
    let (mut first, mut last) = (None, 0);
    let separators = |c: char| c.is_whitespace() || matches!(c, ':' | ',' | '\\' | '-');
    for word in text.split(separators) {
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        let number = word.trim_start_matches("0x").trim_start_matches('x');
        if number.is_empty() {
            continue;
        }
        match u8::from_str_radix(number, base) {
            Ok(byte) if number.len() == digits => {
                first.get_or_insert(at);
                last = at + word.len();
                bytes.push(byte);
            }
            _ if bytes.len() >= 6 => break,
            _ => {
                bytes.clear();
                first = None;
            }
        }
    }
    let first = first.filter(|_| bytes.len() >= 6)?;
    let decoded = language(bytes)?;
    Some(format!(
        "{}{decoded}{}",
        text.get(..first)?,
        text.get(last..)?
    ))
}

fn percent(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_code = |at: usize| {
        bytes[at] == b'%'
            && bytes
                .get(at + 1..at + 3)
                .is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
    };
    let codes = (0..bytes.len()).filter(|at| is_code(*at)).count();
    if codes < 4 {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if is_code(at) {
            let pair = text.get(at + 1..at + 3)?;
            out.push(u8::from_str_radix(pair, 16).ok()?);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    language(out)
}

fn entities(text: &str) -> Option<String> {
    if !text.contains('&') {
        return None;
    }
    let (mut out, mut rest, mut changed) = (String::new(), text, false);
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        let decoded = end.and_then(|end| entity(rest.get(1..end)?));
        match (decoded, end) {
            (Some(c), Some(end)) => {
                out.push(c);
                rest = &rest[end + 1..];
                changed = true;
            }
            _ => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    changed.then_some(out)
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "apos" => Some('\''),
        "gt" => Some('>'),
        "lt" => Some('<'),
        "nbsp" => Some(' '),
        "quot" => Some('"'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// `\u0041` and `\x41` as they stand in sources.
fn escapes(text: &str) -> Option<String> {
    if !text.contains("\\u") && !text.contains("\\x") {
        return None;
    }
    let (mut out, mut rest, mut changed) = (String::new(), text, 0);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let width = match rest.as_bytes().get(1) {
            Some(b'u') => 4,
            Some(b'x') => 2,
            _ => 0,
        };
        let code = rest
            .get(2..2 + width)
            .filter(|_| width > 0)
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .and_then(char::from_u32);
        match code {
            Some(c) => {
                out.push(c);
                rest = &rest[2 + width..];
                changed += 1;
            }
            None => {
                out.push('\\');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    (changed >= 4).then_some(out)
}

/// `i g n o r e   t h i s`: single letters with one sign between them, words further apart.
fn spaced(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let (mut out, mut at, mut changed) = (String::with_capacity(text.len()), 0, false);
    let joins = |c: char| c == ' ' || matches!(c, '-' | '.' | '_' | '*' | '|');
    while at < chars.len() {
        let sign = chars.get(at + 1).copied().filter(|c| joins(*c));
        let begins = at == 0 || chars[at - 1].is_whitespace();
        let mut run = at;
        let mut word = String::new();
        if let Some(sign) = sign.filter(|_| begins && !chars[at].is_whitespace()) {
            while run < chars.len() && !chars[run].is_whitespace() && chars[run] != sign {
                word.push(chars[run]);
                run += 1;
                let blanks = chars[run..].iter().take_while(|c| **c == sign).count();
                let stop = chars
                    .get(run + blanks + 1)
                    .is_some_and(|c| *c != sign && !c.is_whitespace());
                match blanks {
                    0 => break,
                    1 => run += 1,
                    _ => {
                        word.push(' ');
                        run += blanks;
                    }
                }
                if stop {
                    // The next word has more letters: the last sign was a space.
                    break;
                }
            }
        }
        if word.chars().filter(|c| !c.is_whitespace()).count() >= 6 {
            out.push_str(&word);
            if run < chars.len() && !word.ends_with(' ') {
                out.push(' ');
            }
            at = run;
            changed = true;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    changed.then_some(out)
}

/// Digits and signs that stand for letters inside of words.
fn leet(text: &str) -> Option<String> {
    let word = |word: &str| {
        let letters = word.chars().filter(|c| c.is_ascii_alphabetic()).count();
        let signs = word.chars().filter(|c| "013457@$".contains(*c)).count();
        letters > 0 && signs > 0 && letters + signs + 1 >= word.chars().count()
    };
    let words = text.split_whitespace().count();
    let codes = text.split_whitespace().filter(|one| word(one)).count();
    if codes < 3 || codes * 5 < words {
        return None;
    }
    let letter = |c: char| match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    Some(text.chars().map(letter).collect())
}

const fn turned(c: char) -> char {
    match c {
        'a'..='m' | 'A'..='M' => (c as u8 + 13) as char,
        'n'..='z' | 'N'..='Z' => (c as u8 - 13) as char,
        other => other,
    }
}

/// Words that read like language only when turned by thirteen letters, judged with their neighbours.
fn rot13(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split(' ').collect();
    if words.len() < 3 {
        return None;
    }
    let gain = |word: &str| {
        let other: String = word.chars().map(turned).collect();
        match (word_bits(word), word_bits(&other)) {
            (Some(as_is), Some(other)) => (as_is - other) * word.len().min(12) as f32,
            _ => 0.0,
        }
    };
    let gains: Vec<f32> = words.iter().map(|word| gain(word)).collect();
    let mut changed = 0;
    let turned_words: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(at, word)| {
            let near = &gains[at.saturating_sub(3)..(at + 4).min(gains.len())];
            if near.iter().sum::<f32>() / near.len() as f32 > 3.0 {
                changed += 1;
                word.chars().map(turned).collect()
            } else {
                (*word).to_owned()
            }
        })
        .collect();
    (changed >= 3).then(|| turned_words.join(" "))
}

/// A text that reads like language only backwards.
fn reversed(text: &str) -> Option<String> {
    if text.len() < 12 || !text.contains(' ') {
        return None;
    }
    let back: String = text.chars().rev().collect();
    let (as_is, other) = (word_bits(text)?, word_bits(&back)?);
    (other + 0.35 < as_is && other < LANGUAGE).then_some(back)
}
