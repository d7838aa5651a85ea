// SPDX-License-Identifier: Apache-2.0
//! One head of the model: the weights and the network, rounded as they are shipped.

use casemate_inspect::training::{Example, tax};

use crate::{
    data::Text,
    linear::Linear,
    net::Net,
    train::{Plan, train},
};

pub(crate) struct Head {
    pub(crate) linear: Linear,
    /// One step of the linear weights.
    pub(crate) scale: f32,
    pub(crate) net: Net,
    /// One step of the table of the network.
    pub(crate) table_scale: f32,
    pub(crate) settings: &'static Settings,
}

/// Chosen by leaving sources out.
pub(crate) struct Settings {
    linear: Plan,
    net: Plan,
    /// The share of words that a lesson of the network leaves out.
    drop: f32,
    /// How much the network says.
    pub(crate) share: f32,
    /// What many windows cost.
    pub(crate) tax: f32,
}

const USER: Settings = Settings {
    linear: Plan {
        epochs: 5,
        rate: 0.2,
        across: 0.03,
        real: 2.5,
    },
    net: Plan {
        epochs: 5,
        rate: 0.05,
        across: 0.03,
        real: 2.5,
    },
    drop: 0.2,
    share: 0.7,
    tax: 0.6,
};
const EMBEDDED: Settings = Settings {
    linear: Plan {
        epochs: 6,
        rate: 0.5,
        across: 0.7,
        real: 8.0,
    },
    net: Plan {
        epochs: 5,
        rate: 0.05,
        across: 0.5,
        real: 5.0,
    },
    drop: 0.2,
    share: 0.7,
    tax: 0.5,
};
const SEED: u64 = 11;

impl Head {
    /// Trains both parts on two threads.
    pub(crate) fn train(texts: &[Text], rows: &[usize], embedded: bool) -> Self {
        let settings = if embedded { &EMBEDDED } else { &USER };
        let mut linear = Linear::new(settings.linear.rate);
        let mut net = Net::new(settings.net.rate, settings.drop, SEED);
        std::thread::scope(|scope| {
            scope.spawn(|| train(&mut linear, texts, rows, embedded, &settings.linear));
            train(&mut net, texts, rows, embedded, &settings.net);
        });
        let scale = rounded(&mut linear.weights);
        let table_scale = rounded(net.table.as_flattened_mut());
        Self {
            linear,
            scale,
            net,
            table_scale,
            settings,
        }
    }

    /// The logit of a text: that of the highest window of all readings.
    pub(crate) fn logit(&self, text: &Text) -> f32 {
        self.logit_of(&text.readings)
    }

    pub(crate) fn logit_of(&self, readings: &[Example]) -> f32 {
        let mut best = f32::MIN;
        for example in readings {
            let tax = self.settings.tax * tax(example.windows.len());
            for at in 0..example.windows.len() {
                let net = self.settings.share * self.net.logit(example, at);
                best = best.max(self.linear.logit(example, at) + net - tax + example.evidence);
            }
        }
        best
    }
}

/// Rounds weights to steps of which an `i8` holds the number, and says how large a step is. The
/// largest are cut off: hundreds of others share the scale.
fn rounded(weights: &mut [f32]) -> f32 {
    let mut sizes: Vec<f32> = weights
        .iter()
        .map(|weight| weight.abs())
        .filter(|size| *size > 0.0)
        .collect();
    sizes.sort_by(f32::total_cmp);
    let most = sizes.get(sizes.len().saturating_sub(1 + sizes.len() / 2000));
    let scale = most.copied().unwrap_or(1.0) / 127.0;
    for weight in weights {
        *weight = steps(*weight, scale) * scale;
    }
    scale
}

fn steps(weight: f32, scale: f32) -> f32 {
    (weight / scale).round().clamp(-127.0, 127.0)
}

/// The bytes of rounded weights.
pub(crate) fn bytes(weights: &[f32], scale: f32) -> impl Iterator<Item = u8> + '_ {
    weights
        .iter()
        .map(move |weight| steps(*weight, scale) as i8 as u8)
}
