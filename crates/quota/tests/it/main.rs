// SPDX-License-Identifier: Apache-2.0
//! Tests that try to break what `casemate-quota` claims.
#![allow(clippy::panic, clippy::unwrap_used)]

mod common;
mod money;
mod parallel;
mod replay;
mod retry;
