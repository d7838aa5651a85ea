// SPDX-License-Identifier: Apache-2.0
//! A policy that cannot be evaluated means no.

use casemate_types::{AccessContext, Decision};

use crate::common::{because, context, invoke, parse};

const ALL: &str = "@id(\"all\") @reason(\"everybody may\") permit (principal, action, resource);";

#[test]
fn an_error_in_any_policy_denies() {
    for effect in ["permit", "forbid"] {
        let text = format!(
            "{ALL} @id(\"sum\") {effect} (principal, action, resource) when {{ context.tokens * 4611686018427387904 > 0 }};"
        );
        let set = parse(&text);
        for (tokens, fails) in [(0, false), (1, false), (2, true), (u64::MAX, true)] {
            let verdict = invoke(
                &set,
                &AccessContext {
                    tokens,
                    ..context()
                },
            );
            let failed = because(&verdict) == ["policy.error"];
            assert_eq!(failed, fails, "{effect} {tokens}: {verdict:?}");
            if fails {
                assert_eq!(verdict.decision, Decision::Deny);
                assert!(verdict.obligations.is_empty());
                assert!(verdict.reasons[0].text.contains("sum"), "{verdict:?}");
            }
        }
    }
}

#[test]
fn an_error_elsewhere_does_not_matter() {
    let text = format!(
        "{ALL} @id(\"sum\") permit (principal, action == Action::\"model:list\", resource) when {{ context.tokens * 4611686018427387904 > 0 }};"
    );
    let verdict = invoke(
        &parse(&text),
        &AccessContext {
            tokens: 9,
            ..context()
        },
    );
    assert_eq!(because(&verdict), ["all"]);
}

#[test]
fn obligations_come_with_a_yes_only_sorted_and_once() {
    let text = "
        @id(\"b\") @obligation(\"redact:payment,pseudonymise:personal\") permit (principal, action, resource);
        @id(\"a\") @obligation(\"redact:payment\") permit (principal, action, resource);
        @id(\"unmet\") @obligation(\"redact:health\") permit (principal, action, resource) when { context.risk > 50 };
        @id(\"no\") @obligation(\"redact:secret\") forbid (principal, action, resource) when { context.stream };";
    let set = parse(text);
    let verdict = invoke(&set, &context());
    let obligations: Vec<_> = verdict
        .obligations
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(obligations, ["pseudonymise:personal", "redact:payment"]);
    assert_eq!(because(&verdict), ["a", "b"]);
    let verdict = invoke(
        &set,
        &AccessContext {
            stream: true,
            ..context()
        },
    );
    assert_eq!(
        (because(&verdict), verdict.obligations.len()),
        (vec!["no"], 0)
    );
}
