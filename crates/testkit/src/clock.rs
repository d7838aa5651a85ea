// SPDX-License-Identifier: Apache-2.0
//! Time that moves when a test says so.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use casemate_types::{Clock, Timestamp};

/// A clock that stands still until it is moved, in either direction.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// 2026-11-21T08:00:00Z, where every manual clock begins.
    pub const START: Timestamp = Timestamp::from_millis(1_795_248_000_000);

    /// A clock at an instant.
    #[must_use]
    pub const fn at(instant: Timestamp) -> Self {
        Self(AtomicI64::new(instant.as_millis()))
    }

    /// A clock at [`ManualClock::START`], to be handed to several owners.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        Arc::new(Self::at(Self::START))
    }

    /// Jumps to an instant, which may lie in the past.
    pub fn set(&self, instant: Timestamp) {
        self.0.store(instant.as_millis(), Ordering::SeqCst);
    }

    /// Goes forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }

    /// Goes back, as a machine's clock does when it is corrected.
    pub fn retreat(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.set(Timestamp::from_millis(
            self.now().as_millis().saturating_sub(by),
        ));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}
