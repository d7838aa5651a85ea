// SPDX-License-Identifier: Apache-2.0
//! Trains the tagger of names: `cargo xtask train names` runs it.
//!
//! Rows come from the development data, from its templates filled anew, and from templates of our own.
//! Measured is on templates left out of both. The same input gives the same model.

#![allow(clippy::unwrap_used, missing_docs)]

mod crf;
mod generate;
mod lists;

use std::{collections::BTreeMap, path::Path};

use casemate_inspect::training::names::{HEAD, LABELS, Lists, islands};
use crf::{Field, Sequence};
use generate::{ENTITIES, Generator, Random, Row, place, template};
use lists::Pools;

const SEED: u64 = 20_261_122;
const FOLDS: usize = 4;
/// How often each template of our own is filled, and each of the development data.
const FILLS: usize = 24;
const FILLS_OF_DATA: usize = 24;
/// Rows of numbers with labels.
const LABELLED: usize = 4000;
/// How much a row of the development data counts.
const REAL: f32 = 2.0;

#[derive(serde::Deserialize)]
struct Given {
    text: String,
    spans: Vec<(usize, usize, String)>,
    source: String,
}

#[derive(serde::Deserialize)]
struct Text {
    text: String,
}

fn main() {
    let options: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        let at = options.iter().position(|option| option == name)?;
        options.get(at + 1).cloned()
    };
    let training = option("--training").unwrap();
    let training = Path::new(&training);
    let pools = Pools::read(&training.join("names"));
    let given = given(&training.join("pii/dev.jsonl"));
    let own = own(training);
    let texts = ordinary_texts(training, &own);
    let table = pools.encode(texts.iter().map(String::as_str), &own.labels);
    println!("{} rows, lists {} bytes", given.len(), table.len());
    let lists = Lists::new(table.clone().leak()).unwrap();
    let mut negative = plain(&training.join("injection/own"));
    negative.extend(technical(training));
    if option("--folds").is_some() {
        folds(&pools, &lists, &given, &own, &negative);
    }
    let Some(out) = option("--out") else { return };
    let all: Vec<&Row> = given.iter().collect();
    let field = Field::train(&sequences(&rows(&pools, &all, &own, &negative), &lists));
    let mut file = HEAD.to_vec();
    file.extend(table);
    file.extend(field.encode());
    std::fs::write(out, file).unwrap();
}

/// What is written of our own: templates, and words that stand before numbers.
struct Own {
    templates: String,
    labels: Vec<String>,
}

fn own(training: &Path) -> Own {
    let read = |name: &str| std::fs::read_to_string(training.join(name)).unwrap_or_default();
    let (listed, rules) = (read("names/labels.txt"), read("../rules/personal.rules"));
    // Behind these stand entities.
    let ages = read("names/age.txt");
    let labels = listed.lines().map(str::to_owned).chain(rule_words(&rules));
    let labels = labels.filter(|label| !ages.lines().any(|age| age == label.to_lowercase()));
    Own {
        templates: read("names/templates.txt") + &read("names/templates-more.txt"),
        labels: labels.collect(),
    }
}

/// The words that the rules for numbers look for.
fn rule_words(rules: &str) -> Vec<String> {
    let lines = rules.lines().filter(|line| !line.starts_with('#'));
    let words = lines.filter_map(|line| line.split(" | ").nth(3));
    let mut all: Vec<String> = words
        .flat_map(|words| words.split(", "))
        .map(|word| word.trim().to_owned())
        .filter(|word| word.len() > 1)
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The development data, with the entities this model knows.
fn given(path: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let given: Given = serde_json::from_str(line).unwrap();
        let starts: Vec<usize> = given
            .text
            .char_indices()
            .map(|(at, _)| at)
            .chain([given.text.len()])
            .collect();
        let mut spans: Vec<(usize, usize, &str)> = given
            .spans
            .iter()
            .map(|(start, end, kind)| (starts[*start], starts[*end], kind.as_str()))
            .collect();
        spans.sort_unstable();
        let known = spans.iter().filter(|span| ENTITIES.contains(&span.2));
        Row {
            spans: known
                .map(|(start, end, kind)| (*start, *end, place(kind)))
                .collect(),
            template: match given.source.starts_with("own") {
                // Numbers of these rows are no templates to fill.
                true => format!(
                    "own {}",
                    template(&given.text, &spans).replace(|c: char| c.is_ascii_digit(), "0")
                ),
                false => template(&given.text, &spans),
            },
            text: given.text,
            real: true,
        }
    };
    text.lines().map(row).collect()
}

