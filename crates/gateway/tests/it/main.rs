// SPDX-License-Identifier: Apache-2.0
//! Tests that try to break what `casemate-gateway` claims, through real connections.

mod bad_input;
mod book;
mod content;
mod faults;
mod fixture;
mod readers;
mod surrogates;
mod upstream;
