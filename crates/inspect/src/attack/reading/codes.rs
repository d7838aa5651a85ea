// SPDX-License-Identifier: Apache-2.0
//! The codes that are undone, one at a time: each tells where it stood and what came out.

use std::ops::Range;

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::Decoded;
use crate::rules::credential::Letters;

/// The shortest run of letters that is taken for base64 or hexadecimal.
const SHORTEST: usize = 16;
/// Bits a pair of letters below which text reads like language.
const LANGUAGE: f32 = 4.9;

pub(super) type Decoder = fn(&str, &Look) -> Option<Decoded>;

pub(super) const DECODERS: &[(&str, Decoder)] = &[
    ("entities", entities),
    ("escapes", escapes),
    ("percent", percent),
    ("base64", base64),
    ("hex", hex),
    ("hex", pairs),
    ("binary", binary),
    ("spaced", spaced),
    ("leet", leet),
    ("rot13", rot13),
    ("reversed", reversed),
];

/// What one pass over a text tells about the codes it can hold, so that most decoders need not run.
#[derive(Debug, Default)]
pub(super) struct Look {
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
    pub(super) fn at(text: &str) -> Self {
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
    let mut out = Decoded::default();
    let (mut done, mut at) = (0, 0);
    while at < bytes.len() {
        let length = bytes[at..].iter().take_while(|byte| part(**byte)).count();
        if length < SHORTEST {
            at += length.max(1);
            continue;
        }
        let end = at + length;
        if let Some(decoded) = text.get(at..end).and_then(&decode) {
            out.text.push_str(text.get(done..at)?);
            out.change(at..end, &decoded);
            done = end;
        }
        at = end;
    }
    out.text.push_str(text.get(done..)?);
    (!out.changes.is_empty()).then_some(out)
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
    if look.run < SHORTEST || look.digits < 6 {
        return None;
    }
    let digit = |byte: u8| byte.is_ascii_hexdigit();
    replace_runs(text, digit, |run| {
        let value = |byte: u8| char::from(byte).to_digit(16);
        let pairs = run.as_bytes().as_chunks::<2>().0.iter();
        let bytes: Option<Vec<u8>> = pairs
            .map(|[high, low]| u8::try_from(value(*high)? << 4 | value(*low)?).ok())
            .collect();
        language(bytes?)
    })
}

/// The same in pairs: `48 65 6c`, `48:65:6c`, `0x48 0x65`, `\x48\x65`.
fn pairs(text: &str, look: &Look) -> Option<Decoded> {
    if look.pairs < 6 {
        return None;
    }
    groups(text, 16, 2)
}

fn binary(text: &str, look: &Look) -> Option<Decoded> {
    if look.eights < 6 {
        return None;
    }
    groups(text, 2, 8)
}

/// Numbers of a base with so many digits each, at least six in a row, wherever a row reads like
/// language.
fn groups(text: &str, base: u32, digits: usize) -> Option<Decoded> {
    let mut out = Decoded::with_room(text.len());
    let mut row = Row::default();
    let mut done = 0;
    let separators = |c: char| c.is_whitespace() || matches!(c, ':' | ',' | '\\' | '-');
    let words = text.split(separators).map(|word| {
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        (word, at..at + word.len())
    });
    // A word that is no number ends the last row too.
    for (word, span) in words.chain([("end", text.len()..text.len())]) {
        let number = word.trim_start_matches("0x").trim_start_matches('x');
        if number.is_empty() {
            continue;
        }
        let byte = u8::from_str_radix(number, base).ok();
        if let Some(byte) = byte.filter(|_| number.len() == digits) {
            row.add(byte, span);
            continue;
        }
        let Row { bytes, span } = std::mem::take(&mut row);
        if bytes.len() >= 6
            && let Some(decoded) = language(bytes)
        {
            out.text.push_str(text.get(done..span.start)?);
            out.change(span.clone(), &decoded);
            done = span.end;
        }
    }
    out.text.push_str(text.get(done..)?);
    (!out.changes.is_empty()).then_some(out)
}

/// Numbers in a row.
#[derive(Default)]
struct Row {
    bytes: Vec<u8>,
    span: Range<usize>,
}

impl Row {
    fn add(&mut self, byte: u8, span: Range<usize>) {
        if self.bytes.is_empty() {
            self.span.start = span.start;
        }
        self.span.end = span.end;
        self.bytes.push(byte);
    }
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
    let mut out = Decoded::with_room(bytes.len());
    let (mut done, mut codes) = (0, 0);
    let mut run = Vec::new();
    while let Some(at) = bytes[done..].iter().position(|byte| *byte == b'%') {
        let at = done + at;
        out.text.push_str(text.get(done..at)?);
        run.clear();
        let mut end = at;
        while end < bytes.len() && is_code(end) {
            run.push(u8::from_str_radix(text.get(end + 1..end + 3)?, 16).ok()?);
            end += 3;
        }
        match std::str::from_utf8(&run) {
            Ok(decoded) if end > at => {
                codes += run.len();
                out.change(at..end, decoded);
            }
            // A sign of its own, or not text.
            _ => {
                end = end.max(at + 1);
                out.text.push_str(text.get(at..end)?);
            }
        }
        done = end;
    }
    out.text.push_str(text.get(done..)?);
    (codes >= 4).then_some(out)
}

fn entities(text: &str, look: &Look) -> Option<Decoded> {
    if look.ampersands == 0 {
        return None;
    }
    let mut out = Decoded::with_room(text.len());
    let mut done = 0;
    while let Some(at) = text[done..].find('&') {
        let at = done + at;
        out.text.push_str(&text[done..at]);
        let rest = &text[at..];
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        let decoded = end.and_then(|end| Some((entity(rest.get(1..end)?)?, at + end + 1)));
        match decoded {
            Some((c, end)) => {
                out.change(at..end, c.encode_utf8(&mut [0; 4]));
                done = end;
            }
            None => {
                out.text.push('&');
                done = at + 1;
            }
        }
    }
    out.text.push_str(&text[done..]);
    (!out.changes.is_empty()).then_some(out)
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
    let mut out = Decoded::with_room(text.len());
    let (mut done, mut codes) = (0, 0);
    while let Some(at) = text[done..].find('\\') {
        let at = done + at;
        out.text.push_str(&text[done..at]);
        let rest = &text[at..];
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
                done = at + 2 + width;
                out.change(at..done, c.encode_utf8(&mut [0; 4]));
                codes += 1;
            }
            None => {
                out.text.push('\\');
                done = at + 1;
            }
        }
    }
    out.text.push_str(&text[done..]);
    (codes >= 4).then_some(out)
}

