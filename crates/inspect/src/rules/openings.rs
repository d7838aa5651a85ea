// SPDX-License-Identifier: Apache-2.0
//! Which of many texts may begin at a place, told from three bytes that stand there.
//!
//! An automaton over the same texts is megabytes large and waits for memory at every byte. Here a
//! place costs one bit of a table that stays in the nearest cache, and few bits are set.

use std::ops::Range;

/// Bits of the filter, as a power of two; 807 openings set one bit in 66.
const FILTER: u32 = 15;
/// Lists of entries, as a power of two.
const LISTS: u32 = 11;
/// Places that are looked at together.
const TOGETHER: usize = 64;

/// Entries by the three bytes with which their texts begin.
#[derive(Debug)]
pub(crate) struct Openings {
    /// A bit is set for the hash of every opening.
    filter: Box<[u64; 1 << (FILTER - 6)]>,
    /// Where the entries of a hash begin.
    starts: Vec<u16>,
    entries: Vec<(u32, u16)>,
}

/// Three bytes as the number that stands for them.
pub(crate) const fn opening(first: u8, second: u8, third: u8) -> u32 {
    u32::from_le_bytes([first, second, third, 0])
}

/// The same number whatever the case of its letters. Some signs become one another, too.
pub(crate) const fn folded(opening: u32) -> u32 {
    opening | 0x0020_2020
}

/// Four bytes from a place on as a number, of which the lower three are the opening there; behind the
/// end of a text stand zeros.
#[inline]
pub(crate) fn four_at(bytes: &[u8], at: usize) -> u32 {
    let rest = bytes.get(at..).unwrap_or_default();
    let byte = |place: usize| rest.get(place).copied().unwrap_or(0);
    let four = rest.first_chunk().copied();
    u32::from_le_bytes(four.unwrap_or_else(|| [byte(0), byte(1), byte(2), 0]))
}

/// Calls `tell` for the places in a stretch for whose four bytes `is` holds, in order.
///
/// `is` should be arithmetic: no place is decided by a jump, which the processor would guess wrong
/// at every other word.
#[inline]
pub(crate) fn places(
    bytes: &[u8],
    stretch: Range<usize>,
    is: impl Fn(u32) -> bool,
    mut tell: impl FnMut(usize, u32),
) {
    let mut from = stretch.start;
    while from < stretch.end {
        let upto = stretch.end.min(from + TOGETHER);
        let mut kept = [0_u8; TOGETHER];
        let mut count = 0;
        let mut keep = |place: usize, four: u32| {
            kept[count % TOGETHER] = place as u8;
            count += usize::from(is(four));
        };
        let most = bytes.len().min(upto + 3);
        let whole = bytes[from..most].windows(4);
        // The last places of a text have fewer bytes.
        let done = whole.len();
        for (place, window) in whole.enumerate() {
            let four = window.try_into().unwrap_or_default();
            keep(place, u32::from_le_bytes(four));
        }
        for place in done..upto - from {
            keep(place, four_at(bytes, from + place));
        }
        for place in &kept[..count] {
            let at = from + usize::from(*place);
            tell(at, four_at(bytes, at));
        }
        from = upto;
    }
}

impl Openings {
    /// Entries with their openings; at most 65,535.
    pub(crate) fn new(mut entries: Vec<(u32, u16)>) -> Self {
        let mut filter = Box::new([0; 1 << (FILTER - 6)]);
        for (opening, _) in &entries {
            let place = hash(*opening, FILTER);
            filter[place / 64] |= 1 << (place % 64);
        }
        entries.sort_by_key(|(opening, entry)| (hash(*opening, LISTS), *entry));
        let before = |list: usize| entries.partition_point(|(known, _)| hash(*known, LISTS) < list);
        let starts = (0..=1 << LISTS)
            .map(|list| u16::try_from(before(list)).unwrap_or(u16::MAX))
            .collect();
        Self {
            filter,
            starts,
            entries,
        }
    }

    /// Whether some text may begin so. Says yes to a few openings of none. Only the lower three bytes
    /// count.
    #[inline]
    pub(crate) fn may_be(&self, opening: u32) -> bool {
        let place = hash(opening, FILTER);
        self.filter[place / 64] >> (place % 64) & 1 == 1
    }

    /// The entries whose texts begin so, in their order.
    pub(crate) fn of(&self, opening: u32) -> impl Iterator<Item = u16> {
        let list = hash(opening, LISTS);
        let span = usize::from(self.starts[list])..usize::from(self.starts[list + 1]);
        let entries = self.entries.get(span).unwrap_or_default().iter();
        entries
            .filter(move |(known, _)| *known == opening)
            .map(|(_, entry)| *entry)
    }
}

/// The upper bits of a product with a part of the golden ratio, which spreads well. Its lowest byte is
/// zero, so that the fourth byte of what stands at a place makes no difference.
#[inline]
const fn hash(opening: u32, bits: u32) -> usize {
    (opening.wrapping_mul(0x3779_B100) >> (32 - bits)) as usize
}
