// SPDX-License-Identifier: Apache-2.0
//! The policies a new installation starts with.

use casemate_policy::Question;
use casemate_types::{
    AccessContext, ActionName, DataClass, Decision,
    Locality::{External, Local},
    PrincipalKind, ResourceKind, ResourceRef,
};

use crate::common::{FOREIGN, OWN, base, because, context, invoke, principal};

#[test]
fn every_base_policy_says_why() {
    let set = base();
    let mut count = 0;
    for policy in set.policies() {
        assert!(!policy.reason.is_empty(), "{policy:?}");
        assert!(policy.effect == "permit" || policy.effect == "forbid");
        assert_eq!(set.policy(&policy.id), Some(policy));
        count += 1;
    }
    assert_eq!(count, set.text().matches("@id(").count());
    assert_eq!(set.policy("nobody"), None);
}

#[test]
fn health_data_goes_to_local_models_only() {
    let set = base();
    let roles = [
        (PrincipalKind::Service, "service"),
        (PrincipalKind::Person, "developer"),
        (PrincipalKind::Person, "analyst"),
        (PrincipalKind::Person, "admin"),
        (PrincipalKind::Person, "auditor"),
    ];
    // Health data?, where, then for each role above: may it call the model?
    for (health, locality, expected) in [
        (false, Local, [true, true, true, false, false]),
        (false, External, [true, true, true, false, false]),
        (true, Local, [true, true, true, false, false]),
        (true, External, [false, false, false, false, false]),
    ] {
        for ((kind, role), expected) in roles.into_iter().zip(expected) {
            let mut circumstances = AccessContext {
                locality,
                ..context()
            };
            if health {
                circumstances.data_classes = vec![DataClass::Health, DataClass::Personal];
            }
            let verdict = set.decide(&Question {
                principal: &principal(kind, &[role]),
                action: ActionName::ModelInvoke,
                resource: &ResourceRef::of(ResourceKind::Model, "m", OWN),
                context: &circumstances,
            });
            let allowed = verdict.decision == Decision::Allow;
            assert_eq!(allowed, expected, "{role}, health {health}, {locality}");
            let forbidden = because(&verdict).contains(&"health.local-only");
            assert_eq!(forbidden, health && locality == External, "{role}");
        }
    }
}

#[test]
fn a_list_of_locations_does_not_soften_the_health_rule() {
    let set = base();
    for (region, upstream, tokens) in [("eu", "local", 0), ("local", "", u64::MAX)] {
        let circumstances = AccessContext {
            data_classes: vec![DataClass::Health],
            region: region.to_owned(),
            upstream: upstream.to_owned(),
            purpose: "locality=local".to_owned(),
            tokens,
            ..context()
        };
        assert_eq!(
            because(&invoke(&set, &circumstances)),
            ["health.local-only"]
        );
    }
}

#[test]
fn what_never_passes() {
    let set = base();
    for (name, circumstances, expected) in [
        ("nothing special", context(), &["role.service"][..]),
        (
            "blocked",
            AccessContext {
                blocked: vec![DataClass::Secret],
                ..context()
            },
            &["guard.blocked"],
        ),
        (
            "opaque",
            AccessContext {
                data_classes: vec![DataClass::Opaque],
                ..context()
            },
            &["opaque.refused"],
        ),
        (
            "risk 79",
            AccessContext {
                risk: 79,
                ..context()
            },
            &["role.service"],
        ),
        (
            "risk 80",
            AccessContext {
                risk: 80,
                ..context()
            },
            &["risk.high"],
        ),
        (
            "all of it",
            AccessContext {
                blocked: vec![DataClass::Attack],
                data_classes: vec![DataClass::Health, DataClass::Opaque],
                risk: 100,
                ..context()
            },
            &[
                "guard.blocked",
                "health.local-only",
                "opaque.refused",
                "risk.high",
            ],
        ),
    ] {
        let verdict = invoke(&set, &circumstances);
        assert_eq!(because(&verdict), expected, "{name}");
        let allowed = expected == ["role.service"];
        assert_eq!(verdict.decision == Decision::Allow, allowed, "{name}");
        assert!(verdict.reasons.iter().all(|reason| !reason.text.is_empty()));
    }
}

/// The sort of resource an action is about, by the first half of its name.
fn kind_of(action: ActionName) -> ResourceKind {
    match action.as_str().split_once(':').unwrap().0 {
        "key" => ResourceKind::Key,
        "ledger" => ResourceKind::Ledger,
        "model" => ResourceKind::Model,
        "person" => ResourceKind::Person,
        "policy" => ResourceKind::PolicySet,
        "project" => ResourceKind::Project,
        "service" => ResourceKind::Service,
        "config" | "system" => ResourceKind::System,
        other => panic!("which sort of resource is `{other}:…` about?"),
    }
}

