// SPDX-License-Identifier: Apache-2.0
//! Event streams: pieces of every size give what the whole gives.
#![no_main]

use casemate_gateway::fuzz::events;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [size, stream @ ..] = bytes else { return };
    let pieces = events(stream, usize::from(*size));
    assert_eq!(pieces, events(stream, usize::MAX));
});
