// SPDX-License-Identifier: Apache-2.0
//! TensorFlow Lite: the table of operators of a flat buffer.

use super::graphs::is_hostile_operator;
use crate::{bytes::little, place::Place, rule, scan::Scan};

/// Operators that are named as custom and come with the runtime.
const SHIPPED: &[&str] = &[
    "TFLite_Detection_PostProcess",
    "Mfcc",
    "AudioSpectrogram",
    "Convolution2DTransposeBias",
    "MaxPoolingWithArgmax2D",
    "MaxUnpooling2D",
    "TransposeConv",
    "RFFT2D",
    "edgetpu-custom-op",
    "NumericVerify",
    "HashtableV2",
];
const MOST: usize = 4_096;

/// Reads the operators of a model, if this is one.
pub(super) fn scan(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) -> bool {
    if bytes.get(4..8) != Some(b"TFL3") {
        return false;
    }
    scan.format("tflite");
    let Some(operators) = operators(bytes) else {
        let why = "tables that point outside of the file".to_owned();
        scan.found(&rule::TFLITE_MALFORMED, place.whole(), why);
        return true;
    };
    for operator in operators {
        let flex = operator.strip_prefix("Flex");
        if flex.is_some_and(is_hostile_operator) {
            let why = format!("the operator `{operator}`");
            scan.found(&rule::TENSORFLOW_OPERATOR, place.whole(), why);
        } else if flex.is_some() {
            let why = format!("the operator `{operator}` of the large TensorFlow");
            scan.found(&rule::TFLITE_CUSTOM, place.whole(), why);
        } else if !SHIPPED.contains(&operator.as_str()) {
            let why = format!("the operator `{operator}`");
            scan.found(&rule::TFLITE_CUSTOM, place.whole(), why);
        }
    }
    true
}

/// Whether bytes are a model whose tables can be read.
pub(crate) fn is_model(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"TFL3") && operators(bytes).is_some()
}

/// Names of custom operators.
fn operators(bytes: &[u8]) -> Option<Vec<String>> {
    let buffer = Buffer(bytes);
    let model = buffer.follow(0)?;
    let codes = buffer.field(model, 1)?;
    let Some(codes) = codes else {
        return Some(Vec::new());
    };
    let codes = buffer.follow(codes)?;
    let count = buffer.u32(codes)? as usize;
    if count > MOST {
        return None;
    }
    // The other tables have to be there as well: subgraphs and buffers.
    for field in [2, 4] {
        if let Some(at) = buffer.field(model, field)? {
            let vector = buffer.follow(at)?;
            let length = buffer.u32(vector)? as usize;
            for item in 0..length.min(MOST) {
                buffer.follow(vector + 4 + item * 4)?;
            }
        }
    }
    let mut names = Vec::new();
    for item in 0..count {
        let code = buffer.follow(codes + 4 + item * 4)?;
        if let Some(name) = buffer.field(code, 1)? {
            let text = buffer.follow(name)?;
            let length = buffer.u32(text)? as usize;
            let text = bytes.get(text + 4..(text + 4).checked_add(length)?)?;
            names.push(String::from_utf8_lossy(text).into_owned());
        }
    }
    Some(names)
}

struct Buffer<'a>(&'a [u8]);

impl Buffer<'_> {
    fn u32(&self, at: usize) -> Option<u32> {
        Some(little(self.0.get(at..at.checked_add(4)?)?) as u32)
    }

    fn u16(&self, at: usize) -> Option<u16> {
        Some(little(self.0.get(at..at.checked_add(2)?)?) as u16)
    }

    /// What an offset points to.
    fn follow(&self, at: usize) -> Option<usize> {
        let target = at.checked_add(self.u32(at)? as usize)?;
        (target < self.0.len()).then_some(target)
    }

    /// Where a field of a table stands; outer none if the table is broken, inner if it has none.
    fn field(&self, table: usize, field: usize) -> Option<Option<usize>> {
        let back = self.u32(table)? as i32;
        let vtable = usize::try_from(i64::try_from(table).ok()? - i64::from(back)).ok()?;
        let size = usize::from(self.u16(vtable)?);
        let entry = 4 + field * 2;
        if entry + 2 > size {
            return Some(None);
        }
        Some(match self.u16(vtable + entry)? {
            0 => None,
            offset => Some(table + usize::from(offset)),
        })
    }
}
