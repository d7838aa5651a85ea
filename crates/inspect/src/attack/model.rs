// SPDX-License-Identifier: Apache-2.0
//! The weights, and the score of a window.
//!
//! ```text
//! "CMIJ" version[1] buckets[4 LE]
//! for each head: scale f32, bias f32, slope f32, offset f32, then one i8 a bucket
//! ```

use super::{
    features::{BUCKETS, Window, Words},
    reading::Reading,
};

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

    /// Scores the windows of a reading: how likely each attacks, 0.75 at the threshold that ships.
    pub(crate) fn scores(
        &self,
        head: Head,
        reading: &Reading<'_>,
    ) -> impl Iterator<Item = (f32, Window)> {
        let start = HEADER + head as usize * (PARAMETERS + BUCKETS);
        let parameter = |at: usize| {
            let from = start + 4 * at;
            let four = self
                .bytes
                .get(from..from + 4)
                .and_then(|four| four.try_into().ok());
            f32::from_le_bytes(four.unwrap_or_default())
        };
        let (scale, bias, slope, offset) = (parameter(0), parameter(1), parameter(2), parameter(3));
        let weights = &self.bytes[start + PARAMETERS..];
        let weight = |bucket: u32| {
            let byte = weights.get(bucket as usize).copied().unwrap_or(0);
            i32::from(byte.cast_signed())
        };
        let words = Words::of(reading);
        let shared: i32 = words.shared(reading).into_iter().map(weight).sum();
        // Sums up to each word, so that a window's is a difference.
        let mut upto = Vec::with_capacity(words.len() + 1);
        let mut sum = 0;
        upto.push(sum);
        for at in 0..words.len() {
            words.features(at, |bucket| sum += weight(bucket));
            upto.push(sum);
        }
        let windows: Vec<Window> = words.windows(head).collect();
        windows.into_iter().map(move |window| {
            let sum = upto[window.words.end] - upto[window.words.start] + shared;
            let logit = raw(sum as f32 * scale, bias, window.words.len());
            let score = 1.0 / (1.0 + (-(slope * logit + offset)).exp());
            (score, window)
        })
    }
}

/// The logit of a sum of weights: long windows have more of everything.
pub(crate) fn raw(sum: f32, bias: f32, words: usize) -> f32 {
    sum / (words.max(4) as f32).sqrt() + bias
}
