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

pub(crate) use features::windows;
pub(crate) use model::{Head, Model};
pub(crate) use reading::readings;

/// The same features for the program that trains the model.
pub(crate) mod training {
    use super::{features, model, readings, windows};

    /// Buckets of the model.
    pub const BUCKETS: usize = features::BUCKETS;

    /// Features of every window of every reading of a text, with the number of words.
    #[must_use]
    pub fn examples(text: &str, embedded: bool) -> Vec<(Vec<u32>, usize)> {
        let head = if embedded {
            super::Head::Embedded
        } else {
            super::Head::User
        };
        readings(text)
            .iter()
            .flat_map(|reading| windows(reading, head))
            .map(|window| (window.features, window.words))
            .collect()
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
