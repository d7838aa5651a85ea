// SPDX-License-Identifier: Apache-2.0
//! What is written: a header, and the items of each tensor, one behind the other.

use std::{collections::BTreeMap, io};

use super::{source::ByteSource, tensor::Tensor};
use crate::outcome::ScanReport;

/// Bytes that are copied at a time.
const PIECE: usize = 1 << 20;
/// Bytes of a stretch that is read once for a tensor whose items do not lie one behind the other.
const GATHERED: u64 = 512 << 20;
/// How many times as long as the items in it such a stretch may be: many tensors could have few items each
/// in the same long stretch.
const SPARSE: u64 = 16;

/// A conversion that is ready to be written.
#[derive(Debug)]
pub struct Plan {
    pub(super) tensors: Vec<(String, Tensor)>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) left_out: Vec<LeftOut>,
    /// Names that share all their bytes with another one.
    pub(super) shared: usize,
    pub(super) report: ScanReport,
}

/// Something that is not in the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Keys that lead to it, parted by dots.
    pub name: String,
    /// What it is, for people.
    pub what: &'static str,
}

/// A tensor as it will be written.
#[derive(Debug)]
pub struct Planned<'p> {
    /// Keys that lead to it, parted by dots.
    pub name: &'p str,
    /// As safetensors writes it, `F32`.
    pub dtype: &'static str,
    /// Items along each dimension.
    pub shape: &'p [u64],
    /// Bytes of all its items.
    pub bytes: u64,
}

impl Plan {
    /// The tensors in the order in which they are written.
    pub fn tensors(&self) -> impl Iterator<Item = Planned<'_>> {
        self.tensors.iter().map(|(name, tensor)| Planned {
            name,
            dtype: tensor.kind.as_str(),
            shape: &tensor.shape,
            bytes: tensor.bytes(),
        })
    }

    /// What is no tensor and will be missing.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// How many tensors are another name of one that is written as well.
    #[must_use]
    pub const fn shared(&self) -> usize {
        self.shared
    }

    /// What a scan says of the file: clean, or for review and why.
    #[must_use]
    pub const fn report(&self) -> &ScanReport {
        &self.report
    }

    /// Bytes of the whole result.
    #[must_use]
    pub fn length(&self) -> u64 {
        let items = self.tensors.iter().map(|(_, tensor)| tensor.bytes());
        items.fold(self.header_length() + 8, u64::saturating_add)
    }

    /// Bytes of the header without its length; none of them are made.
    pub(super) fn header_length(&self) -> u64 {
        let mut count = Count(0);
        // Counting does not fail.
        let _ = self.text(&mut count);
        count.0.next_multiple_of(8)
    }

    /// The header with its length in front, as safetensors' own writer makes it.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        let mut header = vec![0; 8];
        // Memory takes everything.
        let _ = self.text(&mut header);
        header.resize(header.len().next_multiple_of(8), b' ');
        let length = (header.len() as u64 - 8).to_le_bytes();
        header.splice(..8, length);
        header
    }

    /// Writes the header's text, without what fills it up.
    fn text(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let mut before = "{";
        if !self.metadata.is_empty() {
            out.write_all(b"{\"__metadata__\":")?;
            serde_json::to_writer(&mut *out, &self.metadata)?;
            before = ",";
        }
        let mut at = 0_u64;
        for (name, tensor) in &self.tensors {
            let end = at.saturating_add(tensor.bytes());
            out.write_all(before.as_bytes())?;
            serde_json::to_writer(&mut *out, name)?;
            write!(out, ":{{\"dtype\":\"{}\",\"shape\":", tensor.kind.as_str())?;
            serde_json::to_writer(&mut *out, &tensor.shape)?;
            write!(out, ",\"data_offsets\":[{at},{end}]}}")?;
            at = end;
            before = ",";
        }
        if before == "{" {
            out.write_all(b"{")?;
        }
        out.write_all(b"}")
    }

    /// Writes everything.
    ///
    /// Memory: a piece of a tensor, or, of one whose items do not lie one behind the other, the stretch
    /// they lie in up to half a GiB.
    ///
    /// # Errors
    /// Whatever reading or writing gives. What was written by then is of no use.
    pub fn write(&self, source: &dyn ByteSource, out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all(&self.header())?;
        self.tensors
            .iter()
            .try_for_each(|(_, tensor)| write(tensor, source, out))
    }
}

