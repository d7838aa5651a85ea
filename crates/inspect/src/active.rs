// SPDX-License-Identifier: Apache-2.0
//! Active content in answers: what runs or acts where an answer is shown without being escaped, in a
//! browser or a terminal (CWE-79, CWE-150; OWASP LLM05).
//!
//! What is found is the smallest part without which nothing runs, so the rest can still be read. It
//! is told from bytes before its end alone, as far back as a stream keeps them.

#[cfg(test)]
mod tests;

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, Input, MatchKind};
use casemate_types::{Finding, FindingKind};

/// The first byte of control characters above ASCII.
const C1: u8 = 0xc2;
/// Bytes in front of a handler in which its tag must begin; a stream keeps as many.
const TAG: usize = 96;
/// Letters of a handler's name.
const HANDLER: usize = 48;
/// Blanks around the `=` of a handler.
const BLANKS: usize = 8;
/// Tabs and line breaks inside a scheme, which browsers leave out.
const BREAKS: usize = 16;

/// Names of elements that run, load or send something.
const ELEMENTS: &[&str] = &[
    "applet", "base", "embed", "form", "frame", "iframe", "link", "math", "meta", "object",
    "script", "style", "svg",
];
/// Schemes whose addresses run, without their colon.
const SCHEMES: &[&[u8]] = &[b"javascript", b"vbscript"];
/// An address that is a page.
const PAGE: &[u8] = b"data:text/html";

/// Looks for active content.
#[derive(Debug)]
pub(crate) struct Active {
    elements: AhoCorasick,
}

impl Active {
    pub(crate) fn new() -> Result<Self, BuildError> {
        let elements = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::DFA))
            .build(ELEMENTS)?;
        Ok(Self { elements })
    }

    /// Finds what begins at `from` or later; what stands before is only looked back at.
    pub(crate) fn find(&self, text: &str, from: usize, found: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        // A stream asks this of every word, and hardly any has one of these signs.
        let sign = |byte: &u8| matches!(*byte, b'<' | b'=' | b':' | b';' | 0x1b | C1);
        if !bytes[from.saturating_sub(1)..].iter().any(sign) {
            return;
        }
        let mut add = |span: Option<Range<usize>>, rule| {
            let span = span.filter(|span| span.start >= from);
            found.extend(span.map(|span| Finding {
                kind: FindingKind::ActiveContent,
                span,
                rule,
                score: 1.0,
            }));
        };
        for at in memchr::memchr2_iter(0x1b, C1, &bytes[from..]) {
            add(control(bytes, from + at), "output.terminal");
        }
        for at in memchr::memchr_iter(b'=', &bytes[from..]) {
            add(handler(bytes, from + at), "output.handler");
        }
        for at in memchr::memchr2_iter(b':', b';', &bytes[from..]) {
            add(scheme(bytes, from + at), "output.scheme");
        }
        for slash in memchr::memchr_iter(b'/', &bytes[from..]) {
            add(page(bytes, from + slash), "output.scheme");
        }
        for hit in self
            .elements
            .find_iter(Input::new(text).range(from.saturating_sub(1)..))
        {
            add(element(bytes, hit.range()), "output.element");
        }
    }
}

/// A character that begins a sequence of commands to a terminal (ECMA-48).
fn control(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    if bytes[at] == 0x1b {
        return Some(at..at + 1);
    }
    // DCS, SOS, CSI, OSC, PM and APC.
    let begins = matches!(bytes.get(at + 1)?, 0x90 | 0x98 | 0x9b | 0x9d..=0x9f);
    begins.then_some(at..at + 2)
}

/// The name of an element behind its `<`.
fn element(bytes: &[u8], name: Range<usize>) -> Option<Range<usize>> {
    let before = name.start.checked_sub(1)?;
    let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    (bytes[before] == b'<' && !bytes.get(name.end).is_some_and(goes_on)).then_some(name)
}

/// The name of a handler and its `=`, which stands at `equals`, inside of a tag; with blanks between
/// them the sign alone.
fn handler(bytes: &[u8], equals: usize) -> Option<Range<usize>> {
    let end = equals - count_back(&bytes[..equals], BLANKS, is_blank);
    let start = end - count_back(&bytes[..end], HANDLER, |byte| byte.is_ascii_alphabetic());
    let name = &bytes[start..end];
    if name.len() < b"oncut".len() || !name[..2].eq_ignore_ascii_case(b"on") {
        return None;
    }
    let separated = |byte: u8| is_blank(byte) || matches!(byte, b'"' | b'\'' | b'/');
    if !separated(bytes[start.checked_sub(1)?]) || !is_in_tag(&bytes[..start]) {
        return None;
    }
    Some(if end == equals { start } else { equals }..equals + 1)
}

