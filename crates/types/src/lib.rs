// SPDX-License-Identifier: Apache-2.0
//! The ground of Casemate: the words every other crate speaks.
//!
//! Typed ids, principals, actions, resources, data classes, findings, verdicts, the event model
//! (OCSF 1.8 vocabulary) and the problem codes a client sees. This crate has no async, no I/O and
//! no SQL; time and randomness come in through [`Clock`] and [`Entropy`].
//!
//! ```
//! use casemate_types::{ProjectId, Timestamp};
//! let id = ProjectId::from_parts(Timestamp::from_millis(1_700_000_000_000), [7; 10]);
//! assert_eq!(id.to_string().parse::<ProjectId>().unwrap(), id);
//! ```

mod action;
mod class;
mod clock;
mod context;
pub mod event;
mod id;
pub mod json;
mod money;
mod pattern;
mod principal;
mod problem;
mod verdict;

pub use action::{Action, ActionName, ResourceKind, ResourceRef, actions};
pub use class::{
    Channel, DataClass, Direction, Finding, FindingKind, GuardAction, Role, Strength, Trust,
};
pub use clock::{Clock, Entropy, SystemClock, Timestamp};
pub use context::{AccessContext, Locality, Release, Standing};
pub use id::{
    CheckpointId, KeyId, ParseIdError, PersonId, PolicySetId, PrincipalId, ProjectId, RecordId,
    ServiceId, SubjectKeyId,
};
pub use money::{Booking, Micros, Tokens, Usage};
pub use pattern::{key_fits, model_fits};
pub use principal::{Caller, Credential, Principal, PrincipalKind, RiskScore};
pub use problem::{Problem, ProblemCode};
pub use verdict::{Decision, Obligation, Reason, Verdict};