/// Counts what is written.
struct Count(u64);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(tensor: &Tensor, source: &dyn ByteSource, out: &mut dyn io::Write) -> io::Result<()> {
    if tensor.bytes() == 0 {
        return Ok(());
    }
    let width = tensor.kind.bytes();
    if tensor.is_contiguous() {
        return copy(tensor, tensor.first * width, tensor.bytes(), source, out);
    }
    let (start, end) = tensor.span().unwrap_or_default();
    let stretch = (end - start).saturating_mul(width);
    let is_dense = stretch <= tensor.bytes().saturating_mul(SPARSE);
    match is_dense && stretch <= GATHERED {
        true => gather(tensor, start, stretch, source, out),
        // Rows that are far apart, one by one.
        false => rows(tensor, &mut |first, items| {
            copy(tensor, first * width, items * width, source, out)
        }),
    }
}

/// Copies bytes that lie one behind the other in a tensor's storage.
fn copy(
    tensor: &Tensor,
    mut at: u64,
    mut length: u64,
    source: &dyn ByteSource,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE.min(usize::try_from(length).unwrap_or(PIECE))];
    while length > 0 {
        let now = length.min(piece.len() as u64) as usize;
        let part = piece.get_mut(..now).unwrap_or_default();
        tensor.storage.origin.read(source, at, part)?;
        put(tensor, part, out)?;
        at += now as u64;
        length -= now as u64;
    }
    Ok(())
}

/// Reads the stretch that a tensor's items lie in, and writes them in their order.
fn gather(
    tensor: &Tensor,
    start: u64,
    stretch: u64,
    source: &dyn ByteSource,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let width = tensor.kind.bytes();
    let mut bytes = vec![0; usize::try_from(stretch).unwrap_or_default()];
    tensor
        .storage
        .origin
        .read(source, start * width, &mut bytes)?;
    let mut ready = Vec::with_capacity(PIECE);
    rows(tensor, &mut |first, items| {
        let from = ((first - start) * width) as usize;
        let row = bytes.get(from..from + (items * width) as usize);
        ready.extend_from_slice(row.unwrap_or_default());
        if ready.len() >= PIECE {
            put(tensor, &mut ready, out)?;
            ready.clear();
        }
        Ok(())
    })?;
    put(tensor, &mut ready, out)
}

/// Tells of every row of items that lie one behind the other where it begins, in the order of the items.
fn rows(tensor: &Tensor, tell: &mut dyn FnMut(u64, u64) -> io::Result<()>) -> io::Result<()> {
    let (outer, row) = match (tensor.shape.split_last(), tensor.strides.last()) {
        (Some((last, outer)), Some(1)) => (outer, *last),
        _ => (&tensor.shape[..], 1),
    };
    let mut place = vec![0_u64; outer.len()];
    loop {
        let steps = place.iter().zip(&tensor.strides);
        let first = steps.fold(tensor.first, |at, (place, stride)| at + place * stride);
        tell(first, row)?;
        // Counts on, the last dimension fastest.
        let mut done = true;
        for (place, size) in place.iter_mut().zip(outer).rev() {
            *place += 1;
            if *place < *size {
                done = false;
                break;
            }
            *place = 0;
        }
        if done {
            return Ok(());
        }
    }
}

/// Writes items, with the lowest byte of each number first.
fn put(tensor: &Tensor, items: &mut [u8], out: &mut dyn io::Write) -> io::Result<()> {
    if tensor.storage.is_big {
        items
            .chunks_exact_mut(tensor.kind.swapped())
            .for_each(<[u8]>::reverse);
    }
    out.write_all(items)
}
