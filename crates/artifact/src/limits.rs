// SPDX-License-Identifier: Apache-2.0
//! What one scan may cost.

/// Bounds of one scan. What would go beyond ends in a finding, never in an error or a clean outcome.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Containers within containers.
    pub depth: usize,
    /// Bytes that all members of one file may unpack to.
    pub unpacked: u64,
    /// How many times its own size a compressed stream may unpack to, beyond `unpacked_free`.
    pub ratio: u64,
    /// Bytes that every stream may unpack to whatever its ratio.
    pub unpacked_free: u64,
    /// Members of all containers of one file.
    pub members: u64,
    /// Instructions of all pickles of one file.
    pub instructions: u64,
    /// Values that a pickle may have alive at once.
    pub values: usize,
    /// Bytes of a file that are kept in memory at most.
    pub kept: u64,
    /// Findings that are kept of one file.
    pub findings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 8,
            unpacked: 2 << 30,
            ratio: 200,
            unpacked_free: 48 << 20,
            members: 100_000,
            instructions: 400_000_000,
            values: 4 << 20,
            kept: 4 << 30,
            findings: 200,
        }
    }
}
