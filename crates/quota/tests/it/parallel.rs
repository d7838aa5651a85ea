// SPDX-License-Identifier: Apache-2.0
//! Two hundred at once against room for ten.

use std::sync::{
    Barrier,
    atomic::{AtomicUsize, Ordering},
};

use casemate_quota::{Limits, Quota};
use casemate_types::Booking;

use crate::common::{KEY, PROJECT, SERVICE, START, booking};

const CROWD: usize = 200;

/// How many of the crowd are let in; nobody leaves before everybody has tried.
fn let_in(limits: Limits, booking: Booking) -> usize {
    let quota = Quota::default();
    let (entry, exit) = (Barrier::new(CROWD), Barrier::new(CROWD));
    let count = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| {
                let accounts = [
                    (KEY, Limits::default()),
                    (SERVICE, limits),
                    (
                        PROJECT,
                        Limits {
                            requests_per_minute: Some(1000),
                            ..Limits::default()
                        },
                    ),
                ];
                entry.wait();
                let reservation = quota.reserve(START, &accounts, booking);
                count.fetch_add(usize::from(reservation.is_ok()), Ordering::Relaxed);
                exit.wait();
                drop(reservation);
            });
        }
    });
    count.into_inner()
}

#[test]
fn exactly_ten_get_through() {
    let none = Limits::default();
    for (limits, booking) in [
        (
            Limits {
                requests_per_minute: Some(10),
                ..none
            },
            booking(1, 1),
        ),
        (
            Limits {
                tokens_per_minute: Some(70),
                ..none
            },
            booking(7, 0),
        ),
        (
            Limits {
                tokens_per_minute: Some(76),
                ..none
            },
            booking(7, 0),
        ),
        (
            Limits {
                concurrency: Some(10),
                ..none
            },
            booking(0, 0),
        ),
        (
            Limits {
                micros_per_day: Some(1_000),
                ..none
            },
            booking(0, 100),
        ),
        (
            Limits {
                micros_per_month: Some(1_099),
                ..none
            },
            booking(0, 100),
        ),
    ] {
        assert_eq!(let_in(limits, booking), 10, "{limits:?}");
    }
    assert_eq!(let_in(none, booking(u64::MAX, u64::MAX)), CROWD);
}

#[test]
fn a_place_is_free_again_when_somebody_leaves() {
    let quota = Quota::default();
    let limits = Limits {
        concurrency: Some(1),
        ..Limits::default()
    };
    let reserve = || quota.reserve(START, &[(KEY, limits)], Booking::default());
    let first = reserve().unwrap();
    assert_eq!(reserve().unwrap_err().retry_after, Some(1));
    first.settle(Booking::default());
    let second = reserve().unwrap();
    drop(second);
    assert!(reserve().is_ok());
}
