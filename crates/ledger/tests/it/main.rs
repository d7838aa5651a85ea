// SPDX-License-Identifier: Apache-2.0
//! Tests that try to break what `casemate-ledger` claims.
#![allow(clippy::panic, clippy::unwrap_used)]

mod crash;
mod differential;
mod ended;
mod erasure;
mod fixture;
mod full_disk;
mod leaf;
mod live;
mod migration;
mod notes;
mod offline;
mod proofs;
mod reading;
mod witness;
mod writing;
