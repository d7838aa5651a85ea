// SPDX-License-Identifier: Apache-2.0
//! Decompression within bounds.

use std::io::Read;

use crate::{place::Place, rule, scan::Scan};

/// What came of unpacking.
#[derive(Debug)]
pub(super) struct Unpacked {
    pub(super) bytes: Vec<u8>,
    /// Why it did not end well. What came before is in `bytes`.
    pub(super) error: Option<String>,
    /// Whether there was more than there was room for. This has been said.
    pub(super) is_cut: bool,
    /// Bytes behind the end of the stream.
    pub(super) behind: usize,
}

/// A method of compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Bzip2,
    Deflate,
    Gzip,
    Lz4,
    Lzma,
    LzmaInZip,
    Stored,
    Xz,
    Zlib,
    Zstd,
}

/// KiB that a decoder of LZMA may use.
const DICTIONARY: u32 = 96 << 10;

/// Unpacks a stream, as far as there is room.
pub(super) fn unpack(
    scan: &mut Scan<'_>,
    packed: &[u8],
    method: Method,
    place: &Place,
) -> Unpacked {
    let room = scan.room(packed.len() as u64);
    // Decoders take no more than they need, so that what is left stands behind the end.
    let mut rest = packed;
    let mut bytes = Vec::new();
    let read = match decoder(&mut rest, method) {
        Ok(reader) => reader
            .take(room.bytes.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    scan.spend_unpacked(bytes.len() as u64);
    let is_cut = bytes.len() as u64 > room.bytes;
    if is_cut {
        let (rule, why) = match room.is_ratio {
            true => (
                &rule::ARCHIVE_BOMB,
                format!("{} bytes unpack to more than {}", packed.len(), room.bytes),
            ),
            false => (
                &rule::ARCHIVE_LIMIT,
                format!("more than {} bytes altogether", scan.limits().unpacked),
            ),
        };
        scan.found(rule, place.whole(), why);
    }
    let mut error = read.err();
    // Its decoder takes the end of the bytes for the end of the stream.
    if method == Method::Lz4 && error.is_none() && !is_cut && !lz4_ends(packed) {
        error = Some("a stream that is cut off".to_owned());
    }
    Unpacked {
        bytes,
        error,
        is_cut,
        behind: rest.len(),
    }
}

/// What unpacks a stream, and leaves what stands behind it.
fn decoder<'r>(rest: &'r mut &[u8], method: Method) -> Result<Box<dyn Read + 'r>, String> {
    match method {
        Method::Bzip2 => Ok(Box::new(bzip2::bufread::MultiBzDecoder::new(rest))),
        Method::Deflate => Ok(Box::new(flate2::bufread::DeflateDecoder::new(rest))),
        Method::Gzip => Ok(Box::new(flate2::bufread::MultiGzDecoder::new(rest))),
        Method::Lz4 => Ok(Box::new(lz4_flex::frame::FrameDecoder::new(rest))),
        Method::Lzma => lzma_rust2::LzmaReader::new_mem_limit(rest, DICTIONARY, None)
            .map(|reader| Box::new(reader) as Box<dyn Read>)
            .map_err(|error| error.to_string()),
        Method::LzmaInZip => lzma_in_zip(rest),
        Method::Stored => Ok(Box::new(rest)),
        Method::Xz => Ok(Box::new(lzma_rust2::XzReader::new_mem_limit(
            rest, true, DICTIONARY,
        ))),
        Method::Zlib => Ok(Box::new(flate2::bufread::ZlibDecoder::new(rest))),
        Method::Zstd => Ok(Box::new(Frames { rest, frame: None })),
    }
}

/// Whether the first frame has its end mark, by the lengths of its blocks.
fn lz4_ends(packed: &[u8]) -> bool {
    let Some(flags) = packed.get(4) else {
        return false;
    };
    let (block_sum, size, content_sum, dictionary) = (
        flags & 0x10 != 0,
        flags & 8 != 0,
        flags & 4 != 0,
        flags & 1 != 0,
    );
    let mut at = 7 + if size { 8 } else { 0 } + if dictionary { 4 } else { 0 };
    loop {
        let Some(length) = packed.get(at..at + 4).map(crate::bytes::little) else {
            return false;
        };
        at += 4;
        if length == 0 {
            return !content_sum || packed.len() >= at + 4;
        }
        at += (length & 0x7fff_ffff) as usize + if block_sum { 4 } else { 0 };
    }
}

/// LZMA as zip archives have it: version, length of the properties, properties.
fn lzma_in_zip<'a>(rest: &'a mut &[u8]) -> Result<Box<dyn Read + 'a>, String> {
    let short = || "no properties".to_owned();
    let properties = *rest.get(4).ok_or_else(short)?;
    let dictionary = crate::bytes::little(rest.get(5..9).ok_or_else(short)?) as u32;
    if dictionary >> 10 > DICTIONARY {
        return Err("a dictionary that is too large".to_owned());
    }
    *rest = rest.get(9..).unwrap_or_default();
    lzma_rust2::LzmaReader::new_with_props(rest, u64::MAX, properties, dictionary, None)
        .map(|reader| Box::new(reader) as Box<dyn Read>)
        .map_err(|error| error.to_string())
}

/// zstd frames, one behind the other, with those that are to be skipped.
struct Frames<'r, 'a> {
    rest: &'r mut &'a [u8],
    frame: Option<Box<ruzstd::decoding::FrameDecoder>>,
}

impl Read for Frames<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let bad = |error: String| std::io::Error::new(std::io::ErrorKind::InvalidData, error);
        loop {
            let Some(frame) = &mut self.frame else {
                if let Some([0x50..=0x5f, 0x2a, 0x4d, 0x18, a, c, d, e]) = self.rest.get(..8) {
                    let length = 8 + crate::bytes::little(&[*a, *c, *d, *e]) as usize;
                    let cut = || bad("a frame that is cut off".to_owned());
                    *self.rest = self.rest.get(length..).ok_or_else(cut)?;
                    continue;
                }
                if self.rest.is_empty() {
                    return Ok(0);
                }
                let mut frame = Box::new(ruzstd::decoding::FrameDecoder::new());
                frame
                    .init(&mut *self.rest)
                    .map_err(|error| bad(error.to_string()))?;
                self.frame = Some(frame);
                continue;
            };
            if frame.can_collect() == 0 && !frame.is_finished() {
                let some = ruzstd::decoding::BlockDecodingStrategy::UptoBytes(out.len().max(1));
                frame
                    .decode_blocks(&mut *self.rest, some)
                    .map_err(|error| bad(error.to_string()))?;
            }
            let read = frame.read(out)?;
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            if frame.is_finished() {
                self.frame = None;
            }
        }
    }
}
