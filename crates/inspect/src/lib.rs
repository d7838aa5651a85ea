// SPDX-License-Identifier: Apache-2.0
//! Text detectors: personal data, secrets, prompt injection, canaries.
//!
//! Pure functions from text to findings: no I/O, no clock, no async, no panic; work and memory are
//! linear in the input. [`Inspector`] looks at whole texts, [`StreamGuard`] at texts that arrive in
//! pieces, [`Surrogates`] replaces findings by stand-ins and puts the originals back.
//!
//! ```
//! use casemate_inspect::{Inspector, Segment};
//! use casemate_types::{Channel, FindingKind, Role};
//! let inspector = Inspector::new(&[]).unwrap();
//! let found = inspector.inspect(Segment::new("write to ada@example.org", Role::User, Channel::Content));
//! assert_eq!(found[0].kind, FindingKind::Email);
//! ```

mod active;
mod attack;
mod custom;
mod explain;
mod guard;
mod health;
mod injection;
mod inspector;
mod link;
mod names;
mod number;
mod personal;
mod quote;
mod rules;
mod secret;
mod special;
mod stream;
mod surrogate;
mod words;

pub use attack::{AttackClass, InjectionScore};
pub use custom::{
    CustomError, Dictionary, ExactFile, ExactSet, ExactTable, FingerprintTable, Fingerprints,
    InspectorSettings, Match, SetName, Together, Winnowing,
};
pub use explain::{
    AttackReason, Checked, ContextWord, Explainer, Explanation, RuleText, ScorePart, Side,
    WordScore,
};
pub use guard::{GuardProfile, GuardRule, ProfileName};
pub use inspector::{InspectError, Inspector, Segment};
pub use link::{HostError, Hosts};
pub use quote::{Instructions, QuoteWatch};
pub use stream::{Escape, LateWatch, Piece, StreamGuard, unescape};
pub use surrogate::{Marks, SurrogateKey, Surrogates, mark};

/// What training sees of a text, for `examples/train_injection`.
#[doc(hidden)]
pub mod training {
    pub use crate::attack::training::*;

    /// For `examples/train_names`.
    pub mod names {
        pub use crate::names::training::*;
    }
}
