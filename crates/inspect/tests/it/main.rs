// SPDX-License-Identifier: Apache-2.0
//! Tests that try to break what `casemate-inspect` claims.
#![allow(clippy::panic, clippy::unwrap_used)]

mod bounds;
mod common;
mod escapes;
mod guard;
mod health;
mod injection;
mod linear;
mod names;
mod payment;
mod personal;
mod readings;
mod rules;
mod secrets;
mod stream;
mod surrogates;
