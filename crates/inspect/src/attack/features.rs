// SPDX-License-Identifier: Apache-2.0
//! Windows of words, and what the model sees of them.

use unicode_normalization::UnicodeNormalization as _;

use super::{model::Head, reading::Reading};

/// Words of a window; the next begins in its middle.
const fn width(head: Head) -> usize {
    match head {
        // One request among much else: the less of it in a window, the better it stands out.
        Head::Embedded => 24,
        Head::User => 64,
    }
}

/// Letters of a word that are looked at.
const LONGEST: usize = 24;
/// Buckets of the model, a power of two.
pub(crate) const BUCKETS: usize = 1 << 19;

/// Some words that stand together.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    /// Buckets of everything in it.
    pub(crate) features: Vec<u32>,
    /// Words in it.
    pub(crate) words: usize,
    /// Bytes of the reading.
    pub(crate) span: (usize, usize),
    /// Whether the reading is the text as it stands.
    pub(crate) plain: bool,
}

/// A word in lower case, with its place.
struct Word {
    text: String,
    start: usize,
    end: usize,
}

/// Signs of hiding in a reading.
#[derive(Default)]
struct Signs {
    invisible: usize,
    folded: usize,
}

/// All windows of a reading.
pub(crate) fn windows(reading: &Reading, head: Head) -> Vec<Window> {
    let width = width(head);
    let stride = width / 2;
    let mut signs = Signs::default();
    let words = words(&reading.text, &mut signs);
    let features: Vec<Vec<u32>> = (0..words.len()).map(|at| of_word(&words, at)).collect();
    let mut shared = Vec::new();
    for code in &reading.codes {
        shared.push(bucket(&[b"code", code.as_bytes()]));
    }
    if signs.invisible > 2 {
        shared.push(bucket(&[b"sign", b"invisible"]));
    }
    if signs.folded > 2 {
        shared.push(bucket(&[b"sign", b"folded"]));
    }
    let mut all = Vec::new();
    let mut from = 0;
    loop {
        // A short rest joins the window before it.
        let upto = if words.len() <= from + width + stride / 2 {
            words.len()
        } else {
            from + width
        };
        let mut inside: Vec<u32> = features[from..upto].concat();
        inside.extend_from_slice(&shared);
        let span = match (
            words.get(from),
            upto.checked_sub(1).and_then(|at| words.get(at)),
        ) {
            (Some(first), Some(last)) => (first.start, last.end),
            _ => (0, 0),
        };
        all.push(Window {
            features: inside,
            words: upto - from,
            span,
            plain: reading.codes.is_empty(),
        });
        if upto == words.len() {
            return all;
        }
        from += stride;
    }
}

/// What the model sees of a word: itself, with those before it, and its parts.
fn of_word(words: &[Word], at: usize) -> Vec<u32> {
    let word = words[at].text.as_bytes();
    let before = |back: usize| {
        at.checked_sub(back)
            .map_or(&b"^"[..], |at| words[at].text.as_bytes())
    };
    let mut out = vec![
        bucket(&[b"1", word]),
        bucket(&[b"2", before(1), word]),
        bucket(&[b"3", before(2), before(1), word]),
        bucket(&[b"s", before(2), word]),
    ];
    let chars: Vec<char> = words[at].text.chars().take(LONGEST).collect();
    if chars.len() > 2 && chars[0].is_alphabetic() {
        let bounded: Vec<char> = std::iter::once('<').chain(chars).chain(['>']).collect();
        let mut buffer = [0; 16];
        for four in bounded.windows(4) {
            let mut length = 0;
            for c in four {
                length += c.encode_utf8(&mut buffer[length..]).len();
            }
            out.push(bucket(&[b"c", &buffer[..length]]));
        }
    }
    out
}

