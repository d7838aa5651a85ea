// SPDX-License-Identifier: Apache-2.0
//! Rows of a table, known by keyed digests of their cells.
//!
//! The file holds no cell: for each a MAC under the operator's salt, cut to 8 bytes, and a filter of
//! keyed bits, so that an ordinary word costs one look. A cell alone is no finding: several cells of
//! one row must stand near each other, for a town or a given name says nothing.

mod values;

use std::{collections::HashMap, ops::Range};

use super::{
    CustomError,
    file::{Reader, Writer},
    keyed::{Mac, Sip},
    table::Table,
};
use values::{Value, cell, values};

const MAGIC: [u8; 4] = *b"CMEX";
const VERSION: u8 = 1;
/// Cells of a table.
const MOST: usize = 4_000_000;
/// Rows that one value may stand in: what is more frequent tells no row from another.
const ROWS: usize = 32;
/// Rows that are kept in mind before those out of reach are forgotten.
const ROOM: usize = 4096;
/// Bytes of a salt at least.
const SALT: usize = 16;
/// Bits of the filter for each value; one in some three hundred words passes by chance.
const BITS: usize = 16;
/// Bits that a value sets.
const PROBES: u32 = 3;

/// How many cells of a row must stand how near each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Together {
    /// Cells with different values, 2 to 16.
    pub cells: u8,
    /// Bytes from the start of the first to the end of the last.
    pub within: u16,
}

impl Default for Together {
    fn default() -> Self {
        Self {
            cells: 2,
            within: 200,
        }
    }
}

impl Together {
    fn checked(self) -> Option<Self> {
        ((2..=16).contains(&self.cells) && self.within > 0).then_some(self)
    }
}

/// Keys made of the operator's salt.
#[derive(Debug)]
struct Keys {
    mac: Mac,
    sip: Sip,
    /// What tells a wrong salt.
    check: u64,
}

impl Keys {
    fn new(salt: &[u8]) -> Result<Self, CustomError> {
        if salt.len() < SALT {
            return Err(CustomError::Salt);
        }
        let root = Mac::new(salt);
        let check = root.short(b"casemate exact check");
        let sip = [b"casemate exact sip 0", b"casemate exact sip 1"].map(|word| root.short(word));
        Ok(Self {
            mac: Mac::new(&root.full(b"casemate exact cells")),
            sip: Sip::new(sip),
            check,
        })
    }
}

/// Makes a file of a table, row by row.
#[derive(Debug)]
pub struct ExactTable {
    keys: Keys,
    together: Together,
    rows: u32,
    /// In the order of their digests, and then of rows, when they are sorted.
    cells: Vec<Kept>,
}

/// A cell of a table: its digest, its row, and the filter's digests of it and of what it begins with.
type Kept = (u64, u32, u64, u64);

/// What a table became.
#[derive(Debug)]
pub struct ExactFile {
    /// The file.
    pub bytes: Vec<u8>,
    /// Rows with too few cells to be ever found.
    pub never_found: u32,
}

impl ExactTable {
    /// An empty table. `salt` is secret, at least 16 bytes, and needed to read the file.
    ///
    /// # Errors
    /// [`CustomError::Salt`] for a short salt, [`CustomError::TooMuch`] for numbers out of bounds.
    pub fn new(salt: &[u8], together: Together) -> Result<Self, CustomError> {
        Ok(Self {
            keys: Keys::new(salt)?,
            together: together.checked().ok_or(CustomError::TooMuch)?,
            rows: 0,
            cells: Vec::new(),
        })
    }

