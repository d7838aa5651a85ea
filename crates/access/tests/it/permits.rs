// SPDX-License-Identifier: Apache-2.0
//! No permit without a record, no effect after its time, no access without an end in the book.

use std::time::Duration;

use casemate_access::{AccessError, Door, Evidence, Grant, Permit, Timing};
use casemate_types::{
    Booking, DataClass, Decision, Obligation, ProblemCode,
    actions::{KeyRevoke, ModelInvoke, ModelList, PolicyApply, PolicyRead},
    event::{Ending, Facts},
};

use crate::house::{
    House, ask, book, circumstances, commit, model, permit, policy_set, run, service,
};

const ALLOWED: &str = "decision model:invoke allow role.service";

#[test]
fn a_question_alone_leaves_nothing_and_permits_nothing() {
    let house = House::new();
    let door = house.open();
    let decided = ask(&door, &service());
    assert!(decided.is_allowed());
    drop(decided);
    assert!(door.would_allow::<ModelInvoke>(&service(), &model(), &circumstances()));
    assert!(!door.would_allow::<PolicyApply>(&service(), &policy_set(), &circumstances()));
    assert!(book(&door).is_empty());
}

#[test]
fn a_permit_has_its_record_in_the_book_before_it_exists() {
    let house = House::new();
    let door = house.open();
    for count in 1..=3 {
        let permit = permit(&door);
        assert_eq!(
            door.reader().size(),
            2 * count - 1,
            "the decision is durable by now"
        );
        let newest = door.reader().list(2 * count - 2, 1).unwrap();
        assert_eq!(newest[0].entry.id, permit.record());
        assert_eq!(permit.resource(), &model());
        let (resource, receipt) = permit.enter().unwrap();
        assert_eq!((resource, receipt.record()), (model(), newest[0].entry.id));
        receipt.settle(Ending::Completed, |_| ());
        // The end may come a moment later; another decision stands behind it in any case.
        while door.reader().size() < 2 * count {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_refusal_leaves_a_record_and_books_nothing() {
    let house = House::new();
    let door = house.open();
    let booking = Booking {
        tokens: 5,
        micros: 7,
    };
    let mut forbidden = door.ask::<ModelInvoke>(
        door.new_record(),
        &service(),
        model(),
        &casemate_types::AccessContext {
            data_classes: vec![DataClass::Health],
            ..circumstances()
        },
    );
    forbidden.book(booking, vec!["somebody".into()]);
    let mut spent = ask(&door, &service());
    spent.book(booking, vec!["somebody".into()]);
    let spent = spent.deny("quota.money_per_day", "the budget is spent");
    let overruled = ask(&door, &service()).overrule("gateway.closed", "closed");
    let kept = forbidden.deny("quota.money_per_day", "a no stays the no it was");
    for (decided, policy) in [
        (kept, "health.local-only"),
        (spent, "quota.money_per_day"),
        (overruled, "gateway.closed"),
    ] {
        assert_eq!(decided.verdict().decision, Decision::Deny);
        match commit(&door, decided) {
            Grant::Denied(denial) => {
                assert_eq!(denial.verdict.reasons[0].policy, policy);
                let problem = denial.problem();
                assert_eq!(
                    (problem.code, problem.request_id),
                    (ProblemCode::Denied, Some(denial.record))
                );
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        book(&door),
        [
            "decision model:invoke deny health.local-only",
            "decision model:invoke deny quota.money_per_day",
            "decision model:invoke deny gateway.closed",
        ]
    );
    let records = door.reader().list(0, 9).unwrap();
    assert!(records.iter().all(|record| {
        Facts::from_event(&record.entry.event)
            .unwrap()
            .accounts
            .is_empty()
    }));
}

#[test]
fn nobody_turns_a_no_into_a_permit() {
    let house = House::new();
    let door = house.open();
    let decided = door.ask::<PolicyApply>(
        door.new_record(),
        &service(),
        policy_set(),
        &circumstances(),
    );
    assert!(!decided.is_allowed());
    assert!(matches!(commit(&door, decided), Grant::Denied(_)));
    let error = run(door.admit::<PolicyApply>(&service(), policy_set(), "try")).unwrap_err();
    assert!(matches!(error, AccessError::Denied(_)));
    assert_eq!(error.problem().code, ProblemCode::Denied);
    assert_eq!(
        book(&door),
        [
            "decision policy:apply deny policy.default",
            "decision policy:apply deny policy.default try"
        ]
    );
}

/// A door whose policies ask for two things to be done, of models and of the policy set.
fn with_obligations(house: &House) -> Door {
    let door = house.open();
    let operator = casemate_types::Caller::operator(0);
    let permit = run(door.admit::<PolicyApply>(&operator, policy_set(), "")).unwrap();
    let text = "@id(\"all\") @obligation(\"redact:payment,pseudonymise:personal\")
                permit (principal, action in [Action::\"model:invoke\", Action::\"policy:read\"], resource);
                @id(\"list\") permit (principal, action == Action::\"model:list\", resource);
                @id(\"way-back\") permit (principal is Operator, action == Action::\"policy:apply\", resource);";
    door.policy_apply(permit, text, "").unwrap();
    door
}

#[test]
fn every_obligation_must_be_met() {
    let redact = Obligation::Redact(DataClass::Payment);
    let hide = Obligation::Pseudonymise(DataClass::Personal);
    let other = Obligation::Redact(DataClass::Personal);
    for (met, missing) in [
        (vec![], Some("pseudonymise:personal")),
        (vec![redact.clone()], Some("pseudonymise:personal")),
        (vec![hide.clone()], Some("redact:payment")),
        (vec![hide.clone(), other.clone()], Some("redact:payment")),
        (
            vec![redact.clone(), redact.clone(), other],
            Some("pseudonymise:personal"),
        ),
        (vec![hide.clone(), redact.clone()], None),
        (vec![redact, hide.clone(), hide], None),
    ] {
        let house = House::new();
        let door = with_obligations(&house);
        let conditional = match commit(&door, ask(&door, &service())) {
            Grant::Conditional(conditional) => conditional,
            other => panic!("{other:?}"),
        };
        assert_eq!(conditional.obligations().len(), 2);
        let mut evidence = Evidence::new();
        met.iter()
            .cloned()
            .for_each(|obligation| evidence.met(obligation));
        let expected = match (conditional.discharge(&evidence), missing) {
            (Ok(permit), None) => {
                permit.enter().unwrap().1.settle(Ending::Completed, |_| ());
                "outcome model:invoke completed".to_owned()
            }
            (Err(AccessError::Undischarged(open)), Some(missing)) => {
                assert_eq!(open, missing);
                format!("outcome model:invoke cut the obligation `{missing}` was not met")
            }
            (result, _) => panic!("{result:?} with {met:?}"),
        };
        assert_eq!(
            book(&door)[2..],
            ["decision model:invoke allow all".to_owned(), expected]
        );
    }
}

#[test]
fn no_administrative_effect_happens_under_obligations() {
    let house = House::new();
    let door = with_obligations(&house);
    let error = run(door.admit::<PolicyRead>(&service(), policy_set(), "")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the obligation `pseudonymise:personal` was not met"
    );
    assert!(run(door.admit::<ModelList>(&service(), model(), "")).is_ok());
}

#[test]
fn a_permit_is_for_now() {
    for (wait, entered) in [
        (0, true),
        (59_999, true),
        (60_000, true),
        (60_001, false),
        (1 << 40, false),
    ] {
        let house = House::new();
        let door = house.open();
        let permit = permit(&door);
        house.clock.advance(Duration::from_millis(wait));
        match permit.enter() {
            Some((_, receipt)) => receipt.settle(Ending::Completed, |_| ()),
            None => assert!(!entered, "after {wait} ms"),
        }
        let expected = if entered {
            "outcome model:invoke completed"
        } else {
            "outcome model:invoke failed the permit had expired"
        };
        assert_eq!(book(&door), [ALLOWED, expected], "after {wait} ms");
    }
}

/// Opens a house's door and drops something.
type Dropping = fn(&House) -> Door;

#[test]
fn whatever_is_dropped_is_recorded_as_aborted_with_what_it_reserved() {
    let drops: [(&str, Dropping); 3] = [
        ("a permit", |house| {
            let door = house.open();
            drop(booked(&door));
            door
        }),
        ("a receipt", |house| {
            let door = house.open();
            match booked(&door) {
                Grant::Allowed(permit) => drop(permit.enter().unwrap().1),
                other => panic!("{other:?}"),
            }
            door
        }),
        ("a conditional permit", |house| {
            let door = with_obligations(house);
            drop(booked(&door));
            door
        }),
    ];
    for (what, drop) in drops {
        let house = House::new();
        let lines = book(&drop(&house));
        assert_eq!(
            lines.last().unwrap(),
            "outcome model:invoke aborted 5t/7m",
            "{what}"
        );
    }
}

fn booked(door: &Door) -> Grant<ModelInvoke> {
    let mut decided = ask(door, &service());
    decided.book(
        Booking {
            tokens: 5,
            micros: 7,
        },
        vec!["key".into()],
    );
    commit(door, decided)
}

#[test]
fn an_outcome_says_what_was_used_and_is_written_once() {
    let house = House::new();
    let door = house.open();
    let Grant::Allowed(permit) = booked(&door) else {
        panic!("allowed")
    };
    let (_, receipt) = permit.enter().unwrap();
    assert_eq!(
        receipt.booking(),
        Booking {
            tokens: 5,
            micros: 7
        }
    );
    let record = receipt.record();
    receipt.settle(Ending::Completed, |facts| {
        facts.booking = Some(Booking {
            tokens: 1,
            micros: 2,
        });
    });
    assert_eq!(
        book(&door),
        [
            &format!("{ALLOWED} 5t/7m"),
            "outcome model:invoke completed 1t/2m"
        ]
    );
    let outcome = &door.reader().list(1, 1).unwrap()[0];
    assert_eq!(
        (outcome.entry.about, outcome.entry.id == record),
        (record, false)
    );
    assert_eq!(
        Facts::from_event(&outcome.entry.event).unwrap().accounts,
        ["key"]
    );
}

#[test]
fn an_overlapped_decision_becomes_durable() {
    let house = House::new();
    let door = house.open();
    let grant = run(door.commit(ask(&door, &service()), Timing::Overlapped)).unwrap();
    let Grant::Allowed(permit) = grant else {
        panic!("allowed")
    };
    let (_, mut receipt) = permit.enter().unwrap();
    run(receipt.durable()).unwrap();
    assert_eq!(door.reader().size(), 1);
    run(receipt.durable()).unwrap();
    receipt.settle(Ending::Completed, |_| ());
}

#[test]
fn a_second_attempt_belongs_to_the_first_request() {
    let house = House::new();
    let door = house.open();
    let first = permit(&door);
    let request = first.record();
    drop(first);
    let mut second = ask(&door, &service());
    second.attempt_of(request);
    let Grant::Allowed(permit) = commit(&door, second) else {
        panic!("allowed")
    };
    let (_, receipt) = permit.enter().unwrap();
    assert_eq!(receipt.request(), request);
    assert_ne!(receipt.record(), request);
    receipt.settle(Ending::Completed, |_| ());
    door.close();
    assert_eq!(door.reader().find(request).unwrap().len(), 3);
}

#[test]
fn a_permit_fits_its_own_action() {
    // The twin of the example at `Permit` that must not compile: with the right action the same words
    // do, so the action is what is wrong there.
    fn revoke(_: Permit<KeyRevoke>) {}
    fn right(permit: Permit<KeyRevoke>) {
        revoke(permit);
    }
    let _: fn(Permit<KeyRevoke>) = right;
}
