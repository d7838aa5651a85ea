// SPDX-License-Identifier: Apache-2.0
//! The registry, attacked: names, bytes, gates, races, tenants.

pub(crate) mod house;

mod addresses;
mod bytes;
mod damage;
mod gates;
mod hub;
mod sending;
mod tenants;
mod versions;
