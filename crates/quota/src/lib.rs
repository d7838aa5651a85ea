// SPDX-License-Identifier: Apache-2.0
//! Rates, concurrency, tokens and money: reserved before the effect, settled after it.
//!
//! A request counts against several accounts at once (its key, its service, its project) and is
//! admitted only if all of them have room; nothing is taken otherwise. What is reserved stands in
//! the decision record and what was used in the outcome record, so the counters are a projection of
//! the book: [`Quota::apply_decision`] and [`Quota::apply_outcome`] rebuild them after a crash.
//!
//! ```
//! use casemate_quota::{Account, Limits, Quota};
//! use casemate_types::{Booking, ProjectId, Timestamp};
//! let (quota, now) = (Quota::default(), Timestamp::from_millis(0));
//! let project = Account::Project(ProjectId::from_bytes([1; 16]));
//! let limits = Limits { requests_per_minute: Some(1), ..Limits::default() };
//! let first = quota.reserve(now, &[(project, limits)], Booking::default()).unwrap();
//! assert!(quota.reserve(now, &[(project, limits)], Booking::default()).is_err());
//! # drop(first);
//! ```

mod account;
mod limits;
mod quota;
mod state;
mod window;

pub use account::Account;
pub use limits::{Limit, Limits, Refusal};
pub use quota::{Quota, Reservation};
pub use state::Spend;
