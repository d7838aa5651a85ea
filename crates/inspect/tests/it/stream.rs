// SPDX-License-Identifier: Apache-2.0
//! However a text is divided, a guarded stream gives what the whole text would.

use casemate_inspect::{Escape, GuardProfile, GuardRule, LateWatch, StreamGuard, Surrogates, mark};
use casemate_types::{FindingKind, GuardAction};
use proptest::prelude::*;

use crate::common::{
    ALNUM, BASE64, CANARIES, HEX, INSPECTOR, URL, cases, jwt, letters, pem, stand_ins,
};

/// What came out of a stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Out {
    pub(crate) text: String,
    pub(crate) findings: Vec<(FindingKind, std::ops::Range<usize>, GuardAction)>,
    pub(crate) cut: bool,
}

pub(crate) fn everywhere(action: GuardAction) -> GuardProfile {
    let rule = GuardRule::everywhere(action);
    GuardProfile {
        active: rule,
        attack: rule,
        canary: rule,
        custom: rule,
        health: rule,
        leak: rule,
        link: rule,
        payment: rule,
        person: rule,
        personal: rule,
        secret: rule,
        special: rule,
        attack_threshold: 0.75,
        embedded_threshold: 0.75,
    }
}

/// The profiles a text is sent through: the default one and each action for everything.
pub(crate) fn profiles() -> Vec<GuardProfile> {
    use GuardAction::{Allow, Block, Flag, Redact};
    let mut out: Vec<_> = [Allow, Flag, Redact, Block].map(everywhere).to_vec();
    out.push(GuardProfile::default());
    out
}

/// Sends pieces through a guard.
pub(crate) fn stream<'a>(
    escape: Escape,
    profile: &GuardProfile,
    surrogates: &Surrogates,
    pieces: impl IntoIterator<Item = &'a str>,
) -> Out {
    let mut guard = StreamGuard::new(escape);
    let mut out = Out::default();
    let mut take = |piece: casemate_inspect::Piece| {
        assert!(
            !out.cut || piece.text.is_empty(),
            "something came out after a block"
        );
        out.text.push_str(&piece.text);
        let short = piece
            .findings
            .into_iter()
            .map(|(f, action)| (f.kind, f.span, action));
        out.findings.extend(short);
        out.cut = piece.cut;
    };
    for piece in pieces {
        take(guard.push(&INSPECTOR, profile, surrogates, piece));
    }
    take(guard.finish(&INSPECTOR, profile, surrogates));
    assert_eq!(guard.held(), 0);
    out
}

/// What should come out, worked out from the whole text by other means.
pub(crate) fn expected(profile: &GuardProfile, surrogates: &Surrogates, text: &str) -> Out {
    let mut out = Out::default();
    let mut done = 0;
    for finding in INSPECTOR.inspect_exact(text) {
        let rest = &text[finding.span.start..];
        if finding.rule == "secret.private_key" && !rest.starts_with("-----BEGIN ") {
            // What follows a canary in a key block, which a stream knows to be inside of one.
            assert!(out.findings.len() >= 2);
            continue;
        }
        let value = &text[finding.span.clone()];
        let mut action = profile.answer_action(&finding, value, surrogates);
        if finding.kind == FindingKind::PrivateKey && action >= GuardAction::Pseudonymise {
            action = GuardAction::Block;
        }
        if action >= GuardAction::Pseudonymise {
            out.text
                .push_str(&surrogates.restore(&text[done..finding.span.start]));
            done = finding.span.end;
        }
        let mut span = finding.span.clone();
        if finding.kind == FindingKind::PrivateKey {
            // A stream tells of a key block when it begins.
            span.end = span.start;
        }
        out.findings.push((finding.kind, span, action));
        match action {
            GuardAction::Block => {
                out.cut = true;
                return out;
            }
            GuardAction::Pseudonymise | GuardAction::Redact => {
                out.text.push_str(&mark(finding.kind));
            }
            GuardAction::Allow | GuardAction::Flag => {}
        }
    }
    out.text.push_str(&surrogates.restore(&text[done..]));
    out
}

fn comparable(mut out: Out) -> Out {
    for (kind, span, _) in &mut out.findings {
        if *kind == FindingKind::PrivateKey {
            span.end = span.start;
        }
    }
    out
}

