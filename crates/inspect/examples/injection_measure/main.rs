// SPDX-License-Identifier: Apache-2.0
//! Measures the injection score that ships on rows: what it costs, and what disguises do to it.
//!
//! ```sh
//! cargo run --release -p casemate-inspect --example injection_measure -- crates/inspect/training/injection/train.jsonl
//! ```

#![allow(clippy::unwrap_used, missing_docs)]

mod cost;
mod disguise;
mod disguises;

use casemate_inspect::{Inspector, Segment};
use casemate_types::{Channel, Role};

#[derive(serde::Deserialize)]
struct Row {
    text: String,
    role: String,
    label: u8,
    source: String,
}

fn segment<'a>(role: &str, text: &'a str) -> Segment<'a> {
    match role {
        "user" => Segment::new(text, Role::User, Channel::Content),
        _ => Segment::new(text, Role::Tool, Channel::ToolResult),
    }
}

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<Row> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let inspector = Inspector::new(&[]).unwrap();
    cost::measure(&inspector, &rows);
    disguise::measure(&inspector, &rows);
}
