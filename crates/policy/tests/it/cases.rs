// SPDX-License-Identifier: Apache-2.0
//! Policy tests as people write them.

use casemate_policy::{Case, PolicyError};
use casemate_types::Decision;

use crate::common::base;

fn case(rest: &str) -> Case {
    let json =
        format!("{{\"name\":\"n\",\"action\":\"model:invoke\",\"roles\":[\"service\"],{rest}}}");
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

#[test]
fn a_case_passes_when_decision_and_reason_are_as_expected() {
    let set = base();
    for (rest, decision, passed) in [
        (r#""expect":"allow""#, Decision::Allow, true),
        (
            r#""expect":"allow","because":"role.service""#,
            Decision::Allow,
            true,
        ),
        (
            r#""expect":"allow","because":"role.admin""#,
            Decision::Allow,
            false,
        ),
        (r#""expect":"deny""#, Decision::Allow, false),
        (
            r#""expect":"deny","data_classes":["health"],"because":"health.local-only""#,
            Decision::Deny,
            true,
        ),
        (
            r#""expect":"allow","data_classes":["health"],"locality":"local""#,
            Decision::Allow,
            true,
        ),
        (
            r#""expect":"deny","foreign_project":true,"because":"policy.default""#,
            Decision::Deny,
            true,
        ),
        (
            r#""expect":"deny","blocked":["secret"]"#,
            Decision::Deny,
            true,
        ),
        (
            r#""expect":"deny","risk":80,"because":"risk.high""#,
            Decision::Deny,
            true,
        ),
        (r#""expect":"step_up""#, Decision::Allow, false),
    ] {
        let result = case(rest).run(&set).unwrap();
        assert_eq!(
            (result.decision, result.passed),
            (decision, passed),
            "{rest}"
        );
    }
}

#[test]
fn a_case_about_something_that_does_not_exist_is_an_error() {
    let set = base();
    for (rest, word) in [
        (r#""expect":"maybe""#, "`maybe` is no decision"),
        (
            r#""expect":"deny","principal":"robot""#,
            "`robot` is no sort of principal",
        ),
        (
            r#""expect":"deny","resource_kind":"Robot""#,
            "`Robot` is no sort of resource",
        ),
        (
            r#""expect":"deny","data_classes":["helth"]"#,
            "`helth` is no data class",
        ),
        (
            r#""expect":"deny","blocked":["helth"]"#,
            "`helth` is no data class",
        ),
        (
            r#""expect":"deny","locality":"moon""#,
            "`moon` is no locality",
        ),
    ] {
        let error = case(rest).run(&set).unwrap_err();
        assert!(matches!(error, PolicyError::Case { .. }));
        assert_eq!(error.to_string(), format!("case `n`: {word}"));
    }
    let unknown = r#"{"name":"n","action":"model:invok","expect":"deny"}"#;
    let error = serde_json::from_str::<Case>(unknown)
        .unwrap()
        .run(&set)
        .unwrap_err();
    assert_eq!(error.to_string(), "case `n`: `model:invok` is no action");
    assert!(
        serde_json::from_str::<Case>(r#"{"name":"n","action":"a","expect":"deny","rsk":1}"#)
            .is_err()
    );
}
