// SPDX-License-Identifier: Apache-2.0
//! Word lists: given names, surnames, places, streets, titles, words that are no names.

/// Lists that a word or phrase stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Known(pub(crate) u32);

impl Known {
    pub(crate) const GIVEN: Self = Self(1);
    pub(crate) const SURNAME: Self = Self(1 << 1);
    pub(crate) const CITY: Self = Self(1 << 2);
    pub(crate) const REGION: Self = Self(1 << 3);
    pub(crate) const COUNTRY: Self = Self(1 << 4);
    /// Nationalities, religions, political groups.
    pub(crate) const GROUP: Self = Self(1 << 5);
    /// Before the name of a street: `rue`, `via`.
    pub(crate) const STREET_BEFORE: Self = Self(1 << 6);
    /// After it, or its end: `Road`, `straße`.
    pub(crate) const STREET_AFTER: Self = Self(1 << 7);
    /// `Apt`, `Suite`, `PO Box`.
    pub(crate) const UNIT: Self = Self(1 << 8);
    /// `Mr`, `Professor`.
    pub(crate) const TITLE: Self = Self(1 << 9);
    /// Words after which a name comes: `dear`, `patient`.
    pub(crate) const CALLS: Self = Self(1 << 10);
    /// Words that come after a name: `said`, `wrote`.
    pub(crate) const ACTS: Self = Self(1 << 11);
    /// `Ltd`, `GmbH`.
    pub(crate) const FIRM_AFTER: Self = Self(1 << 12);
    /// `Bank`, `University`.
    pub(crate) const FIRM_WORD: Self = Self(1 << 13);
    /// Well-known firms and bodies.
    pub(crate) const FIRM: Self = Self(1 << 14);
    /// Words that stand in ordinary sentences in small letters.
    pub(crate) const COMMON: Self = Self(1 << 15);
    /// Words that are written large and are no names: months, products, headings.
    pub(crate) const HEADING: Self = Self(1 << 16);
    /// The first word of an entry of several.
    pub(crate) const BEGINS: Self = Self(1 << 17);
    /// Words beside ages and days: `old`, `aged`, `Monday`.
    pub(crate) const AGE: Self = Self(1 << 18);
    /// Ends as words for streets end: `Hauptstraße`. No list; set where tokens are made.
    pub(crate) const STREET_END: Self = Self(1 << 19);

    /// Lists whose words are names by themselves.
    pub(crate) const NAMES: Self = Self(
        Self::GIVEN.0
            | Self::SURNAME.0
            | Self::CITY.0
            | Self::REGION.0
            | Self::COUNTRY.0
            | Self::GROUP.0
            | Self::FIRM.0,
    );

    /// Whether it is in any of these lists.
    pub(crate) const fn has(self, lists: Self) -> bool {
        self.0 & lists.0 != 0
    }

    /// These lists and those.
    #[must_use]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These lists without those.
    #[must_use]
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Hashes of words and phrases, with their lists. In the file: the number of entries, then each as a
/// hash and its lists, four bytes each, sorted by hash.
#[derive(Debug)]
pub(crate) struct Table {
    /// Where the entries begin whose hashes have these first bits.
    starts: Vec<u32>,
    entries: &'static [u8],
}

/// Bits of a hash that say where to look.
const FIRST_BITS: u32 = 14;
/// Bytes of an entry.
const ENTRY: usize = 8;

impl Table {
    /// Reads a table from the front of `bytes`; gives what follows it, too.
    pub(crate) fn read(bytes: &'static [u8]) -> Option<(Self, &'static [u8])> {
        let (count, rest) = bytes.split_first_chunk::<4>()?;
        let length = (u32::from_le_bytes(*count) as usize).checked_mul(ENTRY)?;
        let (entries, rest) = rest.split_at_checked(length)?;
        let mut starts = Vec::with_capacity((1 << FIRST_BITS) + 1);
        let mut last = 0;
        for (at, entry) in entries.chunks_exact(ENTRY).enumerate() {
            let hash = number(entry);
            if hash < last {
                return None;
            }
            last = hash;
            let first = (hash >> (32 - FIRST_BITS)) as usize;
            while starts.len() <= first {
                starts.push(at as u32);
            }
        }
        starts.resize((1 << FIRST_BITS) + 1, (entries.len() / ENTRY) as u32);
        Some((Self { starts, entries }, rest))
    }

    /// The lists of a word.
    pub(crate) fn get(&self, hash: u32) -> Known {
        let first = (hash >> (32 - FIRST_BITS)) as usize;
        let (from, upto) = (self.starts[first] as usize, self.starts[first + 1] as usize);
        let entries = &self.entries[from * ENTRY..upto * ENTRY];
        let found = entries
            .chunks_exact(ENTRY)
            .find(|entry| number(entry) == hash);
        found.map_or(Known::default(), |entry| Known(number(&entry[4..])))
    }
}

/// The first four bytes as a number.
fn number(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk::<4>()
        .map_or(0, |four| u32::from_le_bytes(*four))
}
