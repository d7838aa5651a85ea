// SPDX-License-Identifier: Apache-2.0
//! Sums over the last sixty seconds.

const SECONDS: usize = 60;

/// A sliding window of one-second buckets. Independent of any limit, so it can be rebuilt from
/// records before limits are known.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    buckets: [u64; SECONDS],
    sum: u64,
    /// The newest second that has a bucket.
    second: i64,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            buckets: [0; SECONDS],
            sum: 0,
            second: i64::MIN,
        }
    }
}

impl Window {
    /// Forgets what is older than a minute. A clock that went back changes nothing.
    fn advance(&mut self, second: i64) {
        if second <= self.second {
            return;
        }
        if second.saturating_sub(self.second) >= SECONDS as i64 {
            *self = Self {
                second,
                ..Self::default()
            };
            return;
        }
        for passed in self.second + 1..=second {
            let bucket = &mut self.buckets[slot(passed)];
            self.sum -= *bucket;
            *bucket = 0;
        }
        self.second = second;
    }

    /// The sum as of `second`.
    pub(crate) fn sum(&mut self, second: i64) -> u64 {
        self.advance(second);
        self.sum
    }

    pub(crate) fn add(&mut self, second: i64, amount: u64) {
        self.advance(second);
        // A late amount counts from the newest second on, which errs on the strict side.
        let amount = amount.min(u64::MAX - self.sum);
        self.buckets[slot(self.second)] += amount;
        self.sum += amount;
    }

    /// Gives back what was added too much at `second`, as far as it still counts.
    pub(crate) fn take_back(&mut self, second: i64, amount: u64) {
        if self.second.saturating_sub(second) >= SECONDS as i64 {
            return;
        }
        let bucket = &mut self.buckets[slot(second.min(self.second))];
        let back = amount.min(*bucket);
        *bucket -= back;
        self.sum -= back;
    }

    /// Seconds until `amount` fits under `limit`; `None` when it never will.
    pub(crate) fn wait(&mut self, second: i64, amount: u64, limit: u64) -> Option<u64> {
        if amount > limit {
            return None;
        }
        let mut sum = self.sum(second);
        // Of a clock that went back, the way to the newest second comes first.
        let ahead = self.second.saturating_sub(second);
        for age in (0..SECONDS as i64).rev() {
            if sum.saturating_add(amount) <= limit {
                break;
            }
            sum -= self.buckets[slot(self.second - age)];
            if sum.saturating_add(amount) <= limit {
                return Some((ahead + SECONDS as i64 - age) as u64);
            }
        }
        Some(1)
    }
}

fn slot(second: i64) -> usize {
    second.rem_euclid(SECONDS as i64) as usize
}
