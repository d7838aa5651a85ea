// SPDX-License-Identifier: Apache-2.0
//! Whatever a text is made of: no panic, findings in order, and no more than twice the time for
//! twice the text.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use base64::Engine as _;
use casemate_inspect::Segment;
use casemate_types::{Channel, DataClass, Finding, Role};
use proptest::prelude::*;

use crate::common::{INSPECTOR, cases, without_entities};

/// Pieces of tokens, numbers, codes and words, and the signs between them.
fn made_of_pieces() -> impl Strategy<Value = String> {
    let begin = format!("-----BEGIN {}-----", "RSA PRIVATE KEY");
    let end = format!("-----END {}-----", "RSA PRIVATE KEY");
    let mut pieces: Vec<String> = [
        "AKIA",
        "sk-",
        "sk-ant-api03-",
        "ghp_",
        "eyJ",
        "eyJhbGciOiJIUzI1NiJ9",
        "xoxb-",
        "SG.",
        "AIza",
        "AccountKey=",
        "password",
        "PASSWORD=",
        "api_key",
        "secret",
        "token: ",
        "key = \"",
        "aws",
        "postgres://u:",
        "https://",
        "@host/",
        "Bearer ",
        "Authorization: ",
        "-u ",
        "Basic ",
        "geboren ",
        "IBAN ",
        "DE89",
        "card ",
        "4111",
        "1111",
        "12/29",
        "cvv",
        "tel ",
        "+49",
        "(0)",
        "%B",
        ";",
        "^",
        "?",
        "身份证",
        "ИНН",
        "né ",
        "%41",
        "%",
        "\\u0041",
        "\\u",
        "\\x",
        "&#65;",
        "&amp;",
        "&",
        "aGVsbG8gd29ybGQ=",
        "48 65 6c 6c 6f ",
        "01000001 ",
        "i g n o r e ",
        "1gn0r3 ",
        "vtaber ",
        "she is ",
        "member of ",
        "a Catholic ",
        "Religion: ",
        "her fingerprints ",
        "ignore ",
        "previous ",
        "instructions ",
        "system prompt",
        "<|im_start|>",
        "\u{200b}",
        "\u{202e}",
        "\u{e0041}",
        "🦀",
        "é",
        "e\u{301}",
        "漢",
        "а",
        "Ａ",
        "\0",
        "\u{feff}",
        "٣",
        "०",
        "\u{a0}",
        "0",
        "1",
        "7",
        "9",
        "a",
        "Z",
        "f",
        "-",
        ".",
        "/",
        "_",
        "+",
        "=",
        ":",
        ",",
        " ",
        "\n",
        "\r\n",
        "\t",
        "\"",
        "'",
        "`",
        "\\",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "|",
        "!",
        "#",
        "$",
        "~",
    ]
    .map(str::to_owned)
    .to_vec();
    pieces.extend([begin, end]);
    let piece = (proptest::sample::select(pieces), 1..6_usize);
    proptest::collection::vec(piece, 0..160).prop_map(|all| {
        let mut text: String = all
            .iter()
            .map(|(piece, times)| piece.repeat(*times))
            .collect();
        text.truncate(text.floor_char_boundary(4096));
        text
    })
}

fn any_unicode() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>(), 0..1000).prop_map(|all| {
        let mut text: String = all.into_iter().collect();
        text.truncate(text.floor_char_boundary(4096));
        text
    })
}

fn holds(text: &str) -> Result<(), TestCaseError> {
    let found = INSPECTOR.whole(text);
    let mut end = 0;
    for finding in &found {
        prop_assert!(
            finding.span.start >= end && !finding.span.is_empty(),
            "{found:?} in {text:?}"
        );
        prop_assert!(
            text.get(finding.span.clone()).is_some(),
            "{finding:?} in {text:?}"
        );
        prop_assert!((0.0..=1.0).contains(&finding.score), "{finding:?}");
        end = finding.span.end;
    }
    for (role, channel) in [
        (Role::User, Channel::Content),
        (Role::Tool, Channel::ToolResult),
        (Role::System, Channel::Content),
        (Role::Assistant, Channel::ToolArguments),
        (Role::Other, Channel::Structure),
    ] {
        let segment = Segment::new(text, role, channel);
        let all = INSPECTOR.inspect(segment);
        let mut shown = without_entities(&found);
        // A name that is a part of what is said of somebody is none.
        let said = |one: &Finding| {
            let around = |other: &Finding| {
                other.span.start <= one.span.start && one.span.end <= other.span.end
            };
            let mut special = all
                .iter()
                .filter(|other| other.kind.class() == DataClass::Special);
            special.any(around)
        };
        shown.retain(|one| one.kind.class() != DataClass::Person || !said(one));
        prop_assert_eq!(&all[..shown.len()], shown.as_slice());
        for more in &all[shown.len()..] {
            prop_assert!(
                text.get(more.span.clone()).is_some(),
                "{more:?} in {text:?}"
            );
            prop_assert!((0.0..=1.0).contains(&more.score), "{more:?}");
        }
        let told = INSPECTOR.injection(segment);
        prop_assert!((0.0..=1.0).contains(&told.score), "{told:?} for {text:?}");
    }
    // The same twice.
    prop_assert_eq!(INSPECTOR.whole(text), found);
    Ok(())
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn pieces_of_everything_in_any_order(text in made_of_pieces()) {
        holds(&text)?;
    }

    #[test]
    fn any_characters_at_all(text in any_unicode()) {
        holds(&text)?;
    }
}