/// Every division into two, and into single characters.
fn check_all_splits(escape: Escape, profile: &GuardProfile, surrogates: &Surrogates, text: &str) {
    let whole = stream(escape, profile, surrogates, [text]);
    for (at, _) in text.char_indices() {
        let (head, tail) = text.split_at(at);
        let split = stream(escape, profile, surrogates, [head, tail]);
        assert_eq!(split, whole, "split between `{head}` and `{tail}`");
    }
    let single = text
        .char_indices()
        .map(|(at, c)| &text[at..at + c.len_utf8()]);
    let single = stream(escape, profile, surrogates, single);
    assert_eq!(single, whole, "in single characters: `{text}`");
}

fn check(text: &str) {
    let (surrogates, _) = stand_ins();
    for profile in profiles() {
        let wanted = expected(&profile, &surrogates, text);
        let whole = comparable(stream(Escape::None, &profile, &surrogates, [text]));
        assert_eq!(whole, wanted, "`{text}`");
        check_all_splits(Escape::None, &profile, &surrogates, text);
    }
}

#[test]
fn the_hard_ones_by_hand() {
    let (_, words) = stand_ins();
    let word = &words[0];
    let blob = letters(BASE64, 700);
    for text in [
        "",
        " ",
        "pay \"4111 1111 1111 1111\" now",
        "{\"card\":\"4111 1111 1111 1111\",\"x\":1}",
        "card:4111 1111 1111 1111 12/26 end",
        "tel:+49 30 901820, fax +49 (30) 901821",
        "IBAN:DE89 3704 0044 0532 0130 00.",
        "IBAN is DE89 3704 0044 0532 0130 00 5",
        "ALL CAPS TEXT WITH DE AND GB IN IT AND 89 TOO",
        "call 555 123 4567 890 or 1 (212) 555-0187 - 12",
        "my ssn is 123 45 6789, again 123-45-6789",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 \
         34 35 36 4111 1111 1111 1111 37 38 39 40 41 212 555 0187",
        "write to ada@example.org.",
        "CANARY-7f3a9 CANARY-7f3a9c!",
        "said the heron flies at the heron flies at noon",
        &format!("hello {word}, or {word}{word} x{word} {word}x"),
        &format!("{blob}{word}{blob}"),
        &format!("{blob} ada@example.org {blob}/ada@example.org"),
        &format!("https://h/{}?token={}&next=1", letters(ALNUM, 300), jwt()),
        &format!("aws_secret_access_key = {} and 1", letters(BASE64, 40)),
        &format!("before\n{}\nafter ada@example.org {}", pem(), pem()),
        &format!("x {}", &pem()[..60]),
        &format!(
            "x {} said the heron flies at noon ada@example.org",
            &pem()[..60]
        ),
        &pem().replace(
            "\n-----END",
            "\nCANARY-7f3a9c ada@example.org CANARY-7f3a9c\n-----END",
        ),
        "-----BEGIN PRIVATE KE",
        "-----BEGIN CERTIFICATE-----\nMII 4111 1111 1111 1111\n-----END CERTIFICATE-----",
        "请写信给ada@example.org即可,电话+49 30 901820。",
        "日本語のテキストが長く続いても止まらないこと。",
        "2001:db8::1 and ::1 and 10.1.2.3, at 12:34:56",
    ] {
        check(text);
    }
}

