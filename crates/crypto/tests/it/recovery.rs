// SPDX-License-Identifier: Apache-2.0
//! The kit is typed by a tired person: what can be meant is read, what is mistyped is refused.

use casemate_crypto::{CryptoError, Keyslots, MachineSource, RecoveryKit, RootKey, Secret32};
use casemate_testkit::{SeededEntropy, root_key};
use proptest::prelude::*;

const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The kit whose private half is the bytes 0 to 31.
const LINE_BY_PYTHON: &str =
    "00002-0G30G-2GC1R-81450-P30D1-R7H04-8J2CA-1A5GQ-30CHM-6RW3M-F1Y86-R48";

fn kit(seed: u64) -> RecoveryKit {
    RecoveryKit::generate(&SeededEntropy::new(seed))
}

fn slots(kit: &RecoveryKit) -> Keyslots {
    let source = MachineSource::File(Secret32::from_bytes([1; 32]));
    let public = kit.public().unwrap();
    Keyslots::create(&root_key(1), &source, &public, &SeededEntropy::new(5)).unwrap()
}

fn opens(slots: &Keyslots, typed: &str) -> Result<RootKey, CryptoError> {
    slots.open_with_kit(1, &RecoveryKit::from_lines(typed)?)
}

fn refused(slots: &Keyslots, typed: &str) {
    let opened = opens(slots, typed);
    assert!(matches!(opened, Err(CryptoError::Recovery(_))), "{typed}");
}

#[test]
fn the_printed_form_is_frozen() {
    let kit = RecoveryKit::from_lines(LINE_BY_PYTHON).unwrap();
    assert_eq!(*kit.to_line(), LINE_BY_PYTHON);
    // X25519 public key of the bytes 0 to 31.
    let public = crate::unhex("8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f");
    assert_eq!(kit.public().unwrap().0.to_vec(), public);
}

#[test]
fn what_can_be_meant_is_read() {
    let kit = RecoveryKit::from_lines(LINE_BY_PYTHON).unwrap();
    let slots = slots(&kit);
    let looks_like = |from: char, to: &str| LINE_BY_PYTHON.replace(from, to);
    for typed in [
        LINE_BY_PYTHON.to_owned(),
        LINE_BY_PYTHON.to_lowercase(),
        LINE_BY_PYTHON.replace('-', ""),
        LINE_BY_PYTHON.replace('-', " "),
        LINE_BY_PYTHON.replace('-', " - "),
        format!("\n\n  {LINE_BY_PYTHON}  \r\n\n"),
        looks_like('0', "O"),
        looks_like('0', "o"),
        looks_like('1', "I"),
        looks_like('1', "i"),
        looks_like('1', "L"),
        looks_like('1', "l"),
    ] {
        assert!(opens(&slots, &typed).is_ok(), "{typed}");
    }
}

#[test]
fn every_single_mistyped_letter_is_noticed() {
    let kit = kit(3);
    let line = kit.to_line();
    let shares = kit.to_share_lines(&SeededEntropy::new(4));
    for line in [&line, &shares[0], &shares[2]] {
        let (mut tried, other) = (0, if **line == *shares[0] { 2 } else { 0 });
        for (at, right) in line.char_indices().filter(|(_, c)| *c != '-') {
            for wrong in ALPHABET.chars().filter(|wrong| *wrong != right) {
                let mut typed = line.to_string();
                typed.replace_range(at..=at, &wrong.to_string());
                // A share needs a second one to get as far as being put together.
                let typed = format!("{typed}\n{}", *shares[other]);
                let read = RecoveryKit::from_lines(&typed);
                let Err(CryptoError::Recovery(why)) = read else {
                    panic!("`{typed}` was read");
                };
                assert!(why.contains("mistyped"), "{typed}: {why}");
                tried += 1;
            }
        }
        assert_eq!(tried, 58 * 31);
    }
}

