// SPDX-License-Identifier: Apache-2.0
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

const SHIPPED: &[u8] = include_bytes!("../../../model/injection.bin");

fn leaked(bytes: Vec<u8>) -> &'static [u8] {
    Vec::leak(bytes)
}

#[test]
fn what_ships_is_a_model_of_at_most_six_megabytes() {
    assert!(Model::new(SHIPPED).is_ok());
    assert!(SHIPPED.len() < 6 << 20, "{}", SHIPPED.len());
}

#[test]
fn no_other_length_is_a_model() {
    for length in [
        0,
        1,
        5,
        HEADER - 1,
        HEADER,
        HEADER + HEAD,
        SHIPPED.len() - 1,
    ] {
        assert!(Model::new(&SHIPPED[..length]).is_err(), "{length} bytes");
    }
    assert!(Model::new(leaked([SHIPPED, &[0]].concat())).is_err());
}

#[test]
fn another_version_or_size_is_no_model() {
    for at in 0..HEADER {
        let mut bytes = SHIPPED.to_vec();
        bytes[at] ^= 1;
        assert!(Model::new(leaked(bytes)).is_err(), "byte {at}");
    }
}

#[test]
fn a_number_that_is_none_is_no_model() {
    // The first parameter, and the scale of the first table.
    for at in [HEADER, HEADER + 4 * PARAMETERS + BUCKETS] {
        for wrong in [f32::NAN, f32::INFINITY] {
            let mut bytes = SHIPPED.to_vec();
            bytes[at..at + 4].copy_from_slice(&wrong.to_le_bytes());
            assert!(Model::new(leaked(bytes)).is_err(), "{wrong} at {at}");
        }
    }
}
