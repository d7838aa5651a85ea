// SPDX-License-Identifier: Apache-2.0
//! Streams whose text stands inside a JSON string: arguments of tool calls.

use casemate_inspect::{Escape, Marks, Surrogates};
use casemate_types::GuardAction;
use proptest::prelude::*;

use crate::{
    common::{cases, pem, stand_ins},
    stream::{everywhere, expected, pieces, profiles, stream, text},
};

/// Writes text as the inside of a JSON string; `choices` picks among the ways to write a character.
fn written(text: &str, choices: &[u8]) -> String {
    let mut out = String::new();
    for (c, choice) in text.chars().zip(choices.iter().cycle()) {
        let must = matches!(c, '"' | '\\' | '\0'..='\u{1f}');
        let short = match c {
            '\n' => Some('n'),
            '\t' => Some('t'),
            '\r' => Some('r'),
            '\u{8}' => Some('b'),
            '\u{c}' => Some('f'),
            '"' | '\\' | '/' => Some(c),
            _ => None,
        };
        match (choice % 8, short) {
            (0..=5, _) if !must => out.push(c),
            (0..=6, Some(letter)) => out.extend(['\\', letter]),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let hex = format!("{unit:04x}");
                    out.push_str("\\u");
                    out.push_str(&if choice % 2 == 0 {
                        hex
                    } else {
                        hex.to_uppercase()
                    });
                }
            }
        }
    }
    out
}

fn read(raw: &str) -> String {
    serde_json::from_str(&format!("\"{raw}\"")).unwrap_or_else(|error| panic!("{error}: `{raw}`"))
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn escapes_do_not_matter_and_may_be_cut_anywhere(
        text in text(),
        choices in proptest::collection::vec(any::<u8>(), 1..40),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let (surrogates, _) = stand_ins();
        let raw = written(&text, &choices);
        prop_assert_eq!(&read(&raw), &text);
        for profile in profiles() {
            let wanted = expected(&profile, &surrogates, &text);
            let whole = stream(Escape::Json, &profile, &surrogates, [raw.as_str()]);
            prop_assert_eq!(&read(&whole.text), &wanted.text, "`{}`", raw);
            let split = stream(Escape::Json, &profile, &surrogates, pieces(&raw, &cuts));
            prop_assert_eq!(&split, &whole, "pieces of `{}`", raw);
            prop_assert_eq!(whole.cut, wanted.cut);
        }
    }

    #[test]
    fn broken_escapes_come_out_as_they_went_in(
        raw in "(\\\\|\\\\u|\\\\ud83d|\\\\ude00|\\\\uZ|[a-f0-9]{1,5}|[\"nx ]|é|𝄞){0,24}",
        cuts in proptest::collection::vec(any::<usize>(), 0..8),
    ) {
        let (surrogates, _) = stand_ins();
        let profile = everywhere(GuardAction::Allow);
        let whole = stream(Escape::Json, &profile, &surrogates, [raw.as_str()]);
        prop_assert_eq!(&whole.text, &raw);
        let split = stream(Escape::Json, &profile, &surrogates, pieces(&raw, &cuts));
        prop_assert_eq!(split, whole);
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn every_split_point_of_an_escaped_text(
        text in text(),
        choices in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let (surrogates, _) = stand_ins();
        let raw = written(&text, &choices);
        let profile = everywhere(GuardAction::Redact);
        let whole = stream(Escape::Json, &profile, &surrogates, [raw.as_str()]);
        for (at, _) in raw.char_indices() {
            let (head, tail) = raw.split_at(at);
            let split = stream(Escape::Json, &profile, &surrogates, [head, tail]);
            prop_assert_eq!(&split, &whole, "between `{}` and `{}`", head, tail);
        }
    }
}

#[test]
fn arguments_of_a_tool_call_stay_json() {
    let (surrogates, words) = stand_ins();
    let first = format!(
        "\\u{:04x}{}",
        u32::from(words[2].as_bytes()[0]),
        &words[2][1..]
    );
    let raw = format!(
        "{{\\\"to\\\": \\\"{first}\\\", \\\"n\\\": \\\"{}\\\\n\\\"}}",
        words[0]
    );
    let profile = everywhere(GuardAction::Redact);
    for at in 0..raw.len() {
        let (head, tail) = raw.split_at(at);
        let out = stream(Escape::Json, &profile, &surrogates, [head, tail]);
        let text = read(&out.text);
        assert_eq!(text, surrogates.restore(&read(&raw)));
    }
}

#[test]
fn a_key_block_in_arguments_is_cut_at_its_header() {
    let raw = pem().replace('\n', "\\n");
    let profile = everywhere(GuardAction::Redact);
    for at in 0..raw.len() {
        let (head, tail) = raw.split_at(at);
        let out = stream(
            Escape::Json,
            &profile,
            &Default::default(),
            ["k: ", head, tail],
        );
        assert_eq!((out.text.as_str(), out.cut), ("k: ", true), "{head}|{tail}");
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn marks_are_blanks_before_anything_is_looked_for(
        text in text(),
        choices in proptest::collection::vec(any::<u8>(), 1..40),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let marks = Marks { blank: '\u{e000}', border: '\u{e001}' };
        let mut surrogates = Surrogates::default();
        surrogates.marked_with(marks);
        let marked = format!("\u{e001}{}\u{e001}", text.replace(' ', "\u{e000}"));
        let raw = written(&marked, &choices);
        for profile in profiles() {
            let expected = expected(&profile, &surrogates, &text);
            let out = stream(Escape::None, &profile, &surrogates, pieces(&marked, &cuts));
            prop_assert_eq!(&out.text, &expected.text);
            prop_assert_eq!(out.cut, expected.cut);
            let out = stream(Escape::Json, &profile, &surrogates, pieces(&raw, &cuts));
            prop_assert_eq!(read(&out.text), expected.text);
        }
    }
}
