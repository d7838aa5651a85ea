// SPDX-License-Identifier: Apache-2.0
//! Messages of protocol buffers.

/// A field with bytes.
pub(crate) fn bytes(field: u32, value: &[u8]) -> Vec<u8> {
    [
        varint(u64::from(field) << 3 | 2),
        varint(value.len() as u64),
        value.to_vec(),
    ]
    .concat()
}

/// A field with a text.
pub(crate) fn text(field: u32, value: &str) -> Vec<u8> {
    bytes(field, value.as_bytes())
}

/// A field with a number.
pub(crate) fn number(field: u32, value: u64) -> Vec<u8> {
    [varint(u64::from(field) << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A model of one node.
pub(crate) fn onnx(operator: &str, domain: &str, more: &[u8]) -> Vec<u8> {
    let node = [
        text(1, "x"),
        text(2, "y"),
        text(4, operator),
        text(7, domain),
    ]
    .concat();
    onnx_graph(&[bytes(1, &node), text(2, "graph"), more.to_vec()].concat())
}

/// A model of a graph.
pub(crate) fn onnx_graph(graph: &[u8]) -> Vec<u8> {
    [
        number(1, 8),
        text(2, "maker"),
        bytes(7, graph),
        bytes(8, &number(2, 17)),
    ]
    .concat()
}

/// A saved model of one operator.
pub(crate) fn saved_model(operator: &str) -> Vec<u8> {
    let node = [text(1, "node"), text(2, operator)].concat();
    let meta = [bytes(1, &text(4, "serve")), bytes(2, &bytes(1, &node))].concat();
    [number(1, 1), bytes(2, &meta)].concat()
}
