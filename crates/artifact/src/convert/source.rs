// SPDX-License-Identifier: Apache-2.0
//! Where bytes come from.

use std::{io, sync::Arc};

/// Bytes that can be read at any place: a file, or memory.
pub trait ByteSource {
    /// How many bytes there are.
    fn length(&self) -> u64;

    /// Fills `into` with the bytes that begin at `at`.
    ///
    /// # Errors
    /// Whatever reading gives, and [`io::ErrorKind::UnexpectedEof`] beyond the end.
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()>;
}

impl ByteSource for [u8] {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(at).ok();
        let stretch = from.and_then(|from| self.get(from..from.checked_add(into.len())?));
        let stretch = stretch.ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(stretch);
        Ok(())
    }
}

impl ByteSource for Vec<u8> {
    fn length(&self) -> u64 {
        self[..].length()
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self[..].read_at(at, into)
    }
}

/// Where the bytes of a storage are.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// In the source, from here on.
    File(u64),
    /// In memory, because they were made of a text; from here on.
    Memory(Arc<[u8]>, u64),
}

impl Origin {
    /// The same, some bytes later.
    pub(super) fn behind(&self, bytes: u64) -> Self {
        match self {
            Self::File(at) => Self::File(at.saturating_add(bytes)),
            Self::Memory(all, at) => Self::Memory(Arc::clone(all), at.saturating_add(bytes)),
        }
    }

    /// Fills `into` with the bytes that begin `at` bytes further on.
    pub(super) fn read(&self, source: &dyn ByteSource, at: u64, into: &mut [u8]) -> io::Result<()> {
        match self {
            Self::File(start) => source.read_at(start.saturating_add(at), into),
            Self::Memory(all, start) => all.read_at(start.saturating_add(at), into),
        }
    }
}

/// Bytes of a source, if there are so many.
pub(super) fn bytes(source: &dyn ByteSource, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let end = at.checked_add(length).filter(|end| *end <= source.length());
    let length = end.and_then(|_| usize::try_from(length).ok());
    let mut bytes = vec![0; length.ok_or(io::ErrorKind::UnexpectedEof)?];
    source.read_at(at, &mut bytes)?;
    Ok(bytes)
}
