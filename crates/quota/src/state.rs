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

    /// The first limit without room for `booking`, and the seconds until there is some.
    pub(crate) fn refusal(
        &mut self,
        now: Timestamp,
        limits: &Limits,
        booking: Booking,
    ) -> Option<(Limit, Option<u64>)> {
        let second = now.as_secs();
        self.spend.roll(now);
        let over = |limit: Option<u64>, used: u64, amount: u64| {
            limit.filter(|limit| used.saturating_add(amount) > *limit)
        };
        let until = |at: Timestamp| at.as_secs().saturating_sub(second).max(1) as u64;
        if let Some(limit) = over(
            limits.micros_per_month,
            self.spend.micros_this_month,
            booking.micros,
        ) {
            let wait = (booking.micros <= limit).then(|| until(now.next_utc_month()));
            return Some((Limit::MoneyPerMonth, wait));
        }
        if let Some(limit) = over(
            limits.micros_per_day,
            self.spend.micros_today,
            booking.micros,
        ) {
            let midnight = Timestamp::from_utc_day(self.spend.day + 1);
            return Some((
                Limit::MoneyPerDay,
                (booking.micros <= limit).then(|| until(midnight)),
            ));
        }
        if let Some(limit) = over(limits.requests_per_minute, self.requests.sum(second), 1) {
            return Some((
                Limit::RequestsPerMinute,
                self.requests.wait(second, 1, limit),
            ));
        }
        if let Some(limit) = over(
            limits.tokens_per_minute,
            self.tokens.sum(second),
            booking.tokens,
        ) {
            return Some((
                Limit::TokensPerMinute,
                self.tokens.wait(second, booking.tokens, limit),
            ));
        }
        if over(limits.concurrency, self.running, 1).is_some() {
            return Some((Limit::Concurrency, Some(1)));
        }
        None
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
