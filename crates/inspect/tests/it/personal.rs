// SPDX-License-Identifier: Apache-2.0
//! Data that points at a person: what is found, what is not, one line a case.

use casemate_types::FindingKind;

use crate::common::found;

fn check(kind: FindingKind, cases: &[&str]) {
    for case in cases {
        crate::common::check(kind, case);
    }
}

/// Nothing may be found in these.
fn none(cases: &[&str]) {
    for case in cases {
        assert!(found(case).is_empty(), "{:?} in `{case}`", found(case));
    }
}

#[test]
fn email() {
    check(
        FindingKind::Email,
        &[
            "⟦ada@example.org⟧",
            "<⟦ada@example.org⟧>",
            "mailto:⟦ada@example.org⟧?subject=x",
            "write to ⟦ada.lovelace+test@mail.example.co.uk⟧.",
            "⟦a_b%c-d@ex-ample.org⟧, ⟦x@example.org⟧; ⟦y@example.org⟧",
            "..⟦ada@example.org⟧..",
            "⟦ada@xn--bcher-kva.example⟧",
            "⟦ada@b.xn--p1ai⟧",
            "请写信给⟦ada@example.org⟧即可",
            "«⟦ada@example.org⟧»",
            "user=⟦ada@example.org⟧&next=1",
            "{\"to\":\"⟦ada@example.org⟧\"}",
            "ADDRESS: ⟦ADA@EXAMPLE.ORG⟧",
            "ada@⟦bob@example.org⟧",
            "\u{200b}⟦ada@example.org⟧\u{200b}",
            "🦀⟦ada@example.org⟧🦀",
        ],
    );
    none(&[
        "@ada",
        "a @ b.org",
        "ada@localhost",
        "ada@example",
        "ada@example.c",
        "ada@.org",
        "ada@example..org",
        "ada.@example.org",
        "@example.org",
        "ada@-example.org",
        "ada@example.123",
        "pkg@1.2.3",
        "use @types/node",
        "josé@例え.jp",
        "@@@@",
    ]);
}

#[test]
fn an_at_sign_hides_nothing() {
    let card = FindingKind::Card;
    check(
        card,
        &[
            "card@⟦4111111111111111⟧",
            "@⟦4111-1111-1111-1111⟧",
            "a@b@⟦378282246310005⟧",
        ],
    );
}

#[test]
fn us_ssn() {
    check(
        FindingKind::UsSsn,
        &[
            "⟦123-45-6789⟧",
            "(⟦123-45-6789⟧)",
            "my SSN is ⟦123456789⟧",
            "ssn ⟦123 45 6789⟧",
            "social security number: ⟦123 45 6789⟧.",
            "⟦123-45-6789⟧ 2024-01-02",
            "⟦123-45-6789⟧ 4 of 5",
            "ssn ⟦123-45-6789⟧ 2nd",
            "⟦899-99-9998⟧",
        ],
    );
    none(&[
        "123456789",
        "123 45 6789",
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "123-00-4567",
        "123-45-0000",
        "078-05-1120",
        "219-09-9999",
        "A123-45-6789",
        "123-45-67890",
        "1234-45-6789",
        "123.45.6789",
        "123-45-6789x",
    ]);
}

#[test]
fn ip() {
    check(
        FindingKind::Ip,
        &[
            "⟦10.1.2.3⟧",
            "from ⟦192.0.2.255⟧:8080",
            "[⟦203.0.113.7⟧]",
            "(⟦203.0.113.7⟧)",
            "::ffff:⟦203.0.113.7⟧",
            "http://⟦203.0.113.7⟧/x",
            "⟦203.0.113.7⟧.",
            "⟦203.0.113.7⟧, ⟦203.0.113.8⟧",
            "⟦2001:db8::1⟧",
            "[⟦2001:db8:0:0:1:0:0:1⟧]:443",
            "⟦2001:DB8::8:800:200C:417A⟧.",
            "at ⟦fe80:0:0:0:1:2:3:4⟧: up",
            "⟦2a00:1450:4001:810::200e⟧",
            "ip=⟦2001:db8:a::1⟧;",
        ],
    );
    none(&[
        "127.0.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "::1",
        "::",
        "version v1.2.3.4",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.2.3.4",
        "10.0.19045.3930",
        "1.2.3.4-beta",
        "1.2.3.4a",
        "12:34:56",
        "12:34:56.789",
        "2024-01-02T12:34:56",
        "00:1B:44:11:3A:B7",
        "std::vec::Vec",
        "a::b::c::d",
        "dead:beef",
        "12345:2001:db8::1",
        "g2001:db8:0::1",
        "1:2:3:4:5:6:7:8:9",
        "ratio 1:2:3:4",
    ]);
}

#[test]
fn phone() {
    check(
        FindingKind::Phone,
        &[
            "⟦+493090182 0⟧",
            "⟦+49 30 901820⟧",
            "⟦+49 (30) 901820⟧",
            "⟦+44 20 7946 0958⟧",
            "⟦+1-212-555-0187⟧",
            "⟦+33 6 12 34 56 78⟧",
            "⟦+12125550187⟧, ⟦+12125550188⟧",
            "⟦+(49) 30 901820⟧",
            "⟦(212) 555-0187⟧",
            "⟦(212)555-0187⟧",
            "⟦212-555-0187⟧",
            "⟦212.555.0187⟧",
            "⟦212 555 0187⟧",
            "⟦1-212-555-0187⟧",
            "⟦1 (212) 555-0187⟧",
            "tel:⟦030 901820⟧",
            "Telefon ⟦030/901820⟧",
            "Handy: ⟦0171 - 9018 200⟧",
            "tél. ⟦06 84 56 88 70⟧",
            "call me at ⟦555 0187⟧",
            "phone (⟦030 901820⟧)",
            "WhatsApp ⟦901820123⟧",
            "⟦212-555-0187⟧ 2024-01-02",
            "⟦212-555-0187⟧ 3rd floor",
            "⟦+12125550187⟧ 4111",
        ],
    );
    none(&[
        "030 901820",
        "5550187",
        "2024-01-02",
        "order 12345678",
        "112-555-0187",
        "212-155-0187",
        "call on 2024-01-02",
        "call on 02.01.2024",
        "call 12",
        "+0123456789",
        "+12",
        "1234567890123456 tel",
        "hotel 1234567",
        "x212-555-0187",
        "212-555-01877",
        "212-555-0187x",
        "1.5 million, 20-30 %, 3/4",
    ]);
}

#[test]
fn numbers_beside_one_another_are_told_apart() {
    for (text, wanted) in [
        (
            "Ada 123-45-6789 4111 1111 1111 1111 ada@example.org",
            &[
                "us_ssn 123-45-6789",
                "card 4111 1111 1111 1111",
                "email ada@example.org",
            ][..],
        ),
        ("12 4111 1111 1111 1111", &["card 4111 1111 1111 1111"]),
        (
            "4111 1111 1111 1111 5555 5555 5555 4444",
            &["card 4111 1111 1111 1111", "card 5555 5555 5555 4444"],
        ),
        (
            "10.0.0.1 10.0.0.2 212-555-0187",
            &["ip 10.0.0.1", "ip 10.0.0.2", "phone 212-555-0187"],
        ),
        (
            "DE89370400440532013000 123-45-6789",
            &["iban DE89370400440532013000", "us_ssn 123-45-6789"],
        ),
    ] {
        assert_eq!(found(text), wanted, "{text}");
    }
}
