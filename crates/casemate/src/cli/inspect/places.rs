// SPDX-License-Identifier: Apache-2.0
//! Where findings stand in a file: lines, columns and offsets in bytes and in characters.

use std::cell::Cell;

/// Bytes of text between two places that are remembered.
const STEP: usize = 4096;
/// The sign at the beginning of a file that says how it is written; no part of its text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Places of a file whose wrong bytes were replaced by U+FFFD before looking.
pub(super) struct Places<'a> {
    bytes: &'a [u8],
    marks: Vec<Place>,
    /// Where the last question led: findings come in the order of the text.
    last: Cell<Place>,
    /// Characters in front of the text that do not count.
    hidden: usize,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Bytes before it in the text that was looked at.
    text: usize,
    /// Bytes before it in the file.
    pub(super) byte: usize,
    /// Characters before it.
    chars: usize,
    /// Lines before its own.
    lines: usize,
    /// Where its line begins, in bytes of the file and in characters.
    line_byte: usize,
    line_char: usize,
}

impl Place {
    /// From 1.
    pub(super) const fn line(&self) -> usize {
        self.lines + 1
    }

    /// In bytes from 1.
    pub(super) const fn column(&self) -> usize {
        self.byte - self.line_byte + 1
    }

    fn pass(&mut self, c: char, bytes: usize) {
        self.text += c.len_utf8();
        self.byte += bytes;
        self.chars += 1;
        if c == '\n' {
            self.lines += 1;
            (self.line_byte, self.line_char) = (self.byte, self.chars);
        }
    }
}

/// A stretch of text in characters, as SARIF counts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) start_line: usize,
    pub(super) start_column: usize,
    pub(super) end_line: usize,
    /// Of the first character behind it.
    pub(super) end_column: usize,
    /// From 0.
    pub(super) offset: usize,
    pub(super) length: usize,
}

impl<'a> Places<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut marks = vec![Place::default()];
        walk(bytes, Place::default(), |place| {
            let last = marks.last().map_or(0, |mark| mark.text);
            if place.text >= last + STEP {
                marks.push(place);
            }
            true
        });
        let hidden = usize::from(bytes.starts_with(BYTE_ORDER_MARK));
        Self {
            bytes,
            marks,
            last: Cell::default(),
            hidden,
        }
    }

    /// The place of a byte of the text.
    pub(super) fn at(&self, text: usize) -> Place {
        let before = self.marks.partition_point(|mark| mark.text <= text);
        let mark = before.checked_sub(1).and_then(|at| self.marks.get(at));
        let mark = mark.copied().unwrap_or_default();
        let last = self.last.get();
        let from = match (mark.text..=text).contains(&last.text) {
            true => last,
            false => mark,
        };
        // Text is never shorter than the file, and no character longer than four bytes.
        let upto = self.bytes.len().min(from.byte + text - from.text + 4);
        let near = self.bytes.get(..upto).unwrap_or_default();
        let place = walk(near, from, |place| place.text < text);
        self.last.set(place);
        place
    }

    /// A stretch of the text.
    pub(super) fn region(&self, span: &std::ops::Range<usize>) -> Region {
        let (start, end) = (self.at(span.start), self.at(span.end));
        let offset = |place: &Place| place.chars.saturating_sub(self.hidden);
        let column = |place: &Place| {
            let hidden = if place.lines == 0 { self.hidden } else { 0 };
            (place.chars - place.line_char).saturating_sub(hidden) + 1
        };
        Region {
            start_line: start.line(),
            start_column: column(&start),
            end_line: end.line(),
            end_column: column(&end),
            offset: offset(&start),
            length: offset(&end) - offset(&start),
        }
    }
}

/// Goes on from a place, character by character, as long as it is told to.
fn walk(bytes: &[u8], from: Place, mut goes_on: impl FnMut(Place) -> bool) -> Place {
    let mut place = from;
    if !goes_on(place) {
        return place;
    }
    for chunk in bytes.get(from.byte..).unwrap_or_default().utf8_chunks() {
        for c in chunk.valid().chars() {
            place.pass(c, c.len_utf8());
            if !goes_on(place) {
                return place;
            }
        }
        let wrong = chunk.invalid().len();
        if wrong > 0 {
            place.pass(char::REPLACEMENT_CHARACTER, wrong);
            if !goes_on(place) {
                return place;
            }
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places counted the slow way, for every character of the text.
    fn check(bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let places = Places::new(bytes);
        let bom = text.starts_with('\u{feff}');
        let counted = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let before = text.len() - counted.len();
        let ends = counted.char_indices().map(|(at, _)| at);
        for at in ends.chain([counted.len()]) {
            let head = &counted[..at];
            let line = head.matches('\n').count() + 1;
            let column = head.rsplit('\n').next().unwrap().chars().count() + 1;
            let region = places.region(&(before + at..text.len()));
            assert_eq!((region.start_line, region.start_column), (line, column));
            assert_eq!(region.offset, head.chars().count());
            assert_eq!(region.length, counted[at..].chars().count());
            let place = places.at(before + at);
            assert_eq!(
                String::from_utf8_lossy(&bytes[..place.byte]),
                text[..before + at]
            );
            assert_eq!(places.at(before + at).line(), line);
        }
        // In no order.
        for at in (0..text.len())
            .step_by(7)
            .map(|at| text.floor_char_boundary(at * 31 % text.len()))
        {
            assert_eq!(places.at(at), Places::new(bytes).at(at));
        }
        if bom {
            assert_eq!(places.region(&(0..0)).start_column, 1);
        }
    }

    #[test]
    fn places_are_those_of_a_slow_count() {
        let long: Vec<u8> = "zwölf Boxkämpfer 漢字 🦀\r\n\n".repeat(400).into_bytes();
        let noise: Vec<u8> = (0..=255).cycle().take(9000).collect();
        let cut = ["🦀".repeat(2000).as_bytes(), b"\xF0\x9F\xA6\n\xFF\xFFa"].concat();
        let bom = [BYTE_ORDER_MARK, "é\nada".as_bytes()].concat();
        for bytes in [
            b"" as &[u8],
            b"\n",
            b"a",
            b"\xFF",
            b"\xEF\xBB\xBF",
            b"\xEF\xBB",
            &long,
            &noise,
            &cut,
            &bom,
        ] {
            check(bytes);
        }
    }
}
