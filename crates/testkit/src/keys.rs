// SPDX-License-Identifier: Apache-2.0
//! Keys that are always the same.

use std::{path::Path, sync::Arc};

use casemate_crypto::{RootKey, Secret32};
use casemate_store::{Database, Keyring, Options};
use casemate_types::{Clock, Entropy};

/// The root key of a number.
#[must_use]
pub const fn root_key(number: u8) -> RootKey {
    RootKey::new(Secret32::from_bytes([number; 32]))
}

/// A key ring in a file of its own, under [`root_key`] 1; opens an existing one again.
#[must_use]
pub fn keyring(file: &Path, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Keyring {
    let database = Database::open(file, Options::default(), Keyring::MIGRATIONS)
        .expect("a test's key file can be opened");
    Keyring::open(database, &root_key(1), 1, entropy, clock)
        .expect("a test's key ring is under root key 1")
}
