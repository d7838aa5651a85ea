// SPDX-License-Identifier: Apache-2.0
//! Whatever way a policy reads the context, it gets what it reads, cached or not.

use casemate_policy::{DecisionCache, Question};
use casemate_types::{
    AccessContext, ActionName, DataClass, Decision, Locality, PrincipalKind, Release, ResourceKind,
    ResourceRef, Standing, Strength,
};

use crate::common::{OWN, context, parse, principal};

/// A condition, and what makes it true; it is false in an ordinary context.
fn conditions() -> Vec<(&'static str, AccessContext)> {
    let base = context;
    vec![
        (
            "!context.blocked.isEmpty()",
            AccessContext {
                blocked: vec![DataClass::Secret],
                ..base()
            },
        ),
        (
            "context.data_classes.contains(\"health\")",
            AccessContext {
                data_classes: vec![DataClass::Health],
                ..base()
            },
        ),
        (
            "[\"health\", \"payment\"].containsAny(context.data_classes)",
            AccessContext {
                data_classes: vec![DataClass::Payment],
                ..base()
            },
        ),
        (
            "context.alias == \"staging\"",
            AccessContext {
                release: Release {
                    alias: "staging".into(),
                    ..base().release
                },
                ..base()
            },
        ),
        (
            "context.standing.contains(\"quarantined\")",
            AccessContext {
                release: Release {
                    standing: vec![Standing::Quarantined],
                    ..base().release
                },
                ..base()
            },
        ),
        (
            "context.dialect == \"anthropic\"",
            AccessContext {
                dialect: "anthropic",
                ..base()
            },
        ),
        (
            "context.hour >= 22 || context.hour < 6",
            AccessContext { hour: 23, ..base() },
        ),
        (
            "context.injection > 500",
            AccessContext {
                injection: 501,
                ..base()
            },
        ),
        (
            "context.locality == \"local\"",
            AccessContext {
                locality: Locality::Local,
                ..base()
            },
        ),
        (
            "context.purpose like \"*research*\"",
            AccessContext {
                purpose: "research!".into(),
                ..base()
            },
        ),
        (
            "context[\"region\"] == \"eu\"",
            AccessContext {
                region: "eu".into(),
                ..base()
            },
        ),
        (
            "context.risk * 2 > 100",
            AccessContext { risk: 51, ..base() },
        ),
        (
            "context.stream",
            AccessContext {
                stream: true,
                ..base()
            },
        ),
        (
            "context.strength == \"bound\"",
            AccessContext {
                strength: Strength::Bound,
                ..base()
            },
        ),
        (
            "context.tokens > 9223372036854775806",
            AccessContext {
                tokens: u64::MAX,
                ..base()
            },
        ),
        (
            "context.tools && !context.stream",
            AccessContext {
                tools: true,
                ..base()
            },
        ),
        (
            "if context.untrusted then true else context.stream",
            AccessContext {
                untrusted: true,
                ..base()
            },
        ),
        (
            "context.upstream == \"other\"",
            AccessContext {
                upstream: "other".into(),
                ..base()
            },
        ),
        (
            "context has risk && context.risk > 50",
            AccessContext { risk: 51, ..base() },
        ),
        (
            "{ inner: { risk: context.risk } }.inner.risk > 50",
            AccessContext { risk: 51, ..base() },
        ),
        (
            "[context.risk, 3].contains(77)",
            AccessContext { risk: 77, ..base() },
        ),
        (
            "{ all: context }.all.risk > 50",
            AccessContext { risk: 51, ..base() },
        ),
        (
            "(if context.stream then context else context).risk > 50",
            AccessContext { risk: 51, ..base() },
        ),
        (
            "context == context && context.tools",
            AccessContext {
                tools: true,
                ..base()
            },
        ),
    ]
}

#[test]
fn a_policy_gets_what_it_reads() {
    for (condition, holds) in conditions() {
        for clause in ["when", "unless"] {
            let set = parse(&format!(
                "@id(\"a\") permit (principal, action, resource) {clause} {{ {condition} }};"
            ));
            let cache = DecisionCache::default();
            for (context, held) in [
                (context(), false),
                (holds.clone(), true),
                (context(), false),
            ] {
                let question = Question {
                    principal: &principal(PrincipalKind::Service, &[]),
                    action: ActionName::ModelInvoke,
                    resource: &ResourceRef::of(ResourceKind::Model, "m", OWN),
                    context: &context,
                };
                let expected = if held == (clause == "when") {
                    Decision::Allow
                } else {
                    Decision::Deny
                };
                let verdict = set.decide(&question);
                assert_eq!(
                    verdict.decision, expected,
                    "{clause} {condition}: {verdict:?}"
                );
                assert_ne!(
                    verdict.reasons[0].policy, "policy.error",
                    "{condition}: {verdict:?}"
                );
                assert_eq!(
                    *cache.decide(&set, &[1; 16], 0, &question),
                    verdict,
                    "{condition}"
                );
            }
        }
    }
}

#[test]
fn names_that_look_like_the_context_do_not_mislead() {
    for (annotation, condition) in [
        ("@Var(\"context\")", "context.risk > 50"),
        (
            "@left(\"context\")",
            "{ left: 1, attr: \"risk\" }.left == 1 && context.risk > 50",
        ),
        ("", "{ \".\": context.risk }[\".\"] > 50"),
        (
            "",
            "{ Var: \"context\" }.Var == \"context\" && context.risk > 50",
        ),
        ("", "\"context\" == \"context\" && context.risk > 50"),
    ] {
        let set = parse(&format!(
            "@id(\"a\") {annotation} permit (principal, action, resource) when {{ {condition} }};"
        ));
        let verdict = crate::common::invoke(
            &set,
            &AccessContext {
                risk: 51,
                ..context()
            },
        );
        assert_eq!(
            verdict.decision,
            Decision::Allow,
            "{condition}: {verdict:?}"
        );
        assert_eq!(
            crate::common::invoke(&set, &context()).decision,
            Decision::Deny
        );
    }
}
