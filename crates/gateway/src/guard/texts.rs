// SPDX-License-Identifier: Apache-2.0
//! Texts of a document, without the escapes that could hide something in them, and the way back to
//! the bytes that spell them.

use std::{borrow::Cow, ops::Range};

use casemate_inspect::unescape;
use casemate_types::{Channel, Finding, FindingKind};

use crate::{
    dialect::{card_digits, every_string},
    json::{Kind, Tape, Value},
};

/// A text inside a document: a JSON string, or a string of a document inside one.
pub(crate) struct Text<'a> {
    pub(crate) text: Cow<'a, str>,
    /// From bytes of the text to bytes of the document.
    pub(crate) map: Map<'a>,
    pub(crate) is_name: bool,
    /// The digits of a number that is no string.
    is_number: bool,
}

impl Text<'_> {
    /// Whether something else can be put in its place.
    pub(crate) const fn is_editable(&self) -> bool {
        !self.is_name && !self.is_number
    }

    /// Whether a finding in it counts. Of numbers only cards do: ids and instants are numbers too, and
    /// now and then one of them has the check digits of an identity card.
    pub(crate) fn counts(&self, finding: &Finding) -> bool {
        let whole = finding.span == (0..self.text.len());
        !self.is_number || (finding.kind == FindingKind::Card && whole)
    }
}

/// How a text's bytes lead back to the document's.
pub(crate) struct Map<'a> {
    base: usize,
    /// Places inside the outer string, if it has escapes.
    outer: Option<&'a [u32]>,
    inner: Option<Inner>,
}

/// A string of an inner document: where it starts inside the outer text, and places inside of it, if it
/// has escapes.
type Inner = (usize, Option<Vec<u32>>);

impl Map<'_> {
    fn place(&self, at: usize) -> usize {
        let look = |map: Option<&[u32]>, at: usize| match map {
            Some(map) => map
                .get(at)
                .or(map.last())
                .map_or(at, |place| *place as usize),
            None => at,
        };
        let at = match &self.inner {
            Some((start, map)) => start + look(map.as_deref(), at),
            None => at,
        };
        self.base + look(self.outer, at)
    }

    pub(crate) fn range(&self, span: &Range<usize>) -> Range<usize> {
        self.place(span.start)..self.place(span.end)
    }

    /// How often what is put in must be escaped.
    pub(crate) const fn depth(&self) -> usize {
        if self.inner.is_some() { 2 } else { 1 }
    }
}

/// Calls `visit` with the text of a string, or the digits of a number that may be one of a card.
/// Arguments of tool calls are documents of their own, so their strings are visited one by one, without
/// the escapes that could hide something.
pub(crate) fn visit_texts(
    value: Value<'_, '_>,
    channel: Channel,
    is_name: bool,
    visit: &mut dyn FnMut(Text<'_>),
) {
    let Some((text, outer)) = value.text_mapped() else {
        visit_number(value, visit);
        return;
    };
    let map = |inner| Map {
        base: value.inside().start,
        outer: outer.as_deref(),
        inner,
    };
    if channel == Channel::ToolArguments && visit_document(&text, &map, visit) {
        return;
    }
    visit(Text {
        map: map(None),
        text,
        is_name,
        is_number: false,
    });
}

fn visit_number(value: Value<'_, '_>, visit: &mut dyn FnMut(Text<'_>)) {
    let Some(text) = card_digits(value) else {
        return;
    };
    visit(Text {
        text,
        map: Map {
            base: value.span().start,
            outer: None,
            inner: None,
        },
        is_name: false,
        is_number: true,
    });
}

/// The texts of a document inside a text; false when the text itself is still to be visited.
fn visit_document<'m>(
    text: &str,
    map: &dyn Fn(Option<Inner>) -> Map<'m>,
    visit: &mut dyn FnMut(Text<'_>),
) -> bool {
    let Ok(tape) = Tape::parse(text.as_bytes()) else {
        return visit_broken(text, map, visit);
    };
    let root = tape.root();
    if !matches!(root.kind(), Kind::Object | Kind::Array | Kind::String) {
        return false;
    }
    every_string(root, &mut |inner, _, is_name| {
        let Some((text, places)) = inner.text_mapped() else {
            visit_number(inner, visit);
            return;
        };
        visit(Text {
            map: map(Some((inner.inside().start, places))),
            text,
            is_name,
            is_number: false,
        });
    });
    true
}

/// What is no document to us may be one to a reader that is less strict: it is visited as a whole,
/// without escapes, as streams are.
fn visit_broken<'m>(
    text: &str,
    map: &dyn Fn(Option<Inner>) -> Map<'m>,
    visit: &mut dyn FnMut(Text<'_>),
) -> bool {
    if !text.contains('\\') {
        return false;
    }
    let (inner, places) = unescaped(text);
    visit(Text {
        map: map(Some((0, Some(places)))),
        text: inner.into(),
        is_name: false,
        is_number: false,
    });
    // What does not even begin like a document may be no JSON at all, and its backslashes no escapes.
    text.trim_start().starts_with(['{', '[', '"'])
}

/// Text without what looks like an escape. Gives for each byte of the text, and for its end, where it
/// stands.
fn unescaped(raw: &str) -> (String, Vec<u32>) {
    let mut text = String::with_capacity(raw.len());
    let mut places = Vec::with_capacity(raw.len() + 1);
    let mut at = 0;
    while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
        let plain = memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
        let (before, behind) = rest.split_at(plain);
        text.push_str(before);
        places.extend((at..at + plain).map(|byte| byte as u32));
        at += plain;
        if behind.is_empty() {
            break;
        }
        let (c, length) = unescape(behind).unwrap_or(('\\', 1));
        text.push(c);
        places.extend(std::iter::repeat_n(at as u32, c.len_utf8()));
        at += length;
    }
    places.push(at as u32);
    (text, places)
}
