// SPDX-License-Identifier: Apache-2.0
//! Any bytes as a request, an answer and an event of every wire format.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| casemate_gateway::fuzz::dialects(bytes));
