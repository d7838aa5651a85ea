// SPDX-License-Identifier: Apache-2.0
//! Numbers in bytes, and a reader that never goes beyond them.

/// At most eight bytes, the lowest first.
pub(crate) fn little(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().take(8).rev();
    bytes.fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Reads on through bytes.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    pub(crate) const fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        Some(little(self.take(2)?) as u16)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        Some(little(self.take(4)?) as u32)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        Some(little(self.take(8)?))
    }
}
