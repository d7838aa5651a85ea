// SPDX-License-Identifier: Apache-2.0
//! The policies a new installation starts with.

use casemate_policy::Question;
use casemate_types::{
    AccessContext, ActionName, DataClass, Decision,
    Locality::{External, Local},
    PrincipalKind, Release, ResourceKind, ResourceRef, Standing,
};

use crate::common::{FOREIGN, GOOD, OWN, base, because, context, invoke, principal};

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
        "model" if action == ActionName::ModelPull => ResourceKind::ModelVersion,
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
    model:approve     -         all       own       -         -         -         -         all       -
    model:attest      -         all       own       own       -         -         -         all       -
    model:govern      -         all       own       -         -         -         -         all       -
    model:invoke      -         -         -         own       own       -         own       -         -
    model:list        -         all       own       own       own       own       own       all       -
    model:promote     -         all       own       own       -         -         -         all       -
    model:pull        -         all       own       own       -         -         own       all       -
    model:push        -         all       own       own       -         -         -         all       -
    model:quarantine  -         all       own       own       -         -         -         all       all
    model:read        -         all       own       own       own       own       own       all       -
    model:rollback    -         all       own       own       -         -         -         all       all
    model:verify      -         all       own       -         -         -         -         all       all
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

#[test]
fn the_gates_of_the_registry() {
    let set = base();
    let without = |missing: &[Standing], extra: &[Standing]| {
        let kept = GOOD.into_iter().filter(|one| !missing.contains(one));
        kept.chain(extra.iter().copied()).collect::<Vec<_>>()
    };
    use ActionName::{ModelPromote, ModelPull, ModelRollback};
    use Standing::{Approved, BelowFloor, Bom, Clean, Evaluation, Signed};
    let evidence = "gate.production.evidence";
    for (action, alias, standing, refused) in [
        (ModelPromote, "production", without(&[], &[]), &[][..]),
        (
            ModelPromote,
            "production",
            without(&[Clean], &[]),
            &["gate.scan"],
        ),
        (
            ModelPromote,
            "production",
            without(&[Signed], &[]),
            &["gate.signature"],
        ),
        (
            ModelPromote,
            "production",
            without(&[Bom], &[]),
            &[evidence],
        ),
        (
            ModelPromote,
            "production",
            without(&[Evaluation], &[]),
            &[evidence],
        ),
        (
            ModelPromote,
            "production",
            without(&[Approved], &[]),
            &["gate.production.second-person"],
        ),
        (ModelPromote, "staging", vec![Clean, Signed], &[]),
        (ModelPromote, "staging", vec![Signed], &["gate.scan"]),
        (
            ModelPromote,
            "staging",
            vec![BelowFloor, Clean, Signed],
            &["gate.floor"],
        ),
        (
            ModelRollback,
            "staging",
            vec![BelowFloor, Clean, Signed],
            &["gate.floor"],
        ),
        (
            ModelRollback,
            "staging",
            vec![Approved, BelowFloor, Clean, Signed],
            &[],
        ),
        // Going back must not wait for anybody; what was production once had its approval.
        (ModelRollback, "production", without(&[Approved], &[]), &[]),
        (ModelPull, "production", vec![Clean, Signed], &[]),
        (ModelPull, "", vec![], &["gate.scan", "gate.signature"]),
    ] {
        let verdict = set.decide(&Question {
            principal: &principal(PrincipalKind::Person, &["developer"]),
            action,
            resource: &ResourceRef::of(ResourceKind::ModelVersion, "m@sha256:00", OWN),
            context: &AccessContext {
                release: Release {
                    alias: alias.into(),
                    standing: standing.clone(),
                },
                ..context()
            },
        });
        let expected = if refused.is_empty() {
            &["role.developer"][..]
        } else {
            refused
        };
        assert_eq!(because(&verdict), expected, "{action} {alias} {standing:?}");
    }
}

#[test]
fn a_policy_about_a_model_holds_for_its_versions() {
    let set = crate::common::parse(
        "@id(\"only\") permit (principal, action, resource in Model::\"fraud\");",
    );
    for (id, kind, allowed) in [
        ("fraud@sha256:00", ResourceKind::ModelVersion, true),
        ("fraud", ResourceKind::Model, true),
        ("fraud2@sha256:00", ResourceKind::ModelVersion, false),
        ("other@fraud", ResourceKind::ModelVersion, false),
    ] {
        let verdict = set.decide(&Question {
            principal: &principal(PrincipalKind::Service, &[]),
            action: ActionName::ModelPull,
            resource: &ResourceRef::of(kind, id, OWN),
            context: &context(),
        });
        assert_eq!(verdict.decision == Decision::Allow, allowed, "{id}");
    }
}
