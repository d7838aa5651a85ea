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
    let reader: Result<Box<dyn Read + '_>, String> = match method {
        Method::Bzip2 => Ok(Box::new(bzip2::bufread::MultiBzDecoder::new(packed))),
        Method::Deflate => Ok(Box::new(flate2::bufread::DeflateDecoder::new(packed))),
        Method::Gzip => Ok(Box::new(flate2::bufread::MultiGzDecoder::new(packed))),
        Method::Lz4 => Ok(Box::new(lz4_flex::frame::FrameDecoder::new(packed))),
        Method::Lzma => lzma_rust2::LzmaReader::new_mem_limit(packed, DICTIONARY, None)
            .map(|reader| Box::new(reader) as Box<dyn Read>)
            .map_err(|error| error.to_string()),
        Method::LzmaInZip => lzma_in_zip(packed),
        Method::Stored => Ok(Box::new(packed)),
        Method::Xz => Ok(Box::new(lzma_rust2::XzReader::new_mem_limit(
            packed, true, DICTIONARY,
        ))),
        Method::Zlib => Ok(Box::new(flate2::bufread::ZlibDecoder::new(packed))),
        Method::Zstd => Ok(Box::new(Frames {
            rest: packed,
            frame: None,
        })),
    };
    let reader = match reader {
        Ok(reader) => reader,
        Err(error) => {
            return Unpacked {
                bytes: Vec::new(),
                error: Some(error),
                is_cut: false,
            };
        }
    };
    let room = scan.room(packed.len() as u64);
    let mut bytes = Vec::new();
    let read = reader
        .take(room.bytes.saturating_add(1))
        .read_to_end(&mut bytes);
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
    Unpacked {
        bytes,
        error: read.err().map(|error| error.to_string()),
        is_cut,
    }
}

/// LZMA as zip archives have it: version, length of the properties, properties.
fn lzma_in_zip(packed: &[u8]) -> Result<Box<dyn Read + '_>, String> {
    let short = || "no properties".to_owned();
    let properties = packed.get(4).ok_or_else(short)?;
    let dictionary = packed.get(5..9).ok_or_else(short)?;
    let dictionary = crate::bytes::little(dictionary) as u32;
    if dictionary >> 10 > DICTIONARY {
        return Err("a dictionary that is too large".to_owned());
    }
    let rest = packed.get(9..).unwrap_or_default();
    lzma_rust2::LzmaReader::new_with_props(rest, u64::MAX, *properties, dictionary, None)
        .map(|reader| Box::new(reader) as Box<dyn Read>)
        .map_err(|error| error.to_string())
}

/// zstd frames, one behind the other, with those that are to be skipped.
struct Frames<'a> {
    rest: &'a [u8],
    frame: Option<Box<ruzstd::decoding::FrameDecoder>>,
}

impl Read for Frames<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let bad = |error: String| std::io::Error::new(std::io::ErrorKind::InvalidData, error);
        loop {
            let Some(frame) = &mut self.frame else {
                if let Some([b @ 0x50..=0x5f, 0x2a, 0x4d, 0x18, a, c, d, e]) = self.rest.get(..8) {
                    let _ = b;
                    let length = 8 + crate::bytes::little(&[*a, *c, *d, *e]) as usize;
                    let cut = || bad("a frame that is cut off".to_owned());
                    self.rest = self.rest.get(length..).ok_or_else(cut)?;
                    continue;
                }
                if self.rest.is_empty() {
                    return Ok(0);
                }
                let mut frame = Box::new(ruzstd::decoding::FrameDecoder::new());
                frame
                    .init(&mut self.rest)
                    .map_err(|error| bad(error.to_string()))?;
                self.frame = Some(frame);
                continue;
            };
            if frame.can_collect() == 0 && !frame.is_finished() {
                let some = ruzstd::decoding::BlockDecodingStrategy::UptoBytes(out.len().max(1));
                frame
                    .decode_blocks(&mut self.rest, some)
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
