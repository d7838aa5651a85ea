// SPDX-License-Identifier: Apache-2.0
//! The key-slot file opens with what it was made for, and is read strictly.

use casemate_crypto::{
    CryptoError, Keyslots, MachineSource, RecoveryKit, RootKey, Secret32, SlotKind,
};
use casemate_testkit::{SeededEntropy, root_key};

fn file(byte: u8) -> MachineSource {
    MachineSource::File(Secret32::from_bytes([byte; 32]))
}

fn credential(byte: u8) -> MachineSource {
    MachineSource::Credential(Secret32::from_bytes([byte; 32]))
}

fn passphrase(text: &str) -> MachineSource {
    MachineSource::Passphrase(text.to_owned().into())
}

fn kit(seed: u64) -> RecoveryKit {
    RecoveryKit::generate(&SeededEntropy::new(seed))
}

fn slots(source: &MachineSource) -> Keyslots {
    let public = kit(1).public().unwrap();
    Keyslots::create(&root_key(1), source, &public, &SeededEntropy::new(2)).unwrap()
}

fn is_root(number: u8, opened: &RootKey) -> bool {
    opened.derive("x").expose() == root_key(number).derive("x").expose()
}

#[test]
fn each_source_opens_its_slot_and_a_wrong_one_does_not() {
    for (right, wrong) in [
        (file(1), file(2)),
        (credential(1), credential(2)),
        (passphrase("correct horse"), passphrase("correct horse ")),
    ] {
        let slots = slots(&right);
        assert!(is_root(1, &slots.open(1, &right).unwrap()));
        let refused = slots.open(1, &wrong);
        assert!(matches!(refused, Err(CryptoError::NotAuthentic)));
    }
}

#[test]
fn a_source_without_a_slot_is_said_to_have_none() {
    let slots = slots(&file(1));
    for (generation, source) in [(1, credential(1)), (1, passphrase("x")), (2, file(1))] {
        let refused = slots.open(generation, &source);
        assert!(matches!(refused, Err(CryptoError::NoSource)));
    }
}

#[test]
fn the_kit_opens_what_the_machine_opens() {
    let slots = slots(&file(1));
    assert!(is_root(1, &slots.open_with_kit(1, &kit(1)).unwrap()));
    for refused in [
        slots.open_with_kit(1, &kit(9)),
        slots.open_with_kit(2, &kit(1)),
    ] {
        assert!(matches!(refused, Err(CryptoError::Recovery(_))));
    }
    assert_eq!(slots.recovery_public().unwrap(), kit(1).public().unwrap());
}

#[test]
fn two_generations_stand_beside_one_another_until_the_old_one_is_forgotten() {
    let mut slots = slots(&file(1));
    let public = slots.recovery_public().unwrap();
    slots
        .add_generation(2, &root_key(2), &file(7), &public, &SeededEntropy::new(3))
        .unwrap();
    assert_eq!(slots.generations(), [1, 2]);
    assert!(is_root(1, &slots.open(1, &file(1)).unwrap()));
    assert!(is_root(2, &slots.open(2, &file(7)).unwrap()));
    assert!(slots.open(2, &file(1)).is_err() && slots.open(1, &file(7)).is_err());
    // The same page of paper opens both: that is why the kit is a key pair.
    assert!(is_root(1, &slots.open_with_kit(1, &kit(1)).unwrap()));
    assert!(is_root(2, &slots.open_with_kit(2, &kit(1)).unwrap()));

    slots.retain_generation(2);
    assert_eq!(slots.generations(), [2]);
    assert!(matches!(
        slots.open(1, &file(1)),
        Err(CryptoError::NoSource)
    ));
    assert!(is_root(2, &slots.open_with_kit(2, &kit(1)).unwrap()));
}

#[test]
fn the_text_comes_back() {
    let text = slots(&file(1)).to_json();
    let read = Keyslots::from_json(&text).unwrap();
    assert_eq!(read.to_json(), text);
    assert!(is_root(1, &read.open(1, &file(1)).unwrap()));
    let kinds: Vec<_> = read.slots.iter().map(|slot| slot.kind).collect();
    assert_eq!(kinds, [SlotKind::File, SlotKind::Recovery]);
    assert!(!text.contains("AQEBAQEBAQEB"), "no key in the clear");
}

#[test]
fn the_text_is_read_strictly() {
    let text = slots(&file(1)).to_json();
    let swap = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    for (what, changed) in [
        ("nothing", String::new()),
        ("no object", "[]".into()),
        ("cut", text[..text.len() - 2].into()),
        ("followed by something", text.clone() + "{}"),
        ("newer version", swap("\"version\": 1", "\"version\": 2")),
        ("no version", swap("\"version\": 1,", "")),
        (
            "version twice",
            swap("\"version\": 1", "\"version\": 1, \"version\": 1"),
        ),
        (
            "unknown field",
            swap("\"version\": 1", "\"version\": 1, \"hint\": \"\""),
        ),
        (
            "unknown field of a slot",
            swap("\"kind\":", "\"hint\": 1, \"kind\":"),
        ),
        ("unknown kind", swap("\"file\"", "\"floppy\"")),
        ("no salt", swap("\"salt\"", "\"pepper\"")),
        (
            "generation below zero",
            swap("\"generation\": 1", "\"generation\": -1"),
        ),
    ] {
        let read = Keyslots::from_json(&changed);
        assert!(
            matches!(read, Err(CryptoError::Malformed { .. })),
            "{what}: {changed}"
        );
    }
}

#[test]
fn an_altered_slot_does_not_open() {
    let text = slots(&file(1)).to_json();
    // The same key under another label: the kind is part of the place.
    let relabelled = Keyslots::from_json(&text.replacen("\"file\"", "\"credential\"", 1)).unwrap();
    assert!(matches!(
        relabelled.open(1, &credential(1)),
        Err(CryptoError::NotAuthentic)
    ));
    let value = |field: &str, nth: usize| {
        let marker = format!("\"{field}\": \"");
        let (at, _) = text.match_indices(&marker).nth(nth).unwrap();
        at + marker.len()
    };
    for (field, nth) in [("salt", 0), ("wrapped", 0), ("wrapped", 1)] {
        // Ten letters on, so that it is within what base64 says, and stays base64.
        let at = value(field, nth) + 10;
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = Keyslots::from_json(std::str::from_utf8(&changed).unwrap()).unwrap();
        let machine = changed.open(1, &file(1));
        let paper = changed.open_with_kit(1, &kit(1));
        assert_eq!(
            (machine.is_err(), paper.is_err()),
            (nth == 0, nth == 1),
            "{field} {nth}"
        );
    }
    let garbled = text.replacen("\"wrapped\": \"", "\"wrapped\": \"!", 1);
    let garbled = Keyslots::from_json(&garbled).unwrap();
    assert!(matches!(
        garbled.open(1, &file(1)),
        Err(CryptoError::Malformed { .. })
    ));
}
