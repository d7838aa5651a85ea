// SPDX-License-Identifier: Apache-2.0
//! A small network beside the weights: every word has a vector, a window the largest of its words'
//! values and their sum over the root of their number, and one hidden layer says what that means.
//!
//! Words that stand in the same places get similar vectors, so a request in words that no attack of
//! the training used is still like one.

/// Rows of the table of vectors, a power of two.
pub(crate) const ROWS: usize = 1 << 16;
/// Values of a vector.
pub(crate) const WIDTH: usize = 32;
/// What is known of a window: of each value the largest, and the sum over the root of the count.
pub(crate) const POOLED: usize = 2 * WIDTH;
pub(crate) const HIDDEN: usize = 32;
/// The logit of an attack, then one for each class.
pub(crate) const OUT: usize = 1 + CLASSES;
/// Kinds of attacks that are told apart.
pub(crate) const CLASSES: usize = 5;

const NEURONS: usize = HIDDEN * (POOLED + 1) + OUT * (HIDDEN + 1);
/// Bytes of a network: the scale of the table, the neurons, the table.
pub(crate) const BYTES: usize = 4 * (1 + NEURONS) + ROWS * WIDTH;

pub(crate) type Vector = [f32; WIDTH];

/// The row of the table that belongs to a bucket.
pub(crate) const fn row(bucket: u32) -> usize {
    bucket as usize & (ROWS - 1)
}

/// The part of a sum over so many that keeps its spread the same; short lists count as four.
pub(crate) fn share(count: usize) -> f32 {
    1.0 / (count.max(4) as f32).sqrt()
}

/// Weights of a neuron, then its bias.
type Neuron<const N: usize> = ([f32; N], f32);

#[derive(Debug)]
pub(crate) struct Net {
    table: &'static [[u8; WIDTH]],
    scale: f32,
    /// What each input is worth to every neuron of the hidden layer, so that all of them are summed
    /// together in wide registers.
    hidden: Vec<[f32; HIDDEN]>,
    bias: [f32; HIDDEN],
    out: Vec<Neuron<HIDDEN>>,
}

/// The largest and the sum of the vectors of some words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pool {
    largest: Vector,
    sum: Vector,
}

impl Pool {
    pub(crate) const EMPTY: Self = Self {
        largest: [f32::MIN; WIDTH],
        sum: [0.0; WIDTH],
    };

    pub(crate) fn add(&mut self, vector: &Vector) {
        for ((largest, sum), value) in self.largest.iter_mut().zip(&mut self.sum).zip(vector) {
            *largest = largest.max(*value);
            *sum += value;
        }
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for at in 0..WIDTH {
            self.largest[at] = self.largest[at].max(other.largest[at]);
            self.sum[at] += other.sum[at];
        }
    }

    /// What the network sees of a window with so many words.
    fn pooled(&self, words: usize) -> [f32; POOLED] {
        let mut pooled = [0.0; POOLED];
        if words == 0 {
            return pooled;
        }
        let share = share(words);
        pooled[..WIDTH].copy_from_slice(&self.largest);
        for (value, sum) in pooled[WIDTH..].iter_mut().zip(self.sum) {
            *value = sum * share;
        }
        pooled
    }
}

/// The rows of a word's features, added up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    // A word has at most some forty features, so nothing runs over.
    values: [i16; WIDTH],
    count: usize,
}

impl Net {
    /// Reads a network of [`BYTES`] bytes.
    pub(crate) fn new(bytes: &'static [u8]) -> Option<Self> {
        let (numbers, table) = bytes.split_at_checked(4 * (1 + NEURONS))?;
        let (table, rest) = table.as_chunks::<WIDTH>();
        if table.len() != ROWS || !rest.is_empty() {
            return None;
        }
        let mut numbers = finite(numbers)?.into_iter();
        let scale = numbers.next()?;
        let mut hidden = vec![[0.0; HIDDEN]; POOLED];
        let mut bias = [0.0; HIDDEN];
        for at in 0..HIDDEN {
            let (weights, own): Neuron<POOLED> = neuron(&mut numbers)?;
            bias[at] = own;
            for (column, weight) in hidden.iter_mut().zip(weights) {
                column[at] = weight;
            }
        }
        let out = (0..OUT)
            .map(|_| neuron(&mut numbers))
            .collect::<Option<_>>()?;
        Some(Self {
            table,
            scale,
            hidden,
            bias,
            out,
        })
    }

    pub(crate) fn add(&self, sum: &mut Sum, buckets: &[u32]) {
        let mut values = sum.values;
        for bucket in buckets {
            let Some(vector) = self.table.get(row(*bucket)) else {
                continue;
            };
            let vector = vector.map(|byte| i16::from(byte.cast_signed()));
            for (value, other) in values.iter_mut().zip(vector) {
                *value = value.wrapping_add(other);
            }
        }
        sum.values = values;
        sum.count += buckets.len();
    }

    /// The vector of a word.
    pub(crate) fn vector(&self, sum: &Sum) -> Vector {
        let part = self.scale / (sum.count.max(1) as f32).sqrt();
        sum.values.map(|value| f32::from(value) * part)
    }

    /// What the network says of a window.
    pub(crate) fn out(&self, pool: &Pool, words: usize) -> [f32; OUT] {
        let pooled = pool.pooled(words);
        let mut hidden = self.bias;
        for (input, column) in pooled.iter().zip(&self.hidden) {
            for (value, weight) in hidden.iter_mut().zip(column) {
                *value += input * weight;
            }
        }
        let hidden = hidden.map(|value| value.max(0.0));
        let mut out = [0.0; OUT];
        for (value, neuron) in out.iter_mut().zip(&self.out) {
            *value = sum(neuron, &hidden);
        }
        out
    }
}

/// Little-endian numbers; none when one of them is infinite or no number.
pub(crate) fn finite(bytes: &[u8]) -> Option<Vec<f32>> {
    let (numbers, _) = bytes.as_chunks::<4>();
    let numbers = numbers.iter().copied().map(f32::from_le_bytes);
    numbers
        .map(|number| number.is_finite().then_some(number))
        .collect()
}

fn neuron<const N: usize>(numbers: &mut impl Iterator<Item = f32>) -> Option<Neuron<N>> {
    let mut weights = [0.0; N];
    for weight in &mut weights {
        *weight = numbers.next()?;
    }
    Some((weights, numbers.next()?))
}

fn sum<const N: usize>((weights, bias): &Neuron<N>, inputs: &[f32; N]) -> f32 {
    // Four sums at a time, so that the compiler may use wide registers.
    let mut sums = [0.0_f32; 4];
    let (inputs, _) = inputs.as_chunks::<4>();
    for (weights, inputs) in weights.as_chunks::<4>().0.iter().zip(inputs) {
        for at in 0..4 {
            sums[at] += weights[at] * inputs[at];
        }
    }
    sums.iter().sum::<f32>() + bias
}
