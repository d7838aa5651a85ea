// SPDX-License-Identifier: Apache-2.0
//! A sealed value opens in its place, with its key, unchanged, and in no other way.

use casemate_crypto::{CryptoError, DataKey, Place, Secret32, key_id_of};
use casemate_testkit::SeededEntropy;
use proptest::prelude::*;

use crate::{counting, hex, unhex};

const HOME: Place<'static> = Place {
    table: "iam_person",
    row: b"usr_1",
    column: "name",
};

fn refused(key: &DataKey, place: Place<'_>, sealed: &[u8]) {
    let opened = key.open(place, sealed);
    assert!(
        matches!(opened, Err(CryptoError::NotAuthentic)),
        "{place:?} {sealed:?}"
    );
}

#[test]
fn the_stored_form_is_frozen() {
    const BY_PYTHON: &str = "01000000076465666768696a6b6c6d6e6f2064147f9c09f42d7251ffb0d78dd3ef189c\
                             7bc62000c95bf5df6678";
    let key = DataKey::new(7, &counting());
    let opened = key.open(HOME, &unhex(BY_PYTHON)).unwrap();
    assert_eq!(*opened, b"Ada Lovelace");
    assert_eq!(key_id_of(&unhex(BY_PYTHON)), Some(7));
}

#[test]
fn a_moved_value_does_not_open() {
    let key = DataKey::new(7, &counting());
    let sealed = key.seal(&SeededEntropy::new(1), HOME, b"Ada");
    assert_eq!(*key.open(HOME, &sealed).unwrap(), b"Ada");
    let at = |table, row, column| Place { table, row, column };
    for place in [
        at("iam_person", b"usr_2".as_slice(), "name"),
        at("iam_person", b"usr_1", "mail"),
        at("iam_service", b"usr_1", "name"),
        at("iam_person", b"", "name"),
        // The same bytes one after the other, divided elsewhere.
        at("iam_personu", b"sr_1", "name"),
        at("iam_person", b"usr_1n", "ame"),
        at("", b"iam_personusr_1", "name"),
    ] {
        refused(&key, place, &sealed);
    }
}

#[test]
fn every_changed_byte_and_every_cut_is_noticed() {
    let key = DataKey::new(7, &counting());
    let sealed = key.seal(&SeededEntropy::new(1), HOME, b"a value of some length");
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << bit;
            refused(&key, HOME, &changed);
        }
        refused(&key, HOME, &sealed[..at]);
    }
    refused(&key, HOME, &[sealed.as_slice(), b"\0"].concat());
}

#[test]
fn another_key_or_key_id_does_not_open() {
    let entropy = SeededEntropy::new(1);
    let key = DataKey::new(7, &counting());
    let sealed = key.seal(&entropy, HOME, b"Ada");
    refused(&DataKey::new(8, &counting()), HOME, &sealed);
    refused(
        &DataKey::new(7, &Secret32::from_bytes([1; 32])),
        HOME,
        &sealed,
    );
    // The id is bound too: relabelling a value of the same secret does not help.
    let mut relabelled = sealed.clone();
    relabelled[..5].copy_from_slice(&[1, 0, 0, 0, 8]);
    refused(&DataKey::new(8, &counting()), HOME, &relabelled);
}

#[test]
fn the_same_value_is_sealed_differently_each_time() {
    let entropy = SeededEntropy::new(1);
    let key = DataKey::new(7, &counting());
    let (one, two) = (key.seal(&entropy, HOME, b""), key.seal(&entropy, HOME, b""));
    assert_ne!(hex(&one), hex(&two));
    assert_eq!(one.len(), 5 + 12 + 16);
    assert!(key.open(HOME, &one).unwrap().is_empty());
}

#[test]
fn only_sealed_values_have_a_key_id() {
    for (bytes, id) in [
        (b"".as_slice(), None),
        (b"\x01\0\0\0", None),
        (b"\x02\0\0\0\x07", None),
        (b"\x01\0\0\x01\0", Some(256)),
    ] {
        assert_eq!(key_id_of(bytes), id, "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn what_is_sealed_opens(
        secret: [u8; 32], seed: u64, id: u32, plain: Vec<u8>, row: Vec<u8>, table in ".*",
    ) {
        let key = DataKey::new(id, &Secret32::from_bytes(secret));
        let place = Place { table: &table, row: &row, column: "c" };
        let sealed = key.seal(&SeededEntropy::new(seed), place, &plain);
        prop_assert_eq!(key_id_of(&sealed), Some(id));
        prop_assert_eq!(&*key.open(place, &sealed).unwrap(), &plain);
    }

    #[test]
    fn foreign_bytes_never_open(bytes: Vec<u8>) {
        prop_assert!(DataKey::new(7, &counting()).open(HOME, &bytes).is_err());
    }
}
