// SPDX-License-Identifier: Apache-2.0
//! The real binary, as people and their programs use it.
#![allow(clippy::panic, clippy::unwrap_used)]

mod config;
mod demo;
mod doctor;
mod guard;
mod harness;
mod inbox;
mod inspect;
mod ledger;
mod ledger_python;
mod lifecycle;
mod model;
mod model_registry;
mod model_signing;
mod output;
mod policy;
mod provider;
mod recovery;
mod sdk;
mod sealed;
mod spend;
mod telemetry;
mod timeouts;
mod tls;
mod upstream;
mod witness;
