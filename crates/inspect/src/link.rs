// SPDX-License-Identifier: Apache-2.0
//! Links to hosts that are not listed: the way by which what a model was made to say leaves, when a
//! client loads an image or somebody follows a link (OWASP LLM05, improper output handling).
//!
//! What is found is the beginning, `https://`. Without it nothing loads, and the rest can still be
//! read. A host counts as listed only where no reader of addresses could take it for a part of
//! another one: what is doubtful is not listed. Readers are browsers (WHATWG URL), which take `\\` for
//! `/`, leave out tabs and line breaks and need no slashes, and programs that make links of text.
//!
//! INVARIANT: whether something is a link, and listed, is told by bytes before it and by bytes up to
//! the next border of a stream (`stream/border.rs`), for which [`is_open`] moves the borders.

mod hosts;
#[cfg(test)]
mod tests;

use std::ops::Range;

use casemate_types::{Finding, FindingKind};

pub use hosts::{HostError, Hosts};

/// Bytes of what stands between `://` and the path that are looked at.
const AUTHORITY: usize = 320;
/// Letters of a scheme.
const SCHEME: usize = 24;
/// Signs that may stand between a host and the end of a sentence.
const TAIL: usize = 4;
/// Blanks that are looked over.
const BLANKS: usize = 4;
/// Schemes for which browsers need no slashes, or take others for them.
const SPECIAL: &[&[u8]] = &[b"https", b"http", b"ftp", b"wss", b"ws"];
/// Schemes that run what follows; [`crate::active`] finds them.
const RUNNING: &[&[u8]] = &[b"javascript", b"vbscript"];
/// `:` as HTML writes it.
const COLONS: &[&[u8]] = &[b"&colon;", b"&#58;", b"&#x3a;"];

/// Finds links to hosts that are not listed, those that begin at `from` or later.
pub(crate) fn find(text: &str, from: usize, hosts: &Hosts, found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    for slashes in memchr::memmem::find_iter(&bytes[from..], b"//") {
        let slashes = from + slashes;
        let Some(opening) = opening(bytes, slashes).filter(|opening| opening.start >= from) else {
            continue;
        };
        let end = slashes + b"//".len();
        let host_like = !opening.needs_host || is_like_host(&bytes[end..]);
        if host_like && !is_listed(text, opening.start, end, hosts) {
            found.push(link(opening.start..end));
        }
    }
    for colon in memchr::memchr_iter(b':', &bytes[from..]) {
        let colon = from + colon;
        let special = special_before(bytes, colon).filter(|start| *start >= from);
        let span = special.and_then(|start| without_slashes(text, start, colon, hosts));
        found.extend(span.map(link));
    }
    for dots in memchr::memmem::find_iter(&bytes[from..], b".") {
        let dots = from + dots;
        let Some(start) = www_before(bytes, dots).filter(|start| *start >= from) else {
            continue;
        };
        if !is_listed(text, start, start, hosts) {
            found.push(link(start..dots + 1));
        }
    }
}

const fn link(span: Range<usize>) -> Finding {
    Finding {
        kind: FindingKind::Link,
        span,
        rule: "output.link",
        score: 1.0,
    }
}

/// What makes two slashes the beginning of an address.
struct Opening {
    start: usize,
    /// Only if what follows looks like a host: other things begin like that too.
    needs_host: bool,
}

/// Where the address begins whose slashes are at `slashes`; `None` when these are others.
fn opening(bytes: &[u8], slashes: usize) -> Option<Opening> {
    let before = &bytes[..slashes];
    let at = |start, needs_host| Opening { start, needs_host };
    let Some(scheme) = before.strip_suffix(b":") else {
        return is_relative(before, bytes.get(slashes + 2).copied())
            .map(|needs_host| at(slashes, needs_host));
    };
    let letters = scheme
        .iter()
        .rev()
        .take(SCHEME)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let count = letters.count();
    let scheme = &scheme[scheme.len() - count..];
    if RUNNING.iter().any(|runs| scheme.eq_ignore_ascii_case(runs)) {
        return Some(at(slashes, false));
    }
    (count > 0).then(|| at(slashes - 1 - count, false))
}

/// Whether `//example.org`, which takes the scheme of the page, begins behind `before`, and if so
/// whether it needs to look like a host: code has comments and paths that begin like that.
fn is_relative(before: &[u8], next: Option<u8>) -> Option<bool> {
    let begins = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'[' | b'/' | b'\\');
    if !next.is_some_and(begins) {
        return None;
    }
    let near = trim_blanks(before);
    if near.len() < before.len() && is_after_special(near) {
        // Browsers leave out the line break in `https:\n//example.org`.
        return Some(false);
    }
    if COLONS.iter().any(|colon| ends_with(near, colon)) {
        return Some(false);
    }
    match (near.last(), near.len() == before.len()) {
        (Some(b'(' | b'"' | b'\'' | b'=' | b'<'), true) => Some(false),
        (None | Some(b'(' | b'"' | b'\'' | b'=' | b'<' | b','), _) => Some(true),
        (Some(b':'), _) if near.ends_with(b"]:") => Some(true),
        _ => None,
    }
}