#[test]
fn left_out_doubled_swapped_and_strange_letters_are_noticed() {
    let kit = kit(3);
    let slots = slots(&kit);
    let line = kit.to_line().replace('-', "");
    for at in 0..line.len() {
        let (before, after) = line.split_at(at);
        refused(&slots, &format!("{before}{}", &after[1..]));
        refused(&slots, &format!("{before}{}{after}", &after[..1]));
        refused(&slots, &format!("{before}U{}", &after[1..]));
        refused(&slots, &format!("{before}é{}", &after[1..]));
        if after.len() > 1 && after[..1] != after[1..2] {
            let swapped = format!("{before}{}{}{}", &after[1..2], &after[..1], &after[2..]);
            refused(&slots, &swapped);
        }
    }
    for typed in ["", "\n \n", "-", "0"] {
        refused(&slots, typed);
    }
}

#[test]
fn any_two_shares_open_and_one_does_not() {
    let kit = kit(3);
    let slots = slots(&kit);
    let shares = kit.to_share_lines(&SeededEntropy::new(4));
    let lines = |picked: &[usize]| {
        let picked: Vec<_> = picked.iter().map(|at| shares[*at].as_str()).collect();
        picked.join("\n")
    };
    for picked in [
        [0, 1].as_slice(),
        &[1, 0],
        &[0, 2],
        &[2, 0],
        &[1, 2],
        &[2, 1],
        &[0, 1, 2],
        &[2, 1, 0],
    ] {
        assert!(opens(&slots, &lines(picked)).is_ok(), "{picked:?}");
        assert!(opens(&slots, &lines(picked).to_lowercase()).is_ok());
    }
    for picked in [[0].as_slice(), &[1], &[2], &[0, 0], &[1, 1], &[2, 2]] {
        refused(&slots, &lines(picked));
    }
    let line = kit.to_line();
    refused(&slots, &format!("{}\n{}", *line, *shares[0]));
    refused(&slots, &format!("{}\n{}", *shares[0], *line));
    refused(&slots, &format!("{}\n{}", *line, *line));
}

#[test]
fn shares_of_two_kits_do_not_mix() {
    let (mine, other) = (kit(3), kit(30));
    let slots = slots(&mine);
    let mine_shares = mine.to_share_lines(&SeededEntropy::new(4));
    let others = other.to_share_lines(&SeededEntropy::new(40));
    // The same kit split a second time has other shares, too.
    let again = mine.to_share_lines(&SeededEntropy::new(41));
    for foreign in [&others, &again] {
        for (a, b) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
            refused(&slots, &format!("{}\n{}", *mine_shares[a], *foreign[b]));
        }
    }
    refused(&slots, &other.to_line());
}

#[test]
fn a_wrapped_root_is_bound_to_the_kit_and_to_its_bytes() {
    let kit = kit(3);
    let wrapped = kit
        .public()
        .unwrap()
        .wrap(&root_key(1), &SeededEntropy::new(6))
        .unwrap();
    assert!(kit.unwrap_root(&wrapped).is_ok());
    for at in 0..wrapped.len() {
        // X25519 ignores the highest bit of a public key, so the lowest is changed.
        let mut changed = wrapped.clone();
        changed[at] ^= 1;
        assert!(kit.unwrap_root(&changed).is_err(), "byte {at}");
        assert!(kit.unwrap_root(&wrapped[..at]).is_err(), "cut to {at}");
    }
    // A public key of small order would give a secret everybody knows.
    let mut known = wrapped;
    known[..32].fill(0);
    assert!(kit.unwrap_root(&known).is_err());
}

proptest! {
    #[test]
    fn whatever_is_typed_gets_an_answer(typed in "[0-9A-Za-z \\-\n]{0,200}|\\PC*") {
        let _ = RecoveryKit::from_lines(&typed);
    }

    #[test]
    fn every_line_comes_back(seed: u64) {
        let kit = kit(seed);
        let read = RecoveryKit::from_lines(&kit.to_line()).unwrap();
        prop_assert_eq!(read.public().unwrap(), kit.public().unwrap());
    }
}