/// `i g n o r e   t h i s`: single letters with one sign between them, words further apart.
fn spaced(text: &str, look: &Look) -> Option<Decoded> {
    if !look.spaced {
        return None;
    }
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let place = |at: usize| chars.get(at).map_or(text.len(), |one| one.0);
    let char_at = |at: usize| chars.get(at).map(|one| one.1);
    let joins = |c: &char| c.is_ascii() && is_join(*c as u8);
    let mut out = Decoded::with_room(text.len());
    let mut at = 0;
    let mut word = String::new();
    while let Some(c) = char_at(at) {
        let sign = char_at(at + 1).filter(joins);
        let begins = at == 0 || char_at(at - 1).is_some_and(char::is_whitespace);
        let mut run = at;
        word.clear();
        if let Some(sign) = sign.filter(|_| begins && !c.is_whitespace()) {
            while let Some(c) = char_at(run).filter(|c| !c.is_whitespace() && *c != sign) {
                word.push(c);
                run += 1;
                let blanks = chars[run..].iter().take_while(|c| c.1 == sign).count();
                let stop =
                    char_at(run + blanks + 1).is_some_and(|c| c != sign && !c.is_whitespace());
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
            out.change(place(at)..place(run), &word);
            if run < chars.len() && !word.ends_with(' ') {
                out.text.push(' ');
            }
            at = run;
        } else {
            out.text.push(c);
            at += 1;
        }
    }
    (!out.changes.is_empty()).then_some(out)
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
    Some(Decoded::whole(
        text.len(),
        text.chars().map(letter).collect(),
    ))
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
    let mut out = Decoded::with_room(text.len());
    for (at, (word, turn)) in words.iter().zip(turn).enumerate() {
        if at > 0 {
            out.text.push(' ');
        }
        let start = out.text.len();
        if turn {
            out.text.extend(word.chars().map(turned));
            // It is as long as before, so it stands where it stood.
            out.changed(start..out.text.len(), start);
        } else {
            out.text.push_str(word);
        }
    }
    Some(out)
}

/// A text that reads like language only backwards.
fn reversed(text: &str, _: &Look) -> Option<Decoded> {
    if text.len() < 12 || !text.contains(' ') {
        return None;
    }
    let letters = Letters::of(text.as_bytes());
    let (as_is, other) = (letters.bits()?, letters.bits_backwards()?);
    let back = || Decoded::whole(text.len(), text.chars().rev().collect());
    (other + 0.35 < as_is && other < LANGUAGE).then(back)
}
