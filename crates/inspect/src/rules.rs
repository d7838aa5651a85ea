// SPDX-License-Identifier: Apache-2.0
//! Rule packs: files that say line by line what numbers and secrets look like, read once.
//!
//! The files under `rules/` explain their notation themselves; here is what reads it.

pub(crate) mod check;
pub(crate) mod credential;
pub(crate) mod identifier;
mod openings;
pub(crate) mod overlap;
pub(crate) mod place;
pub(crate) mod shape;

/// The lines of a rule file that are rules, cut into fields.
pub(crate) fn lines(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    numbered(text).map(|(_, fields)| fields)
}

/// The same with the numbers of the lines in the file.
pub(crate) fn numbered(text: &'static str) -> impl Iterator<Item = (usize, Vec<&'static str>)> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty())
        .map(|(number, line)| (number, line.split(" | ").map(str::trim).collect()))
}
