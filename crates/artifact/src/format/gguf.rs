// SPDX-License-Identifier: Apache-2.0
//! GGUF: metadata, descriptions of tensors, tensors. The metadata can hold a chat template.

use super::{hidden, jinja};
use crate::{bytes::Reader, place::Place, rule, scan::Scan};

const MAGIC: &[u8] = b"GGUF";
const MOST_KEYS: u64 = 1 << 16;
const MOST_TENSORS: u64 = 1 << 18;
const MOST_ITEMS: u64 = 1 << 28;
const MOST_DEPTH: u32 = 4;

/// How much of a file is needed to scan it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadLength {
    Known(usize),
    /// More than was given.
    Longer,
    /// It is no GGUF file, or a broken one.
    No,
}

/// Where the descriptions of tensors end.
pub(crate) fn head_length(bytes: &[u8]) -> HeadLength {
    match Head::read(bytes) {
        Ok(head) => HeadLength::Known(head.end),
        Err(Broken::Cut) if bytes.starts_with(MAGIC) => HeadLength::Longer,
        Err(_) => HeadLength::No,
    }
}

/// Reads what stands before the tensors; `length` is that of the whole file.
pub(crate) fn scan_head(scan: &mut Scan<'_>, bytes: &[u8], length: u64, place: &Place) -> bool {
    if !bytes.starts_with(MAGIC) {
        return false;
    }
    scan.format("gguf");
    let head = match Head::read(bytes) {
        Ok(head) => head,
        Err(broken) => {
            let why = broken.as_str().to_owned();
            scan.found(&rule::GGUF_MALFORMED, place.whole(), why);
            return true;
        }
    };
    for (key, value) in &head.texts {
        let text = String::from_utf8_lossy(value.get(8..).unwrap_or_default());
        let inner = place.member(key);
        if key.to_ascii_lowercase().contains("template") {
            jinja::scan(scan, &text, &inner);
        } else {
            hidden::text(scan, &text, &inner);
        }
    }
    if let Err(why) = head.check(length) {
        scan.found(&rule::GGUF_MALFORMED, place.at(head.end), why);
    }
    true
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Cut,
    Odd(&'static str),
}

impl Broken {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Cut => "it ends within the metadata",
            Self::Odd(why) => why,
        }
    }
}

#[derive(Debug)]
struct Head<'a> {
    /// Texts with their keys, each with its length in front.
    texts: Vec<(&'a str, &'a [u8])>,
    /// Offset and bytes of each.
    tensors: Vec<(u64, u64)>,
    alignment: u64,
    end: usize,
}

impl<'a> Head<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Broken> {
        let mut reader = Reader::new(bytes);
        if reader.take(4).ok_or(Broken::Cut)? != MAGIC {
            return Err(Broken::Odd("no GGUF"));
        }
        let version = reader.u32().ok_or(Broken::Cut)?;
        if !(2..=3).contains(&version) {
            return Err(Broken::Odd("a version that does not exist"));
        }
        let tensors = reader.u64().ok_or(Broken::Cut)?;
        let keys = reader.u64().ok_or(Broken::Cut)?;
        if keys > MOST_KEYS || tensors > MOST_TENSORS {
            return Err(Broken::Odd("more keys or tensors than any model has"));
        }
        let mut head = Self {
            texts: Vec::new(),
            tensors: Vec::new(),
            alignment: 32,
            end: 0,
        };
        for _ in 0..keys {
            let key = text(&mut reader)?;
            let kind = reader.u32().ok_or(Broken::Cut)?;
            let at = reader.at();
            skip(&mut reader, kind, 0)?;
            let value = bytes.get(at..reader.at()).unwrap_or_default();
            match kind {
                8 => head.texts.push((key, value)),
                9 if key.to_ascii_lowercase().contains("template") => head.items(key, value),
                _ => {}
            }
            if key == "general.alignment" && kind == 4 {
                head.alignment = crate::bytes::little(value);
            }
        }
        if !head.alignment.is_power_of_two() || head.alignment > 1 << 20 {
            return Err(Broken::Odd("an alignment that is no power of two"));
        }
        for _ in 0..tensors {
            let tensor = tensor(&mut reader)?;
            head.tensors.push(tensor);
        }
        head.end = reader.at();
        Ok(head)
    }

    /// The texts of an array.
    fn items(&mut self, key: &'a str, value: &'a [u8]) {
        let mut reader = Reader::new(value);
        let (Some(8), Some(count)) = (reader.u32(), reader.u64()) else {
            return;
        };
        for _ in 0..count {
            let at = reader.at();
            if text(&mut reader).is_err() {
                return;
            }
            self.texts
                .push((key, value.get(at..reader.at()).unwrap_or_default()));
        }
    }

    /// Whether the tensors lie within the file, one behind the other, and nothing behind them.
    fn check(&self, length: u64) -> Result<(), String> {
        let begin = (self.end as u64).next_multiple_of(self.alignment);
        let mut tensors = self.tensors.clone();
        tensors.sort_unstable();
        let mut at = 0_u64;
        for (offset, size) in tensors {
            if offset % self.alignment != 0 || offset < at {
                return Err("tensors that overlap or are not aligned".to_owned());
            }
            at = offset.checked_add(size).ok_or("a tensor without an end")?;
        }
        let end = begin.checked_add(at).ok_or("tensors without an end")?;
        if end > length && at > 0 {
            return Err(format!("tensors up to byte {end} in a file of {length}"));
        }
        let padded = end.next_multiple_of(self.alignment);
        match length > padded {
            true => Err(format!("{} bytes behind the tensors", length - padded)),
            false => Ok(()),
        }
    }
}

fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Broken> {
    let length = reader.u64().ok_or(Broken::Cut)?;
    let length = usize::try_from(length).map_err(|_| Broken::Odd("a text without an end"))?;
    if length > 1 << 30 {
        return Err(Broken::Odd("a text longer than any model has"));
    }
    let bytes = reader.take(length).ok_or(Broken::Cut)?;
    // Tokens need not be UTF-8; keys and templates are.
    Ok(std::str::from_utf8(bytes).unwrap_or(""))
}

fn skip(reader: &mut Reader<'_>, kind: u32, depth: u32) -> Result<(), Broken> {
    if depth > MOST_DEPTH {
        return Err(Broken::Odd("arrays within arrays without an end"));
    }
    match kind {
        8 => drop(text(reader)?),
        9 => {
            let inner = reader.u32().ok_or(Broken::Cut)?;
            let count = reader.u64().ok_or(Broken::Cut)?;
            if count > MOST_ITEMS {
                return Err(Broken::Odd("an array longer than any model has"));
            }
            if let Some(width) = width(inner) {
                reader.take(count as usize * width).ok_or(Broken::Cut)?;
            } else {
                for _ in 0..count {
                    skip(reader, inner, depth + 1)?;
                }
            }
        }
        _ => {
            let width = width(kind).ok_or(Broken::Odd("a type of value that does not exist"))?;
            reader.take(width).ok_or(Broken::Cut)?;
        }
    }
    Ok(())
}

const fn width(kind: u32) -> Option<usize> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}

fn tensor(reader: &mut Reader<'_>) -> Result<(u64, u64), Broken> {
    text(reader)?;
    let dimensions = reader.u32().ok_or(Broken::Cut)?;
    if dimensions > 8 {
        return Err(Broken::Odd("a tensor of more dimensions than there are"));
    }
    let mut count = 1_u64;
    for _ in 0..dimensions {
        let length = reader.u64().ok_or(Broken::Cut)?;
        count = count
            .checked_mul(length)
            .ok_or(Broken::Odd("a tensor without an end"))?;
    }
    let kind = reader.u32().ok_or(Broken::Cut)?;
    let offset = reader.u64().ok_or(Broken::Cut)?;
    let (items, bytes) = block(kind).ok_or(Broken::Odd("a type of tensor that does not exist"))?;
    if !count.is_multiple_of(items) {
        return Err(Broken::Odd("a tensor that does not fill its last block"));
    }
    let size = (count / items)
        .checked_mul(bytes)
        .ok_or(Broken::Odd("a tensor without an end"))?;
    Ok((offset, size))
}

/// Items and bytes of a block of a type of tensor.
const fn block(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 | 26 => (1, 4),
        1 | 25 | 30 => (1, 2),
        2 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        9 => (32, 40),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        15 => (256, 292),
        16 => (256, 66),
        17 => (256, 74),
        18 => (256, 98),
        19 => (256, 50),
        20 => (32, 18),
        21 => (256, 110),
        22 => (256, 82),
        23 => (256, 136),
        24 => (1, 1),
        27 | 28 => (1, 8),
        29 => (256, 56),
        34 => (256, 54),
        35 => (256, 66),
        39 => (32, 17),
        40 => (64, 36),
        41 => (128, 18),
        _ => return None,
    })
}