/// Whether an attribute can begin behind `before`.
fn is_in_tag(before: &[u8]) -> bool {
    let near = &before[before.len().saturating_sub(TAG)..];
    let opens = memchr::memchr_iter(b'<', near);
    let mut tags = opens.filter(|at| near.get(at + 1).is_some_and(u8::is_ascii_alphabetic));
    if tags.any(|at| is_open_tag(&near[at..])) {
        return true;
    }
    // The tag is longer than what is looked at, and a quoted value ends here.
    let far = near.len() == TAG && memchr::memchr2(b'<', b'>', near).is_none();
    let value = &near[..near.len() - count_back(near, BLANKS, is_blank)];
    far && matches!(value.last(), Some(b'"' | b'\''))
}

/// Whether a tag goes on to its end here, outside of its values.
fn is_open_tag(tag: &[u8]) -> bool {
    let mut quote = None;
    let mut last = b'<';
    for byte in tag {
        match quote {
            Some(mark) if mark == *byte => quote = None,
            Some(_) => {}
            None if *byte == b'>' => return false,
            // Elsewhere a quotation mark is a letter of a name or value.
            None if matches!(byte, b'"' | b'\'') && last == b'=' => quote = Some(*byte),
            None => {}
        }
        if !is_blank(*byte) {
            last = *byte;
        }
    }
    quote.is_none()
}

/// A scheme that begins an address, and not a heading, up to its colon at `end`, or up to the `;` of
/// a colon as HTML writes it; of one with breaks inside, what stands behind the last.
fn scheme(bytes: &[u8], end: usize) -> Option<Range<usize>> {
    let colon = match bytes[end] {
        b':' => end,
        _ => html_colon(&bytes[..=end])?,
    };
    let word = SCHEMES
        .iter()
        .find_map(|scheme| word_before(bytes, colon, scheme))?;
    let set = word.start - count_back(&bytes[..word.start], BLANKS, is_blank);
    let before = set.checked_sub(1).map(|at| bytes[at]);
    let is_address = matches!(before, Some(b'"' | b'\'' | b'`' | b'(' | b'=' | b'<'));
    let is_word = word.start == 0 || !bytes[word.start - 1].is_ascii_alphanumeric();
    let plain = colon == end && word.whole;
    let goes_on = bytes
        .get(end + 1)
        .is_some_and(|next| !next.is_ascii_whitespace());
    let runs = is_word && (is_address || (plain && goes_on));
    let start = if colon == end { word.rest } else { end };
    runs.then_some(start..end + 1)
}

/// Where the colon begins that ends in `;`.
fn html_colon(bytes: &[u8]) -> Option<usize> {
    let spellings: [&[u8]; 3] = [b"&colon;", b"&#58;", b"&#x3a;"];
    spellings.iter().find_map(|colon| {
        let start = bytes.len().checked_sub(colon.len())?;
        bytes[start..].eq_ignore_ascii_case(colon).then_some(start)
    })
}

/// A word that may have tabs and line breaks inside.
struct Word {
    start: usize,
    /// What stands behind the last break.
    rest: usize,
    /// There is no break.
    whole: bool,
}

/// The word `wanted`, in small letters, that ends at `end`.
fn word_before(bytes: &[u8], end: usize, wanted: &[u8]) -> Option<Word> {
    let (mut at, mut left, mut breaks) = (end, wanted, 0);
    let mut rest = None;
    while let Some((last, others)) = left.split_last() {
        at = at.checked_sub(1)?;
        match bytes[at] {
            b'\t' | b'\n' | b'\r' if breaks < BREAKS => {
                breaks += 1;
                rest = rest.or(Some(at + 1));
            }
            byte if byte.eq_ignore_ascii_case(last) => left = others,
            _ => return None,
        }
    }
    Some(Word {
        start: at,
        rest: rest.unwrap_or(at),
        whole: rest.is_none(),
    })
}

/// An address that is a page, up to its subtype behind the slash.
fn page(bytes: &[u8], slash: usize) -> Option<Range<usize>> {
    let start = slash.checked_sub(b"data:text".len())?;
    let span = start..start + PAGE.len();
    let is_word = start == 0 || !bytes[start - 1].is_ascii_alphanumeric();
    let goes_on = bytes
        .get(span.end)
        .is_some_and(|next| !next.is_ascii_whitespace());
    let is_page = bytes.get(span.clone())?.eq_ignore_ascii_case(PAGE);
    (is_word && goes_on && is_page).then_some(span)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

/// How many of the last bytes, `most` at most, are of a kind.
fn count_back(bytes: &[u8], most: usize, is: impl Fn(u8) -> bool) -> usize {
    let last = bytes.iter().rev().take(most);
    last.take_while(|byte| is(**byte)).count()
}
