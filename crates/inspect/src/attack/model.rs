// SPDX-License-Identifier: Apache-2.0
//! What is learnt, and the score of a window.
//!
//! ```text
//! "CMIJ" version[1] buckets[4 LE]
//! for each head: scale f32, bias f32, share f32, tax f32, offset f32,
//!                one i8 a bucket, the network (see net.rs)
//! ```

use super::{
    features::{BUCKETS, Window, Words},
    net::{self, CLASSES, Net, OUT, Pool, Sum},
    reading::Reading,
};

const MAGIC: &[u8; 5] = b"CMIJ\x02";
const HEADER: usize = 9;
const PARAMETERS: usize = 5;
const HEAD: usize = 4 * PARAMETERS + BUCKETS + net::BYTES;
/// Windows of a reading that are not taxed.
const FREE: f32 = 10.0;
/// The e-folds of windows beyond which there is no more tax.
const MOST_TAX: f32 = 3.0;

/// Which weights judge a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// What tools and documents bring.
    Embedded = 1,
    /// What somebody says.
    User = 0,
}

/// All heads, as they stand in the file.
#[derive(Debug)]
pub(crate) struct Model {
    heads: [Learnt; 2],
}

#[derive(Debug)]
struct Learnt {
    scale: f32,
    bias: f32,
    /// How much the network says.
    share: f32,
    /// What each e-fold of windows costs.
    tax: f32,
    offset: f32,
    weights: &'static [u8],
    net: Net,
}

/// A window with its score: how likely it attacks, 0.75 at the threshold that ships.
#[derive(Debug)]
pub(crate) struct Scored {
    pub(crate) score: f32,
    pub(crate) window: Window,
    out: [f32; OUT],
}

impl Scored {
    /// How the score divides among the classes; the shares add up to 1.
    pub(crate) fn shares(&self) -> [f32; CLASSES] {
        let mut shares = [0.0; CLASSES];
        shares.copy_from_slice(&self.out[1..]);
        let most = shares.iter().copied().fold(f32::MIN, f32::max);
        shares = shares.map(|logit| (logit - most).exp());
        let all: f32 = shares.iter().sum();
        shares.map(|share| share / all)
    }
}

impl Model {
    /// Reads a model.
    pub(crate) fn new(bytes: &'static [u8]) -> Result<Self, String> {
        let wrong = || "the injection model is not one of this version".to_owned();
        let buckets = bytes.get(5..HEADER).and_then(|four| four.try_into().ok());
        let fits = buckets.map(u32::from_le_bytes) == u32::try_from(BUCKETS).ok();
        if !bytes.starts_with(MAGIC) || !fits || bytes.len() != HEADER + 2 * HEAD {
            return Err(wrong());
        }
        let (user, embedded) = bytes[HEADER..].split_at(HEAD);
        let heads = [Learnt::new(user), Learnt::new(embedded)];
        let [Some(user), Some(embedded)] = heads else {
            return Err(wrong());
        };
        Ok(Self {
            heads: [user, embedded],
        })
    }

    /// Scores the windows of a reading.
    pub(crate) fn scores(&self, head: Head, reading: &Reading<'_>) -> impl Iterator<Item = Scored> {
        let learnt = &self.heads[head as usize];
        let words = Words::of(reading);
        let shared: i32 = words
            .shared(reading)
            .into_iter()
            .map(|bucket| learnt.weight(bucket))
            .sum();
        let sums = learnt.sums(&words, head);
        let windows: Vec<Window> = words.windows(head).collect();
        let offset = learnt.offset - learnt.tax * tax(windows.len());
        let stride = super::features::stride(head);
        windows.into_iter().map(move |window| {
            let (from, upto) = (window.words.start, window.words.end);
            let sum = sums.upto[upto].wrapping_sub(sums.upto[from]) + shared;
            let count = window.words.len();
            let linear = raw(sum as f32 * learnt.scale, learnt.bias, count);
            let mut pool = Pool::EMPTY;
            for block in &sums.blocks[from / stride..upto.div_ceil(stride)] {
                pool.join(block);
            }
            let out = learnt.net.out(&pool, count);
            let logit = linear + learnt.share * out[0] + offset;
            Scored {
                score: 1.0 / (1.0 + (-logit).exp()),
                window,
                out,
            }
        })
    }
}

