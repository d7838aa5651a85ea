// SPDX-License-Identifier: Apache-2.0
//! Sums: what is settled is what is spent, and no clock opens a budget.

use casemate_quota::{Account, Limits, Quota, Spend};
use casemate_types::{Booking, Timestamp};
use proptest::prelude::*;

use crate::common::{
    KEY, Life, PROJECT, START, Step, booking, cases, limits, seconds, some_booking, steps,
};

/// How a reservation ends.
fn ending() -> impl Strategy<Value = Option<Booking>> {
    proptest::option::weighted(0.7, some_booking())
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn the_sum_of_what_was_settled_is_what_was_spent(
        requests in proptest::collection::vec((some_booking(), ending(), 0_u64..1500), 0..60),
    ) {
        let quota = Quota::default();
        let accounts = [(KEY, Limits::default()), (PROJECT, Limits::default())];
        let (mut now, mut open) = (START, Vec::new());
        let (mut tokens, mut micros) = (0, 0);
        for (reserved, used, wait) in requests {
            open.push((quota.reserve(now, &accounts, reserved).unwrap(), used));
            let counted = used.unwrap_or(reserved);
            tokens += counted.tokens;
            micros += counted.micros;
            now = now.plus(std::time::Duration::from_millis(wait / 2));
            // Some end at once, some after others.
            if wait % 3 == 0 {
                open.drain(..).for_each(|(reservation, used)| end(reservation, used));
            }
        }
        open.into_iter().for_each(|(reservation, used)| end(reservation, used));
        for account in [KEY, PROJECT] {
            let spend = quota.spend(account);
            prop_assert_eq!((spend.micros_today, spend.micros_this_month), (micros, micros));
            // All of it lies within a minute, so the tokens still count: no more and no less.
            let limits = Limits { tokens_per_minute: Some(tokens + 5), ..Limits::default() };
            prop_assert!(quota.reserve(now, &[(account, limits)], booking(6, 0)).is_err());
            let fits = quota.reserve(now, &[(account, limits)], booking(5, 0));
            prop_assert!(fits.is_ok());
            fits.unwrap().settle(booking(0, 0));
        }
    }

    #[test]
    fn money_never_exceeds_its_limit_while_nobody_uses_more_than_reserved(
        steps in steps(true),
        limits in limits(),
    ) {
        let modest: Vec<_> = steps.into_iter().map(|step| match step {
            Step::Settle { newest, .. } => Step::Settle { newest, used: booking(0, 0) },
            other => other,
        }).collect();
        let mut life = Life::default();
        life.run(&[(KEY, limits)], &modest);
        let spend = life.quota.spend(KEY);
        prop_assert!(limits.micros_per_day.is_none_or(|limit| spend.micros_today <= limit));
        prop_assert!(limits.micros_per_month.is_none_or(|limit| spend.micros_this_month <= limit));
        prop_assert!(spend.micros_today <= spend.micros_this_month);
    }

    #[test]
    fn a_clock_that_goes_back_opens_nothing(
        steps in steps(false),
        limits in limits(),
        wanted in some_booking(),
        back in 0_i64..100_000_000_000,
    ) {
        let mut life = Life::default();
        let now = life.run(&[(KEY, limits)], &steps);
        if life.reserve(now, &[(KEY, limits)], wanted).is_err() {
            let earlier = Timestamp::from_millis(now.as_millis() - back);
            prop_assert!(life.reserve(earlier, &[(KEY, limits)], wanted).is_err());
            prop_assert!(life.reserve(now, &[(KEY, limits)], wanted).is_err());
        }
    }
}

fn end(reservation: casemate_quota::Reservation, used: Option<Booking>) {
    match used {
        Some(used) => reservation.settle(used),
        None => drop(reservation),
    }
}

/// 2026-11-30T23:59:59.500Z and what follows.
const LAST: Timestamp = Timestamp::from_millis(1_796_083_199_500);

#[test]
fn days_and_months_begin_anew() {
    let quota = Quota::default();
    let limits = Limits {
        micros_per_day: Some(10),
        micros_per_month: Some(15),
        ..Limits::default()
    };
    let reserve = |now, micros| {
        quota
            .reserve(now, &[(KEY, limits)], booking(0, micros))
            .map(drop)
    };
    let yesterday = Timestamp::from_millis(LAST.as_millis() - 86_400_000);
    assert_eq!(reserve(yesterday, 10), Ok(()));
    assert_eq!(
        reserve(LAST, 6).unwrap_err().limit.as_str(),
        "money_per_month"
    );
    assert_eq!(reserve(LAST, 5), Ok(()));
    let spend = quota.spend(KEY);
    assert_eq!(
        (spend.month, spend.micros_today, spend.micros_this_month),
        ((2026, 11), 5, 15)
    );
    let december = LAST.plus(seconds(1));
    assert_eq!(
        (
            spend.as_of(december).micros_today,
            spend.as_of(december).micros_this_month
        ),
        (0, 0)
    );
    assert_eq!(reserve(december, 10), Ok(()));
    let spend = quota.spend(KEY);
    assert_eq!(
        (spend.month, spend.micros_today, spend.micros_this_month),
        ((2026, 12), 10, 10)
    );
}

#[test]
fn what_is_settled_after_midnight_belongs_to_the_day_it_was_reserved_in() {
    let quota = Quota::default();
    let accounts = [(KEY, Limits::default())];
    let evening = quota.reserve(LAST, &accounts, booking(0, 100)).unwrap();
    let morning = LAST.plus(seconds(5));
    quota
        .reserve(morning, &accounts, booking(0, 7))
        .unwrap()
        .settle(booking(0, 7));
    evening.settle(booking(0, 1));
    // Nothing is given back to a day that did not lend it.
    assert_eq!(
        (
            quota.spend(KEY).micros_today,
            quota.spend(KEY).micros_this_month
        ),
        (7, 7)
    );
}

#[test]
fn sums_do_not_wrap_around() {
    let quota = Quota::default();
    let accounts = [(KEY, Limits::default())];
    for _ in 0..3 {
        drop(
            quota
                .reserve(START, &accounts, booking(u64::MAX, u64::MAX))
                .unwrap(),
        );
    }
    assert_eq!(quota.spend(KEY).micros_today, u64::MAX);
    let limits = Limits {
        tokens_per_minute: Some(u64::MAX - 1),
        micros_per_day: Some(u64::MAX - 1),
        ..Limits::default()
    };
    assert!(
        quota
            .reserve(START, &[(KEY, limits)], booking(0, 0))
            .is_err()
    );
}

#[test]
fn an_account_nobody_used_has_spent_nothing() {
    assert_eq!(Quota::default().spend(KEY), Spend::default());
}

#[test]
fn accounts_survive_text() {
    for account in [KEY, PROJECT, crate::common::SERVICE] {
        assert_eq!(account.to_string().parse::<Account>(), Ok(account));
    }
    assert!("svc_01040g2081040g2081040g2081".parse::<Account>().is_err());
}
