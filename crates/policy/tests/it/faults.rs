// SPDX-License-Identifier: Apache-2.0
//! What is said about a text that cannot be used, and where it points.

use casemate_policy::{CompiledSet, PolicyError, PolicyFault};

fn faults(text: &str) -> Vec<PolicyFault> {
    match CompiledSet::parse(text) {
        Err(PolicyError::Invalid(faults)) => faults,
        other => panic!("{other:?} for {text}"),
    }
}

/// The text must have faults exactly at the places marked by `⟦⟧`, in this order, with these words
/// in message and hint.
fn check(marked: &str, expected: &[(&str, &str)]) {
    let text = marked.replace(['⟦', '⟧'], "");
    let mut places = Vec::new();
    let (mut rest, mut offset) = (marked, 0);
    while let Some((before, tail)) = rest.split_once('⟦') {
        let (inside, tail) = tail.split_once('⟧').expect("a mark is closed");
        offset += before.len();
        places.push((Some(offset), inside.len()));
        offset += inside.len();
        rest = tail;
    }
    let faults = faults(&text);
    let found: Vec<_> = faults
        .iter()
        .map(|fault| (fault.offset, fault.length))
        .collect();
    assert_eq!(found, places, "{faults:#?}");
    for (fault, (message, hint)) in faults.iter().zip(expected) {
        assert!(fault.message.contains(message), "{fault:#?}");
        assert!(
            fault.hint.as_deref().unwrap_or_default().contains(hint),
            "{fault:#?}"
        );
        assert!(!fault.message.contains('\n'), "{fault:#?}");
    }
    assert_eq!(faults.len(), expected.len());
}

#[test]
fn a_policy_needs_an_id() {
    check(
        "// who\n⟦permit (principal, action, resource);⟧",
        &[("a policy has no @id", "write `@id(")],
    );
    check(
        "⟦@id(\"\") permit (principal, action, resource);⟧",
        &[("a policy has no @id", "write `@id(")],
    );
}

#[test]
fn an_id_is_used_once() {
    let policy = "@id(\"a\") permit (principal, action, resource);";
    check(
        &format!("{policy}\n\n⟦{policy}⟧"),
        &[("two policies have the id `a`", "an @id of its own")],
    );
}

#[test]
fn an_obligation_is_one_that_exists() {
    for bad in [
        "",
        "redact",
        "redact:everything",
        "hide:payment",
        "redact:payment;",
        "redact:payment,",
    ] {
        check(
            &format!("⟦@id(\"a\") @obligation(\"{bad}\") permit (principal, action, resource);⟧"),
            &[("is no obligation", "redact:payment")],
        );
    }
    let good = "@id(\"a\") @obligation(\"redact:payment, pseudonymise : personal\") permit (principal, action, resource);";
    let set = CompiledSet::parse(good).unwrap();
    let obligations: Vec<_> = set
        .policy("a")
        .unwrap()
        .obligations
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(obligations, ["redact:payment", "pseudonymise:personal"]);
}

#[test]
fn templates_are_refused() {
    check(
        "⟦@id(\"a\") permit (principal == ?principal, action, resource);⟧",
        &[("policy templates", "Role::")],
    );
}

