// SPDX-License-Identifier: Apache-2.0
//! Signed notes, proofs, keys: what parses is written to a text that parses to the same.
#![no_main]

use casemate_ledger::{Checkpoint, Note, Proof, VerifierKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(note) = Note::parse(text) {
        assert_eq!(note.text(), text, "a note has one form");
        if let Ok(checkpoint) = Checkpoint::parse(&note.body) {
            assert_eq!(Checkpoint::parse(&checkpoint.body()).ok(), Some(checkpoint));
        }
        assert!(note.verify(&[]).is_err(), "nothing proves nothing");
    }
    if let Ok(proof) = Proof::parse(text) {
        assert_eq!(Proof::parse(&proof.text()).ok(), Some(proof));
    }
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(VerifierKey::parse(&key.text()).ok(), Some(key));
    }
});
