// SPDX-License-Identifier: Apache-2.0
//! Cards and accounts.

use casemate_types::FindingKind;

use crate::common::found;

/// Test numbers that the networks publish, and numbers with a valid check digit in their ranges.
const CARDS: &[&str] = &[
    "4111111111111111",
    "4012888888881881",
    "4222222222222",
    "4000000000000000006",
    "5555555555554444",
    "5105105105105100",
    "2221000000000009",
    "2720990000000007",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "6011000990139424",
    "30569309025904",
    "38520000023237",
    "36148900647913",
    "3530111333300000",
    "3566002020360505",
    "6200000000000005",
    "6304000000000000",
    "2201382000000013",
];

fn grouped(digits: &str, separator: char) -> String {
    let four = digits.as_bytes().chunks(4).map(String::from_utf8_lossy);
    let groups: Vec<_> = four.collect();
    groups.join(&separator.to_string())
}

#[test]
fn cards_of_all_networks() {
    for card in CARDS {
        let spaced = grouped(card, ' ');
        let dashed = grouped(card, '-');
        for form in [*card, &spaced, &dashed] {
            for (before, after) in [
                ("", ""),
                ("pay with ", " now"),
                ("card:", "."),
                ("(", ")"),
                ("\"", "\""),
                ("é ", "é"),
                ("no. 12 ", ""),
                ("", " 12/26"),
                ("", " exp 12/26 cvv 123"),
                ("", "\n1234"),
                ("", " 2nd card"),
                ("#", ", 99.95"),
            ] {
                let text = format!("{before}{form}{after}");
                assert_eq!(found(&text), [format!("card {form}")], "in `{text}`");
            }
        }
    }
}

#[test]
fn a_wrong_check_digit_is_no_card() {
    for card in CARDS {
        let (head, last) = card.split_at(card.len() - 1);
        let last: u32 = last.parse().unwrap();
        for other in (0..10).filter(|digit| *digit != last) {
            let text = format!("{head}{other}");
            assert!(found(&text).is_empty(), "{text}");
        }
    }
}

#[test]
fn cards_inside_longer_numbers_and_words_are_none() {
    for text in [
        "94111111111111111",
        "41111111111111119999",
        "x4111111111111111",
        "4111111111111111x",
        "_4111111111111111",
        "4111111111111111_",
        "id-4111a111-1111-1111",
        "4111.1111.1111.1111",
        "4111/1111/1111/1111",
        "4111,1111,1111,1111",
        "4111  1111  1111  1111",
        "0000 0000 0000 0000",
        "1111111111111117",
        "9999 9999 9999 9995",
    ] {
        assert!(found(text).is_empty(), "{:?} in {text}", found(text));
    }
}

#[test]
fn iban() {
    let check = |marked: &str| crate::common::check(FindingKind::Iban, marked);
    for account in [
        "DE89370400440532013000",
        "GB82WEST12345698765432",
        "FR1420041010050500013M02606",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
        "NL91ABNA0417164300",
        "CH9300762011623852957",
        "SA0380000000608010167519",
        "BR1800360305000010009795493C1",
    ] {
        let spaced = grouped(account, ' ');
        let dashed = grouped(account, '-');
        for form in [account, &spaced, &dashed] {
            check(&format!("⟦{form}⟧"));
            check(&format!("IBAN:⟦{form}⟧."));
            check(&format!("\"⟦{form}⟧\" is it"));
            check(&format!("到⟦{form}⟧汇款"));
            check(&format!("to ⟦{form}⟧ 50 EUR"));
        }
        let broken = format!(
            "{}{}",
            &account[..2],
            account[2..].replace(&account[2..4], "00")
        );
        assert!(found(&broken).is_empty(), "{broken}");
        assert!(found(&format!("X{account}")).is_empty());
        assert!(found(&format!("{account}7")).is_empty());
        assert!(found(&account[..account.len() - 1]).is_empty());
    }
    for text in [
        "ZZ89370400440532013000",
        "de89370400440532013000",
        "DE89  3704 0044 0532 0130 00",
    ] {
        assert!(!found(text).iter().any(|f| f.starts_with("iban")), "{text}");
    }
}
