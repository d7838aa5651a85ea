// SPDX-License-Identifier: Apache-2.0
//! Places in texts: what stands before and behind them, counted in characters, and where the next
//! digit is. Texts are mostly ASCII, which needs no decoding.

/// Whether a character makes a number a part of something longer. Scripts that write without spaces
/// do not.
fn is_joined(c: char) -> bool {
    c.is_alphanumeric() && u32::from(c) < 0x0E00
}

/// Whether no letter or digit stands before.
pub(super) fn begins(text: &str, at: usize) -> bool {
    match text.as_bytes()[..at].last() {
        None => true,
        Some(byte) if byte.is_ascii() => !byte.is_ascii_alphanumeric(),
        Some(_) => {
            let before = text.get(..at).and_then(|head| head.chars().next_back());
            before.is_none_or(|c| !is_joined(c))
        }
    }
}

/// Whether no letter or digit stands behind.
pub(super) fn ends(text: &str, at: usize) -> bool {
    match text.as_bytes().get(at) {
        None => true,
        Some(byte) if byte.is_ascii() => !byte.is_ascii_alphanumeric(),
        Some(_) => {
            let next = text.get(at..).and_then(|tail| tail.chars().next());
            next.is_none_or(|c| !is_joined(c))
        }
    }
}

/// The byte that many characters before.
pub(super) fn back(text: &str, at: usize, count: usize) -> usize {
    let bytes = text.as_bytes();
    let bytes = bytes.get(..at).unwrap_or(bytes);
    let near = bytes.len().saturating_sub(count);
    if bytes[near..].is_ascii() {
        return near;
    }
    let head = text.get(..at).unwrap_or_default();
    head.char_indices()
        .rev()
        .nth(count - 1)
        .map_or(0, |(at, _)| at)
}

/// The byte that many characters behind.
pub(super) fn forth(text: &str, at: usize, count: usize) -> usize {
    let bytes = text.as_bytes();
    let near = bytes.len().min(at + count);
    if bytes.get(at..near).unwrap_or_default().is_ascii() {
        return near;
    }
    let tail = text.get(at..).unwrap_or_default();
    tail.char_indices()
        .nth(count)
        .map_or(text.len(), |(more, _)| at + more)
}

/// The next byte from `from` on for which `is` holds. `is` should be arithmetic, so that many bytes
/// are looked at together.
#[inline]
pub(crate) fn next(bytes: &[u8], from: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    const TOGETHER: usize = 32;
    let mut at = from;
    for chunk in bytes.get(from..)?.chunks(TOGETHER) {
        if chunk.iter().fold(false, |any, byte| any | is(*byte)) {
            return chunk
                .iter()
                .position(|byte| is(*byte))
                .map(|place| at + place);
        }
        at += TOGETHER;
    }
    None
}

/// Bytes that a mask tells of.
pub(super) const BLOCK: usize = 64;

/// A bit for each of the next bytes from `from` on for which `is` holds, the lowest for the first. `is`
/// should be arithmetic, so that many bytes are looked at together. Bytes behind the end have none.
#[inline]
pub(super) fn mask(bytes: &[u8], from: usize, is: impl Fn(u8) -> bool) -> u64 {
    let rest = bytes.get(from..).unwrap_or_default();
    let mut flags = [0; BLOCK];
    match rest.first_chunk::<BLOCK>() {
        Some(block) => {
            for (flag, byte) in flags.iter_mut().zip(block) {
                *flag = u8::from(is(*byte));
            }
        }
        None => {
            for (flag, byte) in flags.iter_mut().zip(rest) {
                *flag = u8::from(is(*byte));
            }
        }
    }
    // The product moves the lowest bit of each of eight bytes into the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (eights, _) = flags.as_chunks();
    eights.iter().rev().fold(0, |bits, eight| {
        bits << 8 | u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56
    })
}

/// The places of the bits that are set, the lowest first.
pub(super) fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        (place < BLOCK).then_some(place)
    })
}
