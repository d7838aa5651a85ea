// SPDX-License-Identifier: Apache-2.0
//! Doors for fuzz targets into parsers that are otherwise private.

use crate::{
    dialect::{Dialect, Endpoint, answer_sites, parse_event, parse_request},
    json::Tape,
    sse::Frames,
};

/// Parses bytes as a request of every endpoint, and as an answer.
pub fn dialects(bytes: &[u8]) {
    let Ok(tape) = Tape::parse(bytes) else { return };
    for endpoint in Endpoint::ALL {
        let _ = parse_request(*endpoint, &tape);
    }
    for dialect in [Dialect::Anthropic, Dialect::OpenAi] {
        let _ = parse_event(dialect, &tape);
    }
    for site in answer_sites(&tape) {
        let _ = site.value.text_mapped();
    }
}

/// Cuts bytes into events in pieces of `size`; gives the payloads.
#[must_use]
pub fn events(bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut frames = Frames::default();
    let mut out = Vec::new();
    for piece in bytes.chunks(size.max(1)) {
        frames.push(piece);
        while let Ok(Some(frame)) = frames.next() {
            out.extend(frame.payload().map(|payload| payload.to_vec()));
        }
    }
    out.extend(
        frames
            .rest()
            .and_then(|frame| frame.payload())
            .map(|payload| payload.to_vec()),
    );
    out
}
