// SPDX-License-Identifier: Apache-2.0
//! Fixtures for tests: a clock that is set by hand, randomness that repeats, a directory that goes
//! away, keys that are always the same.
//!
//! ```
//! use casemate_testkit::{ManualClock, SeededEntropy, TempDir, keyring};
//! let (dir, clock, entropy) = (TempDir::new(), ManualClock::shared(), SeededEntropy::shared(1));
//! let keys = keyring(&dir.join("keys.db"), clock.clone(), entropy);
//! clock.advance(std::time::Duration::from_secs(60));
//! ```

mod clock;
mod entropy;
mod keys;
mod temp;

pub use clock::ManualClock;
pub use entropy::SeededEntropy;
pub use keys::{keyring, root_key};
pub use temp::TempDir;
