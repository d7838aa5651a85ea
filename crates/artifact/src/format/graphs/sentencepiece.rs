// SPDX-License-Identifier: Apache-2.0
//! sentencepiece: pieces of text with scores. There is nothing in it that runs.

use super::super::proto::{self, Value};
use crate::scan::Scan;

/// Reads a tokenizer's model, if these are its fields.
pub(super) fn scan(scan: &mut Scan<'_>, fields: &[(u32, Value<'_>)]) -> bool {
    let known =
        |(field, value): &(u32, Value<'_>)| matches!((field, value), (1..=5, Value::Bytes(_)));
    let is_piece = |bytes: &[u8]| {
        proto::message(bytes).is_some_and(|piece| {
            let known = |(field, value): &(u32, Value<'_>)| {
                matches!(
                    (field, value),
                    (1, Value::Bytes(_)) | (2, Value::Fixed) | (3, Value::Number(1..=6))
                )
            };
            let has_score = piece.iter().any(|(field, _)| *field == 2);
            has_score && piece.iter().all(known)
        })
    };
    let mut pieces = proto::parts(fields, 1).peekable();
    let has_trainer = proto::parts(fields, 2).next().is_some();
    let fits = pieces.peek().is_some() && has_trainer && fields.iter().all(known);
    if !fits || !pieces.all(is_piece) {
        return false;
    }
    scan.format("sentencepiece");
    true
}
