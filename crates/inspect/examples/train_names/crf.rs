// SPDX-License-Identifier: Apache-2.0
//! Learns the weights: a linear-chain conditional random field by stochastic gradient descent
//! (`AdaGrad`, Duchi et al. 2011).

use casemate_inspect::training::names::{BUCKETS, LABELS, WIDTH, best, may_follow};

use crate::generate::Random;

/// Tokens with their labels.
pub(crate) struct Sequence {
    pub(crate) features: Vec<Vec<u32>>,
    pub(crate) labels: Vec<usize>,
    pub(crate) weight: f32,
}

type Scores = [f32; WIDTH];

pub(crate) struct Field {
    weights: Vec<f32>,
    squares: Vec<f32>,
    pub(crate) transitions: [Scores; LABELS],
    transition_squares: [Scores; LABELS],
}

const RATE: f32 = 0.15;
const DECAY: f32 = 3e-6;
const EPOCHS: usize = 5;

impl Field {
    pub(crate) fn train(sequences: &[Sequence]) -> Self {
        let mut field = Self {
            weights: vec![0.0; BUCKETS * WIDTH],
            squares: vec![1e-3; BUCKETS * WIDTH],
            transitions: [[0.0; WIDTH]; LABELS],
            transition_squares: [[1e-3; WIDTH]; LABELS],
        };
        let mut order: Vec<usize> = (0..sequences.len()).collect();
        let mut random = Random(11);
        for _ in 0..EPOCHS {
            for at in (1..order.len()).rev() {
                order.swap(at, random.below(at + 1));
            }
            for at in &order {
                field.learn(&sequences[*at]);
            }
        }
        field
    }

    fn scores(&self, features: &[Vec<u32>]) -> Vec<Scores> {
        let token = |buckets: &Vec<u32>| {
            let mut sums = [0.0; WIDTH];
            for bucket in buckets {
                let row = &self.weights[*bucket as usize * WIDTH..][..WIDTH];
                for (sum, weight) in sums.iter_mut().zip(row) {
                    *sum += weight;
                }
            }
            sums
        };
        features.iter().map(token).collect()
    }

    /// The likeliest labels.
    pub(crate) fn labels(&self, features: &[Vec<u32>]) -> Vec<usize> {
        best(&self.scores(features), &self.transitions)
    }

    /// One step towards the labels of a sequence.
    fn learn(&mut self, sequence: &Sequence) {
        let scores = self.scores(&sequence.features);
        let length = scores.len();
        let mut moves = [[0.0; LABELS]; LABELS];
        for (last, row) in moves.iter_mut().enumerate() {
            for (label, weight) in row.iter_mut().enumerate() {
                if may_follow(label, last) {
                    *weight = self.transitions[last][label].exp();
                }
            }
        }
        // Forward and backward, each column brought to a sum of one.
        let chances: Vec<[f32; LABELS]> = scores.iter().map(chances).collect();
        let mut forward = vec![[0.0_f32; LABELS]; length];
        let mut before = [0.0; LABELS];
        before[0] = 1.0;
        for at in 0..length {
            let mut now = [0.0; LABELS];
            for (last, chance) in before.iter().enumerate().filter(|one| *one.1 > 0.0) {
                for label in 0..LABELS {
                    now[label] += chance * moves[last][label];
                }
            }
            for label in 0..LABELS {
                now[label] *= chances[at][label];
            }
            normalise(&mut now);
            forward[at] = now;
            before = now;
        }
        let mut after = [1.0_f32; LABELS];
        for at in (0..length).rev() {
            let mut likely = [0.0; LABELS];
            for label in 0..LABELS {
                likely[label] = forward[at][label] * after[label];
            }
            normalise(&mut likely);
            let right = sequence.labels[at];
            let mut error = [0.0; WIDTH];
            error[..LABELS].copy_from_slice(&likely);
            error[right] -= 1.0;
            self.step(&sequence.features[at], &error, sequence.weight);
            let so_far = if at > 0 { forward[at - 1] } else { none() };
            self.step_moves(sequence, at, &so_far, &moves, &chances[at], &after);
            let mut earlier = [0.0; LABELS];
            for last in 0..LABELS {
                for label in 0..LABELS {
                    earlier[last] += moves[last][label] * chances[at][label] * after[label];
                }
            }
            normalise(&mut earlier);
            after = earlier;
        }
    }

    fn step(&mut self, buckets: &[u32], error: &Scores, weight: f32) {
        if error.iter().all(|error| error.abs() < 0.005) {
            return;
        }
        for bucket in buckets {
            let row = *bucket as usize * WIDTH;
            let weights = &mut self.weights[row..row + WIDTH];
            let squares = &mut self.squares[row..row + WIDTH];
            for ((value, square), error) in weights.iter_mut().zip(squares).zip(error) {
                let slope = error * weight + DECAY * *value;
                *square += slope * slope;
                *value -= RATE * slope / square.sqrt();
            }
        }
    }

    fn step_moves(
        &mut self,
        sequence: &Sequence,
        at: usize,
        so_far: &[f32; LABELS],
        moves: &[[f32; LABELS]; LABELS],
        chances: &[f32; LABELS],
        after: &[f32; LABELS],
    ) {
        let mut both = [[0.0; LABELS]; LABELS];
        let mut sum = 0.0;
        for (last, row) in both.iter_mut().enumerate() {
            for (label, chance) in row.iter_mut().enumerate() {
                *chance = so_far[last] * moves[last][label] * chances[label] * after[label];
                sum += *chance;
            }
        }
        let right = (
            at.checked_sub(1).map_or(0, |last| sequence.labels[last]),
            sequence.labels[at],
        );
        for (last, row) in both.iter().enumerate() {
            for (label, chance) in row.iter().enumerate() {
                let seen = f32::from(u8::from((last, label) == right));
                let slope = (chance / sum.max(1e-30) - seen) * sequence.weight;
                if slope.abs() > 0.001 {
                    let square = &mut self.transition_squares[last][label];
                    *square += slope * slope;
                    self.transitions[last][label] -= RATE * slope / square.sqrt();
                }
            }
        }
    }

    /// The file's last part: scale, transitions, weights in eight bits.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut sizes: Vec<f32> = self
            .weights
            .iter()
            .map(|weight| weight.abs())
            .filter(|size| *size > 0.0)
            .collect();
        sizes.sort_by(f32::total_cmp);
        // The largest are cut off, so that the many small ones are told apart.
        let most = sizes
            .get(sizes.len() - 1 - sizes.len() / 5000)
            .copied()
            .unwrap_or(1.0);
        let scale = most / 127.0;
        let mut out = scale.to_le_bytes().to_vec();
        for weight in self.transitions.iter().flatten() {
            out.extend_from_slice(&weight.to_le_bytes());
        }
        out.extend(
            self.weights
                .iter()
                .map(|weight| (weight / scale).round().clamp(-127.0, 127.0) as i8 as u8),
        );
        out
    }
}

/// The beginning: no label.
fn none() -> [f32; LABELS] {
    let mut all = [0.0; LABELS];
    all[0] = 1.0;
    all
}

fn chances(scores: &Scores) -> [f32; LABELS] {
    let most = scores[..LABELS].iter().copied().fold(f32::MIN, f32::max);
    let mut all = [0.0; LABELS];
    for (chance, score) in all.iter_mut().zip(scores) {
        *chance = (score - most).exp().max(1e-20);
    }
    all
}

fn normalise(all: &mut [f32; LABELS]) {
    let sum: f32 = all.iter().sum();
    for one in all {
        *one /= sum.max(1e-30);
    }
}
