// SPDX-License-Identifier: Apache-2.0
//! The counters of one account.

use casemate_types::{Booking, Micros, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Limit, Limits, window::Window};

/// Money spent or reserved in the running day and month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    /// UTC day number.
    pub day: i64,
    /// UTC year and month.
    pub month: (i64, u32),
    /// Millionths in that day.
    pub micros_today: Micros,
    /// Millionths in that month.
    pub micros_this_month: Micros,
}

impl Spend {
    /// The same as of an instant: what a day or month that has passed since has forgotten is zero.
    #[must_use]
    pub fn as_of(mut self, now: Timestamp) -> Self {
        self.roll(now);
        self
    }

    fn roll(&mut self, now: Timestamp) {
        // A clock that goes back must not open a spent budget again.
        if now.utc_day() > self.day {
            self.day = now.utc_day();
            self.micros_today = 0;
        }
        if now.utc_month() > self.month {
            self.month = now.utc_month();
            self.micros_this_month = 0;
        }
    }

    fn add(&mut self, now: Timestamp, micros: Micros) {
        self.roll(now);
        self.micros_today = self.micros_today.saturating_add(micros);
        self.micros_this_month = self.micros_this_month.saturating_add(micros);
    }

    /// Gives back from the periods in which it was taken, if they still run.
    fn take_back(&mut self, taken: Timestamp, micros: Micros) {
        if taken.utc_day() == self.day {
            self.micros_today = self.micros_today.saturating_sub(micros);
        }
        if taken.utc_month() == self.month {
            self.micros_this_month = self.micros_this_month.saturating_sub(micros);
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    requests: Window,
    tokens: Window,
    pub(crate) running: u64,
    pub(crate) spend: Spend,
}

impl State {
    /// Counters that know money only.
    pub(crate) fn of(spend: Spend) -> Self {
        Self {
            spend,
            ..Self::default()
        }
    }

    /// The limit without room for `booking` that takes longest to have some again, and the seconds
    /// until then.
    pub(crate) fn refusal(
        &mut self,
        now: Timestamp,
        limits: &Limits,
        booking: Booking,
    ) -> Option<(Limit, Option<u64>)> {
        let second = now.as_secs();
        self.spend.roll(now);
        // The day and month that are counted, which lie ahead of a clock that went back.
        let today = Timestamp::from_utc_day(self.spend.day);
        let tomorrow = Timestamp::from_utc_day(self.spend.day + 1);
        let until = |at: Timestamp| at.as_secs().saturating_sub(second).max(1) as u64;
        let money = |limit: Option<u64>, used: u64, renewed: Timestamp| {
            let over = |limit: &u64| used.saturating_add(booking.micros) > *limit;
            limit
                .filter(over)
                .map(|limit| (booking.micros <= limit).then(|| until(renewed)))
        };
        let rate = |limit: Option<u64>, window: &mut Window, amount: u64| {
            let sum = window.sum(second);
            limit
                .filter(|limit| sum.saturating_add(amount) > *limit)
                .map(|limit| window.wait(second, amount, limit))
        };
        let (month, day) = (self.spend.micros_this_month, self.spend.micros_today);
        let full = limits.concurrency.filter(|limit| self.running >= *limit);
        // Nobody can know when a running request ends.
        let running = full.map(|limit| (limit > 0).then_some(1));
        let met = [
            (
                Limit::MoneyPerMonth,
                money(limits.micros_per_month, month, today.next_utc_month()),
            ),
            (
                Limit::MoneyPerDay,
                money(limits.micros_per_day, day, tomorrow),
            ),
            (
                Limit::RequestsPerMinute,
                rate(limits.requests_per_minute, &mut self.requests, 1),
            ),
            (
                Limit::TokensPerMinute,
                rate(limits.tokens_per_minute, &mut self.tokens, booking.tokens),
            ),
            (Limit::Concurrency, running),
        ];
        met.into_iter()
            .filter_map(|(limit, wait)| Some((limit, wait?)))
            .reduce(|first, next| if longer(next.1, first.1) { next } else { first })
    }

    pub(crate) fn reserve(&mut self, now: Timestamp, booking: Booking) {
        self.requests.add(now.as_secs(), 1);
        self.tokens.add(now.as_secs(), booking.tokens);
        self.spend.add(now, booking.micros);
    }

    /// Replaces what was reserved at `taken` by what was used.
    pub(crate) fn settle(&mut self, taken: Timestamp, reserved: Booking, used: Booking) {
        let second = taken.as_secs();
        if used.tokens <= reserved.tokens {
            self.tokens.take_back(second, reserved.tokens - used.tokens);
        } else {
            self.tokens.add(second, used.tokens - reserved.tokens);
        }
        if used.micros <= reserved.micros {
            self.spend.take_back(taken, reserved.micros - used.micros);
        } else {
            self.spend.add(taken, used.micros - reserved.micros);
        }
    }
}

/// Whether one wait is longer than another; `None` never ends.
pub(crate) fn longer(wait: Option<u64>, than: Option<u64>) -> bool {
    wait.unwrap_or(u64::MAX) > than.unwrap_or(u64::MAX)
}
