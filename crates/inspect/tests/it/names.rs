// SPDX-License-Identifier: Apache-2.0
//! Names of people, addresses, and what only looks like them.

use casemate_inspect::Segment;
use casemate_types::{Channel, FindingKind, Role};
use proptest::prelude::*;

use crate::common::{INSPECTOR, cases};

/// Names of a kind in a text.
fn named(text: &str, rule: &str) -> Vec<String> {
    let found = INSPECTOR.names(text).into_iter();
    let found = found.filter(|one| one.rule == rule);
    found.map(|one| text[one.span].to_owned()).collect()
}

#[test]
fn people_are_found_in_many_languages() {
    for (text, person) in [
        (
            "Please call Margaret Thompson about the invoice.",
            "Margaret Thompson",
        ),
        ("Dear Mr. Okonkwo, thank you for your order.", "Okonkwo"),
        (
            "Sehr geehrte Frau Schneider, vielen Dank für Ihr Schreiben.",
            "Schneider",
        ),
        (
            "Bonjour, je m'appelle Camille Lefèvre et j'habite à Lyon.",
            "Camille Lefèvre",
        ),
        (
            "El paciente Javier Rodríguez García llegó ayer.",
            "Javier Rodríguez García",
        ),
        (
            "Il signor Marco Bianchi ha firmato il contratto.",
            "Marco Bianchi",
        ),
        (
            "Mevrouw Annelies de Vries belde vanmorgen.",
            "Annelies de Vries",
        ),
        (
            "Fru Ingrid Johansson har ringt om fakturan.",
            "Ingrid Johansson",
        ),
        (
            "Pani Katarzyna Kowalska prosi o kontakt.",
            "Katarzyna Kowalska",
        ),
        ("O cliente João da Silva pediu reembolso.", "João da Silva"),
        (
            "hi, my name is john miller and i forgot my password",
            "john miller",
        ),
    ] {
        let found = named(text, "PERSON");
        let hit = found
            .iter()
            .any(|name| name.contains(person) || person.contains(name.as_str()));
        assert!(hit, "{text}: {found:?}");
    }
}

#[test]
fn addresses_are_found_as_one_piece() {
    for (text, part) in [
        (
            "Ship it to 742 Evergreen Terrace, Springfield, IL 62704.",
            "742 Evergreen Terrace",
        ),
        (
            "Meine Adresse: Hauptstraße 12, 10115 Berlin",
            "Hauptstraße 12",
        ),
        (
            "J'habite 15 rue de la République, 69002 Lyon.",
            "15 rue de la République",
        ),
        ("Vivo en Calle Mayor 5, 28013 Madrid.", "Calle Mayor 5"),
        (
            "Abito in Via Garibaldi 22, 20121 Milano.",
            "Via Garibaldi 22",
        ),
    ] {
        let found = named(text, "STREET_ADDRESS");
        assert!(
            found.iter().any(|one| one.contains(part)),
            "{text}: {found:?}"
        );
    }
}

/// Texts of programs, products and plain talk name nobody.
#[test]
fn what_only_looks_like_a_name_is_none() {
    for text in [
        "Licensed under either of Apache License, Version 2.0 or MIT license at your option.",
        "The quick brown fox jumps over the lazy dog.",
        "let value = Vec::with_capacity(self.capacity());",
        "impl<T: Clone> Iterator for Windows<'_, T> { type Item = T; }",
        "SELECT * FROM users WHERE name = 'x' ORDER BY created_at DESC;",
        "Please summarise the attached report in three sentences.",
        "How do I sort a list of numbers in Python?",
        "curl -X POST https://api.example.org/v1/items -H 'Accept: application/json'",
        "ERROR [worker-3] Connection refused, retrying in 5 s",
        "secretKey = getSecretKeyFromConfiguration",
        "token: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "",
    ] {
        let segment = Segment::new(text, Role::User, Channel::Content);
        let found = INSPECTOR.inspect(segment);
        let names = found
            .iter()
            .filter(|one| matches!(one.kind, FindingKind::Person | FindingKind::Address));
        assert_eq!(names.count(), 0, "{text}: {found:?}");
    }
}

/// What tells nothing of a person by itself is for those who ask, not for guards.
#[test]
fn guards_hear_of_people_and_not_of_places() {
    let text = "Emma Watson moved to Paris.";
    let segment = Segment::new(text, Role::User, Channel::Content);
    let kinds: Vec<_> = INSPECTOR
        .inspect(segment)
        .iter()
        .map(|one| one.kind)
        .collect();
    assert_eq!(kinds, [FindingKind::Person]);
    assert_eq!(named(text, "GPE"), ["Paris"]);
}

/// A number with a check is no house number, and an address of mail no name.
#[test]
fn what_has_a_form_goes_before_a_name() {
    let text = "Ada Lovelace <ada.lovelace@example.org>, card 4111 1111 1111 1111";
    let all = INSPECTOR.whole(text);
    let shown: Vec<_> = all.iter().map(|one| &text[one.span.clone()]).collect();
    assert_eq!(
        shown,
        [
            "Ada Lovelace",
            "ada.lovelace@example.org",
            "4111 1111 1111 1111"
        ]
    );
}

proptest! {
    #![proptest_config(cases(400))]

    /// Whatever is written, findings stand in order in the text, and the same is found again.
    #[test]
    fn any_text_is_read(text in "(\\PC|\n|Mr\\. |Dr |Anna |Street |12 |, |St\\. |Å|é|ß|李|١){0,60}") {
        let found = INSPECTOR.names(&text);
        let mut end = 0;
        for one in &found {
            prop_assert!(one.span.start >= end && one.span.end > one.span.start, "{found:?}");
            prop_assert!(text.get(one.span.clone()).is_some(), "{found:?}");
            prop_assert!((0.0..=1.0).contains(&one.score), "{found:?}");
            end = one.span.end;
        }
        prop_assert_eq!(INSPECTOR.names(&text), found);
    }

    /// Ordinary words around a text do not hide the name in it.
    #[test]
    fn a_name_is_found_wherever_it_stands(before in 0_usize..30, after in 0_usize..30) {
        let filler = "the report is ready and the team will look at it next week. ";
        let text = format!("{}Please ask Margaret Thompson about it. {}", filler.repeat(before), filler.repeat(after));
        let found = named(&text, "PERSON");
        prop_assert_eq!(found, ["Margaret Thompson"]);
    }
}
