// SPDX-License-Identifier: Apache-2.0
//! Rows, and what the model sees of them.

use casemate_inspect::training::{Example, Reader};

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

pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) readings: Vec<Example>,
    pub(crate) attack: bool,
    pub(crate) embedded: bool,
    pub(crate) source: String,
    pub(crate) kind: String,
    pub(crate) role: String,
    pub(crate) class: Option<usize>,
    /// Of the development data, not generated.
    pub(crate) real: bool,
    /// Whether it says something about the other role.
    pub(crate) across: bool,
}

/// A window: its reading and its place among the reading's windows.
pub(crate) type Place = (usize, usize);

impl Text {
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> {
        let readings = self.readings.iter().enumerate();
        readings
            .flat_map(|(at, reading)| (0..reading.windows.len()).map(move |window| (at, window)))
    }
}

/// In the order of the file's heads.
pub(crate) const CLASSES: [&str; 5] = [
    "exfiltration",
    "extraction",
    "override",
    "persuasion",
    "suffix",
];

/// Reads rows on two threads.
pub(crate) fn read(path: &str) -> Vec<Text> {
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    let reader = Reader::new().unwrap();
    let (first, second) = rows.split_at(rows.len().div_ceil(2));
    std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            second
                .iter()
                .map(|line| parsed(line, &reader))
                .collect::<Vec<_>>()
        });
        let mut all: Vec<Text> = first.iter().map(|line| parsed(line, &reader)).collect();
        all.extend(second.join().unwrap());
        all
    })
}

#[derive(serde::Deserialize)]
struct Record {
    text: String,
}

/// Rows of other development data: records, settings and short questions that attack nobody, by
/// turns as users say them and as they stand in documents.
pub(crate) fn ordinary(path: &str, source: &str) -> Vec<Text> {
    let text = std::fs::read_to_string(path).unwrap();
    let reader = Reader::new().unwrap();
    let row = |(at, line): (usize, &str)| {
        let embedded = at % 2 == 1;
        let record: Record = serde_json::from_str(line).unwrap();
        Text {
            readings: reader.examples(&record.text, embedded),
            text: record.text,
            attack: false,
            embedded,
            source: source.to_owned(),
            kind: "record".to_owned(),
            role: if embedded { "document" } else { "user" }.to_owned(),
            class: None,
            real: true,
            across: true,
        }
    };
    text.lines().enumerate().map(row).collect()
}

fn parsed(line: &str, reader: &Reader) -> Text {
    let row: Row = serde_json::from_str(line).unwrap();
    let real = row.family.is_empty();
    let source = if real {
        row.source
    } else {
        format!("generated/{}", row.family)
    };
    Text {
        readings: reader.examples(&row.text, row.role != "user"),
        text: row.text,
        attack: row.label == 1,
        embedded: row.role != "user",
        source,
        kind: row.kind,
        role: row.role,
        class: CLASSES.iter().position(|class| *class == row.class),
        real,
        across: !matches!(row.class.as_str(), "suffix" | "persuasion"),
    }
}
