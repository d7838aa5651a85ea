// SPDX-License-Identifier: Apache-2.0
//! c
fn main() {}
