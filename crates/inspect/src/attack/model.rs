// SPDX-License-Identifier: Apache-2.0
//! The weights, and the score of a window.
//!
//! ```text
//! "CMIJ" version[1] buckets[4 LE]
//! for each head: scale f32, bias f32, slope f32, offset f32, then one i8 a bucket
//! ```

use super::features::{BUCKETS, Window};

const MAGIC: &[u8; 5] = b"CMIJ\x01";
const HEADER: usize = 9;
const PARAMETERS: usize = 16;

/// Which weights judge a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// What tools and documents bring.
    Embedded = 1,
    /// What somebody says.
    User = 0,
}

/// Weights of all heads, as they stand in the file.
#[derive(Debug)]
pub(crate) struct Model {
    bytes: &'static [u8],
}

impl Model {
    /// Reads a model.
    pub(crate) fn new(bytes: &'static [u8]) -> Result<Self, String> {
        let buckets = bytes.get(5..9).and_then(|four| four.try_into().ok());
        let fits = buckets.map(u32::from_le_bytes) == u32::try_from(BUCKETS).ok();
        let length = HEADER + 2 * (PARAMETERS + BUCKETS);
        if !bytes.starts_with(MAGIC) || !fits || bytes.len() != length {
            return Err("the injection model is not one of this version".into());
        }
        Ok(Self { bytes })
    }

    /// The probability that a window attacks: 0.75 at the threshold that ships.
    pub(crate) fn score(&self, head: Head, window: &Window) -> f32 {
        let start = HEADER + head as usize * (PARAMETERS + BUCKETS);
        let parameter = |at: usize| {
            let from = start + 4 * at;
            let four = self
                .bytes
                .get(from..from + 4)
                .and_then(|four| four.try_into().ok());
            f32::from_le_bytes(four.unwrap_or_default())
        };
        let weights = &self.bytes[start + PARAMETERS..];
        let sum: i32 = window
            .features
            .iter()
            .map(|bucket| i32::from(weights[*bucket as usize].cast_signed()))
            .sum();
        let logit = raw(sum as f32 * parameter(0), parameter(1), window.words);
        1.0 / (1.0 + (-(parameter(2) * logit + parameter(3))).exp())
    }
}

/// The logit of a sum of weights: long windows have more of everything.
pub(crate) fn raw(sum: f32, bias: f32, words: usize) -> f32 {
    sum / (words.max(4) as f32).sqrt() + bias
}
