// SPDX-License-Identifier: Apache-2.0
//! Identities, and everything that must not get past them.
#![allow(clippy::panic, clippy::unwrap_used)]

mod bootstrap;
mod changes;
mod fixture;
mod keys;
mod makers;
mod secrets;
