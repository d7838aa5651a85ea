// SPDX-License-Identifier: Apache-2.0
//! Files that are too large to be kept: read once, piece by piece, keeping what has to be looked at.

use crate::{
    format::{gguf, safetensors},
    outcome::ScanReport,
    place::Place,
    rule,
    scanner::Scanner,
};

/// Bytes at the end of a file in which the directory of a zip archive would stand.
const TAIL: usize = (64 << 10) + 22;
/// Files up to this size are kept whole.
const SMALL: u64 = 16 << 20;
/// Bytes of metadata at the beginning that are kept at most.
const MOST_HEAD: usize = 128 << 20;
/// Bytes that are kept behind the header: an instruction of a pickle can end there.
const BEYOND: usize = 64 << 10;

/// A file that is being read.
///
/// Formats whose weights are plain numbers behind a header (safetensors, GGUF) are scanned by their
/// header and end; of everything else all bytes are kept.
#[derive(Debug)]
pub struct Intake<'a> {
    scanner: &'a Scanner,
    length: u64,
    seen: u64,
    kept: Vec<u8>,
    tail: Vec<u8>,
    /// How much there has to be before it is asked again what the file is.
    ask_at: usize,
    /// How many bytes from the beginning are needed; none for all.
    head: Head,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    All,
    Known(usize),
    TooLarge,
    Undecided,
}

/// The header and the end do not suffice: all bytes are needed at once ([`Scanner::scan`]).
#[derive(Debug, thiserror::Error)]
#[error("the file has to be read whole")]
pub struct Whole;

impl<'a> Intake<'a> {
    /// Begins with a file of this length.
    #[must_use]
    pub const fn new(scanner: &'a Scanner, length: u64) -> Self {
        Self {
            scanner,
            length,
            seen: 0,
            kept: Vec::new(),
            tail: Vec::new(),
            // However small the pieces are: on less, a format is not known by its beginning.
            ask_at: BEYOND,
            head: if length <= SMALL {
                Head::All
            } else {
                Head::Undecided
            },
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, piece: &[u8]) {
        self.seen += piece.len() as u64;
        match self.head {
            Head::TooLarge => {}
            Head::All => self.kept.extend_from_slice(piece),
            Head::Undecided => {
                self.kept.extend_from_slice(piece);
                if self.kept.len() >= self.ask_at {
                    self.ask_at = self.kept.len().saturating_mul(2);
                    self.decide();
                }
            }
            Head::Known(head) => {
                let missing = (head + BEYOND).saturating_sub(self.kept.len());
                let more = piece.get(..missing).unwrap_or(piece);
                self.kept.extend_from_slice(more);
            }
        }
        if matches!(self.head, Head::Known(_) | Head::Undecided) {
            self.keep_tail(piece);
        }
    }

    /// How many bytes are in memory at the moment.
    #[must_use]
    pub const fn kept(&self) -> usize {
        self.kept.len() + self.tail.len()
    }

    fn decide(&mut self) {
        let safetensors = safetensors::header_length(&self.kept, self.length);
        let gguf = gguf::head_length(&self.kept);
        self.head = match (safetensors, gguf) {
            (Some(header), _) if header <= MOST_HEAD => Head::Known(header),
            (_, gguf::HeadLength::Known(header)) if header <= MOST_HEAD => Head::Known(header),
            (_, gguf::HeadLength::Longer) if self.kept.len() <= MOST_HEAD => Head::Undecided,
            _ if self.length > self.scanner.limits().kept => Head::TooLarge,
            _ => {
                let rest = self.length.saturating_sub(self.kept.len() as u64);
                // Room for all of it at once, or it would be copied again and again.
                self.kept
                    .reserve_exact(usize::try_from(rest).unwrap_or_default());
                Head::All
            }
        };
        if self.head == Head::TooLarge {
            self.kept = Vec::new();
        }
        if let Head::Known(head) = self.head {
            self.kept.truncate(head + BEYOND);
            self.kept.shrink_to_fit();
        }
    }

    fn keep_tail(&mut self, piece: &[u8]) {
        let from = piece.len().saturating_sub(TAIL);
        let end = piece.get(from..).unwrap_or_default();
        let over = (self.tail.len() + end.len()).saturating_sub(TAIL);
        self.tail.drain(..over.min(self.tail.len()));
        self.tail.extend_from_slice(end);
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`Whole`] when the end says that there is more to the file than its header does, or the header
    /// is a pickle that goes on behind it: read it again and give all of it to [`Scanner::scan`].
    pub fn finish(self) -> Result<ScanReport, Whole> {
        let head = match self.head {
            Head::Known(head) if self.seen == self.length => head,
            Head::TooLarge => {
                let why = format!("{} bytes", self.seen);
                return Ok(self.scanner.only(&rule::FILE_LARGE, why));
            }
            _ if self.seen == self.kept.len() as u64 => return Ok(self.scanner.scan(&self.kept)),
            _ => return Err(Whole),
        };
        let wanted = self.length.min((head + BEYOND) as u64);
        if self.kept.len() as u64 != wanted || crate::container::has_zip_end(&self.tail) {
            return Err(Whole);
        }
        let mut scan = self.scanner.start();
        let place = Place::default();
        let header = self.kept.get(..head).ok_or(Whole)?;
        let read = if safetensors::scan_header(&mut scan, header, self.length, &place) {
            "safetensors"
        } else if gguf::scan_head(&mut scan, header, self.length, &place) {
            "gguf"
        } else {
            return Err(Whole);
        };
        // The length of a header, or the letters of GGUF, can be the first instruction of a pickle.
        match scan.head_as_pickle(&self.kept, self.length, read, &place) {
            true => Ok(scan.report()),
            false => Err(Whole),
        }
    }
}