/// Whether a special scheme and its colon end here.
fn is_after_special(before: &[u8]) -> bool {
    before.ends_with(b":") && special_before(before, before.len() - 1).is_some()
}

/// Whether what begins here could be the name or number of a host.
fn is_like_host(rest: &[u8]) -> bool {
    let slashes = rest
        .iter()
        .take(AUTHORITY)
        .take_while(|byte| **byte == b'/');
    let rest = &rest[slashes.count()..];
    if matches!(rest.first(), Some(b'[' | b'\\')) {
        return true;
    }
    let letters = rest.iter().take(AUTHORITY);
    let name = &rest[..letters.take_while(|byte| is_authority(**byte)).count()];
    let dotted = |pair: &[u8]| pair[0] == b'.' && pair[1].is_ascii_alphanumeric();
    name.windows(2).any(dotted) || name.contains(&b'@') || is_long_number(name)
}

/// A host may be one number.
fn is_long_number(name: &[u8]) -> bool {
    let number = name.split(|byte| *byte == b':').next().unwrap_or(name);
    let hex = number.len() > 2 && number[..2].eq_ignore_ascii_case(b"0x");
    let digits = match hex {
        true => number[2..].iter().all(u8::is_ascii_hexdigit),
        false => number.iter().all(u8::is_ascii_digit),
    };
    digits && number.len() >= 7
}

/// Where the special scheme begins whose colon is at `colon`.
fn special_before(bytes: &[u8], colon: usize) -> Option<usize> {
    let before = &bytes[..colon];
    let scheme = SPECIAL.iter().find(|scheme| ends_with(before, scheme))?;
    let start = colon - scheme.len();
    let joined = start.checked_sub(1).map(|at| bytes[at]);
    let joins = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    (!joined.is_some_and(joins)).then_some(start)
}

/// The beginning of an address of a special scheme that does not go on with two slashes.
fn without_slashes(text: &str, start: usize, colon: usize, hosts: &Hosts) -> Option<Range<usize>> {
    let rest = &text.as_bytes()[colon + 1..];
    match rest {
        [b'/', b'/', ..] | [b'/'] => None,
        // Either slash, written in either way.
        [b'/' | b'\\' | b'&', ..] => Some(start..colon + 2),
        _ => {
            let link = is_like_host(rest) && !is_listed(text, start, colon + 1, hosts);
            link.then_some(start..colon + 1)
        }
    }
}

/// Where `www.` begins whose dot is at `dot`, at the beginning of a word.
fn www_before(bytes: &[u8], dot: usize) -> Option<usize> {
    let start = dot.checked_sub(b"www".len())?;
    let begins = start.checked_sub(1).is_none_or(|at| is_outside(bytes[at]));
    (begins && bytes[start..dot].eq_ignore_ascii_case(b"www")).then_some(start)
}

/// Whether a byte can stand in front of an address.
const fn is_outside(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric() && !matches!(byte, b'.' | b'/' | b'-' | b'@')
}

const fn is_authority(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'%' | b':' | b'@')
}

fn ends_with(bytes: &[u8], end: &[u8]) -> bool {
    let cut = bytes.len().checked_sub(end.len());
    cut.is_some_and(|cut| bytes[cut..].eq_ignore_ascii_case(end))
}

fn trim_blanks(bytes: &[u8]) -> &[u8] {
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let blanks = bytes.iter().rev().take(BLANKS).take_while(blank).count();
    &bytes[..bytes.len() - blanks]
}

/// Whether the host that begins at `host`, of an address that begins at `start`, is listed and
/// nothing of it is doubtful.
fn is_listed(text: &str, start: usize, host: usize, hosts: &Hosts) -> bool {
    let (before, rest) = (&text.as_bytes()[..start], &text.as_bytes()[host..]);
    let length = rest
        .iter()
        .take(AUTHORITY)
        .take_while(|byte| is_authority(**byte))
        .count();
    let authority = &text[host..host + length];
    // A name and password in front of the host are there to deceive, and codes of signs too.
    if length == AUTHORITY || authority.contains(['@', '%']) {
        return false;
    }
    let bare = authority.trim_end_matches(['.', ':']);
    let (name, port) = bare.split_once(':').unwrap_or((bare, ""));
    port.bytes().all(|byte| byte.is_ascii_digit())
        && hosts.lists(name)
        && Around::of(before).ends(&rest[length..])
}