    /// Adds a row. Cells with less than three letters and digits, or more than six words, are left
    /// out; the answer is how many were taken.
    ///
    /// # Errors
    /// [`CustomError::TooMuch`] beyond 4,000,000 cells.
    pub fn add<'a>(
        &mut self,
        row: impl IntoIterator<Item = &'a str>,
    ) -> Result<usize, CustomError> {
        let mut values: Vec<Value> = row.into_iter().filter_map(cell).collect();
        values.sort_unstable();
        values.dedup();
        for value in &values {
            let bytes = value.text.as_bytes();
            let digest = self.keys.mac.short(bytes);
            let start = self.keys.sip.of(value.start().as_bytes());
            let sip = self.keys.sip.of(bytes);
            self.cells.push((digest, self.rows, sip, start));
        }
        self.rows = self.rows.checked_add(1).ok_or(CustomError::TooMuch)?;
        match self.cells.len() > MOST {
            true => Err(CustomError::TooMuch),
            false => Ok(values.len()),
        }
    }

    /// The file.
    ///
    /// # Errors
    /// [`CustomError::Empty`] when no cell can be found.
    pub fn finish(mut self) -> Result<ExactFile, CustomError> {
        self.cells.sort_unstable();
        let cells: Vec<_> = self
            .cells
            .chunk_by(|one, other| one.0 == other.0)
            .filter(|same| same.len() <= ROWS)
            .flatten()
            .collect();
        if cells.is_empty() {
            return Err(CustomError::Empty);
        }
        let mut filter = Filter::for_values(2 * cells.len());
        for (_, _, sip, start) in &cells {
            filter.add(*sip);
            filter.add(*start);
        }
        let mut file = Writer::new(MAGIC, VERSION);
        file.u64(self.keys.check);
        file.u8(self.together.cells);
        file.u16(self.together.within);
        file.u32(self.rows);
        // INVARIANT: `MOST` bounds both counts.
        file.u32(filter.0.len() as u32);
        filter.0.iter().for_each(|word| file.u64(*word));
        file.u32(cells.len() as u32);
        for (digest, row, ..) in &cells {
            file.u64(*digest);
            file.u32(*row);
        }
        Ok(ExactFile {
            bytes: file.finish(),
            never_found: self.never_found(&cells),
        })
    }

    /// Rows of which too few cells are kept.
    fn never_found(&self, kept: &[&Kept]) -> u32 {
        let mut cells = vec![0_u8; self.rows as usize];
        for (_, row, ..) in kept {
            if let Some(cells) = cells.get_mut(*row as usize) {
                *cells = cells.saturating_add(1);
            }
        }
        let few = cells.iter().filter(|cells| **cells < self.together.cells);
        // INVARIANT: rows are counted in 32 bits.
        few.count() as u32
    }
}

/// Rows of a table, to be looked for.
#[derive(Debug)]
pub struct ExactSet {
    keys: Keys,
    together: Together,
    filter: Filter,
    table: Table,
    rows: Vec<u32>,
}

impl ExactSet {
    /// The file of a table at once; [`ExactTable`] takes one row after the other.
    ///
    /// # Errors
    /// As those of [`ExactTable`].
    pub fn build<'a, R: IntoIterator<Item = &'a str>>(
        salt: &[u8],
        together: Together,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Vec<u8>, CustomError> {
        let mut table = ExactTable::new(salt, together)?;
        for row in rows {
            table.add(row)?;
        }
        table.finish().map(|file| file.bytes)
    }

    /// Reads a file that was made with the same salt.
    ///
    /// # Errors
    /// [`CustomError`] when it is none, of another version or salt, too large or damaged.
    pub fn read(salt: &[u8], bytes: &[u8]) -> Result<Self, CustomError> {
        let keys = Keys::new(salt)?;
        let mut file = Reader::new(bytes, MAGIC, VERSION)?;
        if file.u64()? != keys.check {
            return Err(CustomError::Salt);
        }
        let together = Together {
            cells: file.u8()?,
            within: file.u16()?,
        };
        let together = together.checked().ok_or(CustomError::Damaged)?;
        let highest = file.u32()?;
        let words = file.count(8)?;
        let filter: Result<Vec<_>, _> = (0..words).map(|_| file.u64()).collect();
        let filter = Filter::checked(filter?).ok_or(CustomError::Damaged)?;
        let count = file.count(12)?;
        if count > MOST {
            return Err(CustomError::TooMuch);
        }
        let (mut digests, mut rows) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            digests.push(file.u64()?);
            rows.push(file.u32()?);
        }
        file.finish()?;
        // What a word costs is bounded by the rows that it may stand in.
        let crowded = digests.windows(ROWS + 1).any(|same| same[0] == same[ROWS]);
        if crowded || rows.iter().any(|row| *row >= highest) {
            return Err(CustomError::Damaged);
        }
        Ok(Self {
            keys,
            together,
            filter,
            table: Table::new(digests).ok_or(CustomError::Damaged)?,
            rows,
        })
    }

