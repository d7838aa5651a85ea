// SPDX-License-Identifier: Apache-2.0
//! What is done about a finding: class × direction × trust.

use casemate_inspect::GuardProfile;
use casemate_types::{
    DataClass,
    Direction::{Input, Output},
    Finding, FindingKind, GuardAction,
    GuardAction::{Allow, Block, Flag, Pseudonymise, Redact},
    Trust::{Trusted, Untrusted},
};

#[test]
fn the_default_profile() {
    let profile = GuardProfile::default();
    // Class, then what happens in trusted input, untrusted input, output.
    for (class, trusted, untrusted, output) in [
        (DataClass::Attack, Allow, Block, Allow),
        (DataClass::Canary, Block, Block, Block),
        (DataClass::Health, Flag, Flag, Flag),
        (DataClass::Opaque, Flag, Flag, Flag),
        (DataClass::Payment, Pseudonymise, Pseudonymise, Redact),
        (DataClass::Personal, Flag, Pseudonymise, Flag),
        (DataClass::Secret, Block, Block, Redact),
    ] {
        let action = |direction, trust| profile.class_action(class, direction, trust);
        assert_eq!(action(Input, Trusted), trusted, "{class}");
        assert_eq!(action(Input, Untrusted), untrusted, "{class}");
        assert_eq!(action(Output, Trusted), output, "{class}");
        assert_eq!(action(Output, Untrusted), output, "{class}");
    }
}

#[test]
fn a_weak_attack_is_recorded_only() {
    let profile = GuardProfile::default();
    let finding = |score| Finding {
        kind: FindingKind::Injection,
        span: 0..1,
        rule: "r",
        score,
    };
    for (score, action) in [
        (0.5, Flag),
        (0.749, Flag),
        (0.75, Block),
        (0.99, Block),
        (f32::NAN, Block),
    ] {
        assert_eq!(
            profile.action(&finding(score), Input, Untrusted),
            action,
            "{score}"
        );
    }
    let weak_mail = Finding {
        kind: FindingKind::Email,
        ..finding(0.1)
    };
    assert_eq!(profile.action(&weak_mail, Input, Untrusted), Pseudonymise);
}

#[test]
fn actions_are_ordered_by_severity() {
    assert!(Allow < Flag && Flag < Pseudonymise && Pseudonymise < Redact && Redact < Block);
}

#[test]
fn a_profile_reads_back_and_refuses_unknown_words() {
    let profile = GuardProfile::default();
    let text = serde_json::to_string(&profile).unwrap();
    assert_eq!(
        serde_json::from_str::<GuardProfile>(&text).unwrap(),
        profile
    );
    assert_eq!(serde_json::from_str::<GuardProfile>("{}").unwrap(), profile);
    for bad in [
        r#"{"helth":{"trusted":"flag","untrusted":"flag","output":"flag"}}"#,
        r#"{"health":{"trusted":"flag","untrusted":"flag"}}"#,
        r#"{"health":{"trusted":"nothing","untrusted":"flag","output":"flag"}}"#,
    ] {
        assert!(serde_json::from_str::<GuardProfile>(bad).is_err(), "{bad}");
    }
    let _: GuardAction = serde_json::from_str("\"pseudonymise\"").unwrap();
}
