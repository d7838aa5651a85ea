// SPDX-License-Identifier: Apache-2.0
//! Windows of words, and what the model sees of them.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;

use super::{model::Head, reading::Reading};

/// Words from the beginning of a window to that of the next.
pub(crate) const fn stride(head: Head) -> usize {
    width(head) / 2
}

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
    /// Where its words stand in the list of words.
    pub(crate) words: Range<usize>,
    /// Bytes of the reading.
    pub(crate) span: Range<usize>,
}

/// A word in lower case, with its place.
#[derive(Debug)]
struct Word {
    /// Bytes of all words' letters.
    letters: Range<usize>,
    hash: u64,
    start: usize,
    end: usize,
    /// Whether it is the first of its line.
    first: bool,
    /// Whether all its letters, and at least two, are capitals.
    loud: bool,
}

/// Signs of hiding in a reading.
#[derive(Debug, Default)]
struct Signs {
    invisible: usize,
    folded: usize,
}

/// The words of a reading.
#[derive(Debug)]
pub(crate) struct Words {
    letters: String,
    words: Vec<Word>,
    signs: Signs,
}

impl Words {
    /// Cuts a reading into words: letters and digits together, signs alone, characters of scripts
    /// without spaces alone. Invisible characters are dropped and look-alikes folded.
    pub(crate) fn of(reading: &Reading<'_>) -> Self {
        let text = &reading.text;
        let mut all = Self {
            letters: String::with_capacity(text.len()),
            words: Vec::with_capacity(text.len() / 4),
            signs: Signs::default(),
        };
        let mut open = false;
        let mut first = true;
        for (start, c) in text.char_indices() {
            let end = start + c.len_utf8();
            let words = all.words.len();
            if c.is_ascii() {
                let letter = c.is_ascii_alphanumeric() || (c == '\'' && open);
                if letter || !c.is_ascii_whitespace() {
                    all.push(open && letter, start, end, [c.to_ascii_lowercase()]);
                }
                open = letter;
            } else if is_invisible(c) {
                all.signs.invisible += 1;
            } else if is_alone(c) {
                all.push(false, start, end, [c]);
                open = false;
            } else if c.is_alphanumeric() || is_mark(c) {
                if is_settled(c) {
                    all.push(open, start, end, c.to_lowercase());
                } else {
                    all.push(open, start, end, c.nfkc().flat_map(char::to_lowercase));
                }
                open = true;
            } else {
                if !c.is_whitespace() {
                    all.push(false, start, end, c.nfkc());
                }
                open = false;
            }
            all.mark(words, c, &mut first);
        }
        all.fold();
        all
    }

    /// Notes of the last word whether it begins a line and whether it is loud; `before` is how many
    /// words there were before the character.
    fn mark(&mut self, before: usize, c: char, first: &mut bool) {
        if c == '\n' {
            *first = true;
        }
        let new = self.words.len() > before;
        let Some(word) = self.words.last_mut() else {
            return;
        };
        if new {
            word.first = std::mem::take(first);
            word.loud = c.is_uppercase();
        } else if c.is_lowercase() {
            word.loud = false;
        }
    }

    fn push(
        &mut self,
        open: bool,
        start: usize,
        end: usize,
        chars: impl IntoIterator<Item = char>,
    ) {
        let from = self.letters.len();
        self.letters.extend(chars);
        let upto = self.letters.len();
        match self.words.last_mut().filter(|_| open) {
            Some(word) => {
                word.letters.end = upto;
                word.end = end;
            }
            None => self.words.push(Word {
                letters: from..upto,
                hash: 0,
                start,
                end,
                first: false,
                loud: false,
            }),
        }
    }

    /// Letters of other scripts in a word that also has Latin ones stand for those they look like.
    fn fold(&mut self) {
        if !self.letters.is_ascii() {
            let mut letters = String::with_capacity(self.letters.len());
            for word in &mut self.words {
                let text = &self.letters[word.letters.clone()];
                let latin = text.bytes().any(|byte| byte.is_ascii_alphabetic());
                let start = letters.len();
                if latin && !text.is_ascii() {
                    letters.extend(text.chars().map(look_alike));
                    self.signs.folded += usize::from(letters[start..] != *text);
                } else {
                    letters.push_str(text);
                }
                word.letters = start..letters.len();
            }
            self.letters = letters;
        }
        for word in &mut self.words {
            word.hash = hash(&self.letters.as_bytes()[word.letters.clone()]);
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.words.len()
    }

    /// The windows of a head.
    pub(crate) fn windows(&self, head: Head) -> impl Iterator<Item = Window> + '_ {
        let width = width(head);
        let stride = stride(head);
        let mut from = Some(0);
        std::iter::from_fn(move || {
            let start = from?;
            // A short rest joins the window before it.
            let last = self.len() <= start + width + stride / 2;
            let end = if last { self.len() } else { start + width };
            from = (!last).then_some(start + stride);
            let first = self.words.get(start).map_or(0, |word| word.start);
            let final_word = end.checked_sub(1).and_then(|at| self.words.get(at));
            Some(Window {
                words: start..end,
                span: first..final_word.map_or(first, |word| word.end),
            })
        })
    }

