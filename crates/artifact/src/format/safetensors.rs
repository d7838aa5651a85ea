// SPDX-License-Identifier: Apache-2.0
//! safetensors: a header in JSON, and numbers that fill the rest exactly.

use super::{
    hidden,
    json::{self, Leaf},
};
use crate::{bytes::little, place::Place, rule, scan::Scan};

/// The longest header that readers take.
const MOST: u64 = 100_000_000;

/// Where the header ends, if the beginning of a file of `length` bytes could be one.
pub(crate) fn header_length(bytes: &[u8], length: u64) -> Option<usize> {
    let header = little(bytes.get(..8)?);
    let fits = (2..=MOST).contains(&header) && header + 8 <= length;
    (fits && begins(bytes)).then(|| 8 + header as usize)
}

/// Whether the header begins as an object does. Numbers can begin with a brace by chance.
fn begins(bytes: &[u8]) -> bool {
    let header = bytes.get(8..).unwrap_or_default();
    let said = usize::try_from(bytes.get(..8).map_or(0, little)).unwrap_or(24);
    let first = header.get(..said.min(24)).unwrap_or(header);
    let second = first
        .get(1..)
        .unwrap_or_default()
        .trim_ascii_start()
        .first();
    first.starts_with(b"{")
        && matches!(second, Some(b'"' | b'}'))
        && first
            .iter()
            .all(|byte| *byte >= 0x20 || b"\t\n\r".contains(byte))
}

/// Reads the header, if this is one; `length` is that of the whole file.
pub(crate) fn scan_header(scan: &mut Scan<'_>, bytes: &[u8], length: u64, place: &Place) -> bool {
    let Some(end) = header_length(bytes, length) else {
        // A header that promises more than there is.
        let said = bytes.get(..8).map_or(0, little);
        let begins = begins(bytes) && bytes.len() > 16 && (2..=MOST * 16).contains(&said);
        if begins {
            scan.format("safetensors");
            let why = "the header is longer than the file or than any reader takes".to_owned();
            scan.found(&rule::SAFETENSORS_MALFORMED, place.whole(), why);
        }
        return begins;
    };
    scan.format("safetensors");
    let header = bytes.get(8..end).unwrap_or_default();
    let broken = |scan: &mut Scan<'_>, why: String| {
        scan.found(&rule::SAFETENSORS_MALFORMED, place.at(8), why);
    };
    let mut tensors = Vec::new();
    let mut tensor = Tensor::default();
    let mut odd = None;
    let mut texts = Vec::new();
    let walked = json::walk(header, &mut |path, leaf| match (path, leaf) {
        ([], Leaf::Open | Leaf::Close) => {}
        ([], _) => odd = Some("the header is no object".to_owned()),
        (["__metadata__"], Leaf::Open) => {}
        (["__metadata__", name], Leaf::Text(text)) => {
            texts.push(((*name).to_owned(), text.to_owned()))
        }
        (["__metadata__", ..], Leaf::Close) => {}
        (["__metadata__", ..], _) => odd = Some("metadata that is no text".to_owned()),
        ([_], Leaf::Open) => tensor = Tensor::default(),
        ([name], Leaf::Close) => match std::mem::take(&mut tensor).range() {
            Ok(range) => tensors.push(range),
            Err(why) => odd = Some(format!("tensor `{name}`: {why}")),
        },
        ([_, "dtype"], Leaf::Text(kind)) => tensor.bits = bits(kind),
        ([_, "shape"], Leaf::Number(number)) => tensor.shape(number),
        ([_, "data_offsets"], Leaf::Number(number)) => tensor.offset(number),
        ([_, "shape" | "data_offsets"], Leaf::Open | Leaf::Close) => {}
        _ => odd = Some("a member that tensors do not have".to_owned()),
    });
    for (name, text) in &texts {
        hidden::text(scan, text, &place.member(name));
    }
    if let Err((at, why)) = walked {
        broken(scan, format!("at byte {at} of the header: {why}"));
        return true;
    }
    if let Some(why) = odd {
        broken(scan, why);
        return true;
    }
    tensors.sort_unstable();
    let mut at = 0;
    for (start, stop) in tensors {
        if start != at {
            broken(
                scan,
                format!("a gap or an overlap at byte {at} of the tensors"),
            );
            return true;
        }
        at = stop;
    }
    let rest = length - end as u64;
    if at != rest {
        broken(
            scan,
            format!("tensors of {at} bytes in a file that has {rest} for them"),
        );
    }
    true
}

/// Bits of an item of a type.
fn bits(kind: &str) -> Option<u64> {
    Some(match kind {
        "F4" | "F4_E2M1" => 4,
        "F6_E2M3" | "F6_E3M2" => 6,
        "BOOL" | "I8" | "U8" | "F8_E4M3" | "F8_E5M2" | "F8_E8M0" | "F8_E4M3FNUZ"
        | "F8_E5M2FNUZ" => 8,
        "I16" | "U16" | "F16" | "BF16" => 16,
        "I32" | "U32" | "F32" => 32,
        "I64" | "U64" | "F64" | "C64" => 64,
        "C128" => 128,
        _ => return None,
    })
}

#[derive(Debug, Default)]
struct Tensor {
    bits: Option<u64>,
    count: Option<Option<u64>>,
    offsets: Vec<u64>,
    is_odd: bool,
}

impl Tensor {
    fn shape(&mut self, number: &str) {
        let length: Option<u64> = number.parse().ok();
        let count = self.count.unwrap_or(Some(1));
        self.count = Some(
            count
                .zip(length)
                .and_then(|(count, length)| count.checked_mul(length)),
        );
    }

    fn offset(&mut self, number: &str) {
        match number.parse() {
            Ok(offset) if self.offsets.len() < 2 => self.offsets.push(offset),
            _ => self.is_odd = true,
        }
    }

    fn range(self) -> Result<(u64, u64), &'static str> {
        let [start, stop] = *self.offsets else {
            return Err("no two offsets");
        };
        let bits = self.bits.ok_or("a type that does not exist")?;
        // No shape at all is a single number.
        let count = self
            .count
            .unwrap_or(Some(1))
            .ok_or("a shape that is too large")?;
        let size = count.checked_mul(bits).ok_or("a shape that is too large")?;
        match stop.checked_sub(start) {
            Some(length) if !self.is_odd && size.is_multiple_of(8) && size / 8 == length => {
                Ok((start, stop))
            }
            _ => Err("shape and offsets do not agree"),
        }
    }
}
