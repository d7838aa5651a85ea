// SPDX-License-Identifier: Apache-2.0
//! Prompt injection and jailbreaks: weights and a small network over windows of words, trained by
//! `cargo xtask train injection` on what `crates/inspect/model/README.md` names.
//!
//! A text is read as people and models read it: look-alikes and invisible characters folded, what is
//! encoded also decoded. Each reading is cut into overlapping windows, so that one instruction in a
//! long document weighs as much as alone. The role decides which head of the model scores.

mod class;
mod features;
mod model;
mod net;
mod reading;

pub use class::{AttackClass, InjectionScore};
pub(crate) use model::{Head, Model, Scored};
pub(crate) use net::CLASSES;
pub(crate) use reading::{Reading, readings};

/// The same features for the program that trains the model.
pub(crate) mod training {
    use std::ops::Range;

    use casemate_types::{Channel, Role};

    use super::{
        Head,
        features::{self, Words},
        model, net, readings,
    };
    use crate::{Segment, injection, inspector::THRESHOLD, words::Lexicon};

    /// Buckets of the model.
    pub const BUCKETS: usize = features::BUCKETS;

    /// What the model sees of one reading of a text.
    #[derive(Debug)]
    pub struct Example {
        /// Buckets of all words, one word after the other.
        pub features: Vec<u32>,
        /// Where the features of each word begin, and where the last ends.
        pub starts: Vec<u32>,
        /// Buckets of the whole reading.
        pub shared: Vec<u32>,
        /// Words of each window.
        pub windows: Vec<Range<usize>>,
        /// What the rules of words add to the logit.
        pub evidence: f32,
    }

    /// Reads texts as the inspector does.
    #[derive(Debug)]
    pub struct Reader(Lexicon);

    impl Reader {
        /// A reader; none when the words cannot be compiled.
        #[must_use]
        pub fn new() -> Option<Self> {
            Lexicon::new().ok().map(Self)
        }

        /// What is seen of every reading of a text.
        #[must_use]
        pub fn examples(&self, text: &str, embedded: bool) -> Vec<Example> {
            let head = if embedded { Head::Embedded } else { Head::User };
            let example = |reading| {
                let words = Words::of(&reading);
                let (mut features, mut starts) = (Vec::new(), vec![0]);
                for at in 0..words.len() {
                    words.features(at, |bucket| features.push(bucket));
                    starts.push(u32::try_from(features.len()).unwrap_or(u32::MAX));
                }
                Example {
                    features,
                    starts,
                    shared: words.shared(&reading),
                    windows: words.windows(head).map(|window| window.words).collect(),
                    evidence: self.evidence(&reading.text, embedded),
                }
            };
            readings(text).into_iter().map(example).collect()
        }

        fn evidence(&self, text: &str, embedded: bool) -> f32 {
            let segment = match embedded {
                true => Segment::new(text, Role::Tool, Channel::ToolResult),
                false => Segment::new(text, Role::User, Channel::Content),
            };
            match injection::find(segment, &self.0.hits(text)) {
                Some(found) if found.score >= THRESHOLD => injection::WORTH,
                _ => 0.0,
            }
        }
    }

    /// The codes that were undone in the readings of a text.
    #[must_use]
    pub fn codes(text: &str) -> Vec<String> {
        readings(text)
            .into_iter()
            .map(|reading| reading.codes.join("+"))
            .collect()
    }

    /// The readings of a text.
    #[must_use]
    pub fn texts(text: &str) -> Vec<String> {
        let all = readings(text).into_iter();
        all.map(|reading| reading.text.into_owned()).collect()
    }

    /// The logit of a sum of weights.
    #[must_use]
    pub fn raw(sum: f32, bias: f32, words: usize) -> f32 {
        model::raw(sum, bias, words)
    }

    /// What many windows cost.
    #[must_use]
    pub fn tax(windows: usize) -> f32 {
        model::tax(windows)
    }

    /// The part of a sum over so many words.
    #[must_use]
    pub fn share(words: usize) -> f32 {
        net::share(words)
    }

    /// The row of the network's table that belongs to a bucket.
    #[must_use]
    pub const fn row(bucket: u32) -> usize {
        net::row(bucket)
    }

    /// Sizes of the network.
    pub mod size {
        use crate::attack::net;

        /// Neurons of the hidden layer.
        pub const HIDDEN: usize = net::HIDDEN;
        /// Neurons of the last layer.
        pub const OUT: usize = net::OUT;
        /// Inputs of the hidden layer.
        pub const POOLED: usize = net::POOLED;
        /// Rows of the table.
        pub const ROWS: usize = net::ROWS;
        /// Values in a row of the table.
        pub const WIDTH: usize = net::WIDTH;
    }
}
