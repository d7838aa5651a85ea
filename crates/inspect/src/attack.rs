// SPDX-License-Identifier: Apache-2.0
//! Prompt injection and jailbreaks: a linear model over windows of words, trained by
//! `cargo xtask train injection` on what `crates/inspect/model/README.md` names.
//!
//! A text is read as people and models read it: look-alikes and invisible characters folded, what is
//! encoded also decoded. Each reading is cut into overlapping windows, so that one instruction in a
//! long document weighs as much as alone. The role decides which head of the model scores.

mod features;
mod model;
mod reading;

pub(crate) use model::{Head, Model};
pub(crate) use reading::{Reading, readings};

/// The same features for the program that trains the model.
pub(crate) mod training {
    use super::{
        Head,
        features::{self, Words},
        model, readings,
    };

    /// Buckets of the model.
    pub const BUCKETS: usize = features::BUCKETS;

    /// Features of every window of every reading of a text, with the number of words.
    #[must_use]
    pub fn examples(text: &str, embedded: bool) -> Vec<(Vec<u32>, usize)> {
        let head = if embedded { Head::Embedded } else { Head::User };
        let mut all = Vec::new();
        for reading in readings(text) {
            let words = Words::of(&reading);
            let shared = words.shared(&reading);
            for window in words.windows(head) {
                let mut inside = shared.clone();
                for at in window.words.clone() {
                    words.features(at, |bucket| inside.push(bucket));
                }
                all.push((inside, window.words.len()));
            }
        }
        all
    }

    /// The codes that were undone in the readings of a text.
    #[must_use]
    pub fn codes(text: &str) -> Vec<String> {
        readings(text)
            .into_iter()
            .map(|reading| reading.codes.join("+"))
            .collect()
    }

    /// The logit of a sum of weights.
    #[must_use]
    pub fn raw(sum: f32, bias: f32, words: usize) -> f32 {
        model::raw(sum, bias, words)
    }
}