/// What stands around an address and says where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    /// `[text](address)`, or brackets in a sentence.
    Brackets,
    /// `<address>`: everything up to the bracket belongs to it.
    Angles,
    /// `[address](address)`.
    Label,
    /// A quotation mark, which must come again: what stands between belongs to the address.
    Quote(u8),
    /// Nothing: whoever makes links of text ends them at a blank, and few of them elsewhere.
    Text,
}

impl Around {
    fn of(before: &[u8]) -> Self {
        let near = trim_blanks(before);
        match near.last() {
            Some(quote @ (b'"' | b'\'' | b'`')) => {
                let attribute = trim_blanks(&near[..near.len() - 1]);
                let set = attribute
                    .last()
                    .is_some_and(|byte| matches!(byte, b'=' | b'('));
                // Behind a blank the mark may as well have closed what stood before.
                match near.len() == before.len() || set {
                    true => Self::Quote(*quote),
                    false => Self::Text,
                }
            }
            Some(b'<') => Self::Angles,
            Some(b'(') => Self::Brackets,
            Some(b'[') => Self::Label,
            _ => Self::Text,
        }
    }

    /// Whether an address cannot go on with another host behind its host: a path begins, or the
    /// address is over.
    fn ends(self, rest: &[u8]) -> bool {
        let Some(first) = rest.first() else {
            return true;
        };
        if matches!(first, b'/' | b'?' | b'#') {
            return true;
        }
        match self {
            Self::Angles => *first == b'>',
            Self::Quote(quote) => *first == quote,
            Self::Brackets => *first == b')' || is_over(rest),
            Self::Label => is_over(rest) || is_label_of_link(rest),
            Self::Text => is_over(rest),
        }
    }
}

/// Whether at most a few signs stand between here and a blank, a tag or the end.
fn is_over(rest: &[u8]) -> bool {
    let tail = rest.iter().take(TAIL).take_while(|byte| is_tail(**byte));
    let next = rest.get(tail.count());
    next.is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b'<')
}

/// Whether the text of a link ends here and its address is a whole one.
fn is_label_of_link(rest: &[u8]) -> bool {
    let goes_on = |address: &[u8]| {
        let whole = [&b"https://"[..], b"http://", b"/", b"#"];
        whole.iter().any(|begin| address.starts_with(begin))
    };
    rest.strip_prefix(b"](").is_some_and(goes_on)
}

/// Signs that end a sentence or stand around a word; in an address they would go on to an `@`.
const fn is_tail(byte: u8) -> bool {
    matches!(
        byte,
        b'*' | b','
            | b';'
            | b'!'
            | b'~'
            | b')'
            | b']'
            | b'}'
            | b'>'
            | b'"'
            | b'\''
            | b'`'
            | b'|'
            | b'.'
            | b':'
            | b'?'
    )
}

/// Whether what follows must be seen before `text` is divided at its end: a host stands there, and
/// then at most signs that may belong to it.
pub(crate) fn is_open(text: &[u8]) -> bool {
    let tail = text
        .iter()
        .rev()
        .take(TAIL)
        .take_while(|byte| is_tail(**byte))
        .count();
    (1..=tail).any(|tail| is_host_before(text.len() - tail, text))
}

/// Whether `text[..end]` ends in the host of an address.
fn is_host_before(end: usize, text: &[u8]) -> bool {
    let word = &text[..end];
    let letters = word
        .iter()
        .rev()
        .take(AUTHORITY)
        .take_while(|byte| is_authority(**byte));
    let host = end - letters.count();
    if host == end {
        return false;
    }
    word[..host].ends_with(b"//") || bare(word, host).is_some()
}

/// Where an address begins whose host goes on at the end of the text.
pub(crate) fn open(text: &[u8]) -> Option<usize> {
    let letters = text.iter().rev().take(AUTHORITY);
    let count = letters
        .take_while(|byte| is_authority(**byte) || is_tail(**byte))
        .count();
    let host = text.len() - count;
    if let Some(before) = text[..host].strip_suffix(b"//") {
        return opening(text, before.len()).map(|opening| opening.start);
    }
    bare(text, host)
}

/// Where in the word that begins at `host` an address begins that has no slashes.
fn bare(text: &[u8], host: usize) -> Option<usize> {
    (host..text.len()).find_map(|at| match text[at] {
        b':' => special_before(text, at).filter(|start| *start >= host),
        b'.' => www_before(text, at).filter(|start| *start >= host),
        _ => None,
    })
}
