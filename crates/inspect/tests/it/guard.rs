// SPDX-License-Identifier: Apache-2.0
//! What is done about a finding: class × direction × trust.

use casemate_inspect::{GuardProfile, GuardRule, ProfileName, Segment};
use casemate_types::{
    Channel, DataClass,
    Direction::{Input, Output},
    Finding, FindingKind, GuardAction,
    GuardAction::{Allow, Block, Flag, Pseudonymise, Redact},
    Role,
    Trust::{Trusted, Untrusted},
};

#[test]
fn the_default_profile() {
    let profile = GuardProfile::default();
    // Class, then what happens in trusted input, untrusted input, output.
    for (class, trusted, untrusted, output) in [
        (DataClass::Attack, Allow, Block, Allow),
        (DataClass::Canary, Block, Block, Block),
        (DataClass::Custom, Flag, Flag, Flag),
        (DataClass::Health, Flag, Flag, Flag),
        (DataClass::Opaque, Flag, Flag, Flag),
        (DataClass::Payment, Pseudonymise, Pseudonymise, Redact),
        (DataClass::Personal, Flag, Pseudonymise, Flag),
        (DataClass::Secret, Block, Block, Redact),
        (DataClass::Special, Flag, Flag, Flag),
    ] {
        let action = |direction, trust| profile.class_action(class, direction, trust);
        assert_eq!(action(Input, Trusted), trusted, "{class}");
        assert_eq!(action(Input, Untrusted), untrusted, "{class}");
        assert_eq!(action(Output, Trusted), output, "{class}");
        assert_eq!(action(Output, Untrusted), output, "{class}");
    }
}

/// What a user says, a tool answers, and a document says in a user's message.
const SEGMENTS: [Segment<'_>; 3] = [
    Segment::new("", Role::User, Channel::Content),
    Segment::new("", Role::Tool, Channel::Content),
    Segment::new("", Role::User, Channel::ToolResult),
];

/// What is done about a finding, wherever it stands.
fn actions(profile: &GuardProfile, finding: &Finding) -> impl Iterator<Item = GuardAction> {
    let system = Segment::new("", Role::System, Channel::Content);
    let inputs = SEGMENTS.into_iter().chain([system]);
    let inputs: Vec<_> = inputs
        .map(|segment| profile.input_action(finding, segment))
        .collect();
    inputs.into_iter().chain([profile.output_action(finding)])
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
        for segment in SEGMENTS {
            assert_eq!(
                profile.input_action(&finding(score), segment),
                action,
                "{score}"
            );
        }
    }
    let weak_mail = Finding {
        kind: FindingKind::Email,
        ..finding(0.1)
    };
    assert_eq!(profile.input_action(&weak_mail, SEGMENTS[0]), Pseudonymise);
}

#[test]
fn what_no_user_wrote_has_a_threshold_of_its_own() {
    let attack = Finding {
        kind: FindingKind::Injection,
        span: 0..1,
        rule: "r",
        score: 0.8,
    };
    for (settings, user, tool) in [
        ("", Block, Block),
        ("attack_threshold = 0.9", Flag, Flag),
        ("embedded_threshold = 0.9", Block, Flag),
        (
            "attack_threshold = 0.9\nembedded_threshold = 0.6",
            Flag,
            Block,
        ),
    ] {
        let profile: GuardProfile = toml::from_str(settings).unwrap();
        let actions = SEGMENTS.map(|segment| profile.input_action(&attack, segment));
        assert_eq!(actions, [user, tool, tool], "{settings}");
    }
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

/// Every class that a profile says something about, with its three actions.
fn classes(profile: &GuardProfile) -> [(DataClass, GuardRule); 12] {
    [
        (DataClass::Active, profile.active),
        (DataClass::Attack, profile.attack),
        (DataClass::Canary, profile.canary),
        (DataClass::Custom, profile.custom),
        (DataClass::Health, profile.health),
        (DataClass::Leak, profile.leak),
        (DataClass::Link, profile.link),
        (DataClass::Payment, profile.payment),
        (DataClass::Person, profile.person),
        (DataClass::Personal, profile.personal),
        (DataClass::Secret, profile.secret),
        (DataClass::Special, profile.special),
    ]
}

#[test]
fn every_profile_gives_every_class_an_action() {
    for name in ProfileName::ALL {
        // Nothing is left to what a file stands over, and the file says no more than it may.
        let file: toml::Table = toml::from_str(name.file()).unwrap();
        let keys: Vec<_> = file.keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            [
                "active",
                "attack",
                "attack_threshold",
                "canary",
                "custom",
                "embedded_threshold",
                "health",
                "leak",
                "link",
                "payment",
                "person",
                "personal",
                "secret",
                "special"
            ],
            "{name:?}"
        );
        let profile = GuardProfile::named(*name);
        for (class, rule) in classes(&profile) {
            for (member, action) in [
                ("trusted", rule.trusted),
                ("untrusted", rule.untrusted),
                ("output", rule.output),
            ] {
                let written = file[class.as_str()][member].as_str();
                assert_eq!(written, Some(action.as_str()), "{name:?}: {class}.{member}");
            }
        }
        for (word, read) in [
            ("attack_threshold", profile.attack_threshold),
            ("embedded_threshold", profile.embedded_threshold),
        ] {
            let threshold = file[word].as_float().unwrap();
            assert!(
                (threshold - f64::from(read)).abs() < 1e-6,
                "{name:?}: {word}"
            );
            assert!((0.0..=1.0).contains(&threshold), "{name:?}: {word}");
        }
        // Answers are not searched for these, so nothing else would ever act.
        for rule in [
            profile.attack,
            profile.custom,
            profile.health,
            profile.special,
        ] {
            assert!(rule.output <= Flag);
        }
        assert!(name.file().contains(&format!("# {}:", name.as_str())));
    }
}

