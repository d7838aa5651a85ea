// SPDX-License-Identifier: Apache-2.0
//! Tests that try to break what `casemate-crypto` claims.
//!
//! Constants called `*_BY_PYTHON` were computed once with Python's `hmac` and `cryptography`, so a
//! change of a stored form is noticed even when sealing and opening still agree with each other.
#![allow(clippy::panic, clippy::unwrap_used)]

mod blobs;
mod derivation;
mod ecdsa;
mod keyslots;
mod recovery;
mod sealing;
mod shares;
mod signatures;

use casemate_crypto::Secret32;

/// The bytes 0 to 31.
fn counting() -> Secret32 {
    Secret32::from_bytes(std::array::from_fn(|at| u8::try_from(at).unwrap()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
