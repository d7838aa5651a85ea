// SPDX-License-Identifier: Apache-2.0
//! Whether one of a few texts stands in a value: all of them are looked for at once, by the two bytes
//! with which they begin.

use super::super::place::ones;

/// At most 32 texts of two bytes or more.
pub(super) struct Texts {
    texts: &'static [&'static str],
    /// The texts that have a byte first, as bits.
    first: [u32; 256],
    second: [u32; 256],
}

impl Texts {
    /// Texts in lower case, which stand for themselves in any case.
    pub(super) const fn new(texts: &'static [&'static str]) -> Self {
        let mut all = Self {
            texts,
            first: [0; 256],
            second: [0; 256],
        };
        let mut which = 0;
        while which < texts.len() {
            let text = texts[which].as_bytes();
            all.first[text[0] as usize] |= 1 << which;
            all.first[text[0].to_ascii_uppercase() as usize] |= 1 << which;
            all.second[text[1] as usize] |= 1 << which;
            all.second[text[1].to_ascii_uppercase() as usize] |= 1 << which;
            which += 1;
        }
        all
    }

    /// Whether one of them stands in a value, in any case.
    pub(super) fn any_in(&self, value: &str) -> bool {
        self.any(value, |there, text| there.eq_ignore_ascii_case(text))
    }

    /// Whether one of them stands in a value as it is written.
    pub(super) fn any_exactly_in(&self, value: &str) -> bool {
        self.any(value, |there, text| there == text)
    }

    /// Whether a value begins with one of them as it is written.
    pub(super) fn begins(&self, value: &str) -> bool {
        self.at(value.as_bytes(), |there, text| there == text)
    }

    fn any(&self, value: &str, is: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        let bytes = value.as_bytes();
        (0..bytes.len()).any(|at| self.at(&bytes[at..], &is))
    }

    fn at(&self, rest: &[u8], is: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        let [first, second, ..] = *rest else {
            return false;
        };
        let may_be = self.first[usize::from(first)] & self.second[usize::from(second)];
        ones(may_be.into()).any(|which| {
            let text = self.texts[which].as_bytes();
            rest.get(..text.len()).is_some_and(|there| is(there, text))
        })
    }
}