#[test]
fn strict_is_nowhere_weaker_than_balanced() {
    let (strict, balanced) = (
        GuardProfile::named(ProfileName::Strict),
        GuardProfile::named(ProfileName::Balanced),
    );
    for ((class, strict), (_, balanced)) in classes(&strict).iter().zip(classes(&balanced)) {
        assert!(strict.trusted >= balanced.trusted, "{class}");
        assert!(strict.untrusted >= balanced.untrusted, "{class}");
        assert!(strict.output >= balanced.output, "{class}");
    }
    assert!(strict.attack_threshold <= balanced.attack_threshold);
    assert!(strict.embedded_threshold <= balanced.embedded_threshold);
    assert_ne!(strict, balanced);
    // Whatever the finding and however sure.
    for kind in FindingKind::ALL {
        for score in [0.0, 0.3, 0.5, 0.6, 0.75, 0.99, f32::NAN] {
            let finding = Finding {
                kind: *kind,
                span: 0..1,
                rule: "r",
                score,
            };
            for (strict, balanced) in actions(&strict, &finding).zip(actions(&balanced, &finding)) {
                assert!(strict >= balanced, "{kind} {score}");
            }
        }
    }
}

#[test]
fn observe_stops_and_changes_nothing() {
    let observe = GuardProfile::named(ProfileName::Observe);
    for kind in FindingKind::ALL {
        for score in [0.0, 0.5, 0.75, 0.99, 1.0, f32::NAN] {
            let finding = Finding {
                kind: *kind,
                span: 0..1,
                rule: "r",
                score,
            };
            for action in actions(&observe, &finding) {
                assert_eq!(action, Flag, "{kind}");
            }
        }
    }
}

#[test]
fn balanced_is_what_is_used_when_nothing_is_said() {
    let balanced = GuardProfile::named(ProfileName::Balanced);
    assert_eq!(GuardProfile::default(), balanced);
    for text in ["", "profile = \"balanced\""] {
        assert_eq!(toml::from_str::<GuardProfile>(text).unwrap(), balanced);
    }
}

#[test]
fn a_setting_differs_from_its_profile_and_the_rest_stays() {
    for name in ProfileName::ALL {
        let named = GuardProfile::named(*name);
        let head = format!("profile = \"{}\"\n", name.as_str());
        assert_eq!(toml::from_str::<GuardProfile>(&head).unwrap(), named);

        let rule = "{ trusted = \"allow\", untrusted = \"redact\", output = \"allow\" }";
        for (at, (class, _)) in classes(&named).into_iter().enumerate() {
            let text = format!("{head}{class} = {rule}\n");
            let read: GuardProfile = toml::from_str(&text).unwrap();
            for (other, (one, its)) in classes(&read).into_iter().enumerate() {
                let (_, before) = classes(&named)[other];
                let wanted = match other == at {
                    true => GuardRule {
                        trusted: Allow,
                        untrusted: Redact,
                        output: Allow,
                    },
                    false => before,
                };
                assert_eq!(its, wanted, "{name:?} with {class}: {one}");
            }
            assert!(read.attack_threshold.eq(&named.attack_threshold));
        }
        let read: GuardProfile =
            toml::from_str(&format!("attack_threshold = 0.9\n{head}")).unwrap();
        assert!(read.attack_threshold.eq(&0.9) && read.secret == named.secret);
    }
}

#[test]
fn a_profile_nobody_knows_is_refused() {
    for bad in ["\"lax\"", "\"Strict\"", "\"\"", "1", "[]"] {
        let text = format!("profile = {bad}");
        let error = toml::from_str::<GuardProfile>(&text).unwrap_err();
        assert_eq!(error.span(), Some(10..text.len()), "{error}");
    }
}
