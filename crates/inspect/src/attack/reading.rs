// SPDX-License-Identifier: Apache-2.0
//! The ways in which a text can be read: as it stands, and decoded.
//!
//! Decoding is bounded: at most [`DEPTH`] layers, [`READINGS`] readings, and never more than twice
//! the bytes. What is decoded counts only when it reads like language.

use std::{borrow::Cow, ops::Range};

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::rules::credential::Letters;

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
pub(crate) struct Reading<'a> {
    pub(crate) text: Cow<'a, str>,
    /// How it was made; empty for the text as it stands.
    pub(crate) codes: Vec<&'static str>,
    /// What differs from the reading before; the rest was looked at there.
    pub(crate) focus: Range<usize>,
}

/// A decoded text, and where it differs from what was decoded.
struct Decoded {
    text: String,
    focus: Range<usize>,
}

impl Decoded {
    const fn whole(text: String) -> Self {
        let focus = 0..text.len();
        Self { text, focus }
    }
}

type Decoder = fn(&str, &Look) -> Option<Decoded>;

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

/// What one pass over a text tells about the codes it can hold, so that most decoders need not run.
#[derive(Debug, Default)]
struct Look {
    ampersands: usize,
    backslashes: usize,
    percents: usize,
    digits: usize,
    /// Digits and signs inside of words.
    leet: usize,
    /// The longest run of letters and digits.
    run: usize,
    /// Single characters with the same sign between them.
    spaced: bool,
    /// Words of two hexadecimal digits.
    pairs: usize,
    /// Words of eight binary digits.
    eights: usize,
}

impl Look {
    fn at(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut look = Self::default();
        let (mut run, mut spaced, mut word) = (0, 0, 0);
        let mut before = b' ';
        for (at, byte) in bytes.iter().enumerate() {
            let letter = byte.is_ascii_alphabetic();
            let digit = byte.is_ascii_digit();
            match byte {
                b'&' => look.ampersands += 1,
                b'\\' => look.backslashes += 1,
                b'%' => look.percents += 1,
                _ => {}
            }
            look.digits += usize::from(digit);
            let sign = digit || matches!(byte, b'@' | b'$');
            look.leet += usize::from(sign && before.is_ascii_alphabetic());
            run = match letter || digit || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-') {
                true => run + 1,
                false => 0,
            };
            look.run = look.run.max(run);
            if at >= 2 && is_join(*byte) && bytes[at - 2] == *byte && !is_join(before) {
                spaced += 1;
                look.spaced |= spaced >= 4;
            } else if is_join(*byte) {
                spaced = 0;
            }
            if byte.is_ascii_whitespace() || matches!(byte, b':' | b',' | b'\\' | b'-') {
                look.count_word(&bytes[word..at]);
                word = at + 1;
            }
            before = *byte;
        }
        look.count_word(&bytes[word..]);
        look
    }

    fn count_word(&mut self, word: &[u8]) {
        let number = word
            .strip_prefix(b"0x")
            .or(word.strip_prefix(b"x"))
            .unwrap_or(word);
        match number.len() {
            2 if number.iter().all(u8::is_ascii_hexdigit) => self.pairs += 1,
            8 if number.iter().all(|byte| matches!(byte, b'0' | b'1')) => self.eights += 1,
            _ => {}
        }
    }
}

const fn is_join(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'_' | b'*' | b'|')
}

