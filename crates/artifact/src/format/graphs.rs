// SPDX-License-Identifier: Apache-2.0
//! Graphs in protocol buffers. Nothing in the bytes says which: the shape of the messages does.

mod coreml;
mod onnx;
mod paddle;
mod sentencepiece;
mod tensorflow;

pub(super) use paddle::is_hostile as is_hostile_paddle;
pub(super) use tensorflow::{is_hostile as is_hostile_operator, scan_text};

use super::proto;
use crate::{identify, place::Place, scan::Scan};

/// Reads a graph, if bytes have the shape of one.
pub(super) fn scan(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) -> Option<&'static str> {
    // The first byte is the key of a field below 16 with a number or a length.
    if !matches!(bytes.first(), Some(key) if matches!(key & 7, 0 | 2) && *key > 7 && *key < 0x80)
        || identify::is_text(bytes)
    {
        return None;
    }
    let Some(fields) = proto::message(bytes) else {
        return onnx::broken(scan, bytes, place).then_some("onnx");
    };
    if onnx::scan(scan, &fields, place) {
        return Some("onnx");
    }
    if let Some(name) = tensorflow::scan(scan, &fields, place) {
        return Some(name);
    }
    if sentencepiece::scan(scan, &fields) {
        return Some("sentencepiece");
    }
    if is_fingerprint(&fields) {
        scan.format("tensorflow-fingerprint");
        return Some("tensorflow-fingerprint");
    }
    if is_keras_metadata(&fields) {
        scan.format("keras-metadata");
        super::hdf5::embedded_keras(scan, bytes, place);
        return Some("keras-metadata");
    }
    if coreml::scan(scan, &fields, place) {
        return Some("coreml");
    }
    paddle::scan(scan, &fields, place).then_some("paddle")
}

/// The layers beside an older saved model of Keras: nodes, each with what it is and JSON.
fn is_keras_metadata(fields: &[(u32, proto::Value<'_>)]) -> bool {
    let is_node = |bytes: &[u8]| {
        proto::message(bytes).is_some_and(|node| {
            let known = node.iter().all(|(field, _)| matches!(field, 2..=6));
            known && proto::text(&node, 4).starts_with("_tf_keras_")
        })
    };
    let mut nodes = proto::parts(fields, 1).peekable();
    nodes.peek().is_some() && fields.iter().all(|(field, _)| *field == 1) && nodes.all(is_node)
}

/// The digests beside a saved model: five numbers, a version, an identifier.
fn is_fingerprint(fields: &[(u32, proto::Value<'_>)]) -> bool {
    use proto::Value::{Bytes, Number};
    let known = |(field, value): &(u32, proto::Value<'_>)| match value {
        Number(_) => matches!(field, 1..=5),
        Bytes(bytes) => matches!(field, 6 | 7) && bytes.len() <= 64,
        proto::Value::Fixed => false,
    };
    let numbers = fields
        .iter()
        .filter(|(_, value)| matches!(value, Number(_)));
    numbers.count() >= 3 && fields.len() <= 7 && fields.iter().all(known)
}

/// Messages within one another.
const DEPTH: usize = 24;
/// Nodes of one graph that are looked at.
const MOST: usize = 2_000_000;
