// SPDX-License-Identifier: Apache-2.0
//! The door: the only place that answers whether an access may happen.
//!
//! A question is [asked](Door::ask), the answer is [committed](Door::commit) to the book, and only
//! then is there a [`Permit`], which the effect consumes and from which it takes its resource. An
//! answer with obligations gives a [`Conditional`], which becomes a permit once they are
//! discharged. The door is the only holder of the ledger's writer; others get a [`Recorder`].

mod conditional;
mod decided;
mod door;
mod error;
mod permit;
mod policies;
mod recorder;
mod recovery;
mod store;

pub use conditional::{Conditional, Evidence};
pub use decided::Decided;
pub use door::{Door, DoorParts, EntitySource, Grant, Timing};
pub use error::{AccessError, Denial};
pub use permit::{Permit, Receipt};
pub use policies::PolicyVersion;
pub use recorder::Recorder;
pub use recovery::{Projection, Recovered};
pub use store::MIGRATIONS;