/// FNV-1a over the parts, a separator between them, mixed and cut to the buckets.
fn bucket(parts: &[&[u8]]) -> u32 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for part in parts {
        for byte in part.iter().chain(&[0xFF]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
    let mixed = (hash ^ (hash >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    u32::try_from((mixed >> 32) as usize & (BUCKETS - 1)).unwrap_or(0)
}

/// Words in lower case: letters and digits together, signs alone, characters of scripts without
/// spaces alone. Invisible characters are dropped and look-alikes folded.
fn words(text: &str, signs: &mut Signs) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::new();
    let mut open = false;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if is_invisible(c) {
            signs.invisible += 1;
            continue;
        }
        if c.is_ascii_alphanumeric() || (c == '\'' && open) {
            push(&mut out, open, at, end, [c.to_ascii_lowercase()]);
            open = true;
        } else if c.is_whitespace() {
            open = false;
        } else if c.is_ascii() || is_alone(c) {
            push(&mut out, false, at, end, [c]);
            open = false;
        } else if c.is_alphanumeric() || is_mark(c) {
            let folded = c.nfkc().flat_map(char::to_lowercase);
            push(&mut out, open, at, end, folded);
            open = true;
        } else {
            push(&mut out, false, at, end, c.nfkc());
            open = false;
        }
    }
    for word in &mut out {
        fold(word, signs);
    }
    out
}

fn push(
    out: &mut Vec<Word>,
    open: bool,
    start: usize,
    end: usize,
    chars: impl IntoIterator<Item = char>,
) {
    match out.last_mut().filter(|_| open) {
        Some(word) => {
            word.text.extend(chars);
            word.end = end;
        }
        None => out.push(Word {
            text: chars.into_iter().collect(),
            start,
            end,
        }),
    }
}

/// Zero-width, direction and tag characters, and soft hyphens.
const fn is_invisible(c: char) -> bool {
    matches!(
        c as u32,
        0xAD | 0x34F
            | 0x61C
            | 0x180E
            | 0x200B..=0x200F
            | 0x202A..=0x202E
            | 0x2060..=0x2064
            | 0x2066..=0x206F
            | 0xFE00..=0xFE0F
            | 0xFEFF
            | 0xE0000..=0xE01EF
    )
}

/// Characters of scripts that write without spaces.
const fn is_alone(c: char) -> bool {
    matches!(c as u32, 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x2FFFF)
}

/// Vowel signs and accents, which are no letters but parts of words.
const fn is_mark(c: char) -> bool {
    matches!(c as u32, 0x0300..=0x036F | 0x0900..=0x0DFF | 0x0610..=0x061A | 0x064B..=0x065F | 0x20D0..=0x20FF)
}

/// Letters of other scripts in a word that also has Latin ones stand for those they look like.
fn fold(word: &mut Word, signs: &mut Signs) {
    let latin = word.text.bytes().any(|byte| byte.is_ascii_alphabetic());
    if word.text.is_ascii() || !latin {
        return;
    }
    let folded: String = word.text.chars().map(look_alike).collect();
    if folded != word.text {
        signs.folded += 1;
        word.text = folded;
    }
}

/// The Latin letter that a letter looks like (Unicode technical standard 39, the common part).
const fn look_alike(c: char) -> char {
    match c {
        'а' | 'α' | 'ɑ' => 'a',
        'ь' | 'в' => 'b',
        'с' | 'ϲ' | 'ᴄ' => 'c',
        'ԁ' | 'ɗ' => 'd',
        'е' | 'ё' | 'ε' | 'є' => 'e',
        'ғ' => 'f',
        'ɡ' | 'ց' => 'g',
        'һ' | 'н' | 'հ' => 'h',
        'і' | 'ї' | 'ι' | 'ı' | 'ɩ' => 'i',
        'ј' | 'ʝ' => 'j',
        'к' | 'κ' => 'k',
        'ӏ' | 'ⅼ' | 'ɭ' => 'l',
        'м' | 'ʍ' => 'm',
        'п' | 'η' | 'ո' => 'n',
        'о' | 'ο' | 'ө' | 'σ' | 'օ' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'г' | 'ɾ' => 'r',
        'ѕ' | 'ꜱ' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ս' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ω' | 'ѡ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' | 'ү' => 'y',
        'ᴢ' | 'ʐ' => 'z',
        other => other,
    }
}