/// Texts whose words in small letters are no names.
fn ordinary_texts(training: &Path, own: &Own) -> Vec<String> {
    let mut all: Vec<String> = own.templates.lines().map(str::to_owned).collect();
    let rows = std::fs::read_to_string(training.join("injection/train.jsonl")).unwrap();
    all.extend(
        rows.lines()
            .map(|line| serde_json::from_str::<Text>(line).unwrap().text),
    );
    let mut grammars: Vec<_> = std::fs::read_dir(training.join("injection/grammar"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    grammars.sort();
    all.extend(
        grammars
            .iter()
            .map(|path| std::fs::read_to_string(path).unwrap()),
    );
    all
}

/// Lines of this project's own documents and sources, which name nobody.
fn plain(folder: &Path) -> Vec<Row> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for lines in text.lines().collect::<Vec<_>>().chunks(4) {
            all.push(Row {
                text: lines.join("\n"),
                ..Row::default()
            });
        }
    }
    all
}

/// Technical documents of other projects, from the development data for injections.
fn technical(training: &Path) -> Vec<Row> {
    #[derive(serde::Deserialize)]
    struct Document {
        text: String,
        source: String,
    }
    let rows = std::fs::read_to_string(training.join("injection/train.jsonl")).unwrap();
    let documents = rows
        .lines()
        .map(|line| serde_json::from_str::<Document>(line).unwrap());
    let technical = documents.filter(|row| row.source.starts_with("docs/"));
    technical
        .map(|row| Row {
            text: row.text,
            ..Row::default()
        })
        .collect()
}

/// What is trained on: the given rows, their templates filled anew, our own templates, plain text.
fn rows(pools: &Pools, given: &[&Row], own: &Own, negative: &[Row]) -> Vec<Row> {
    let mut generator = Generator {
        pools,
        random: Random(SEED),
    };
    let mut all: Vec<Row> = given.iter().map(|row| (*row).clone()).collect();
    let mut templates: Vec<&str> = given
        .iter()
        .map(|row| row.template.as_str())
        .filter(|template| !template.starts_with("own "))
        .collect();
    templates.sort_unstable();
    templates.dedup();
    for template in templates {
        for _ in 0..FILLS_OF_DATA {
            all.push(generator.fill(template, "en"));
        }
    }
    let mut language = "en";
    for line in own.templates.lines() {
        if let Some(name) = line.strip_prefix("# ").filter(|name| name.len() <= 3) {
            language = name;
        } else if let Some(text) = line.strip_prefix('-').filter(|_| language == "neg") {
            let row = Row {
                text: text.replace("\\n", "\n"),
                ..Row::default()
            };
            all.extend([row.clone(), row.clone(), row]);
        } else {
            for _ in 0..FILLS {
                all.push(generator.fill(line, language));
            }
        }
    }
    all.extend((0..LABELLED).map(|_| generator.labelled(&own.labels)));
    all.extend(negative.iter().cloned());
    // People type in a hurry, and headings shout.
    let mut random = Random(SEED + 1);
    for at in 0..all.len() {
        let change: fn(&str) -> String = match random.below(100) {
            0..6 => str::to_lowercase,
            6..8 => str::to_uppercase,
            _ => continue,
        };
        if all[at].spans.is_empty() {
            continue;
        }
        let mut row = all[at].clone();
        row.real = false;
        row.text = change(&row.text);
        // Few letters change their length with their case.
        if row.text.len() == all[at].text.len() {
            all.push(row);
        }
    }
    all
}

/// Rows as sequences of labelled tokens; some words are forgotten, as most names are in no list.
fn sequences(rows: &[Row], lists: &Lists) -> Vec<Sequence> {
    let part = |rows: &[Row], seed: u64| {
        let mut random = Random(seed);
        let mut all = Vec::new();
        for row in rows {
            let salt = random.next() as u32;
            let share = if row.real { 15 } else { 35 };
            let forget = |word: u32| (word ^ salt).wrapping_mul(0x9e37_79b1) % 100 < share;
            for island in islands(&row.text, lists, forget) {
                all.push(Sequence {
                    labels: labels(&island.spans, &row.spans),
                    features: island.features,
                    weight: if row.real { REAL } else { 1.0 },
                });
            }
        }
        all
    };
    part(rows, SEED + 2)
}

