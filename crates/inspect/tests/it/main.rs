// SPDX-License-Identifier: Apache-2.0
//! Tests that try to break what `casemate-inspect` claims.
#![allow(clippy::panic, clippy::unwrap_used)]

mod bounds;
mod classes;
mod common;
mod custom;
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
mod special;
mod stream;
mod surrogates;
