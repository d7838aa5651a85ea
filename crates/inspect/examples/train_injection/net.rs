// SPDX-License-Identifier: Apache-2.0
//! The network, as `src/attack/net.rs` reads it: vectors of words, the largest and the mean of a
//! window, one hidden layer.

use casemate_inspect::training::{
    Example, row, share,
    size::{HIDDEN, OUT, POOLED, ROWS, WIDTH},
};

use crate::{
    data::{Place, Text},
    random::Random,
};

/// Labels are believed this much, so that no text is learnt by heart.
const SURE: f32 = 0.98;
/// How much the class of an attack counts against its being one.
const CLASS: f32 = 0.2;
const DECAY: f32 = 1e-4;

pub(crate) struct Net {
    pub(crate) table: Vec<[f32; WIDTH]>,
    squares: Vec<f32>,
    pub(crate) hidden: Vec<Neuron<POOLED>>,
    pub(crate) out: Vec<Neuron<HIDDEN>>,
    rate: f32,
    /// The share of words that a lesson leaves out.
    drop: f32,
    random: Random,
}

pub(crate) struct Neuron<const N: usize> {
    pub(crate) weights: [f32; N],
    pub(crate) bias: f32,
    squares: [f32; N],
    bias_square: f32,
}

impl<const N: usize> Neuron<N> {
    fn new(random: &mut Random) -> Self {
        Self {
            weights: std::array::from_fn(|_| random.signed() * 0.3),
            bias: 0.0,
            squares: [0.1; N],
            bias_square: 0.1,
        }
    }

    fn sum(&self, inputs: &[f32; N]) -> f32 {
        let products = self.weights.iter().zip(inputs);
        products.map(|(weight, input)| weight * input).sum::<f32>() + self.bias
    }

    fn learn(&mut self, inputs: &[f32; N], error: f32, rate: f32) {
        let values = self.weights.iter_mut().zip(&mut self.squares).zip(inputs);
        for ((weight, square), input) in values {
            let step = error * input + DECAY * *weight;
            *square += step * step;
            *weight -= rate * step / square.sqrt();
        }
        self.bias_square += error * error;
        self.bias -= rate * error / self.bias_square.sqrt();
    }
}

/// What one window went through.
struct Pass {
    words: Vec<usize>,
    pooled: [f32; POOLED],
    /// The word with the largest value.
    largest: [usize; WIDTH],
    hidden: [f32; HIDDEN],
    out: [f32; OUT],
}

fn features(example: &Example, word: usize) -> &[u32] {
    &example.features[example.starts[word] as usize..example.starts[word + 1] as usize]
}

impl Net {
    pub(crate) fn new(rate: f32, drop: f32, seed: u64) -> Self {
        let mut random = Random(seed);
        let mut table = vec![[0.0; WIDTH]; ROWS];
        for value in table.iter_mut().flatten() {
            *value = random.signed() * 0.1;
        }
        Self {
            table,
            squares: vec![0.1; ROWS],
            hidden: (0..HIDDEN).map(|_| Neuron::new(&mut random)).collect(),
            out: (0..OUT).map(|_| Neuron::new(&mut random)).collect(),
            rate,
            drop,
            random,
        }
    }

    fn vector(&self, features: &[u32]) -> [f32; WIDTH] {
        let mut sum = [0.0; WIDTH];
        for bucket in features {
            for (sum, value) in sum.iter_mut().zip(&self.table[row(*bucket)]) {
                *sum += value;
            }
        }
        let part = 1.0 / (features.len().max(1) as f32).sqrt();
        sum.map(|value| value * part)
    }

    fn pass(&self, example: &Example, words: Vec<usize>) -> Pass {
        let mut pooled = [0.0; POOLED];
        let mut largest = [usize::MAX; WIDTH];
        pooled[..WIDTH].fill(if words.is_empty() { 0.0 } else { f32::MIN });
        for word in &words {
            let vector = self.vector(features(example, *word));
            for at in 0..WIDTH {
                if vector[at] > pooled[at] {
                    (pooled[at], largest[at]) = (vector[at], *word);
                }
                pooled[WIDTH + at] += vector[at];
            }
        }
        let share = share(words.len());
        for value in &mut pooled[WIDTH..] {
            *value *= share;
        }
        let hidden: [f32; HIDDEN] = std::array::from_fn(|at| self.hidden[at].sum(&pooled).max(0.0));
        let out = std::array::from_fn(|at| self.out[at].sum(&hidden));
        Pass {
            words,
            pooled,
            largest,
            hidden,
            out,
        }
    }

    pub(crate) fn logit(&self, example: &Example, at: usize) -> f32 {
        self.pass(example, example.windows[at].clone().collect())
            .out[0]
    }

    pub(crate) fn learn(&mut self, text: &Text, (reading, at): Place, weight: f32) {
        let example = &text.readings[reading];
        let (random, drop) = (&mut self.random, self.drop);
        let words = example.windows[at]
            .clone()
            .filter(|_| random.unit() >= drop)
            .collect();
        let pass = self.pass(example, words);
        let mut hidden_errors = [0.0; HIDDEN];
        for (neuron, error) in self.out.iter_mut().zip(errors(text, &pass.out, weight)) {
            for (sum, weight) in hidden_errors.iter_mut().zip(neuron.weights) {
                *sum += weight * error;
            }
            neuron.learn(&pass.hidden, error, self.rate);
        }
        let mut pooled_errors = [0.0; POOLED];
        for ((neuron, error), value) in self.hidden.iter_mut().zip(hidden_errors).zip(pass.hidden) {
            if value > 0.0 {
                for (sum, weight) in pooled_errors.iter_mut().zip(neuron.weights) {
                    *sum += weight * error;
                }
                neuron.learn(&pass.pooled, error, self.rate);
            }
        }
        self.learn_vectors(example, &pass, &pooled_errors);
    }

    fn learn_vectors(&mut self, example: &Example, pass: &Pass, errors: &[f32; POOLED]) {
        let share = share(pass.words.len());
        for word in &pass.words {
            let step: [f32; WIDTH] = std::array::from_fn(|at| {
                let most = if pass.largest[at] == *word {
                    errors[at]
                } else {
                    0.0
                };
                errors[WIDTH + at] * share + most
            });
            let features = features(example, *word);
            let part = 1.0 / (features.len().max(1) as f32).sqrt();
            let size = step.iter().map(|value| value * value).sum::<f32>() * part * part;
            if size < 1e-12 {
                continue;
            }
            for bucket in features {
                let row = row(*bucket);
                self.squares[row] += size / WIDTH as f32;
                let rate = self.rate * part / self.squares[row].sqrt();
                for (value, step) in self.table[row].iter_mut().zip(step) {
                    *value -= rate * step;
                }
            }
        }
    }
}

/// How wrong each output is.
fn errors(text: &Text, out: &[f32; OUT], weight: f32) -> [f32; OUT] {
    let wanted = if text.attack { SURE } else { 1.0 - SURE };
    let mut errors = [0.0; OUT];
    errors[0] = weight * (1.0 / (1.0 + (-out[0]).exp()) - wanted);
    let Some(class) = text.class.filter(|_| text.attack) else {
        return errors;
    };
    let most = out[1..].iter().copied().fold(f32::MIN, f32::max);
    let all: f32 = out[1..].iter().map(|logit| (logit - most).exp()).sum();
    for (at, (error, logit)) in errors[1..].iter_mut().zip(&out[1..]).enumerate() {
        let wanted = if at == class { 1.0 } else { 0.0 };
        *error = CLASS * weight * ((logit - most).exp() / all - wanted);
    }
    errors
}
