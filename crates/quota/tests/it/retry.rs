// SPDX-License-Identifier: Apache-2.0
//! `Retry-After` is right: then there is room, one second earlier there is none.

use casemate_quota::{Account, Limit, Limits, Quota};
use casemate_types::Timestamp;
use proptest::prelude::*;

use crate::common::{
    KEY, Life, PROJECT, START, booking, cases, limits, seconds, some_booking, steps,
};

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn then_there_is_room_and_one_second_earlier_there_is_none(
        steps in steps(true),
        of_key in limits(),
        of_project in limits(),
        wanted in some_booking(),
    ) {
        let accounts: [(Account, Limits); 2] = [(KEY, of_key), (PROJECT, of_project)];
        // The same life again for each question: asking must not be what changes the answer.
        let ask = |after: Option<u64>| {
            let mut life = Life::default();
            let now = life.run(&accounts, &steps);
            life.reserve(now.plus(seconds(after.unwrap_or(0))), &accounts, wanted)
        };
        if let Err(refusal) = ask(None) {
            match refusal.retry_after {
                Some(wait) => {
                    prop_assert!(wait > 0);
                    prop_assert_eq!(ask(Some(wait)), Ok(()), "after {} s: {:?}", wait, refusal);
                    prop_assert!(ask(Some(wait - 1)).is_err(), "before {} s: {:?}", wait, refusal);
                }
                None => {
                    let year = 366 * 86_400;
                    prop_assert!(ask(Some(year)).is_err(), "{:?}", refusal);
                }
            }
        }
    }
}

#[test]
fn which_limit_and_how_long() {
    let none = Limits::default();
    // Limits, what was reserved at the start, what is asked 20 s later, what is answered.
    for (limits, before, wanted, limit, retry_after) in [
        (
            Limits {
                requests_per_minute: Some(1),
                ..none
            },
            booking(0, 0),
            booking(0, 0),
            Limit::RequestsPerMinute,
            Some(40),
        ),
        (
            Limits {
                requests_per_minute: Some(0),
                ..none
            },
            booking(0, 0),
            booking(0, 0),
            Limit::RequestsPerMinute,
            None,
        ),
        (
            Limits {
                tokens_per_minute: Some(9),
                ..none
            },
            booking(5, 0),
            booking(5, 0),
            Limit::TokensPerMinute,
            Some(40),
        ),
        (
            Limits {
                tokens_per_minute: Some(9),
                ..none
            },
            booking(5, 0),
            booking(10, 0),
            Limit::TokensPerMinute,
            None,
        ),
        (
            Limits {
                micros_per_day: Some(9),
                ..none
            },
            booking(0, 5),
            booking(0, 5),
            Limit::MoneyPerDay,
            Some(16 * 3600 - 20),
        ),
        (
            Limits {
                micros_per_day: Some(9),
                ..none
            },
            booking(0, 5),
            booking(0, 10),
            Limit::MoneyPerDay,
            None,
        ),
        (
            Limits {
                micros_per_month: Some(9),
                ..none
            },
            booking(0, 5),
            booking(0, 5),
            Limit::MoneyPerMonth,
            Some(9 * 86_400 + 16 * 3600 - 20),
        ),
        (
            Limits {
                concurrency: Some(1),
                ..none
            },
            booking(0, 5),
            booking(0, 5),
            Limit::Concurrency,
            Some(1),
        ),
        (
            Limits {
                concurrency: Some(0),
                ..none
            },
            booking(0, 5),
            booking(0, 5),
            Limit::Concurrency,
            None,
        ),
        // Of several, the one that takes longest.
        (
            Limits {
                requests_per_minute: Some(1),
                micros_per_day: Some(9),
                ..none
            },
            booking(0, 5),
            booking(0, 5),
            Limit::MoneyPerDay,
            Some(16 * 3600 - 20),
        ),
        (
            Limits {
                requests_per_minute: Some(0),
                micros_per_month: Some(9),
                ..none
            },
            booking(0, 5),
            booking(0, 5),
            Limit::RequestsPerMinute,
            None,
        ),
    ] {
        let mut life = Life::default();
        let _ = life.reserve(START, &[(KEY, none)], before);
        let refusal = life
            .reserve(START.plus(seconds(20)), &[(KEY, limits)], wanted)
            .unwrap_err();
        assert_eq!(
            (refusal.limit, refusal.retry_after),
            (limit, retry_after),
            "{limits:?}"
        );
        assert_eq!(refusal.account, KEY);
    }
}

#[test]
fn of_several_accounts_the_one_that_takes_longest_answers() {
    let quota = Quota::default();
    let minute = Limits {
        requests_per_minute: Some(1),
        ..Limits::default()
    };
    let day = Limits {
        micros_per_day: Some(1),
        ..Limits::default()
    };
    for accounts in [
        [(KEY, minute), (PROJECT, day)],
        [(PROJECT, day), (KEY, minute)],
    ] {
        let _ = quota.reserve(START, &accounts, booking(0, 1)).map(drop);
        let refusal = quota.reserve(START, &accounts, booking(0, 1)).unwrap_err();
        assert_eq!(
            (refusal.account, refusal.limit),
            (PROJECT, Limit::MoneyPerDay)
        );
    }
}

#[test]
fn a_refusal_takes_nothing() {
    let quota = Quota::default();
    let closed = Limits {
        micros_per_day: Some(0),
        ..Limits::default()
    };
    let open = Limits {
        requests_per_minute: Some(1),
        tokens_per_minute: Some(5),
        concurrency: Some(1),
        ..Limits::default()
    };
    for _ in 0..3 {
        assert!(
            quota
                .reserve(START, &[(KEY, open), (PROJECT, closed)], booking(5, 1))
                .is_err()
        );
    }
    assert_eq!(quota.spend(KEY).micros_today, 0);
    assert!(quota.reserve(START, &[(KEY, open)], booking(5, 1)).is_ok());
}

#[test]
fn a_refusal_reads_well() {
    let quota = Quota::default();
    let limits = Limits {
        requests_per_minute: Some(0),
        ..Limits::default()
    };
    let refusal = quota
        .reserve(Timestamp::from_millis(0), &[(KEY, limits)], booking(0, 0))
        .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the limit `requests_per_minute` of `key_01040g2081040g2081040g2081` is reached"
    );
    assert!(!refusal.limit.is_money() && Limit::MoneyPerMonth.is_money());
}