fn labels(tokens: &[std::ops::Range<usize>], spans: &[(usize, usize, usize)]) -> Vec<usize> {
    let mut last = None;
    let label = |token: &std::ops::Range<usize>| {
        let span = spans
            .iter()
            .position(|span| token.start < span.1 && span.0 < token.end);
        let label = span.map_or(0, |at| 1 + 2 * spans[at].2 + usize::from(last == Some(at)));
        last = span;
        label
    };
    tokens.iter().map(label).collect()
}

/// Spans of entities: start, end, place in the list.
type Spans = Vec<(usize, usize, usize)>;

fn found(field: &Field, lists: &Lists, text: &str) -> Spans {
    let mut all = Spans::new();
    for island in islands(text, lists, |_| false) {
        let labels = field.labels(&island.features);
        debug_assert!(labels.iter().all(|label| *label < LABELS));
        for (token, label) in island.spans.iter().zip(labels).filter(|one| one.1 > 0) {
            match all.last_mut().filter(|_| label % 2 == 0) {
                Some(last) => last.1 = token.end,
                None => all.push((token.start, token.end, (label - 1) / 2)),
            }
        }
    }
    all
}

/// Leaves templates out in turn and says how well what was left out is tagged.
fn folds(pools: &Pools, lists: &Lists, given: &[Row], own: &Own, negative: &[Row]) {
    let fold = |row: &Row| {
        let hash = row.template.bytes().fold(7_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        (hash >> 20) as usize % FOLDS
    };
    let mut counts = BTreeMap::<&str, [usize; 4]>::new();
    let (mut clean, mut flagged) = (0, 0);
    for out in 0..FOLDS {
        let inside: Vec<&Row> = given.iter().filter(|row| fold(row) != out).collect();
        let sequences = sequences(&rows(pools, &inside, own, negative), lists);
        println!("fold {out}: {} sequences", sequences.len());
        let field = Field::train(&sequences);
        for row in given.iter().filter(|row| fold(row) == out) {
            let found = found(&field, lists, &row.text);
            if row.spans.is_empty() {
                clean += 1;
                flagged += usize::from(!found.is_empty());
            }
            count(&mut counts, &row.spans, &found);
            if std::env::var_os("MISSES").is_some() {
                show(row, &found);
            }
        }
    }
    let mut all = [0; 4];
    for (kind, count) in &counts {
        println!("{kind:16} {}", figures(count));
        all = std::array::from_fn(|at| all[at] + count[at]);
    }
    println!("{:16} {}", "all", figures(&all));
    println!("rows without names: {clean}, flagged {flagged}");
}

/// Counts found, found rightly, wanted, and wanted and found; right is what overlaps its like.
fn count(counts: &mut BTreeMap<&str, [usize; 4]>, wanted: &Spans, found: &Spans) {
    let meets = |a: &(usize, usize, usize), all: &Spans| {
        all.iter().any(|b| a.2 == b.2 && a.0 < b.1 && b.0 < a.1)
    };
    for span in found {
        let count = counts.entry(ENTITIES[span.2]).or_default();
        count[0] += 1;
        count[1] += usize::from(meets(span, wanted));
    }
    for span in wanted {
        let count = counts.entry(ENTITIES[span.2]).or_default();
        count[2] += 1;
        count[3] += usize::from(meets(span, found));
    }
}

fn figures([found, right, wanted, met]: &[usize; 4]) -> String {
    let precision = *right as f64 / (*found).max(1) as f64;
    let recall = *met as f64 / (*wanted).max(1) as f64;
    let both = 2.0 * precision * recall / (precision + recall).max(1e-9);
    format!("precision {precision:.3} recall {recall:.3} F1 {both:.3} ({wanted})")
}

fn show(row: &Row, found: &Spans) {
    let words = |spans: &Spans| {
        spans
            .iter()
            .map(|s| format!("{}={}", ENTITIES[s.2], &row.text[s.0..s.1]))
            .collect::<Vec<_>>()
    };
    let (wanted, found) = (words(&row.spans), words(found));
    if wanted != found {
        println!(
            "  {:?}\n    wanted {wanted:?}\n    found  {found:?}",
            row.text
        );
    }
}
