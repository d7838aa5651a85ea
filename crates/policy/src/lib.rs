// SPDX-License-Identifier: Apache-2.0
//! Decisions by policy: a pure function from a question to an answer.
//!
//! Policies are Cedar, checked against a schema of the design's words before they can be used.
//! [`CompiledSet`] sorts them by action, so that a decision looks only at those that can matter;
//! [`DecisionCache`] keys answers by everything those policies read. No I/O, no clock.
//!
//! ```
//! use casemate_policy::CompiledSet;
//! let set = CompiledSet::parse(casemate_policy::BASE_POLICIES).unwrap();
//! assert!(set.policies().any(|policy| policy.id == "health.local-only"));
//! ```

mod cache;
mod case;
mod decide;
mod error;
mod reads;
mod set;
mod shape;

pub use cache::DecisionCache;
pub use case::{Case, CaseResult};
pub use decide::{Answer, Question};
pub use error::{PolicyError, PolicyFault};
pub use set::{CompiledSet, PolicyInfo};

/// The policies a new installation starts with.
pub const BASE_POLICIES: &str = include_str!("../policies/base.cedar");

/// The schema all policies are checked against.
pub const SCHEMA: &str = include_str!("../schema/casemate.cedarschema");
