// SPDX-License-Identifier: Apache-2.0
//! The linear part: one weight for each bucket.

use casemate_inspect::training::{BUCKETS, Example, raw};

use crate::data::Text;

const DECAY: f32 = 2e-6;

pub(crate) struct Linear {
    pub(crate) weights: Vec<f32>,
    squares: Vec<f32>,
    pub(crate) bias: f32,
    rate: f32,
}

/// All buckets of a window.
fn window(example: &Example, at: usize) -> impl Iterator<Item = usize> + '_ {
    let words = &example.windows[at];
    let from = example.starts[words.start] as usize;
    let upto = example.starts[words.end] as usize;
    let inside = example.features[from..upto].iter();
    inside.chain(&example.shared).map(|bucket| *bucket as usize)
}

impl Linear {
    pub(crate) fn new(rate: f32) -> Self {
        Self {
            weights: vec![0.0; BUCKETS],
            squares: vec![0.0; BUCKETS],
            bias: 0.0,
            rate,
        }
    }

    pub(crate) fn logit(&self, example: &Example, at: usize) -> f32 {
        let sum: f32 = window(example, at).map(|bucket| self.weights[bucket]).sum();
        raw(sum, self.bias, example.windows[at].len())
    }

    pub(crate) fn learn(&mut self, text: &Text, (reading, at): (usize, usize), weight: f32) {
        let example = &text.readings[reading];
        let logit = self.logit(example, at);
        let wanted = if text.attack { 1.0 } else { 0.0 };
        let error = 1.0 / (1.0 + (-logit).exp()) - wanted;
        self.bias -= 0.01 * error * weight;
        if error.abs() < 0.01 {
            return;
        }
        let words = example.windows[at].len().max(4);
        let step = error * weight / (words as f32).sqrt();
        for bucket in window(example, at) {
            self.squares[bucket] += step * step;
            let rate = self.rate / (1.0 + self.squares[bucket]).sqrt();
            self.weights[bucket] -= rate * (step + DECAY * self.weights[bucket]);
        }
    }
}