    /// Features that belong to every window of the reading.
    pub(crate) fn shared(&self, reading: &Reading<'_>) -> Vec<u32> {
        let mut shared: Vec<u32> = reading
            .codes
            .iter()
            .map(|code| bucket(hash(code.as_bytes()), 7))
            .collect();
        if self.signs.invisible > 2 {
            shared.push(bucket(hash(b"invisible"), 7));
        }
        if self.signs.folded > 2 {
            shared.push(bucket(hash(b"folded"), 7));
        }
        shared
    }

    /// Calls `each` with what the model sees of a word: itself, with those before it, and its parts.
    pub(crate) fn features(&self, at: usize, mut each: impl FnMut(u32)) {
        self.context(at, &mut each);
        self.parts(at, each);
    }

    /// What a word is by itself: two words of the same have the same parts.
    pub(crate) fn same(&self, at: usize) -> u64 {
        self.words[at].hash
    }

    /// A word, and how it stands with those before it.
    pub(crate) fn context(&self, at: usize, mut each: impl FnMut(u32)) {
        const NONE: u64 = 0x9E37_79B9_7F4A_7C15;
        const LINE: u64 = 0xC2B2_AE3D_27D4_EB4F;
        let word = &self.words[at];
        let before = |back: usize| {
            at.checked_sub(back)
                .and_then(|at| self.words.get(at))
                .map_or(NONE, |word| word.hash)
        };
        let (one, two) = (before(1), before(2));
        each(bucket(word.hash, 1));
        each(bucket(joined(one, word.hash), 2));
        each(bucket(joined(joined(two, one), word.hash), 3));
        each(bucket(joined(two, word.hash), 4));
        // Requests begin lines, and shout.
        if word.first {
            each(bucket(joined(LINE, word.hash), 2));
        } else if at.checked_sub(1).is_some_and(|at| self.words[at].first) {
            each(bucket(joined(joined(LINE, one), word.hash), 3));
        }
        if word.loud && word.letters.len() > 2 {
            each(bucket(word.hash, 6));
        }
    }

    /// The parts of a word.
    pub(crate) fn parts(&self, at: usize, mut each: impl FnMut(u32)) {
        let word = &self.words[at];
        let letters = &self.letters[word.letters.clone()];
        if letters.is_ascii() {
            let bytes = &letters.as_bytes()[..letters.len().min(LONGEST)];
            if bytes.len() > 2 && bytes[0].is_ascii_alphabetic() {
                fours(bytes.len(), |at| u64::from(bytes[at]), &mut each);
            }
            return;
        }
        let mut chars = ['\0'; LONGEST];
        let mut count = 0;
        for (slot, c) in chars.iter_mut().zip(letters.chars()) {
            *slot = c;
            count += 1;
        }
        if count > 2 && chars[0].is_alphabetic() {
            fours(count, |at| u64::from(u32::from(chars[at])), &mut each);
        }
    }
}

/// Four characters in a row, with signs for the ends of the word.
fn fours(count: usize, at: impl Fn(usize) -> u64, each: &mut impl FnMut(u32)) {
    const EDGE: u64 = 1;
    let mut four = [0, 0, EDGE, at(0)];
    for next in 1..=count {
        let c = if next == count { EDGE } else { at(next) };
        four = [four[1], four[2], four[3], c];
        if next >= 2 {
            let [a, b, c, d] = four;
            each(bucket(a << 48 ^ b << 32 ^ c << 16 ^ d, 5));
        }
    }
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

/// The hash of two words in this order.
const fn joined(first: u64, second: u64) -> u64 {
    (first.rotate_left(23) ^ second).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The bucket of a hash, another one for each sort of feature.
const fn bucket(hash: u64, sort: u64) -> u32 {
    let mixed =
        (hash ^ sort.wrapping_mul(0xD6E8_FEB8_6659_FD93)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed >> 40) as usize & (BUCKETS - 1)) as u32
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

/// Letters that NFKC leaves as they are, of the scripts that are most common: to ask the tables about
/// each letter would cost as much as to score it.
const fn is_settled(c: char) -> bool {
    matches!(c as u32, 0xC0..=0x131 | 0x391..=0x3C9 | 0x400..=0x481 | 0x5D0..=0x5EA | 0x620..=0x64A | 0x905..=0x939 | 0x93E..=0x94D | 0xAC00..=0xD7A3)
}

/// Characters of scripts that write without spaces.
const fn is_alone(c: char) -> bool {
    matches!(c as u32, 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x2FFFF)
}

/// Vowel signs and accents, which are no letters but parts of words.
const fn is_mark(c: char) -> bool {
    matches!(c as u32, 0x0300..=0x036F | 0x0900..=0x0DFF | 0x0610..=0x061A | 0x064B..=0x065F | 0x20D0..=0x20FF)
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
