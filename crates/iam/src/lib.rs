// SPDX-License-Identifier: Apache-2.0
//! Who is who: projects, persons, services and their API keys.
//!
//! [`Iam`] is the façade. What requests need stands in memory and is replaced as a whole by every
//! change, so a revoked key is refused by the very next request; what changes something takes a
//! permit from the door.

mod authenticate;
mod bootstrap;
mod cidr;
mod directory;
mod entity;
mod error;
mod hands;
mod iam;
mod key;
mod keys;
mod reach;
mod store;

pub use authenticate::{Authenticated, Rejection};
pub use cidr::Cidr;
pub use entity::{KeyInfo, NewKey, NewProject, NewService, PersonInfo, Project, ServiceInfo};
pub use error::IamError;
pub use iam::{Iam, IamParts};
pub use key::{ApiKey, KeySecret};
pub use store::MIGRATIONS;
