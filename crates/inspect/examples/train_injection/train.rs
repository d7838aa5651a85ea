// SPDX-License-Identifier: Apache-2.0
//! Which window of a text is learnt from, and how much it counts.

use casemate_inspect::training::Example;

use crate::{
    data::{Place, Text},
    linear::Linear,
    net::Net,
    random::Random,
};

/// How a part of a head is trained; chosen by leaving sources out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) epochs: usize,
    pub(crate) rate: f32,
    /// How much rows of the other role count.
    pub(crate) across: f32,
    /// How much a row of the development data counts against a generated one.
    pub(crate) real: f32,
}

/// A lesson counts at most this much.
const HEAVIEST: f32 = 8.0;

pub(crate) trait Learner {
    fn logit(&self, example: &Example, at: usize) -> f32;
    fn learn(&mut self, text: &Text, place: Place, weight: f32);
}

impl Learner for Linear {
    fn logit(&self, example: &Example, at: usize) -> f32 {
        self.logit(example, at)
    }

    fn learn(&mut self, text: &Text, place: Place, weight: f32) {
        self.learn(text, place, weight);
    }
}

impl Learner for Net {
    fn logit(&self, example: &Example, at: usize) -> f32 {
        self.logit(example, at)
    }

    fn learn(&mut self, text: &Text, place: Place, weight: f32) {
        self.learn(text, place, weight);
    }
}

/// What a row counts: attacks and ordinary texts of each role weigh the same.
fn masses(texts: &[Text], rows: &[usize], plan: &Plan) -> [[f32; 2]; 2] {
    let mut mass = [[0.0_f32; 2]; 2];
    for row in rows {
        let text = &texts[*row];
        mass[usize::from(text.embedded)][usize::from(text.attack)] += plan.worth(text);
    }
    let most = mass.iter().flatten().copied().fold(0.0, f32::max);
    mass.map(|two| two.map(|one| most / one.max(1.0)))
}

impl Plan {
    fn worth(&self, text: &Text) -> f32 {
        if text.real { self.real } else { 1.0 }
    }
}

/// Shows all rows to a learner, so many times.
pub(crate) fn train(
    learner: &mut impl Learner,
    texts: &[Text],
    rows: &[usize],
    embedded: bool,
    plan: &Plan,
) {
    let masses = masses(texts, rows, plan);
    let mut order = rows.to_vec();
    let mut random = Random(7);
    for epoch in 0..plan.epochs {
        random.shuffle(&mut order);
        for row in &order {
            let text = &texts[*row];
            let own = match (text.embedded == embedded, text.across) {
                (true, _) => 1.0,
                (false, true) => plan.across,
                (false, false) => 0.0,
            };
            let mass = masses[usize::from(text.embedded)][usize::from(text.attack)];
            let weight = mass * plan.worth(text) * own;
            if weight > 0.0 {
                lesson(learner, text, weight, epoch == 0, &mut random);
            }
        }
    }
}

fn lesson(learner: &mut impl Learner, text: &Text, weight: f32, first: bool, random: &mut Random) {
    let places: Vec<Place> = text.places().collect();
    let logits = places
        .iter()
        .map(|place| learner.logit(&text.readings[place.0], place.1));
    let best = logits
        .zip(&places)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    let Some(best) = best.map(|(_, place)| *place) else {
        return;
    };
    // Before anything is known every window may be the one. Of generated attacks the twin says what
    // is ordinary; of others nobody does.
    if first && text.attack && !text.real && places.len() > 1 {
        let share = weight / places.len() as f32;
        for place in &places {
            learner.learn(text, *place, share);
        }
    }
    learner.learn(text, best, weight.min(HEAVIEST));
    if !text.attack && places.len() > 1 {
        let other = places[random.below(places.len())];
        learner.learn(text, other, weight.min(HEAVIEST));
    }
}