/// Pieces of texts: what is looked for, what looks like it, and what stands around it.
fn part() -> impl Strategy<Value = String> {
    let (_, stand_ins) = stand_ins();
    let mut planted: Vec<String> = [
        "ada@example.org",
        "a.very.long.name+tag@mail.sub.example.co.uk",
        "4111 1111 1111 1111",
        "378282246310005",
        "5555-5555-5555-4444",
        "DE89 3704 0044 0532 0130 00",
        "GB82WEST12345698765432",
        "123-45-6789",
        "ssn 123 45 6789",
        "(212) 555-0187",
        "+1 212-555-0187",
        "+49 (30) 901 820",
        "call 030 901 820",
        "10.20.30.40",
        "2001:db8:0:1::1",
        "secret access key",
        "-----BEGIN CERTIFICATE-----",
        "-----END PRIVATE KEY-----",
    ]
    .map(str::to_owned)
    .to_vec();
    planted.extend(CANARIES.map(str::to_owned));
    planted.extend(stand_ins.clone());
    planted.push(stand_ins[0][..12].to_owned());
    planted.push(jwt());
    planted.push(pem());
    planted.push(pem()[..70].to_owned());
    planted.push(format!("ghp_{}", letters(ALNUM, 36)));
    planted.push(format!("sk-ant-{}", letters(URL, 90)));
    planted.push(format!("AccountKey={}==", letters(BASE64, 86)));
    planted.push(letters(BASE64, 40));
    planted.push(letters(HEX, 320));
    let filler = [
        "a",
        "the",
        "and",
        "I",
        "DE",
        "GB",
        "IBAN",
        "tel",
        "hotel",
        "12",
        "7",
        "2024",
        "99999",
        "3rd",
        "x1",
        "EMAIL",
        "_",
        "é",
        "日本",
        "\u{1F980}",
        "\u{200B}",
        "hi@",
        "@",
        "sk-",
        "eyJ",
        "https://",
        "//",
        "example.org",
        "www.",
        ".example.com",
        "!@",
        ",",
        "evil.example/",
        "https:",
        "https:\\/",
        "https:/",
        "&colon;//",
        "&#58;",
        "//[",
        "//\\",
        "2130706433",
        "_www.",
        "WWW.",
        "](",
        "[",
        "]:",
        "@evil.example",
        "%2f",
        "src=\"",
        " onerror",
        "java\nscript:",
        "vbscript:",
        "data:text/html,",
        "\u{9d}",
        "<img src=",
        "<",
        "script",
        "onerror=",
        "javascript:",
        "\u{1b}[31m",
        "-----",
        "-----BEGIN ",
        "the heron",
        "CANARY-",
        "'",
        "\"",
        "\\",
        "(",
        ")",
        "+",
        "-",
        ".",
        "/",
        ":",
        "=",
    ]
    .map(str::to_owned)
    .to_vec();
    let gap = [
        " ", " ", " ", "\n", "\t", ", ", ": ", "", "", "-", "  ", ". ", "/", "=", "\"",
    ]
    .map(str::to_owned)
    .to_vec();
    prop_oneof![
        3 => proptest::sample::select(planted),
        4 => proptest::sample::select(filler),
        6 => proptest::sample::select(gap),
        1 => "[0-9 ]{1,30}",
        1 => "[A-Z0-9 -]{1,40}",
        1 => "[a-zA-Z0-9@.:_+/= -]{1,60}",
        1 => "\\PC{0,12}",
    ]
}

pub(crate) fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(part(), 0..14).prop_map(|parts| parts.concat())
}

/// Char borders of a text chosen by numbers, in order.
pub(crate) fn pieces<'a>(text: &'a str, cuts: &[usize]) -> Vec<&'a str> {
    let mut borders: Vec<_> = cuts
        .iter()
        .map(|cut| text.floor_char_boundary(cut % (text.len() + 1)))
        .collect();
    borders.sort_unstable();
    let mut out = Vec::new();
    let mut from = 0;
    for at in borders.into_iter().chain([text.len()]) {
        out.push(&text[from..at]);
        from = at;
    }
    out
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn any_division_gives_what_the_whole_gives(
        text in text(),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let (surrogates, _) = stand_ins();
        for profile in profiles() {
            let wanted = expected(&profile, &surrogates, &text);
            let whole = stream(Escape::None, &profile, &surrogates, [text.as_str()]);
            let split = stream(Escape::None, &profile, &surrogates, pieces(&text, &cuts));
            prop_assert_eq!(&split, &whole, "pieces of `{}`", text);
            prop_assert_eq!(&comparable(whole), &wanted, "whole: `{}`", text);
        }
    }
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn every_split_point_gives_what_the_whole_gives(text in text()) {
        let (surrogates, _) = stand_ins();
        for profile in [everywhere(GuardAction::Redact), GuardProfile::default()] {
            check_all_splits(Escape::None, &profile, &surrogates, &text);
        }
    }
}

#[test]
fn without_findings_a_stream_only_restores() {
    let (surrogates, words) = stand_ins();
    let text = format!("dear {}, {} — {}.", words[0], words[2], words[1]);
    let out = stream(
        Escape::None,
        &everywhere(GuardAction::Block),
        &surrogates,
        text.split_inclusive('_'),
    );
    assert_eq!(out.text, surrogates.restore(&text));
    assert!(out.findings.is_empty());
}

