// SPDX-License-Identifier: Apache-2.0
//! How answers are shown: a table for people, tab-separated lines for scripts, JSON for programs.

use std::fmt::Write as _;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use serde_json::Value;

/// Form of what read commands print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// A table.
    #[default]
    Human,
    /// One line a row, columns parted by tabs, no heading.
    Plain,
    /// JSON.
    Json,
    /// SARIF 2.1.0; `inspect` and `model scan` only.
    Sarif,
    /// CycloneDX 1.6, an ML-BOM; `model scan` only.
    Cyclonedx,
}

/// Prints rows in the form asked for. `json` is what programs get.
pub(crate) fn rows(format: Format, heading: &[&str], rows: &[Vec<String>], json: &Value) {
    match format {
        Format::Cyclonedx | Format::Json | Format::Sarif => println!("{json:#}"),
        Format::Plain => rows.iter().for_each(|row| println!("{}", row.join("\t"))),
        Format::Human if rows.is_empty() => println!("nothing here yet"),
        Format::Human => println!("{}", table(heading, rows)),
    }
}

/// A table that fits the terminal.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(heading.to_vec());
    if std::env::var_os("COLUMNS").is_none()
        && !std::io::IsTerminal::is_terminal(&std::io::stdout())
    {
        table.set_width(120);
    }
    for row in rows {
        table.add_row(row.clone());
    }
    // An id is there to be copied, so it is never broken.
    for (column, name) in table.column_iter_mut().zip(heading) {
        if ["id", "request", "key", "project", "service", "owner"].contains(name) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

/// A value's member as text.
pub(crate) fn text(value: &Value, member: &str) -> String {
    match &value[member] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let words = list
                .iter()
                .map(|item| item.as_str().map_or(item.to_string(), str::to_owned));
            words.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
