// SPDX-License-Identifier: Apache-2.0
//! The statements, one text for every engine. Only the names of two column types differ, and only
//! in the table definition.
//!
//! SQLite takes `$1` for a *named* parameter and numbers such names by first appearance. Bound by
//! position they are right only as long as they first appear in order, as they do here.

/// How records become rows.
#[derive(Clone, Copy)]
pub enum Layout {
    /// One row per group.
    Group,
    /// One row per record.
    Row,
}

/// Whose column types are meant.
#[derive(Clone, Copy)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// The statements of one cell.
#[derive(Clone)]
pub struct Sql {
    /// Makes the table.
    pub create: String,
    /// Removes it.
    pub drop: String,
    /// Appends one row.
    pub insert: String,
    /// Counts the records.
    pub count: String,
}

impl Layout {
    /// The layout of this name; a variation (`row, pipelined`) is the same layout.
    pub fn named(name: &str) -> Self {
        if name.starts_with("row") {
            Self::Row
        } else {
            Self::Group
        }
    }
}

impl Sql {
    /// The statements for table number `index`.
    pub fn new(layout: Layout, dialect: Dialect, index: usize) -> Self {
        let (integer, bytes) = match dialect {
            Dialect::Postgres => ("BIGINT", "BYTEA"),
            Dialect::Sqlite => ("INTEGER", "BLOB"),
        };
        let table = format!("bench_{index}");
        let (columns, insert, count) = match layout {
            Layout::Group => (
                format!(
                    "first_idx {integer} PRIMARY KEY, count {integer} NOT NULL, \
                     entries {bytes} NOT NULL"
                ),
                "(first_idx, count, entries) VALUES ($1, $2, $3)",
                "CAST(SUM(count) AS BIGINT)",
            ),
            Layout::Row => (
                format!("idx {integer} PRIMARY KEY, entry {bytes} NOT NULL"),
                "(idx, entry) VALUES ($1, $2)",
                "COUNT(*)",
            ),
        };
        Self {
            create: format!("CREATE TABLE {table} ({columns})"),
            drop: format!("DROP TABLE IF EXISTS {table}"),
            insert: format!("INSERT INTO {table} {insert}"),
            count: format!("SELECT {count} FROM {table}"),
        }
    }
}