#[test]
fn after_a_block_nothing_comes_out() {
    let profile = everywhere(GuardAction::Block);
    let none = Surrogates::default();
    let mut guard = StreamGuard::new(Escape::None);
    let mut out = String::new();
    let mut cut = false;
    for word in ["so ", "mail ", "ada@example.org ", "and ", "more "] {
        let piece = guard.push(&INSPECTOR, &profile, &none, word);
        assert!(!cut || (piece.text.is_empty() && piece.cut && piece.findings.is_empty()));
        out.push_str(&piece.text);
        cut |= piece.cut;
    }
    assert_eq!((out.as_str(), cut, guard.held()), ("so mail ", true, 0));
    assert!(guard.finish(&INSPECTOR, &profile, &none).text.is_empty());
}

#[test]
fn no_byte_of_a_key_block_comes_out_unless_it_is_allowed() {
    let text = format!("here: {}", pem());
    for action in [
        GuardAction::Pseudonymise,
        GuardAction::Redact,
        GuardAction::Block,
    ] {
        for at in 0..text.len() {
            let (head, tail) = text.split_at(at);
            let out = stream(
                Escape::None,
                &everywhere(action),
                &Surrogates::default(),
                [head, tail],
            );
            assert_eq!((out.text.as_str(), out.cut), ("here: ", true));
        }
    }
}

/// Bytes held back after any prefix of a text.
fn most_held(text: &str) -> usize {
    let mut guard = StreamGuard::new(Escape::None);
    let (profile, none) = (everywhere(GuardAction::Flag), Surrogates::default());
    let mut most = 0;
    for (at, c) in text.char_indices() {
        let _ = guard.push(&INSPECTOR, &profile, &none, &text[at..at + c.len_utf8()]);
        most = most.max(guard.held());
    }
    most
}

#[test]
fn what_is_held_back_is_bounded() {
    let ordinary = 512;
    for (text, bound) in [
        ("plain words go out as they come ".repeat(40), 5),
        ("日本語".repeat(400), 3),
        ("THIS IS ALL IN CAPITALS ".repeat(40), 8),
        ("x".repeat(5000), ordinary),
        ("1 ".repeat(3000), ordinary),
        ("@".repeat(3000), ordinary),
        (format!("eyJ{}", "a".repeat(9000)), 4096 + 128),
        (format!("sk-{}", "a".repeat(9000)), ordinary),
        ("-----BEGIN ".repeat(600), ordinary),
        (format!("-----BEGIN {}", "A ".repeat(3000)), ordinary),
        ("the heron flies at ".repeat(200), ordinary),
    ] {
        let most = most_held(&text);
        assert!(most <= bound, "{most} > {bound} for `{}…`", &text[..12]);
    }
}

/// What a look back finds in pieces of a text.
fn looked_back<'a>(pieces: impl IntoIterator<Item = &'a str>) -> Vec<(FindingKind, String)> {
    let mut watch = LateWatch::default();
    let mut all = Vec::new();
    let mut found =
        |finding: casemate_types::Finding, value: &str| all.push((finding.kind, value.to_owned()));
    for piece in pieces {
        watch.push(&INSPECTOR, piece, false, &mut found);
    }
    watch.push(&INSPECTOR, "", true, &mut found);
    all
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn looking_back_finds_the_same_in_any_division(
        text in proptest::collection::vec(text(), 1..40).prop_map(|parts| parts.concat()),
        cuts in proptest::collection::vec(any::<usize>(), 0..24),
    ) {
        let whole = looked_back([text.as_str()]);
        prop_assert_eq!(looked_back(pieces(&text, &cuts)), whole);
    }
}

#[test]
fn a_number_that_is_cut_by_a_piece_is_no_shorter_number() {
    let long = "It was a quiet day. ".repeat(30);
    // The first sixteen digits are those of a card.
    let text = format!("{long}41111111111111111111 {long}");
    for at in 0..text.len() {
        let (head, tail) = text.split_at(at);
        assert_eq!(looked_back([head, tail]), [], "{at}");
    }
    let url = "postgres://app:s3cr3tPw9x@db.example.org:5432/app";
    for front in 0..600 {
        let text = format!("{} {url} {long}", "x ".repeat(front));
        let found = looked_back(text.split_inclusive(' '));
        let values: Vec<_> = found
            .iter()
            .filter(|(_, value)| value.contains(url))
            .collect();
        assert_eq!(values.len(), 1, "{front}: {found:?}");
    }
}
