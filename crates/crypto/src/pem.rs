// SPDX-License-Identifier: Apache-2.0
//! PEM (RFC 7468): blocks of base64 with a label, between texts that mean nothing.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::{Zeroize as _, Zeroizing};

use crate::CryptoError;

/// Bytes of a PEM file that are read at most: trust stores of operating systems fit.
const MAX: usize = 8 << 20;

/// A block. Its bytes are wiped: they may be a key.
pub(crate) struct Block {
    pub(crate) label: String,
    /// Whether lines like `Proc-Type: 4,ENCRYPTED` stand before the data.
    pub(crate) has_headers: bool,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// All blocks of a text.
pub(crate) fn blocks(text: &[u8]) -> Result<Vec<Block>, CryptoError> {
    if text.len() > MAX {
        return Err(malformed("it is too large"));
    }
    let text = std::str::from_utf8(text).map_err(|_| malformed("it is not text"))?;
    let mut lines = text.lines().map(str::trim);
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(label) = delimiter(line, "-----BEGIN ") {
            blocks.push(block(label, &mut lines)?);
        }
    }
    Ok(blocks)
}

fn block<'a>(label: &str, lines: &mut impl Iterator<Item = &'a str>) -> Result<Block, CryptoError> {
    let (mut data, mut has_headers) = (Zeroizing::new(String::new()), false);
    for line in lines {
        if let Some(end) = delimiter(line, "-----END ") {
            if end != label {
                return Err(malformed("its blocks overlap"));
            }
            let bytes = match has_headers {
                true => Vec::new(),
                false => STANDARD
                    .decode(data.as_bytes())
                    .map_err(|_| malformed("a block is not base64"))?,
            };
            return Ok(Block {
                label: label.to_owned(),
                has_headers,
                bytes: Zeroizing::new(bytes),
            });
        }
        has_headers |= line.contains(':');
        data.push_str(line);
    }
    Err(malformed("a block has no end"))
}

fn delimiter<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

/// A block in lines of 64 columns with a newline behind the last, as everybody writes it.
pub(crate) fn write(label: &str, bytes: &[u8]) -> Zeroizing<String> {
    let mut data = STANDARD.encode(bytes);
    let mut out = Zeroizing::new(String::with_capacity(data.len() + 128));
    out.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = data.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    data.zeroize();
    out
}

pub(crate) fn malformed(why: &str) -> CryptoError {
    CryptoError::Malformed {
        what: "the PEM file",
        why: why.to_owned(),
    }
}
