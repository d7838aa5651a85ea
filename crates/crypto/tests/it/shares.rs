// SPDX-License-Identifier: Apache-2.0
//! Two of three shares give the secret back; one is compatible with every secret.

use casemate_crypto::{CryptoError, Secret32, Share, combine, split};
use casemate_testkit::SeededEntropy;
use proptest::prelude::*;

#[test]
fn the_same_share_twice_or_a_strange_index_is_refused() {
    let shares = split(&Secret32::from_bytes([7; 32]), &SeededEntropy::new(1));
    let strange = |index| Share {
        index,
        bytes: shares[0].bytes.clone(),
    };
    for (a, b) in [
        (strange(1), strange(1)),
        (strange(0), strange(2)),
        (strange(2), strange(4)),
        (strange(255), strange(1)),
    ] {
        let refused = combine(&a, &b);
        assert!(matches!(refused, Err(CryptoError::Recovery(_))));
    }
}

#[test]
fn no_share_is_the_secret() {
    let secret = Secret32::from_bytes([7; 32]);
    for share in split(&secret, &SeededEntropy::new(1)) {
        assert_ne!(&*share.bytes, secret.expose());
    }
}

proptest! {
    #[test]
    fn any_two_give_the_secret(secret: [u8; 32], seed: u64) {
        let shares = split(&Secret32::from_bytes(secret), &SeededEntropy::new(seed));
        for (a, b) in [(0, 1), (0, 2), (1, 2), (1, 0), (2, 0), (2, 1)] {
            let together = combine(&shares[a], &shares[b]).unwrap();
            prop_assert_eq!(together.expose(), &secret);
        }
    }

    /// Whatever one share is, each secret has exactly one other share that leads to it.
    #[test]
    fn one_share_says_nothing(share: u8, guess: u8) {
        let with = |other: u8| {
            let make = |index, byte| Share { index, bytes: [byte; 32].into() };
            combine(&make(1, share), &make(2, other)).unwrap().expose()[0]
        };
        let leading = (0..=255).filter(|other| with(*other) == guess).count();
        prop_assert_eq!(leading, 1);
    }

    #[test]
    fn an_altered_share_gives_another_secret(secret: [u8; 32], seed: u64, at in 0..32_usize) {
        let shares = split(&Secret32::from_bytes(secret), &SeededEntropy::new(seed));
        let mut bytes = shares[0].bytes.clone();
        bytes[at] ^= 1;
        let altered = Share { index: 1, bytes };
        let together = combine(&altered, &shares[1]).unwrap();
        prop_assert_ne!(together.expose(), &secret);
    }
}
