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

/// What speaks for a transition that may not be.
const NEVER: f32 = -1e9;

/// Makes transitions that may not be so bad that [`best`] never takes them.
pub(crate) fn forbid(transitions: &mut [[f32; WIDTH]; LABELS]) {
    for (last, row) in transitions.iter_mut().enumerate() {
        for (label, weight) in row.iter_mut().enumerate() {
            if label >= LABELS || !may_follow(label, last) {
                *weight = NEVER;
            }
        }
    }
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
        forbid(&mut transitions);
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
        // A token has fewer than 256 features, so the sums fit.
        let mut sums = [0_i16; WIDTH];
        let add = |bucket: u32| {
            let row = &self.weights[bucket as usize * WIDTH..][..WIDTH];
            for (sum, weight) in sums.iter_mut().zip(row) {
                *sum += i16::from(weight.cast_signed());
            }
        };
        page.features(at, |_| false, add);
        sums.map(|sum| f32::from(sum) * self.scale)
    }
}

/// The labels that together have the most for them. Transitions that may not be are [`NEVER`].
pub(crate) fn best(scores: &[[f32; WIDTH]], transitions: &[[f32; WIDTH]; LABELS]) -> Vec<usize> {
    let mut before = [NEVER; WIDTH];
    before[0] = 0.0;
    let mut from = Vec::with_capacity(scores.len());
    for score in scores {
        // Column by column and without branches, so that eight labels are looked at together.
        let (mut now, mut came) = ([f32::MIN; WIDTH], [0_u32; WIDTH]);
        for (last, moves) in (0_u32..).zip(transitions) {
            let so_far = before[last as usize];
            for label in 0..WIDTH {
                let sum = so_far + moves[label];
                let better = sum > now[label];
                now[label] = if better { sum } else { now[label] };
                came[label] = if better { last } else { came[label] };
            }
        }
        for (sum, score) in now.iter_mut().zip(score) {
            *sum += score;
        }
        before = now;
        from.push(came.map(|last| last as u8));
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
