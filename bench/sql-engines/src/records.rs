// SPDX-License-Identifier: Apache-2.0
//! What is written: records of 836 to 964 bytes that do not compress, as ledger entries do not
//! (they are ciphertext).

const POOL: usize = 1_024;
const SMALLEST: u64 = 836;
const SPREAD: u64 = 129;

/// An endless row of records with consecutive indices.
pub struct Records {
    pool: Vec<Vec<u8>>,
    next: u64,
}

/// The records of one commit.
pub struct Group<'a> {
    /// Index of the first record.
    pub first: i64,
    /// The records.
    pub entries: &'a [Vec<u8>],
}

impl Default for Records {
    fn default() -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let pool = (0..POOL).map(|_| record(&mut state)).collect();
        Self { pool, next: 0 }
    }
}

impl Records {
    /// The next `size` records; `size` divides the pool.
    pub fn group(&mut self, size: usize) -> Group<'_> {
        let first = self.next;
        self.next += size as u64;
        // Groups of a smaller size may leave the pool unaligned for a larger one.
        let start = (first as usize % POOL).min(POOL - size);
        Group {
            first: first as i64,
            entries: &self.pool[start..start + size],
        }
    }

    /// Records handed out so far.
    pub fn fed(&self) -> u64 {
        self.next
    }
}

impl Group<'_> {
    /// The records with their index.
    pub fn rows(&self) -> impl Iterator<Item = (i64, &[u8])> {
        (self.first..).zip(self.entries.iter().map(Vec::as_slice))
    }

    /// All records in one value, each behind its length.
    pub fn packed(&self) -> Vec<u8> {
        let size = self.entries.iter().map(|entry| entry.len() + 4).sum();
        let mut packed = Vec::with_capacity(size);
        for entry in self.entries {
            packed.extend_from_slice(&(entry.len() as u32).to_le_bytes());
            packed.extend_from_slice(entry);
        }
        packed
    }

    /// The number of records as SQL takes it.
    pub fn count(&self) -> i64 {
        self.entries.len() as i64
    }
}

fn record(state: &mut u64) -> Vec<u8> {
    let length = SMALLEST + random(state) % SPREAD;
    (0..length).map(|_| random(state) as u8).collect()
}

/// xorshift64*: repeatable, and random enough not to compress.
fn random(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
}
