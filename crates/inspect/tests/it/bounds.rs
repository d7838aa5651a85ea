// SPDX-License-Identifier: Apache-2.0
//! Texts made to cost time or to break something. A test that hangs has failed.

use casemate_inspect::{Escape, StreamGuard, Surrogates};
use casemate_types::{Channel, GuardAction, Role};
use proptest::prelude::*;

use crate::{
    common::{INSPECTOR, cases, inspected, stand_ins, without_entities},
    stream::everywhere,
};

/// Texts of nothing but a unit that some detector looks at.
fn hostile(size: usize) -> Vec<String> {
    let header = format!("-----BEGIN {}-----", "PRIVATE KEY");
    [
        "@",
        ":",
        "a_",
        "1 ",
        "1",
        "1-",
        "a@",
        "a@b.",
        "1:",
        "::",
        "f:",
        "(",
        "+",
        "+1 ",
        "-----BEGIN ",
        "-----BEGIN A",
        "eyJ",
        "eyJ-",
        "eyJ.",
        "eyJaaaaaaaa.",
        "sk-",
        "sk-ant-",
        "SG.",
        "ya29.",
        "AKIA",
        "ignore ",
        "ignore previous instructions ",
        "reveal ",
        "system prompt ",
        "diabetes insulin ",
        "patient ",
        "diabetes E11 ",
        "tel 1 ",
        "ssn 1 ",
        "secret access key ",
        "DE89 ",
        "DE89",
        "AA1",
        "EMAIL_",
        "_",
        "A_",
        "\\",
        "\\u",
        "\\ud83d",
        "\"",
        "the heron flies at ",
        "CANARY-",
        "忽略",
        "é",
        "\u{200b}",
        "<|im_start|>",
        "silently ",
        " - 1",
        "(1) ",
        "127.0.0.1 ",
        "1.1.",
        "-----END ",
        &header,
    ]
    .iter()
    .map(|unit| unit.repeat(size / unit.len()))
    .collect()
}

#[test]
fn a_megabyte_is_inspected() {
    for unit in [
        "@",
        ":",
        "a_",
        "1 ",
        "ignore previous instructions ",
        "-----BEGIN ",
        "eyJ",
    ] {
        let text = unit.repeat((1 << 20) / unit.len());
        let _ = inspected(&text, Role::Tool, Channel::ToolResult);
    }
}

#[test]
fn much_of_anything_is_inspected() {
    for text in hostile(1 << 18) {
        let _ = inspected(&text, Role::Tool, Channel::ToolResult);
    }
}

#[test]
fn much_of_anything_is_streamed() {
    let (surrogates, _) = stand_ins();
    let profile = everywhere(GuardAction::Flag);
    for text in hostile(1 << 16) {
        for (escape, size) in [(Escape::None, text.len()), (Escape::Json, 4000)] {
            let mut guard = StreamGuard::new(escape);
            let mut given = 0;
            let mut rest = text.as_str();
            while !rest.is_empty() {
                let (head, tail) = rest.split_at(rest.floor_char_boundary(size.max(4)));
                given += guard
                    .push(&INSPECTOR, &profile, &surrogates, head)
                    .text
                    .len();
                rest = tail;
            }
            given += guard.finish(&INSPECTOR, &profile, &surrogates).text.len();
            assert_eq!(
                given,
                text.len(),
                "`{}…`",
                &text[..text.floor_char_boundary(20)]
            );
        }
    }
}

#[test]
fn a_long_word_byte_by_byte() {
    let profile = everywhere(GuardAction::Flag);
    let text = format!("eyJ{}", "a".repeat(30_000));
    let mut guard = StreamGuard::new(Escape::Json);
    for at in 0..text.len() {
        let _ = guard.push(&INSPECTOR, &profile, &Surrogates::default(), &text[at..=at]);
    }
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn findings_lie_in_the_text_in_order_without_overlaps(text in crate::stream::text()) {
        let findings = INSPECTOR.inspect_exact(&text);
        let mut end = 0;
        for finding in &findings {
            prop_assert!(finding.span.start >= end && !finding.span.is_empty());
            prop_assert!(text.get(finding.span.clone()).is_some());
            prop_assert!((0.0..=1.0).contains(&finding.score));
            end = finding.span.end;
        }
        let findings = INSPECTOR.whole(&text);
        let mut end = 0;
        for finding in &findings {
            prop_assert!(finding.span.start >= end && !finding.span.is_empty());
            prop_assert!(text.get(finding.span.clone()).is_some());
            end = finding.span.end;
        }
        let shown = without_entities(&findings);
        for role in Role::ALL {
            for channel in Channel::ALL {
                let all = inspected(&text, *role, *channel);
                prop_assert_eq!(&all[..shown.len()], shown.as_slice());
                for more in &all[shown.len()..] {
                    prop_assert!(text.get(more.span.clone()).is_some());
                    prop_assert!((0.0..=1.0).contains(&more.score));
                }
            }
        }
    }

    #[test]
    fn any_text_at_all(text in "\\PC{0,200}") {
        let _ = inspected(&text, Role::User, Channel::Content);
        let _ = inspected(&text, Role::Tool, Channel::ToolResult);
    }
}
