// SPDX-License-Identifier: Apache-2.0
//! When the book cannot be written, the door is shut.

use casemate_access::{AccessError, Grant, Timing};
use casemate_ledger::LedgerError;
use casemate_types::{
    Caller, ProblemCode, ResourceKind, ResourceRef,
    actions::{PolicyApply, SystemRead},
    event::Ending,
};

use crate::house::{House, ask, permit, policy_set, run, service};

#[test]
fn a_closed_ledger_refuses_everybody() {
    let house = House::new();
    let door = house.open();
    let receipt = permit(&door).enter().unwrap().1;
    let before_close = permit(&door);
    door.close();
    let size = door.reader().size();
    for timing in [Timing::Durable, Timing::Overlapped] {
        let allowed = run(door.commit(ask(&door, &service()), timing));
        assert!(matches!(
            allowed,
            Err(AccessError::Ledger(LedgerError::Closed))
        ));
        let denied = ask(&door, &service()).deny("quota.x", "no");
        let denied = run(door.commit(denied, timing));
        assert!(matches!(
            denied,
            Err(AccessError::Ledger(LedgerError::Closed))
        ));
    }
    let error = run(door.admit::<PolicyApply>(&Caller::operator(0), policy_set(), "")).unwrap_err();
    assert_eq!(error.problem().code, ProblemCode::Unavailable);
    // Whoever had a permit can end; nobody learns of it before recovery.
    receipt.settle(Ending::Completed, |_| ());
    drop(before_close);
    assert_eq!(door.reader().size(), size);
}

#[test]
fn a_full_disk_refuses_new_egress_and_lets_the_rest_go_on() {
    let house = House::new();
    let door = house.open_with(Some(2 << 20)).unwrap();
    let mut permits = Vec::new();
    let error = loop {
        let mut decided = ask(&door, &service());
        decided.describe(|facts| facts.note = "x".repeat(20_000));
        match run(door.commit(decided, Timing::Durable)) {
            Ok(Grant::Allowed(permit)) => permits.push(permit),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
        assert!(permits.len() < 1000, "the disk never gets full");
    };
    assert!(
        matches!(error, AccessError::Ledger(LedgerError::Full)),
        "{error:?}"
    );
    let problem = error.problem();
    assert_eq!(problem.code, ProblemCode::Unavailable);
    assert!(problem.hint.unwrap().contains("casemate doctor"));
    assert!(door.is_pressed());
    let decisions = permits.len() as u64;
    // Further egress is refused at once, also to local models.
    for timing in [Timing::Durable, Timing::Overlapped] {
        assert!(run(door.commit(ask(&door, &service()), timing)).is_err());
    }
    // What was let in can end, and administration goes on.
    for permit in permits.drain(..) {
        permit.enter().unwrap().1.settle(Ending::Completed, |_| ());
    }
    let system = ResourceRef::system(ResourceKind::System, "casemate");
    let read = run(door.admit::<SystemRead>(&Caller::operator(0), system, "")).unwrap();
    read.enter().unwrap().1.settle(Ending::Completed, |_| ());
    // A refusal is recorded too.
    let denied = ask(&door, &service()).deny("quota.x", "no");
    assert!(matches!(
        run(door.commit(denied, Timing::Durable)),
        Ok(Grant::Denied(_))
    ));
    door.close();
    let outcomes = crate::house::lines(door.reader())
        .iter()
        .filter(|line| line.starts_with("outcome"))
        .count() as u64;
    assert_eq!(outcomes, decisions + 1);
}

#[test]
fn a_decision_that_was_lost_stays_lost_however_often_one_asks() {
    let house = House::new();
    let door = house.open_with(Some(2 << 20)).unwrap();
    // Accepted while there was room, and written when there was none any more.
    let mut receipts = Vec::new();
    loop {
        let mut decided = ask(&door, &service());
        decided.describe(|facts| facts.note = "x".repeat(20_000));
        match run(door.commit(decided, Timing::Overlapped)) {
            Ok(Grant::Allowed(permit)) => receipts.push(permit.enter().unwrap().1),
            Ok(other) => panic!("{other:?}"),
            Err(AccessError::Ledger(LedgerError::Full)) => break,
            Err(error) => panic!("{error:?}"),
        }
        assert!(receipts.len() < 10_000, "the disk never gets full");
    }
    let (mut lost, mut kept) = (0, 0);
    for mut receipt in receipts {
        let first = run(receipt.durable());
        for _ in 0..3 {
            let again = run(receipt.durable());
            assert_eq!(again.is_ok(), first.is_ok(), "{first:?} {again:?}");
        }
        match first {
            Ok(()) => kept += 1,
            Err(_) => lost += 1,
        }
        receipt.settle(Ending::Failed, |_| ());
    }
    assert!(kept > 0 && lost > 0, "{kept} {lost}");
}

#[test]
fn what_the_caller_is_told() {
    for (error, code, retry_after) in [
        (
            AccessError::Ledger(LedgerError::Full),
            ProblemCode::Unavailable,
            None,
        ),
        (
            AccessError::Ledger(LedgerError::Overloaded),
            ProblemCode::Unavailable,
            Some(1),
        ),
        (
            AccessError::Ledger(LedgerError::Closed),
            ProblemCode::Unavailable,
            None,
        ),
        (
            AccessError::Ledger(LedgerError::Tampered("secret".into())),
            ProblemCode::Unavailable,
            None,
        ),
        (
            AccessError::Undischarged("redact:payment".into()),
            ProblemCode::Unavailable,
            None,
        ),
    ] {
        let problem = error.problem();
        assert_eq!(
            (problem.code, problem.retry_after),
            (code, retry_after),
            "{error}"
        );
        assert!(!problem.detail.contains("secret"));
    }
}

#[test]
fn a_guards_no_is_told_as_such() {
    let house = House::new();
    let door = house.open();
    let decided = ask(&door, &service()).deny("guard.blocked", "a guard found something");
    let Ok(Grant::Denied(denial)) = run(door.commit(decided, Timing::Durable)) else {
        panic!("denied")
    };
    let problem = denial.problem();
    assert_eq!(problem.code, ProblemCode::GuardBlocked);
    assert_eq!(denial.to_string(), "denied: a guard found something");
    assert_eq!(
        problem.hint.unwrap(),
        format!(
            "whoever may read records sees why: casemate explain {}",
            denial.record
        )
    );
}