#[test]
fn who_may_do_what() {
    use PrincipalKind::{Job, Operator, Person, Service};
    let set = base();
    // An administrator of the whole installation.
    let mut whole = principal(Person, &["admin"]);
    whole.project = None;
    let askers = [
        ("nobody", principal(Person, &[])),
        ("whole", whole),
        ("admin", principal(Person, &["admin"])),
        ("developer", principal(Person, &["developer"])),
        ("analyst", principal(Person, &["analyst"])),
        ("auditor", principal(Person, &["auditor"])),
        ("service", principal(Service, &["service"])),
        ("Operator", principal(Operator, &[])),
        ("Job", principal(Job, &[])),
    ];
    let names = askers.iter().map(|(name, _)| format!("{name:10}"));
    let mut table = format!("{:18}{}", "", names.collect::<String>().trim_end());
    for action in ActionName::ALL {
        let mut line = format!("{:18}", action.as_str());
        for (_, asker) in &askers {
            let kind = kind_of(*action);
            let resources = [
                ("own ", ResourceRef::of(kind, "x", OWN)),
                ("foreign", ResourceRef::of(kind, "x", FOREIGN)),
                ("system", ResourceRef::system(kind, "x")),
            ];
            let allowed = |resource| {
                let question = Question {
                    principal: asker,
                    action: *action,
                    resource,
                    context: &context(),
                };
                set.decide(&question).decision == Decision::Allow
            };
            let cell: Vec<_> = resources
                .iter()
                .filter(|(_, r)| allowed(r))
                .map(|(n, _)| n.trim())
                .collect();
            let cell = match cell.as_slice() {
                [] => "-".to_owned(),
                [_, _, _] => "all".to_owned(),
                some => some.join("+"),
            };
            line += &format!("{cell:10}");
        }
        table += &format!("\n{}", line.trim_end());
    }
    insta::assert_snapshot!(table, @r"
                      nobody    whole     admin     developer analyst   auditor   service   Operator  Job
    config:reload     -         all       own       -         -         -         -         all       -
    key:create        -         all       own       own       -         -         -         all       -
    key:read          -         all       own       own       -         own       -         all       -
    key:revoke        -         all       own       own       -         -         -         all       -
    key:rotate        -         all       own       own       -         -         -         all       -
    ledger:export     -         all       own       -         -         own       -         all       -
    ledger:read       -         all       own       -         -         own       -         all       all
    ledger:erase      -         all       own       -         -         -         -         all       -
    ledger:witness    -         all       own       -         -         -         -         all       all
    model:invoke      -         -         -         own       own       -         own       -         -
    model:list        -         all       own       own       own       -         own       all       -
    person:bootstrap  -         all       own       -         -         -         -         all       -
    person:read       -         all       own       -         -         own       -         all       -
    policy:apply      -         all       own       -         -         -         -         all       -
    policy:read       -         all       own       own       -         own       -         all       -
    project:create    -         all       own       -         -         -         -         all       -
    project:read      -         all       own       own       -         own       -         all       -
    project:update    -         all       own       -         -         -         -         all       -
    service:create    -         all       own       own       -         -         -         all       -
    service:read      -         all       own       own       -         own       -         all       -
    system:backup     -         all       own       -         -         -         -         all       -
    system:drill      -         all       own       -         -         -         -         all       -
    system:read       -         all       own       -         -         all       -         all       all
    system:rotate     -         all       own       -         -         -         -         all       all
    system:seal       -         all       own       -         -         -         -         all       -
    ");
}

#[test]
fn a_principal_without_project_owns_no_project() {
    let set = base();
    for role in ["developer", "analyst", "service"] {
        let mut asker = principal(PrincipalKind::Service, &[role]);
        asker.project = None;
        for resource in [
            ResourceRef::of(ResourceKind::Model, "m", OWN),
            ResourceRef::system(ResourceKind::Model, "m"),
        ] {
            let question = Question {
                principal: &asker,
                action: ActionName::ModelInvoke,
                resource: &resource,
                context: &context(),
            };
            assert_eq!(set.decide(&question).decision, Decision::Deny, "{role}");
        }
    }
}

#[test]
fn a_role_is_its_name_exactly() {
    let set = base();
    for role in [
        "Admin",
        "admin ",
        "",
        "admin\u{0}",
        "role::admin",
        "\"admin\"",
        "Role::\"admin\"",
    ] {
        let question = Question {
            principal: &principal(PrincipalKind::Person, &[role]),
            action: ActionName::PolicyApply,
            resource: &ResourceRef::system(ResourceKind::PolicySet, "base"),
            context: &context(),
        };
        let verdict = set.decide(&question);
        assert_eq!(because(&verdict), ["policy.default"], "{role}");
    }
}
