// SPDX-License-Identifier: Apache-2.0
//! Tests that try to break what `casemate-policy` claims.
#![allow(clippy::panic, clippy::unwrap_used)]

mod base;
mod cache;
mod cases;
mod common;
mod errors;
mod faults;
mod reads;
