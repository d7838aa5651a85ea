// SPDX-License-Identifier: Apache-2.0
//! Any bytes as a file.
#![no_main]

use casemate_fuzz::scan;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    scan(bytes);
});
