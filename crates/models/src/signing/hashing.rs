// SPDX-License-Identifier: Apache-2.0
//! Digests of many files at once: one thread for each processor, one buffer for each thread.

use std::{
    fmt,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use casemate_crypto::HashAlgorithm;

use super::{Content, Links, ModelSource, SourceError};

/// How much of the machine is used, and who hears of progress.
pub struct Effort<'a> {
    /// Threads that read and digest; at least one is used.
    pub threads: usize,
    /// Is told of bytes that were read, from any thread.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl Default for Effort<'_> {
    /// All processors, and nobody hears.
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            progress: &|_| {},
        }
    }
}

impl fmt::Debug for Effort<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Effort({} threads)", self.threads)
    }
}

/// A part of a file whose digest is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) file: &'a str,
    /// Size of the whole file, as it was listed.
    pub(super) bytes: u64,
    pub(super) range: Range<u64>,
}

/// Digests of parts, in their order.
pub(super) fn digests(
    source: &dyn ModelSource,
    parts: &[Part<'_>],
    algorithm: HashAlgorithm,
    links: Links,
    effort: &Effort<'_>,
) -> Result<Vec<Vec<u8>>, SourceError> {
    // The largest first: otherwise the last thread may be left with it alone.
    let mut order: Vec<usize> = (0..parts.len()).collect();
    let length = |&part: &usize| {
        parts
            .get(part)
            .map(|part| part.range.end - part.range.start)
    };
    order.sort_by_key(|part| std::cmp::Reverse(length(part)));
    let next = AtomicUsize::new(0);
    let results: Mutex<Result<Vec<Vec<u8>>, SourceError>> =
        Mutex::new(Ok(vec![Vec::new(); parts.len()]));
    let work = || {
        let mut buffer = vec![0; PIECE];
        while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Some(part) = parts.get(index) else { return };
            let digest = digest(source, part, algorithm, links, effort, &mut buffer);
            let mut results = results
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            match (digest, results.as_mut()) {
                (Ok(digest), Ok(list)) => {
                    if let Some(place) = list.get_mut(index) {
                        *place = digest;
                    }
                }
                (Err(error), Ok(_)) => *results = Err(error),
                // Somebody else met an error.
                (_, Err(_)) => return,
            }
        }
    };
    let threads = effort.threads.min(parts.len()).max(1);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    results
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn digest(
    source: &dyn ModelSource,
    part: &Part<'_>,
    algorithm: HashAlgorithm,
    links: Links,
    effort: &Effort<'_>,
    buffer: &mut [u8],
) -> Result<Vec<u8>, SourceError> {
    let content = source.open(part.file, links)?;
    let changing = || SourceError::Changing(part.file.to_owned());
    let refused = |error| SourceError::io(part.file, error);
    if content.bytes().map_err(refused)? != part.bytes {
        return Err(changing());
    }
    let mut stream = algorithm.stream();
    let mut offset = part.range.start;
    while offset < part.range.end {
        let left = usize::try_from(part.range.end - offset).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let room = buffer.get_mut(..wanted).unwrap_or_default();
        let read = read(&*content, room, offset).map_err(refused)?;
        let piece = room.get(..read).filter(|piece| !piece.is_empty());
        stream.update(piece.ok_or_else(changing)?);
        (effort.progress)(read as u64);
        offset += read as u64;
    }
    // INVARIANT: what grew, shrank or was written to while it was read has no digest.
    match content.bytes() {
        Ok(bytes) if bytes == part.bytes => Ok(stream.finish()),
        _ => Err(changing()),
    }
}

fn read(content: &dyn Content, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
    loop {
        match content.read_at(buffer, offset) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Bytes that are read at a time: few enough that the processor's caches hold them between reading
/// and digesting, and enough for BLAKE3 to be at its full width.
const PIECE: usize = 128 << 10;
