// SPDX-License-Identifier: Apache-2.0
//! Active content in answers: what runs or acts where an answer is shown without being escaped, in a
//! browser or a terminal (CWE-79, CWE-150; OWASP LLM05).
//!
//! What is found is the smallest part without which nothing runs, so the rest can still be read.

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, Input, MatchKind};
use casemate_types::{Finding, FindingKind};

/// The first byte of the control sequence introducer U+009B.
const CSI_FIRST: u8 = 0xc2;
/// Bytes in front of a handler in which its tag must begin; a stream keeps as many.
const TAG: usize = 120;

/// What one of the words of the list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// `<script`: an element that runs or loads something.
    Element,
    /// `onerror=`: a handler inside a tag.
    Handler,
    /// `javascript:`: an address that runs.
    Scheme,
}

/// Names of elements that run, load or send something.
const ELEMENTS: &[&str] = &[
    "applet", "base", "embed", "form", "frame", "iframe", "link", "math", "meta", "object",
    "script", "style", "svg",
];
const SCHEMES: &[&str] = &["javascript:", "vbscript:", "data:text/html"];

/// Looks for active content.
#[derive(Debug)]
pub(crate) struct Active {
    words: AhoCorasick,
}

impl Active {
    pub(crate) fn new() -> Result<Self, BuildError> {
        let words = ELEMENTS
            .iter()
            .chain(SCHEMES)
            .chain(&[" on", "\"on", "'on", "/on"]);
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::DFA))
            .build(words)?;
        Ok(Self { words })
    }

    /// Finds what begins at `from` or later; what stands before is only looked back at.
    pub(crate) fn find(&self, text: &str, from: usize, found: &mut Vec<Finding>) {
        let bytes = text.as_bytes();
        // A stream asks this of every word, and hardly any has one of these signs.
        let sign = |byte: &u8| matches!(*byte, b'<' | b'=' | b':' | 0x1b | CSI_FIRST);
        if !bytes[from.saturating_sub(1)..].iter().any(sign) {
            return;
        }
        for at in memchr::memchr_iter(0x1b, &bytes[from..]) {
            found.push(active(from + at..from + at + 1, "output.terminal"));
        }
        for at in memchr::memmem::find_iter(&bytes[from..], "\u{9b}".as_bytes()) {
            found.push(active(from + at..from + at + 2, "output.terminal"));
        }
        let near = Input::new(text).range(from.saturating_sub(1)..);
        for hit in self.words.find_iter(near) {
            let word = match hit.pattern().as_usize() {
                at if at < ELEMENTS.len() => Word::Element,
                at if at < ELEMENTS.len() + SCHEMES.len() => Word::Scheme,
                _ => Word::Handler,
            };
            let span = match word {
                Word::Element => element(bytes, hit.range()),
                Word::Handler => handler(bytes, hit.end() - b"on".len()),
                Word::Scheme => scheme(bytes, hit.range()),
            };
            let rule = match word {
                Word::Element => "output.element",
                Word::Handler => "output.handler",
                Word::Scheme => "output.scheme",
            };
            found.extend(
                span.filter(|span| span.start >= from)
                    .map(|span| active(span, rule)),
            );
        }
    }
}

const fn active(span: std::ops::Range<usize>, rule: &'static str) -> Finding {
    Finding {
        kind: FindingKind::ActiveContent,
        span,
        rule,
        score: 1.0,
    }
}

type Span = std::ops::Range<usize>;

/// The name of an element behind its `<`.
fn element(bytes: &[u8], name: Span) -> Option<Span> {
    let opens = name
        .start
        .checked_sub(1)
        .is_some_and(|at| bytes[at] == b'<');
    let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    (opens && !bytes.get(name.end).is_some_and(goes_on)).then_some(name)
}

/// The name of a handler and its `=`, inside of a tag.
fn handler(bytes: &[u8], start: usize) -> Option<Span> {
    const LONGEST: usize = 24;
    let letters = bytes[start..].iter().take(LONGEST);
    let length = letters
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let end = start + length;
    if length < b"oncut".len() || bytes.get(end) != Some(&b'=') {
        return None;
    }
    let before = &bytes[start.saturating_sub(TAG)..start];
    let open = before
        .iter()
        .rposition(|byte| matches!(byte, b'<' | b'>'))?;
    let is_tag = before[open] == b'<' && before.get(open + 1).is_some_and(u8::is_ascii_alphabetic);
    is_tag.then_some(start..end + 1)
}

/// A scheme that begins an address, and not a heading.
fn scheme(bytes: &[u8], span: Span) -> Option<Span> {
    let begins = span
        .start
        .checked_sub(1)
        .is_none_or(|at| !bytes[at].is_ascii_alphanumeric());
    let goes_on = bytes
        .get(span.end)
        .is_some_and(|next| !next.is_ascii_whitespace());
    (begins && goes_on).then_some(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let mut all = Vec::new();
        Active::new().unwrap().find(text, 0, &mut all);
        all.sort_by_key(|one| one.span.start);
        all.into_iter().map(|one| &text[one.span]).collect()
    }

    #[test]
    fn what_runs_is_found_by_the_part_that_makes_it_run() {
        for (text, wanted) in [
            ("<script>alert(1)</script>", &["script"] as &[&str]),
            ("<SCRIPT src=x>", &["SCRIPT"]),
            ("<iframe/src=x>", &["iframe"]),
            ("<img src=x onerror=alert(1)>", &["onerror="]),
            ("<img/src='x'onerror=alert(1)>", &["onerror="]),
            ("<a href=\"javascript:alert(1)\">", &["javascript:"]),
            ("[x](JavaScript:alert`1`)", &["JavaScript:"]),
            ("data:text/html;base64,PHN2Zz4=", &["data:text/html"]),
            ("\u{1b}]8;;http://x\u{7}", &["\u{1b}"]),
            ("\u{9b}31m", &["\u{9b}"]),
        ] {
            assert_eq!(found(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_only_said_is_none() {
        for text in [
            "a script is a program; a < script",
            "<scripts> <object-fit>",
            "JavaScript: The Good Parts",
            "set onload=true in the file",
            "x > 1 onerror=1",
            "turn the light on=off",
            "for i in one, on= x",
            "<b>bold</b> onclick=x",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }
}
