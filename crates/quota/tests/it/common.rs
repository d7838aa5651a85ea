// SPDX-License-Identifier: Apache-2.0
//! Accounts, instants, and a random life of a set of counters.

use std::time::Duration;

use casemate_quota::{Account, Limits, Quota, Refusal, Reservation};
use casemate_types::{Booking, KeyId, PrincipalId, ProjectId, Timestamp};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

/// 2026-11-21T08:00:00.250Z.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_248_000_250);

pub(crate) const KEY: Account = Account::Key(KeyId::from_bytes([1; 16]));
pub(crate) const SERVICE: Account = Account::Principal(PrincipalId::from_bytes([2; 16]));
pub(crate) const PROJECT: Account = Account::Project(ProjectId::from_bytes([3; 16]));

/// The same cases at every run.
pub(crate) fn cases(count: u32) -> Config {
    Config {
        cases: count,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..Config::default()
    }
}

pub(crate) const fn booking(tokens: u64, micros: u64) -> Booking {
    Booking { tokens, micros }
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// One thing that happens to the counters.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Time passes.
    Pass(Duration),
    /// The clock is set back.
    Back(Duration),
    /// A request is let in if there is room.
    Reserve(Booking),
    /// The oldest or newest open request ends with what was used.
    Settle { newest: bool, used: Booking },
    /// The oldest open request is dropped.
    Drop,
}

pub(crate) fn some_booking() -> impl Strategy<Value = Booking> {
    (0_u64..40, 0_u64..40).prop_map(|(tokens, micros)| booking(tokens, micros))
}

/// Steps within a few minutes, and now and then days.
pub(crate) fn steps(back: bool) -> impl Strategy<Value = Vec<Step>> {
    let moves = |range: std::ops::Range<u64>| range.prop_map(Duration::from_millis);
    let back = if back { 2 } else { 0 };
    let step = prop_oneof![
        4 => moves(0..9_000).prop_map(Step::Pass),
        1 => moves(0..200_000).prop_map(Step::Pass),
        1 => moves(0..40 * 86_400_000).prop_map(Step::Pass),
        back => moves(0..100_000).prop_map(Step::Back),
        8 => some_booking().prop_map(Step::Reserve),
        4 => (any::<bool>(), some_booking()).prop_map(|(newest, used)| Step::Settle { newest, used }),
        1 => Just(Step::Drop),
    ];
    proptest::collection::vec(step, 0..40)
}

/// Limits of which each may be missing.
pub(crate) fn limits() -> impl Strategy<Value = Limits> {
    let limit = |range: std::ops::Range<u64>| proptest::option::of(range);
    (limit(0..12), limit(0..200), limit(0..400), limit(0..900)).prop_map(
        |(requests, tokens, day, month)| Limits {
            requests_per_minute: requests,
            tokens_per_minute: tokens,
            concurrency: None,
            micros_per_day: day,
            micros_per_month: month,
        },
    )
}

/// A set of counters with what is open on it.
#[derive(Default)]
pub(crate) struct Life {
    pub(crate) quota: Quota,
    pub(crate) open: Vec<Reservation>,
}

impl Life {
    /// Lives through steps; gives the instant at the end.
    pub(crate) fn run(&mut self, accounts: &[(Account, Limits)], steps: &[Step]) -> Timestamp {
        let mut now = START;
        for step in steps {
            match step {
                Step::Pass(by) => now = now.plus(*by),
                Step::Back(by) => {
                    let by = i64::try_from(by.as_millis()).unwrap();
                    now = Timestamp::from_millis(now.as_millis() - by);
                }
                Step::Reserve(booking) => {
                    let _ = self.reserve(now, accounts, *booking);
                }
                Step::Settle { newest, used } => {
                    if !self.open.is_empty() {
                        let at = if *newest { self.open.len() - 1 } else { 0 };
                        self.open.remove(at).settle(*used);
                    }
                }
                Step::Drop => {
                    if !self.open.is_empty() {
                        drop(self.open.remove(0));
                    }
                }
            }
        }
        now
    }

    pub(crate) fn reserve(
        &mut self,
        now: Timestamp,
        accounts: &[(Account, Limits)],
        booking: Booking,
    ) -> Result<(), Refusal> {
        self.open.push(self.quota.reserve(now, accounts, booking)?);
        Ok(())
    }
}
