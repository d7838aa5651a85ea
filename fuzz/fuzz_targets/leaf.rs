// SPDX-License-Identifier: Apache-2.0
//! Entries of the ledger: what decodes encodes to the same bytes.
#![no_main]

use casemate_ledger::Entry;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let peeked = (Entry::peek_id(bytes), Entry::peek_about(bytes));
    if let Ok(entry) = Entry::decode(bytes) {
        assert_eq!(peeked, (Some(entry.id), Some(entry.about)));
        assert_eq!(entry.encode().expect("what was read can be written"), bytes);
    }
});
