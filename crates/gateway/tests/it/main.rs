// SPDX-License-Identifier: Apache-2.0
//! Tests that try to break what `casemate-gateway` claims, through real connections.

#![allow(
    clippy::expect_fun_call,
    clippy::field_reassign_with_default,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "tests say what they expect by failing"
)]

mod arguments;
mod bad_input;
mod book;
mod chat;
mod content;
mod datamark;
mod edits;
mod faults;
mod fixture;
mod floods;
mod output;
mod readers;
mod surrogates;
mod tokens;
mod upstream;
mod verified;
