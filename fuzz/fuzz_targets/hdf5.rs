// SPDX-License-Identifier: Apache-2.0
//! Any bytes as an HDF5 file.
#![no_main]

use casemate_fuzz::{beginning_with, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    scan(&beginning_with(b"\x89HDF\r\n\x1a\n", bytes));
});