#[test]
fn every_fault_is_told_in_the_order_of_the_text() {
    check(
        "⟦permit (principal, action, resource);⟧
         @id(\"a\") permit (principal, action, resource);
         ⟦@id(\"a\") forbid (principal, action, resource);⟧
         ⟦@id(\"b\") @obligation(\"x\") permit (principal, action, resource);⟧
         ⟦@id(\"c\") permit (principal, action, resource in ?resource);⟧
         ⟦permit (principal, action, resource);⟧",
        &[
            ("no @id", "@id"),
            ("two policies have the id `a`", ""),
            ("`x` is no obligation", ""),
            ("templates", ""),
            ("no @id", "@id"),
        ],
    );
}

#[test]
fn the_schema_is_kept() {
    let policy = |rest: &str| {
        format!(
            "@id(\"a\") permit (principal, action == Action::\"model:invoke\", resource) when {{ {rest} }};"
        )
    };
    for (rest, message, hint) in [
        ("⟦context.locale⟧ == \"eu\"", "attribute", "locality"),
        ("context.risk > ⟦\"80\"⟧", "unexpected type", ""),
        ("⟦context.risk⟧", "unexpected type", ""),
        ("⟦principal.project⟧ == principal.project", "project", "has"),
        ("context.data_classes.contains(⟦80⟧)", "", ""),
    ] {
        let marked = policy(rest);
        let text = marked.replace(['⟦', '⟧'], "");
        let faults = faults(&text);
        let inside = |fault: &PolicyFault| {
            let offset = fault.offset?;
            text.get(offset..offset + fault.length)
        };
        assert!(
            faults.iter().all(|fault| inside(fault).is_some()),
            "{faults:#?}"
        );
        assert!(
            faults.iter().any(|fault| fault.message.contains(message)
                && fault.hint.as_deref().unwrap_or_default().contains(hint)),
            "{faults:#?}"
        );
    }
}

#[test]
fn unknown_actions_types_and_roles() {
    for (text, word) in [
        (
            "@id(\"a\") permit (principal, action == Action::\"model:invok\", resource);",
            "model:invok",
        ),
        (
            "@id(\"a\") permit (principal is Robot, action, resource);",
            "Robot",
        ),
        (
            "@id(\"a\") permit (principal in Rolle::\"admin\", action, resource);",
            "Rolle",
        ),
    ] {
        let faults = faults(text);
        assert!(
            faults.iter().any(|fault| fault.message.contains(word)),
            "{faults:#?}"
        );
        assert!(
            faults.iter().all(|fault| fault.offset.is_some()),
            "{faults:#?}"
        );
    }
}

#[test]
fn syntax_errors_point_at_the_place() {
    for (text, at) in [
        ("@id(\"a\") permit (principal, action, resource", 44),
        ("@id(\"a\") allow (principal, action, resource);", 9),
        (
            "@id(\"a\") permit (principal, action, resource) when { context.risk >> 3 };",
            67,
        ),
        ("@id(\"a", 4),
    ] {
        let faults = faults(text);
        assert_eq!(faults[0].offset, Some(at), "{faults:#?}");
    }
}

#[test]
fn an_empty_text_is_a_set_that_allows_nothing() {
    let set = CompiledSet::parse("// nothing\n").unwrap();
    assert_eq!(set.policies().count(), 0);
    assert_eq!(
        crate::common::because(&crate::common::invoke(&set, &crate::common::context())),
        ["policy.default"]
    );
}

#[test]
fn texts_made_to_overflow_the_stack_are_refused() {
    let count = 30_000;
    for (open, middle, close) in [
        ("(", "true", ")"),
        ("[", "1", "]"),
        ("{a:", "1", "}"),
        ("if true then ", "true", " else true"),
        ("true && (", "true", ")"),
        ("true && ", "true", ""),
        ("true || ", "true", ""),
        ("1 + ", "1 > 0", ""),
        ("1 * ", "1 > 0", ""),
        ("", "context", ".risk"),
        ("", "context.blocked", ".contains(\"a\")"),
        ("!", "true", ""),
        ("-", "1 > 0", ""),
        ("1 == ", "1", ""),
    ] {
        for count in [300, 1_000, count] {
            let body = format!("{}{middle}{}", open.repeat(count), close.repeat(count));
            let text =
                format!("@id(\"a\") permit (principal, action, resource) when {{ {body} }};");
            let faults = faults(&text);
            assert!(
                faults
                    .iter()
                    .all(|fault| fault.offset.is_some() || text.len() > 1 << 20),
                "{faults:#?}"
            );
        }
    }
    let faults = faults(&"/".repeat((1 << 20) + 1));
    assert_eq!(faults[0].message, "the policies are longer than 1 MiB");
}

#[test]
fn what_only_looks_deep_is_fine() {
    let models: Vec<_> = (0..2_000)
        .map(|n| format!("Model::\"m.{n}-(a)+[b]\""))
        .collect();
    let text = format!(
        "// {}\n@id(\"a\") permit (principal, action == Action::\"model:invoke\", resource) when {{ resource in [{}] && context.purpose != \"{}\" }};",
        "((((.....".repeat(100),
        models.join(", "),
        "[\\\"{".repeat(300),
    );
    assert!(CompiledSet::parse(&text).is_ok());
    let many: String = (0..300).map(|n| format!("@id(\"p{n}\") permit (principal, action == Action::\"model:list\", resource) when {{ context.risk < {n} }};\n")).collect();
    assert_eq!(CompiledSet::parse(&many).unwrap().policies().count(), 300);
}

#[test]
fn the_error_reads_well() {
    let error = CompiledSet::parse("permit (principal, action, resource);").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the policies have 1 fault(s), first: a policy has no @id"
    );
}
