// SPDX-License-Identifier: Apache-2.0
//! Any bytes as an ONNX model, and as the graph of one.
#![no_main]

use casemate_fuzz::scan;
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/artifact/tests/it/make/proto.rs"]
#[expect(dead_code, reason = "only what ONNX needs is used here")]
mod proto;

fuzz_target!(|bytes: &[u8]| {
    scan(bytes);
    scan(&proto::onnx_graph(bytes));
});