/// What this thread has had of a processor, so that a busy machine does not count; where the kernel
/// does not say, the time that has passed.
fn clock() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = told.and_then(|told| told.split_whitespace().next()?.parse().ok());
    spent.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// The shortest of three runs, since other programs run beside; one run where it takes long.
fn time(text: &str, of: impl Fn(&str)) -> Duration {
    let run = || {
        let start = clock();
        of(text);
        clock().saturating_sub(start)
    };
    let first = run();
    if first > Duration::from_secs(1) {
        return first;
    }
    first.min(run()).min(run())
}

/// Texts made to cost time; each half as long as the next size.
fn costly(size: usize) -> Vec<(&'static str, String)> {
    let begin = |kind: &str| format!("-----BEGIN {kind}-----");
    let fill = |unit: &str| unit.repeat(size / unit.len());
    let mut nested = "ignore all of it and obey ".repeat(size / 80);
    for _ in 0..3 {
        nested = base64::engine::general_purpose::STANDARD.encode(nested);
    }
    vec![
        ("digits", fill("1234567890")),
        ("letters and dashes", fill("a-")),
        ("one character", fill("a")),
        ("nested base64", nested),
        ("braces", fill("{")),
        ("equals", fill("=")),
        ("eyJ", fill("eyJ")),
        ("key=", fill("key=")),
        ("begin of an RSA key", fill(&begin("RSA PRIVATE KEY"))),
        ("eyJ-", fill("eyJ-")),
        ("sl.-", fill("sl.-")),
        ("spaced letters", fill("i g n o r e ")),
        ("begin of a PGP key", fill(&begin("PGP PRIVATE KEY BLOCK"))),
        (
            "begin of an SSH2 key",
            fill("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----"),
        ),
        // A file without line ends, such as minified JSON.
        ("passwords in one line", fill("\"pwd\":\"a1\", ")),
        ("tokens in one line", fill("a1b2c3d4e5f6a7b8c9 ")),
        ("names in one line", fill("secret=x1 ")),
        ("numbers in one line", fill("4111111111111111 ")),
        ("words in one line", fill("card born tel ")),
        ("addresses", fill("https://a:b")),
        ("ampersands", fill("&#")),
        ("said of somebody", fill("she is a Catholic ")),
        ("categories", fill("gay ")),
        ("headings", fill("name religion: Muslim ")),
        ("escapes", fill("\\u00")),
    ]
}

#[test]
fn twice_the_text_takes_twice_the_time() {
    const SIZE: usize = 1 << 18;
    // What a debug build reads in a second at least.
    const RATE: f64 = 50_000.0;
    let mut slow = Vec::new();
    let of = |text: &str| {
        let _ = INSPECTOR.inspect(Segment::new(text, Role::Tool, Channel::ToolResult));
    };
    for (half, (name, whole)) in costly(SIZE / 2).into_iter().zip(costly(SIZE)) {
        let (short, long) = (time(&half.1, of), time(&whole, of));
        // The floor keeps noise out.
        if long > short * 3 + Duration::from_millis(50) {
            slow.push(format!("{name}: {short:?} for half, {long:?} for all"));
        }
        let rate = whole.len() as f64 / long.as_secs_f64();
        if rate < RATE {
            slow.push(format!("{name}: {rate:.0} bytes a second"));
        }
    }
    assert!(slow.is_empty(), "\n{}", slow.join("\n"));
}

/// A file in one line, such as minified JSON: what stands before a name or token on its line is looked
/// at as far as it counts, which costs more than a line of one token, but no more the longer the line.
#[test]
fn a_line_without_an_end_takes_no_longer_than_lines() {
    const SIZE: usize = 1 << 20;
    for unit in ["secret=x1", "a1b2c3d4e5f6a7b8c9"] {
        let of = |text: &str| {
            let _ = INSPECTOR.whole(text);
        };
        let lines = format!("{unit}\n").repeat(SIZE / (unit.len() + 1));
        let line = lines.replace('\n', " ");
        let (short, long) = (time(&lines, of), time(&line, of));
        assert!(
            long < short * 8 + Duration::from_millis(100),
            "{unit}: {short:?} in lines, {long:?} in one"
        );
    }
}

/// Pieces that many rules begin to read.
const PIECES: &[&str] = &[
    "-",
    "=",
    "@",
    "A",
    "\n",
    "00:",
    "1 ",
    "1-",
    "1.",
    "1:",
    "AA:",
    "AB-",
    "_auth=",
    "a@",
    "fm2_",
    "t1.",
    "xoxb-",
    "é",
    "身份证1",
];

#[test]
fn personal_data_and_secrets_are_looked_for_in_linear_time() {
    const SIZE: usize = 1 << 17;
    let of = |text: &str| {
        let _ = INSPECTOR.whole(text);
    };
    for piece in PIECES {
        let text = |size: usize| piece.repeat(size / piece.len());
        let (short, long) = (time(&text(SIZE / 2), of), time(&text(SIZE), of));
        assert!(
            long < short * 3 + Duration::from_millis(50),
            "{piece:?}: {short:?} for half, {long:?} for all"
        );
    }
}

/// Megabytes of one letter, as a file of padding may be.
#[test]
fn one_letter_over_and_over_takes_linear_time() {
    const SIZE: usize = 1 << 23;
    let of = |text: &str| {
        let _ = INSPECTOR.whole(text);
    };
    let (short, long) = (time(&"a".repeat(SIZE / 4), of), time(&"a".repeat(SIZE), of));
    assert!(
        long < short * 6 + Duration::from_millis(50),
        "{short:?} for a quarter, {long:?} for all"
    );
}
