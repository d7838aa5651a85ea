// SPDX-License-Identifier: Apache-2.0
//! Weights, and the likeliest labels of a row of tokens: a linear-chain conditional random field
//! (Lafferty, McCallum, Pereira 2001), decoded by Viterbi.

use std::ops::Range;

use super::features::{BUCKETS, Page};

/// What a stretch of text names. The order is that of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entity {
    Person,
    Address,
    Place,
    Organisation,
    Group,
    Title,
    Age,
    Date,
    Zip,
}

impl Entity {
    pub(crate) const ALL: [Self; 9] = [
        Self::Person,
        Self::Address,
        Self::Place,
        Self::Organisation,
        Self::Group,
        Self::Title,
        Self::Age,
        Self::Date,
        Self::Zip,
    ];
}

/// Labels: none, then for each entity its first token and its others.
pub(crate) const LABELS: usize = 1 + 2 * Entity::ALL.len();
/// Weights of a row; one is not used.
pub(crate) const WIDTH: usize = 20;

/// Whether a label may follow another: others only follow a first or other of their entity.
pub(crate) const fn may_follow(label: usize, before: usize) -> bool {
    label == 0 || label % 2 == 1 || label == before || label == before + 1
}

/// The weights. In the file: scale `f32`, `LABELS` times `WIDTH` transitions `f32`, then `i8` rows.
#[derive(Debug)]
pub(crate) struct Tagger {
    scale: f32,
    /// Of each label after each label.
    transitions: [[f32; WIDTH]; LABELS],
    weights: &'static [u8],
}

/// Labels with a mean probability each, as far as neighbours allow to say.
pub(crate) struct Tagged {
    pub(crate) entity: Entity,
    pub(crate) tokens: Range<usize>,
    /// By how much its labels are better than none.
    pub(crate) margin: f32,
}

impl Tagger {
    pub(crate) fn read(bytes: &'static [u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut number = || {
            let (four, after) = rest.split_first_chunk::<4>()?;
            rest = after;
            Some(f32::from_le_bytes(*four))
        };
        let scale = number()?;
        let mut transitions = [[0.0; WIDTH]; LABELS];
        for weight in transitions.iter_mut().flatten() {
            *weight = number()?;
        }
        (rest.len() == BUCKETS * WIDTH).then_some(Self {
            scale,
            transitions,
            weights: rest,
        })
    }

    /// What the tokens of an island name.
    pub(crate) fn tag(&self, page: &Page<'_>, island: Range<usize>) -> Vec<Tagged> {
        let scores: Vec<[f32; WIDTH]> = island.clone().map(|at| self.scores(page, at)).collect();
        let labels = best(&scores, &self.transitions);
        let mut all: Vec<Tagged> = Vec::new();
        for (at, label) in labels.iter().enumerate().filter(|(_, label)| **label > 0) {
            let margin = scores[at][*label] - scores[at][0];
            let place = island.start + at;
            match all.last_mut().filter(|_| label % 2 == 0) {
                Some(last) => {
                    last.tokens.end = place + 1;
                    last.margin = last.margin.max(margin);
                }
                None => all.push(Tagged {
                    entity: Entity::ALL[(label - 1) / 2],
                    tokens: place..place + 1,
                    margin,
                }),
            }
        }
        all
    }

    /// What each label has for it at a token.
    fn scores(&self, page: &Page<'_>, at: usize) -> [f32; WIDTH] {
        let mut sums = [0_i32; WIDTH];
        page.features(
            at,
            |_| false,
            |bucket| {
                let row = &self.weights[bucket as usize * WIDTH..][..WIDTH];
                for (sum, weight) in sums.iter_mut().zip(row) {
                    *sum += i32::from(weight.cast_signed());
                }
            },
        );
        sums.map(|sum| sum as f32 * self.scale)
    }
}

/// The labels that together have the most for them.
pub(crate) fn best(scores: &[[f32; WIDTH]], transitions: &[[f32; WIDTH]; LABELS]) -> Vec<usize> {
    let mut before = [f32::MIN; LABELS];
    before[0] = 0.0;
    let mut from = Vec::with_capacity(scores.len());
    for score in scores {
        let mut now = [f32::MIN; LABELS];
        let mut came = [0_u8; LABELS];
        for label in 0..LABELS {
            let (mut most, mut source) = (f32::MIN, 0);
            for (last, so_far) in before.iter().enumerate() {
                let sum = so_far + transitions[last][label];
                if sum > most && may_follow(label, last) {
                    (most, source) = (sum, last);
                }
            }
            now[label] = most + score[label];
            came[label] = source as u8;
        }
        before = now;
        from.push(came);
    }
    let last = (0..LABELS).max_by(|a, b| before[*a].total_cmp(&before[*b]));
    let mut label = last.unwrap_or(0);
    let mut labels = vec![0; scores.len()];
    for (at, came) in from.iter().enumerate().rev() {
        labels[at] = label;
        label = came[label].into();
    }
    labels
}
