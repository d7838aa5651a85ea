// SPDX-License-Identifier: Apache-2.0
//! Stand-ins: deterministic, keyed, unlike any data, put back exactly.

use casemate_inspect::{SurrogateKey, Surrogates, mark};
use casemate_types::{FindingKind, GuardAction};
use proptest::prelude::*;

use crate::common::{INSPECTOR, TestKey, cases, found, stand_ins};

#[test]
fn the_same_value_gives_the_same_stand_in_under_the_same_key_only() {
    let of = |key, kind, value| {
        Surrogates::default()
            .replace(&TestKey(key), kind, value)
            .unwrap()
    };
    let first = of(1, FindingKind::Email, "ada@example.org");
    assert_eq!(first, of(1, FindingKind::Email, "ada@example.org"));
    assert_ne!(first, of(2, FindingKind::Email, "ada@example.org"));
    assert_ne!(first, of(1, FindingKind::Email, "bob@example.org"));
    assert_ne!(first, of(1, FindingKind::Phone, "ada@example.org"));
    let (word, tag) = first.split_once('_').unwrap();
    assert_eq!((word, tag.len()), ("EMAIL", 14));
    assert!(
        tag.bytes().all(|byte| b"bcdfghjkmnpqrtvw".contains(&byte)),
        "{first}"
    );
}

/// Always the same tag.
struct Stuck;

impl SurrogateKey for Stuck {
    fn tag(&self, _: &str, _: &str) -> [u8; 8] {
        [7; 8]
    }
}

#[test]
fn two_values_never_share_a_stand_in() {
    let mut surrogates = Surrogates::default();
    let first = surrogates.replace(&Stuck, FindingKind::Email, "ada@example.org");
    assert!(first.is_some());
    assert_eq!(
        surrogates.replace(&Stuck, FindingKind::Email, "bob@example.org"),
        None
    );
    assert_eq!(
        surrogates.replace(&Stuck, FindingKind::Email, "ada@example.org"),
        first
    );
    assert_eq!(surrogates.restore(&first.unwrap()), "ada@example.org");
}

#[test]
fn only_whole_stand_ins_of_this_request_are_put_back() {
    let (surrogates, words) = stand_ins();
    let word = &words[0];
    let original = "ada@example.org";
    for (text, expected) in [
        (word.clone(), original.to_owned()),
        (format!("<{word}>"), format!("<{original}>")),
        (format!("{word}{word}"), format!("{original}{original}")),
        (format!("x{word}"), format!("x{original}")),
        (format!("{word}x_"), format!("{original}x_")),
        (format!("A{word}"), format!("A{word}")),
        (word[..18].to_owned(), word[..18].to_owned()),
        (word.to_lowercase(), word.to_lowercase()),
        (
            word.replace("EMAIL", "PHONE"),
            word.replace("EMAIL", "PHONE"),
        ),
        (format!("é{word}é"), format!("é{original}é")),
        ("_é____A_".to_owned(), "_é____A_".to_owned()),
        ("EMAIL_ééééééééé".to_owned(), "EMAIL_ééééééééé".to_owned()),
    ] {
        assert_eq!(surrogates.restore(&text), expected, "{text}");
    }
    assert_eq!(Surrogates::default().restore(word), *word);
    assert!(Surrogates::default().is_empty() && !surrogates.is_empty());
}

#[test]
fn what_only_the_operator_has_sent_is_not_the_callers_own() {
    let value = "ada@example.org";
    for (output, wanted) in [
        (GuardAction::Allow, value),
        (GuardAction::Flag, value),
        (GuardAction::Pseudonymise, "[redacted:email]"),
        (GuardAction::Redact, "[redacted:email]"),
        (GuardAction::Block, "[redacted:email]"),
    ] {
        let kind = FindingKind::Email;
        let mut surrogates = Surrogates::default();
        let word = surrogates.replace_unsent(&TestKey(1), kind, value, output);
        let word = word.unwrap();
        assert!(!surrogates.is_own(value));
        assert_eq!(surrogates.restore(&word), wanted);
        // Once the caller has sent it, it may have it back, whoever was first.
        let same = surrogates.replace(&TestKey(1), kind, value);
        assert_eq!(same.as_ref(), Some(&word));
        assert_eq!(surrogates.restore(&word), value);
        let same = surrogates.replace_unsent(&TestKey(1), kind, value, output);
        assert_eq!(same.as_ref(), Some(&word));
        assert!(surrogates.is_own(value));
        assert_eq!(surrogates.restore(&word), value);
    }
    // What the caller has sent and went on as it was is its own, too.
    let mut surrogates = Surrogates::default();
    surrogates.remember(value);
    let block = GuardAction::Block;
    let word = surrogates.replace_unsent(&TestKey(1), FindingKind::Email, value, block);
    assert_eq!(surrogates.restore(&word.unwrap()), value);
    // Two values never share a stand-in here either.
    let first = surrogates.replace_unsent(&Stuck, FindingKind::Phone, "1", block);
    assert!(first.is_some());
    let second = surrogates.replace_unsent(&Stuck, FindingKind::Phone, "2", block);
    assert_eq!(second, None);
}

#[test]
fn an_original_that_looks_like_a_stand_in_is_not_put_back_twice() {
    let mut surrogates = Surrogates::default();
    let first = surrogates
        .replace(&TestKey(1), FindingKind::Email, "ada@example.org")
        .unwrap();
    let second = surrogates
        .replace(&TestKey(1), FindingKind::Phone, &first)
        .unwrap();
    assert_eq!(surrogates.restore(&second), first);
}

#[test]
fn marks_say_what_was_there() {
    assert_eq!(mark(FindingKind::UsSsn), "[redacted:us_ssn]");
    for kind in FindingKind::ALL {
        assert!(found(&mark(*kind)).is_empty());
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn no_detector_takes_a_stand_in_for_data(
        key in any::<u64>(),
        values in proptest::collection::vec("\\PC{1,20}", 1..6),
        between in "[ ,.:@+(/=-]{0,3}|tel |call |ssn |é",
    ) {
        let mut surrogates = Surrogates::default();
        let mut text = String::new();
        for (value, kind) in values.iter().zip(FindingKind::ALL.iter().cycle().skip(key as usize % 12)) {
            text.push_str(&between);
            text.push_str(&surrogates.replace(&TestKey(key), *kind, value).unwrap());
        }
        prop_assert!(found(&text).is_empty(), "{:?} in {}", found(&text), text);
        // What stand-ins look like to the injection model does not matter: they are no language.
        let all = INSPECTOR.whole(&text);
        prop_assert!(all.is_empty(), "{:?} in {}", all, text);
    }

    #[test]
    fn what_was_replaced_is_restored(
        values in proptest::collection::vec("\\PC{1,20}", 1..8),
        between in proptest::collection::vec("[a-z0-9 _é]{0,8}", 8),
    ) {
        let mut surrogates = Surrogates::default();
        let (mut original, mut sent) = (String::new(), String::new());
        for ((value, gap), kind) in values.iter().zip(&between).zip(FindingKind::ALL) {
            let word = surrogates.replace(&TestKey(3), *kind, value).unwrap();
            original.extend([gap.as_str(), value]);
            sent.extend([gap.as_str(), &word]);
        }
        prop_assert_eq!(surrogates.restore(&sent), original);
    }
}
