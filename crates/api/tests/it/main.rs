// SPDX-License-Identifier: Apache-2.0
//! Every endpoint for every sort of caller.
#![allow(clippy::panic, clippy::unwrap_used)]

mod borders;
mod coverage;
mod fixture;
mod matrix;
mod persons;
mod restricted;
mod shapes;
