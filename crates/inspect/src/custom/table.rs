// SPDX-License-Identifier: Apache-2.0
//! Digests in order, and where each beginning of one starts: what is not there costs one look.

use std::ops::Range;

/// Sorted digests. They are evenly spread, so that a bucket has about one.
#[derive(Debug)]
pub(super) struct Table {
    keys: Vec<u64>,
    /// Where the digests begin that have a bucket's number in front, and the end.
    starts: Vec<u32>,
    shift: u32,
}

impl Table {
    /// `keys` in order, equal ones beside each other; none when they are in no order or too many.
    pub(super) fn new(keys: Vec<u64>) -> Option<Self> {
        let count = u32::try_from(keys.len()).ok()?;
        if !keys.is_sorted() {
            return None;
        }
        let bits = (2 * u64::from(count))
            .next_power_of_two()
            .trailing_zeros()
            .max(1);
        let shift = 64 - bits;
        let mut starts = Vec::with_capacity((1 << bits) + 1);
        let mut at = 0;
        for (index, key) in (0_u32..).zip(&keys) {
            let bucket = key >> shift;
            while at <= bucket {
                starts.push(index);
                at += 1;
            }
        }
        starts.resize((1 << bits) + 1, count);
        Some(Self {
            keys,
            starts,
            shift,
        })
    }

    /// Where a digest stands; an empty range when it is not there.
    pub(super) fn find(&self, key: u64) -> Range<usize> {
        // INVARIANT: `starts` has an entry for every bucket and one more.
        let bucket = (key >> self.shift) as usize;
        let (from, upto) = (
            self.starts[bucket] as usize,
            self.starts[bucket + 1] as usize,
        );
        let bucket = &self.keys[from..upto];
        let first = bucket.partition_point(|other| *other < key);
        let count = bucket[first..]
            .iter()
            .take_while(|other| **other == key)
            .count();
        from + first..from + first + count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Table;

    proptest! {
        #[test]
        fn what_is_there_is_found(mut keys in proptest::collection::vec(any::<u64>(), 0..200), other: u64) {
            keys.extend(keys.clone().iter().step_by(3));
            keys.sort_unstable();
            let table = Table::new(keys.clone()).expect("they are sorted");
            for key in keys.iter().chain([&other, &0, &u64::MAX]) {
                let range = table.find(*key);
                let count = keys.iter().filter(|one| *one == key).count();
                prop_assert_eq!(range.len(), count);
                prop_assert!(keys[range].iter().all(|one| one == key));
            }
        }
    }

    #[test]
    fn disorder_is_refused() {
        assert!(Table::new(vec![2, 1]).is_none());
    }
}