    /// Where cells of a row stand that has enough of them near each other, in the order of the text.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut near: HashMap<u32, Vec<Cell>> = HashMap::new();
        let mut room = ROOM;
        let mut found = Vec::new();
        let may_start = |start: &str| self.filter.has(self.keys.sip.of(start.as_bytes()));
        values(text, may_start, |value, span| {
            if !self.filter.has(self.keys.sip.of(value.as_bytes())) {
                return;
            }
            let digest = self.keys.mac.short(value.as_bytes());
            let rows = self.rows.get(self.table.find(digest));
            for row in rows.unwrap_or_default() {
                let cells = near.entry(*row).or_default();
                self.see(cells, digest, span.clone(), &mut found);
            }
            if near.len() > room {
                // What is out of reach is forgotten, so that a long text takes no more memory.
                let from = self.reach(&span);
                near.retain(|_, cells| cells.iter().any(|cell| cell.span.start >= from));
                room = (2 * near.len()).max(ROOM);
            }
        });
        found.sort_unstable_by_key(|span| (span.start, span.end));
        found.dedup();
        found
    }

    /// Where cells must begin that stand near one that ends here.
    fn reach(&self, span: &Range<usize>) -> usize {
        span.end.saturating_sub(usize::from(self.together.within))
    }

    /// Adds a cell to those of its row, and tells all of them when they are enough.
    fn see(
        &self,
        cells: &mut Vec<Cell>,
        digest: u64,
        span: Range<usize>,
        found: &mut Vec<Range<usize>>,
    ) {
        let from = self.reach(&span);
        // The same value again, or a part of a longer one, is no second cell.
        cells.retain(|cell| {
            let within = span.start <= cell.span.start && cell.span.end <= span.end;
            cell.span.start >= from && cell.digest != digest && !within
        });
        if cells.iter().any(|cell| cell.span.end > span.start) {
            return;
        }
        cells.push(Cell {
            digest,
            span,
            told: false,
        });
        if cells.len() < usize::from(self.together.cells) {
            return;
        }
        for cell in cells.iter_mut().filter(|cell| !cell.told) {
            cell.told = true;
            found.push(cell.span.clone());
        }
    }
}

/// A cell of a row that was seen.
#[derive(Debug)]
struct Cell {
    digest: u64,
    span: Range<usize>,
    told: bool,
}

/// Keyed bits of values (B. H. Bloom 1970): what is not in it is not in the table.
#[derive(Debug)]
struct Filter(Vec<u64>);

impl Filter {
    fn for_values(count: usize) -> Self {
        Self(vec![0; (count * BITS).next_power_of_two().div_ceil(64)])
    }

    /// Only sizes that [`Filter::for_values`] makes.
    fn checked(words: Vec<u64>) -> Option<Self> {
        words.len().is_power_of_two().then_some(Self(words))
    }

    /// Where the bits of a digest are: words and bits in them.
    fn places(&self, digest: u64) -> impl Iterator<Item = (usize, u64)> {
        // INVARIANT: the length is a power of two.
        let mask = self.0.len() * 64 - 1;
        let step = (digest >> 32) | 1;
        (0..PROBES).map(move |probe| {
            let bit = digest.wrapping_add(step.wrapping_mul(u64::from(probe))) as usize & mask;
            (bit / 64, 1 << (bit % 64))
        })
    }

    fn add(&mut self, digest: u64) {
        let places: Vec<_> = self.places(digest).collect();
        for (word, bit) in places {
            self.0[word] |= bit;
        }
    }

    fn has(&self, digest: u64) -> bool {
        self.places(digest)
            .all(|(word, bit)| self.0[word] & bit != 0)
    }
}