/// What is known of the words of a reading before it is cut into windows.
struct Sums {
    /// Weights up to each word, so that a window's sum is a difference.
    upto: Vec<i32>,
    /// Vectors of each half window.
    blocks: Vec<Pool>,
}

impl Learnt {
    fn new(bytes: &'static [u8]) -> Option<Self> {
        let (parameters, rest) = bytes.split_at_checked(4 * PARAMETERS)?;
        let mut numbers = net::finite(parameters)?.into_iter();
        let (weights, net) = rest.split_at_checked(BUCKETS)?;
        Some(Self {
            scale: numbers.next()?,
            bias: numbers.next()?,
            share: numbers.next()?,
            tax: numbers.next()?,
            offset: numbers.next()?,
            weights,
            net: Net::new(net)?,
        })
    }

    fn weight(&self, bucket: u32) -> i32 {
        let byte = self.weights.get(bucket as usize).copied().unwrap_or(0);
        i32::from(byte.cast_signed())
    }

    fn sums(&self, words: &Words, head: Head) -> Sums {
        let stride = super::features::stride(head);
        let mut upto = Vec::with_capacity(words.len() + 1);
        let mut blocks = Vec::with_capacity(words.len() / stride + 1);
        let mut known = Known::new(words.len());
        let mut buckets = Vec::with_capacity(Known::FEATURES);
        let mut sum = 0_i32;
        upto.push(sum);
        for at in 0..words.len() {
            let mut word = known.parts(self, words, at);
            buckets.clear();
            words.context(at, |bucket| buckets.push(bucket));
            self.add(&mut word, &buckets);
            // Of a hundred megabytes it may run over; the difference of two still comes out right.
            sum = sum.wrapping_add(word.weight);
            upto.push(sum);
            if at % stride == 0 {
                blocks.push(Pool::EMPTY);
            }
            if let Some(block) = blocks.last_mut() {
                block.add(&self.net.vector(&word.vector));
            }
        }
        Sums { upto, blocks }
    }

    /// Adds what the tables say of some buckets: all weights, then all vectors, so that many places
    /// of the tables are fetched at the same time.
    fn add(&self, word: &mut Word, buckets: &[u32]) {
        word.weight += buckets
            .iter()
            .map(|bucket| self.weight(*bucket))
            .sum::<i32>();
        self.net.add(&mut word.vector, buckets);
    }
}

/// What both parts of a head know of a word, before scales.
#[derive(Debug, Clone, Copy, Default)]
struct Word {
    weight: i32,
    vector: Sum,
}

/// Words of a text that were looked up: most come again, and to find them in tables of megabytes is
/// what takes the time.
struct Known {
    words: Vec<Option<(u64, Word)>>,
    buckets: Vec<u32>,
}

impl Known {
    /// Words that are kept at most; more would leave the fastest memory.
    const MOST: usize = 256;
    /// Features of a word, about.
    const FEATURES: usize = 32;

    fn new(words: usize) -> Self {
        Self {
            words: vec![None; words.next_power_of_two().min(Self::MOST)],
            buckets: Vec::with_capacity(Self::FEATURES),
        }
    }

    /// What the parts of a word say.
    fn parts(&mut self, learnt: &Learnt, words: &Words, at: usize) -> Word {
        let same = words.same(at);
        let place = same as usize % self.words.len();
        if let Some((known, word)) = self.words[place]
            && known == same
        {
            return word;
        }
        let mut word = Word::default();
        self.buckets.clear();
        words.parts(at, |bucket| self.buckets.push(bucket));
        learnt.add(&mut word, &self.buckets);
        self.words[place] = Some((same, word));
        word
    }
}

/// The logit of a sum of weights: long windows have more of everything.
pub(crate) fn raw(sum: f32, bias: f32, words: usize) -> f32 {
    sum / (words.max(4) as f32).sqrt() + bias
}

/// Of many windows one scores high by chance: the more there are, the more the highest must say.
/// Up to a limit, so that nobody buys silence with length.
pub(crate) fn tax(windows: usize) -> f32 {
    (windows as f32 / FREE).max(1.0).ln().min(MOST_TAX)
}

#[cfg(test)]
mod tests;
