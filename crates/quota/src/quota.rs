// SPDX-License-Identifier: Apache-2.0
//! All counters, and reservations against them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use casemate_types::{Booking, RecordId, Timestamp};

use crate::{
    Account, Limits, Refusal, Spend,
    state::{State, longer},
};

/// The counters of a process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Quota {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    accounts: HashMap<Account, State>,
    /// Reservations seen in the book while replaying, until their outcome is seen.
    replayed: HashMap<RecordId, (Timestamp, Booking)>,
}

impl Quota {
    /// Takes room in all accounts at once, or in none.
    ///
    /// # Errors
    /// [`Refusal`] naming, of the accounts and limits without room, the one that takes longest.
    pub fn reserve(
        &self,
        now: Timestamp,
        accounts: &[(Account, Limits)],
        booking: Booking,
    ) -> Result<Reservation, Refusal> {
        let mut inner = self.lock();
        let mut refusal: Option<Refusal> = None;
        for (account, limits) in accounts {
            let state = inner.accounts.entry(*account).or_default();
            if let Some((limit, retry_after)) = state.refusal(now, limits, booking)
                && refusal.is_none_or(|so_far| longer(retry_after, so_far.retry_after))
            {
                refusal = Some(Refusal {
                    account: *account,
                    limit,
                    retry_after,
                });
            }
        }
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        for (account, _) in accounts {
            let state = inner.accounts.entry(*account).or_default();
            state.reserve(now, booking);
            state.running += 1;
        }
        drop(inner);
        Ok(Reservation {
            quota: self.clone(),
            accounts: accounts.iter().map(|(account, _)| *account).collect(),
            taken: now,
            booking,
            open: true,
        })
    }

    /// Money spent and reserved by an account, in the day and month of its last booking; see
    /// [`Spend::as_of`].
    #[must_use]
    pub fn spend(&self, account: Account) -> Spend {
        self.lock()
            .accounts
            .get(&account)
            .map(|state| state.spend)
            .unwrap_or_default()
    }

    /// Takes a decision record into account while the book is replayed.
    pub fn apply_decision(
        &self,
        id: RecordId,
        time: Timestamp,
        accounts: &[Account],
        booking: Booking,
    ) {
        let mut inner = self.lock();
        for account in accounts {
            inner
                .accounts
                .entry(*account)
                .or_default()
                .reserve(time, booking);
        }
        inner.replayed.insert(id, (time, booking));
    }

    /// Takes an outcome record into account while the book is replayed. An outcome without booking
    /// leaves what was reserved.
    pub fn apply_outcome(&self, about: RecordId, accounts: &[Account], used: Option<Booking>) {
        let mut inner = self.lock();
        let Some((taken, reserved)) = inner.replayed.remove(&about) else {
            return;
        };
        let used = used.unwrap_or(reserved);
        for account in accounts {
            inner
                .accounts
                .entry(*account)
                .or_default()
                .settle(taken, reserved, used);
        }
    }

    /// The money counters, for a snapshot. Rates are not in it: they are a minute's memory.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let inner = self.lock();
        let spends: BTreeMap<String, Spend> = inner
            .accounts
            .iter()
            .map(|(account, state)| (account.to_string(), state.spend))
            .collect();
        serde_json::to_vec(&spends).unwrap_or_default()
    }

    /// Takes the money counters of a snapshot.
    ///
    /// # Errors
    /// A text saying what is wrong; nothing is changed then.
    pub fn restore(&self, bytes: &[u8]) -> Result<(), String> {
        let spends: BTreeMap<String, Spend> =
            serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let mut accounts = HashMap::new();
        for (name, spend) in spends {
            let account: Account = name
                .parse()
                .map_err(|error: casemate_types::ParseIdError| error.to_string())?;
            accounts.insert(account, State::of(spend));
        }
        *self.lock() = Inner {
            accounts,
            ..Inner::default()
        };
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Quota {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Quota({} accounts)", self.lock().accounts.len())
    }
}

/// Room that was taken. Dropped without being settled, what was reserved stays spent.
#[must_use = "room is taken until the reservation ends"]
#[derive(Debug)]
pub struct Reservation {
    quota: Quota,
    accounts: Vec<Account>,
    taken: Timestamp,
    booking: Booking,
    open: bool,
}

impl Reservation {
    /// What was reserved.
    #[must_use]
    pub const fn booking(&self) -> Booking {
        self.booking
    }

    /// The accounts it counts against, as records name them.
    #[must_use]
    pub fn account_names(&self) -> Vec<String> {
        self.accounts.iter().map(ToString::to_string).collect()
    }

    /// Ends it: what was used counts instead of what was reserved.
    pub fn settle(mut self, used: Booking) {
        self.end(used);
    }

    fn end(&mut self, used: Booking) {
        if !std::mem::replace(&mut self.open, false) {
            return;
        }
        let mut inner = self.quota.lock();
        for account in &self.accounts {
            let state = inner.accounts.entry(*account).or_default();
            state.settle(self.taken, self.booking, used);
            state.running = state.running.saturating_sub(1);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.end(self.booking);
    }
}
