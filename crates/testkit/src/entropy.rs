// SPDX-License-Identifier: Apache-2.0
//! Randomness that repeats.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use casemate_types::Entropy;

/// Bytes that only depend on the seed and on how many were taken before (SplitMix64). Good enough
/// that ids and nonces never repeat within a test; no secret.
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// A source with a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        // Far apart, so that two seeds do not run into one another's sequence.
        Self(AtomicU64::new(seed.wrapping_mul(0xD1B5_4A32_D192_ED03)))
    }

    /// A source to be handed to several owners.
    #[must_use]
    pub fn shared(seed: u64) -> Arc<Self> {
        Arc::new(Self::new(seed))
    }

    fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.0.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            for (to, from) in chunk.iter_mut().zip(bytes) {
                *to = from;
            }
        }
    }
}
