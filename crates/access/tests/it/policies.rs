// SPDX-License-Identifier: Apache-2.0
//! Policy sets: put in force whole or not at all.

use std::sync::Arc;

use casemate_access::{AccessError, PolicyVersion};
use casemate_policy::{BASE_POLICIES, PolicyError};
use casemate_types::{
    Caller, PrincipalKind, ProblemCode,
    actions::{ModelInvoke, PolicyApply, PolicyRead},
};

use crate::house::{House, book, caller, circumstances, model, policy_set, run, service};

const CLOSED: &str = "@id(\"operator\") permit (principal is Operator, action, resource);";

fn history(door: &casemate_access::Door) -> Vec<PolicyVersion> {
    let permit = run(door.admit::<PolicyRead>(&Caller::operator(0), policy_set(), "")).unwrap();
    door.policy_history(permit).unwrap()
}

fn apply(door: &casemate_access::Door, text: &str) -> Result<PolicyVersion, AccessError> {
    let permit = run(door.admit::<PolicyApply>(&Caller::operator(7), policy_set(), "")).unwrap();
    door.policy_apply(permit, text, "because")
}

fn may_invoke(door: &casemate_access::Door) -> bool {
    door.would_allow::<ModelInvoke>(&service(), &model(), &circumstances())
}

#[test]
fn a_new_installation_has_the_base_policies() {
    let house = House::new();
    let door = house.open();
    let [version] = history(&door).try_into().unwrap();
    assert_eq!(
        (version.number, version.text.as_str(), version.id),
        (1, BASE_POLICIES, door.policy_set())
    );
    assert!(may_invoke(&door));
}

#[test]
fn a_set_is_in_force_from_the_next_question_on_and_after_a_restart() {
    let house = House::new();
    let door = house.open();
    let asked_before = crate::house::ask(&door, &service());
    let version = apply(&door, CLOSED).unwrap();
    assert_eq!((version.number, door.policy_set()), (2, version.id));
    assert_eq!(
        (version.note.as_str(), &version.author),
        ("because", &Caller::operator(7).principal.id.to_string())
    );
    assert!(!may_invoke(&door));
    // What was answered by the old set keeps its answer and names that set.
    assert!(asked_before.is_allowed());
    let numbers: Vec<_> = history(&door)
        .iter()
        .map(|version| version.number)
        .collect();
    assert_eq!(numbers, [2, 1]);
    door.close();
    drop((door, asked_before));
    let door = house.open();
    assert_eq!(door.policy_set(), version.id);
    assert!(!may_invoke(&door));
}

#[test]
fn an_invalid_text_changes_nothing() {
    let house = House::new();
    let door = house.open();
    let before = (door.policy_set(), history(&door));
    for text in [
        "permit (principal, action, resource);",
        "@id(\"a\") permit",
        "@id(\"a\") permit (principal, action, resource) when { context.locale == 1 };",
        &"(".repeat(5000),
    ] {
        let error = apply(&door, text).unwrap_err();
        assert!(matches!(
            error,
            AccessError::Policy(PolicyError::Invalid(_))
        ));
        assert_eq!(error.problem().code, ProblemCode::Invalid);
        assert_eq!((door.policy_set(), history(&door)), before);
        assert!(may_invoke(&door));
    }
    let lines = book(&door);
    let failed = lines
        .iter()
        .filter(|line| line.starts_with("outcome policy:apply failed the policies have"));
    assert_eq!(failed.count(), 4, "{lines:#?}");
}

#[test]
fn an_expired_permit_changes_nothing() {
    let house = House::new();
    let door = house.open();
    let permit = run(door.admit::<PolicyApply>(&Caller::operator(0), policy_set(), "")).unwrap();
    house.clock.advance(std::time::Duration::from_secs(61));
    let before = door.policy_set();
    let error = door.policy_apply(permit, CLOSED, "").unwrap_err();
    assert_eq!(error.problem().code, ProblemCode::Unavailable);
    assert_eq!(door.policy_set(), before);
    assert_eq!(history(&door).len(), 1);
}

#[test]
fn of_many_applied_at_once_the_newest_stays_in_force() {
    let house = House::new();
    let door = house.open();
    let permits: Vec<_> = (0..16)
        .map(|_| run(door.admit::<PolicyApply>(&Caller::operator(0), policy_set(), "")).unwrap())
        .collect();
    std::thread::scope(|scope| {
        for (number, permit) in permits.into_iter().enumerate() {
            let door = &door;
            let text = format!(
                "{CLOSED} @id(\"p{number}\") forbid (principal, action == Action::\"model:list\", resource);"
            );
            scope.spawn(move || door.policy_apply(permit, &text, "").unwrap());
        }
    });
    let history = history(&door);
    assert_eq!(history.len(), 17);
    assert_eq!(door.policy_set(), history[0].id);
}

#[test]
fn a_stored_set_that_cannot_be_used_keeps_the_door_shut() {
    let house = House::new();
    house.open().close();
    house
        .database()
        .tx("test.spoil", |tx| {
            tx.execute("UPDATE access_policy SET text = 'permit'", &[])
        })
        .unwrap();
    assert!(matches!(house.open_with(None), Err(AccessError::Policy(_))));
}

#[test]
fn who_may_not_apply_gets_no_permit_to() {
    let house = House::new();
    let door = house.open();
    for role in ["developer", "analyst", "auditor", "service", ""] {
        let asker = caller(PrincipalKind::Person, 9, role);
        let result = run(door.admit::<PolicyApply>(&asker, policy_set(), ""));
        assert!(matches!(result, Err(AccessError::Denied(_))), "{role}");
    }
    // An administrator of a project rules there only.
    let mut admin = caller(PrincipalKind::Person, 9, "admin");
    let result = run(door.admit::<PolicyApply>(&admin, policy_set(), ""));
    assert!(matches!(result, Err(AccessError::Denied(_))));
    Arc::make_mut(&mut admin.principal).project = None;
    assert!(run(door.admit::<PolicyApply>(&admin, policy_set(), "")).is_ok());
}

#[test]
fn a_set_that_nobody_could_ever_replace_is_refused() {
    let house = House::new();
    let door = house.open();
    let before = door.policy_set();
    let text = "@id(\"only\") permit (principal, action == Action::\"model:invoke\", resource);";
    let error = apply(&door, text).unwrap_err();
    assert!(error.to_string().contains("policies"), "{error}");
    assert_eq!(door.policy_set(), before);
}
