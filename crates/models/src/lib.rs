// SPDX-License-Identifier: Apache-2.0
//! Models one can trust: signatures over model files, and the registry of their versions.
//!
//! [`signing`] makes and checks signatures by the OpenSSF Model Signing specification, v1.0; it
//! needs no server.

mod hex;
pub mod hub;
pub mod oci;
pub mod registry;
pub mod signing;
mod store;

pub use store::MIGRATIONS;