/// All readings of a text, as it stands first.
pub(crate) fn readings(text: &str) -> Vec<Reading<'_>> {
    let mut all = vec![Reading {
        text: Cow::Borrowed(text),
        codes: Vec::new(),
        focus: 0..text.len(),
    }];
    let limit = text.len() * 2 + 64;
    let mut at = 0;
    while at < all.len() {
        let from = &all[at];
        at += 1;
        if from.codes.len() >= DEPTH {
            continue;
        }
        let look = Look::at(&from.text);
        let mut made = Vec::new();
        for (name, decoder) in DECODERS {
            let Some(decoded) = decoder(&from.text, &look) else {
                continue;
            };
            if decoded.text.len() > limit || decoded.text == from.text {
                continue;
            }
            let mut codes = from.codes.clone();
            codes.push(name);
            made.push(Reading {
                text: Cow::Owned(decoded.text),
                codes,
                focus: decoded.focus,
            });
        }
        for reading in made {
            let known = all.iter().any(|other| other.text == reading.text);
            if !known && all.len() <= READINGS {
                all.push(reading);
            }
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
    // What was encoded twice reads like a code.
    let code = all >= SHORTEST && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fits = good * 20 >= all * 19 && (words * 2 >= all || code);
    (all >= 6 && fits).then_some(text)
}

/// Replaces runs of characters by what they decode to.
fn replace_runs(
    text: &str,
    part: impl Fn(u8) -> bool,
    decode: impl Fn(&str) -> Option<String>,
) -> Option<Decoded> {
    let bytes = text.as_bytes();
    let (mut out, mut done, mut at) = (String::new(), 0, 0);
    let mut focus: Option<Range<usize>> = None;
    while at < bytes.len() {
        let length = bytes[at..].iter().take_while(|byte| part(**byte)).count();
        if length < SHORTEST {
            at += length.max(1);
            continue;
        }
        if let Some(decoded) = text.get(at..at + length).and_then(&decode) {
            out.push_str(text.get(done..at)?);
            let start = focus.map_or(out.len(), |focus| focus.start);
            out.push_str(&decoded);
            focus = Some(start..out.len());
            done = at + length;
        }
        at += length;
    }
    let focus = focus?;
    out.push_str(text.get(done..)?);
    Some(Decoded { text: out, focus })
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

fn base64(text: &str, look: &Look) -> Option<Decoded> {
    if look.run < SHORTEST {
        return None;
    }
    let part = |byte: u8| byte.is_ascii_alphanumeric() || b"+/_-".contains(&byte);
    replace_runs(text, part, |run| {
        let alphabet = if run.contains(['-', '_']) {
            &URL_SAFE
        } else {
            &STANDARD
        };
        let engine = GeneralPurpose::new(alphabet, LENIENT);
        language(engine.decode(run).ok()?)
    })
}

fn hex(text: &str, look: &Look) -> Option<Decoded> {
    let pairs = look.pairs >= 6;
    if (look.run < SHORTEST || look.digits < 6) && !pairs {
        return None;
    }
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
    if plain.is_some() || !pairs {
        return plain;
    }
    groups(text, 16, 2)
}

fn binary(text: &str, look: &Look) -> Option<Decoded> {
    if look.eights < 6 {
        return None;
    }
    groups(text, 2, 8)
}

/// Numbers of a base with so many digits each, at least six in a row.
fn groups(text: &str, base: u32, digits: usize) -> Option<Decoded> {
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
    let focus = first..first + decoded.len();
    let text = format!("{}{decoded}{}", text.get(..first)?, text.get(last..)?);
    Some(Decoded { text, focus })
}

fn percent(text: &str, look: &Look) -> Option<Decoded> {
    if look.percents < 4 {
        return None;
    }
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
    language(out).map(Decoded::whole)
}

fn entities(text: &str, look: &Look) -> Option<Decoded> {
    if look.ampersands == 0 {
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
    changed.then(|| Decoded::whole(out))
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
fn escapes(text: &str, look: &Look) -> Option<Decoded> {
    if look.backslashes < 4 {
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
    (changed >= 4).then(|| Decoded::whole(out))
}

/// `i g n o r e   t h i s`: single letters with one sign between them, words further apart.
fn spaced(text: &str, look: &Look) -> Option<Decoded> {
    if !look.spaced {
        return None;
    }
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
    changed.then(|| Decoded::whole(out))
}

/// Digits and signs that stand for letters inside of words.
fn leet(text: &str, look: &Look) -> Option<Decoded> {
    if look.leet < 3 {
        return None;
    }
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
    Some(Decoded::whole(text.chars().map(letter).collect()))
}

const fn turned(c: char) -> char {
    match c {
        'a'..='m' | 'A'..='M' => (c as u8 + 13) as char,
        'n'..='z' | 'N'..='Z' => (c as u8 - 13) as char,
        other => other,
    }
}

/// Words that read like language only when turned by thirteen letters, judged with their neighbours.
fn rot13(text: &str, _: &Look) -> Option<Decoded> {
    const NEAR: usize = 3;
    let words: Vec<&str> = text.split(' ').collect();
    let gains: Vec<f32> = words
        .iter()
        .map(|word| Letters::of(word.as_bytes()).gain())
        .collect();
    // The sum of a word and its neighbours, kept while it moves on.
    let mut sum: f32 = gains.iter().take(NEAR).sum();
    let mut turn = vec![false; words.len()];
    for at in 0..words.len() {
        sum += gains.get(at + NEAR).copied().unwrap_or(0.0);
        let near = (at + NEAR + 1).min(words.len()) - at.saturating_sub(NEAR);
        turn[at] = sum / near as f32 > 3.0;
        if at >= NEAR {
            sum -= gains[at - NEAR];
        }
    }
    if turn.iter().filter(|turn| **turn).count() < NEAR {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut focus: Option<Range<usize>> = None;
    for (word, turn) in words.iter().zip(turn) {
        if !out.is_empty() {
            out.push(' ');
        }
        let start = out.len();
        if turn {
            out.extend(word.chars().map(turned));
            focus = Some(focus.map_or(start, |focus| focus.start)..out.len());
        } else {
            out.push_str(word);
        }
    }
    focus.map(|focus| Decoded { text: out, focus })
}

/// A text that reads like language only backwards.
fn reversed(text: &str, _: &Look) -> Option<Decoded> {
    if text.len() < 12 || !text.contains(' ') {
        return None;
    }
    let letters = Letters::of(text.as_bytes());
    let (as_is, other) = (letters.bits()?, letters.bits_backwards()?);
    let back = || Decoded::whole(text.chars().rev().collect());
    (other + 0.35 < as_is && other < LANGUAGE).then(back)
}
