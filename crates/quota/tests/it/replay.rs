// SPDX-License-Identifier: Apache-2.0
//! Counters are a projection of the book: replayed, they are what they were.

use casemate_quota::{Account, Limits, Quota};
use casemate_types::{Booking, RecordId, Timestamp};
use proptest::prelude::*;

use crate::common::{KEY, PROJECT, START, booking, cases, some_booking};

const ACCOUNTS: [Account; 2] = [KEY, PROJECT];

/// What stands in the book.
#[derive(Debug, Clone)]
enum Entry {
    Decision(RecordId, Timestamp, Booking),
    Outcome(RecordId, Option<Booking>),
}

/// Requests: how long after the one before, what is reserved, how it ends, how many later ones it
/// outlives.
type Requests = Vec<(u64, Booking, Option<Booking>, usize)>;

fn requests() -> impl Strategy<Value = Requests> {
    let wait =
        prop_oneof![4 => 0_u64..5_000, 1 => 0_u64..3 * 86_400_000, 1 => 0_u64..40 * 86_400_000];
    let request = (
        wait,
        some_booking(),
        proptest::option::of(some_booking()),
        0..4_usize,
    );
    proptest::collection::vec(request, 0..30)
}

/// Serves requests; gives the counters as they were lived, the book, and the instant at the end.
fn live(requests: &Requests) -> (Quota, Vec<Entry>, Timestamp) {
    let (quota, mut book, mut now) = (Quota::default(), Vec::new(), START);
    let accounts = ACCOUNTS.map(|account| (account, Limits::default()));
    let mut open = Vec::new();
    for (number, (wait, reserved, used, outlives)) in requests.iter().enumerate() {
        now = now.plus(std::time::Duration::from_millis(*wait));
        let id = RecordId::from_bytes((number as u128 + 1).to_be_bytes());
        let reservation = quota.reserve(now, &accounts, *reserved).unwrap();
        book.push(Entry::Decision(id, now, *reserved));
        open.push((number + outlives, id, reservation, *used));
        let ended = open.extract_if(.., |(until, ..)| *until <= number);
        for (_, id, reservation, used) in ended {
            book.push(Entry::Outcome(id, used));
            match used {
                Some(used) => reservation.settle(used),
                None => drop(reservation),
            }
        }
    }
    // What is open at a crash is dropped by the process and settled as unknown by recovery.
    for (_, id, reservation, _) in open {
        book.push(Entry::Outcome(id, None));
        drop(reservation);
    }
    (quota, book, now)
}

fn replay(quota: &Quota, book: &[Entry]) {
    for entry in book {
        match entry {
            Entry::Decision(id, time, booking) => {
                quota.apply_decision(*id, *time, &ACCOUNTS, *booking);
            }
            Entry::Outcome(id, used) => quota.apply_outcome(*id, &ACCOUNTS, *used),
        }
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn replayed_is_lived(requests in requests()) {
        let (lived, book, now) = live(&requests);
        let replayed = Quota::default();
        replay(&replayed, &book);
        for account in ACCOUNTS {
            prop_assert_eq!(replayed.spend(account), lived.spend(account));
        }
        // The minute before a crash is rebuilt too: both let in the same.
        for limit in 0..40 {
            let limits = Limits { requests_per_minute: Some(limit), tokens_per_minute: Some(limit * 9), ..Limits::default() };
            let ask = |quota: &Quota| quota.reserve(now, &[(KEY, limits)], booking(1, 0)).map(drop);
            let (one, other) = (ask(&replayed), ask(&lived));
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn a_snapshot_and_the_rest_are_the_whole(requests in requests(), at in any::<prop::sample::Index>()) {
        let (lived, book, _) = live(&requests);
        // A snapshot is taken when nothing is open.
        let mut open = 0;
        let quiet: Vec<_> = book.iter().enumerate().filter_map(|(at, entry)| {
            open += match entry { Entry::Decision(..) => 1, Entry::Outcome(..) => -1 };
            (open == 0).then_some(at + 1)
        }).chain([0]).collect();
        let (before, after) = book.split_at(*at.get(&quiet));
        let first = Quota::default();
        replay(&first, before);
        let second = Quota::default();
        second.restore(&first.save()).unwrap();
        replay(&second, after);
        for account in ACCOUNTS {
            prop_assert_eq!(second.spend(account), lived.spend(account));
        }
        prop_assert_eq!(second.save(), lived.save());
    }
}

#[test]
fn an_outcome_without_decision_changes_nothing() {
    let quota = Quota::default();
    quota.apply_outcome(
        RecordId::from_bytes([9; 16]),
        &ACCOUNTS,
        Some(booking(5, 5)),
    );
    assert_eq!(quota.spend(KEY).micros_today, 0);
}

#[test]
fn an_outcome_counts_once() {
    let (quota, id) = (Quota::default(), RecordId::from_bytes([9; 16]));
    quota.apply_decision(id, START, &ACCOUNTS, booking(0, 10));
    quota.apply_outcome(id, &ACCOUNTS, Some(booking(0, 4)));
    quota.apply_outcome(id, &ACCOUNTS, Some(booking(0, 1)));
    assert_eq!(quota.spend(KEY).micros_today, 4);
}

#[test]
fn a_snapshot_replaces_everything() {
    let quota = Quota::default();
    let id = RecordId::from_bytes([9; 16]);
    quota.apply_decision(id, START, &ACCOUNTS, booking(0, 10));
    let empty = Quota::default().save();
    quota.restore(&empty).unwrap();
    // Neither the sums nor what was open are left.
    quota.apply_outcome(id, &ACCOUNTS, Some(booking(0, 500)));
    assert_eq!(quota.spend(KEY).micros_today, 0);
    assert_eq!(quota.save(), empty);
}

#[test]
fn a_snapshot_that_is_none_changes_nothing() {
    let quota = Quota::default();
    quota.apply_decision(
        RecordId::from_bytes([9; 16]),
        START,
        &ACCOUNTS,
        booking(0, 10),
    );
    let before = quota.save();
    for bad in [
        "",
        "[]",
        "{\"nobody\":{\"day\":1,\"month\":[1970,1],\"micros_today\":0,\"micros_this_month\":0}}",
        "{\"key_01040g2081040g2081040g2081\":{}}",
    ] {
        assert!(quota.restore(bad.as_bytes()).is_err(), "{bad}");
        assert_eq!(quota.save(), before);
    }
}
