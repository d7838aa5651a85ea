// SPDX-License-Identifier: Apache-2.0
//! The machine's random source.

use casemate_types::Entropy;

/// Randomness of the operating system through the provider.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        // INVARIANT: without randomness nothing may go on; there is no safe answer to return.
        aws_lc_rs::rand::fill(out).expect("the operating system gives randomness");
    }
}
