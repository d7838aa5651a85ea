// SPDX-License-Identifier: Apache-2.0
//! Tests that try to break what `casemate-access` claims.
#![allow(clippy::panic, clippy::unwrap_used)]

mod failures;
mod house;
mod permits;
mod policies;
mod records;
mod recovery;
