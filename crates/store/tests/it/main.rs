// SPDX-License-Identifier: Apache-2.0
//! Tests that try to break what `casemate-store` claims.
#![allow(clippy::panic, clippy::unwrap_used)]

mod blobs;
mod files;
mod keyring;
mod migrations;
mod transactions;
