// SPDX-License-Identifier: Apache-2.0
//! Server-sent events, as far as providers use them (WHATWG HTML, section 9.2).

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// A frame larger than this ends the stream.
const MAX_FRAME: usize = 4 << 20;

/// An event stream was not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SseError {
    #[error("the upstream sent an event larger than {MAX_FRAME} bytes")]
    TooLarge,
}

/// One event with the blank line that ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    /// The data, when the frame has exactly one `data` line.
    pub(crate) data: Option<Range<usize>>,
    /// More than one data line: to be put together before it is understood.
    pub(crate) joined: Option<Bytes>,
    /// The event's name.
    pub(crate) event: Option<Range<usize>>,
}

impl Frame {
    /// The event's name, if it is text.
    pub(crate) fn name(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes.get(self.event.clone()?)?).ok()
    }

    /// The frame's data as one piece.
    pub(crate) fn payload(&self) -> Option<Bytes> {
        match (&self.data, &self.joined) {
            (Some(range), _) => Some(self.bytes.slice(range.clone())),
            (None, Some(joined)) => Some(joined.clone()),
            (None, None) => None,
        }
    }
}

/// Cuts bytes into frames, whatever pieces they arrive in.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    buffer: BytesMut,
    /// Bytes that were searched already.
    searched: usize,
}

impl Frames {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, SseError> {
        loop {
            let Some(end) = frame_end(&self.buffer, self.searched) else {
                if self.buffer.len() > MAX_FRAME {
                    return Err(SseError::TooLarge);
                }
                self.searched = self.buffer.len().saturating_sub(3);
                return Ok(None);
            };
            self.searched = 0;
            if end > MAX_FRAME {
                return Err(SseError::TooLarge);
            }
            let frame = frame_of(self.buffer.split_to(end).freeze());
            // Comments and blank lines keep connections open and say nothing.
            if frame.data.is_some() || frame.joined.is_some() {
                return Ok(Some(frame));
            }
        }
    }

    /// What is left when the upstream ends without a blank line.
    pub(crate) fn rest(&mut self) -> Option<Frame> {
        if self.buffer.is_empty() {
            return None;
        }
        let mut rest = std::mem::take(&mut self.buffer);
        rest.extend_from_slice(b"\n\n");
        let frame = frame_of(rest.freeze());
        (frame.data.is_some() || frame.joined.is_some()).then_some(frame)
    }
}

/// Where the first frame ends: behind a blank line, with any of the three line ends.
fn frame_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(step) = memchr::memchr2(b'\n', b'\r', bytes.get(at..)?) {
        let line = at + step;
        match &bytes[line..] {
            [b'\n', b'\n', ..] | [b'\r', b'\r', ..] => return Some(line + 2),
            [b'\n', b'\r', b'\n', ..] => return Some(line + 3),
            [b'\r', b'\n', b'\r', b'\n', ..] => return Some(line + 4),
            [b'\r', b'\n', b'\n', ..] => return Some(line + 3),
            _ => at = line + 1,
        }
    }
    None
}

fn frame_of(bytes: Bytes) -> Frame {
    let mut first: Option<Range<usize>> = None;
    let mut joined: Option<BytesMut> = None;
    let mut event = None;
    let mut at = 0;
    while at < bytes.len() {
        let length = memchr::memchr2(b'\n', b'\r', &bytes[at..]).unwrap_or(bytes.len() - at);
        let line = &bytes[at..at + length];
        if let Some(value) = line.strip_prefix(b"data:") {
            let skip = 5 + usize::from(value.first() == Some(&b' '));
            let range = at + skip..at + length;
            match (&first, &mut joined) {
                (None, None) => first = Some(range),
                (Some(one), _) => {
                    let mut all = BytesMut::from(&bytes[one.clone()]);
                    all.extend_from_slice(b"\n");
                    all.extend_from_slice(&bytes[range]);
                    joined = Some(all);
                    first = None;
                }
                (None, Some(all)) => {
                    all.extend_from_slice(b"\n");
                    all.extend_from_slice(&bytes[range]);
                }
            }
        }
        if let Some(value) = line.strip_prefix(b"event:") {
            let skip = 6 + usize::from(value.first() == Some(&b' '));
            event = Some(at + skip..at + length);
        }
        at += length + 1;
    }
    Frame {
        bytes,
        data: first,
        joined: joined.map(BytesMut::freeze),
        event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(stream: &[u8], cut: usize) -> Vec<Bytes> {
        let mut frames = Frames::default();
        let mut out = Vec::new();
        for piece in stream.chunks(cut) {
            frames.push(piece);
            while let Some(frame) = frames.next().unwrap() {
                out.extend(frame.payload());
            }
        }
        out.extend(frames.rest().and_then(|frame| frame.payload()));
        out
    }

    #[test]
    fn every_division_gives_the_same_frames() {
        let stream = b": hello\n\ndata: {\"a\":1}\n\nevent: x\r\ndata:{\"b\":2}\r\n\r\n\
            data: one\ndata: two\n\ndata: [DONE]\n\ndata: tail";
        let whole = payloads(stream, stream.len());
        let expected: [&[u8]; 5] = [b"{\"a\":1}", b"{\"b\":2}", b"one\ntwo", b"[DONE]", b"tail"];
        assert_eq!(whole, expected);
        for cut in 1..stream.len() {
            assert_eq!(payloads(stream, cut), whole, "pieces of {cut}");
        }
    }

    #[test]
    fn huge_frames_end_the_stream() {
        let mut frames = Frames::default();
        frames.push(&vec![b'a'; MAX_FRAME + 1]);
        assert_eq!(frames.next(), Err(SseError::TooLarge));
    }
}
