// SPDX-License-Identifier: Apache-2.0
//! The registry, and signatures over models: what holds, what is irregular, what is refused and why.
// Rows of tables hold changes as functions.
#![allow(clippy::panic, clippy::type_complexity, clippy::unwrap_used)]

mod bundles;
mod certificates;
mod fixture;
#[cfg(feature = "keyless")]
mod keyless;
mod models;
mod registry;
mod sources;
mod spellings;
mod total;
#[cfg(feature = "keyless")]
mod world;
