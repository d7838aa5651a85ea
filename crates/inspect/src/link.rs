// SPDX-License-Identifier: Apache-2.0
//! Links to hosts that are not listed: the way by which what a model was made to say leaves, when a
//! client loads an image or somebody follows a link (OWASP LLM05, improper output handling).
//!
//! What is found is the beginning, `https://`. Without it nothing loads, and the rest can still be
//! read. A host counts as listed only where no reader of addresses could take it for a part of
//! another one: what is doubtful is not listed.

use std::ops::Range;

use casemate_types::{Finding, FindingKind};

/// Bytes of what stands between `://` and the path that are looked at.
const AUTHORITY: usize = 320;
/// Letters of a scheme.
const SCHEME: usize = 24;
/// Signs that may stand between a host and the end of a sentence.
const TAIL: usize = 4;

/// Hosts that links may lead to.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// In small letters.
    exact: Vec<String>,
    /// What a host must end with, the dot in front.
    below: Vec<String>,
}

/// A pattern is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host: write `example.org`, or `*.example.org` for all below it")]
pub struct HostError(String);

impl Hosts {
    /// Hosts by name; `*.` in front stands for every name below one.
    ///
    /// # Errors
    /// [`HostError`] when a pattern has anything but letters, digits, dots and dashes.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Self, HostError> {
        let mut hosts = Self::default();
        for pattern in patterns.iter().map(AsRef::as_ref) {
            let (below, name) = match pattern.strip_prefix("*.") {
                Some(name) => (true, name),
                None => (false, pattern),
            };
            let is_label = |label: &str| {
                let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
                !label.is_empty() && label.len() <= 63 && label.bytes().all(fits)
            };
            if name.len() > 253 || !name.split('.').all(is_label) {
                return Err(HostError(pattern.to_owned()));
            }
            match below {
                true => hosts.below.push(format!(".{}", name.to_ascii_lowercase())),
                false => hosts.exact.push(name.to_ascii_lowercase()),
            }
        }
        Ok(hosts)
    }

    /// Whether a host is listed.
    #[must_use]
    pub fn lists(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        let same = |name: &String| name.eq_ignore_ascii_case(host);
        let under = |tail: &String| {
            let cut = host.len().checked_sub(tail.len()).filter(|cut| *cut > 0);
            let end = cut.and_then(|cut| host.get(cut..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(tail))
        };
        self.exact.iter().any(same) || self.below.iter().any(under)
    }
}

/// Finds links to hosts that are not listed, those that begin at `from` or later.
pub(crate) fn find(text: &str, from: usize, hosts: &Hosts, found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    for slashes in memchr::memmem::find_iter(&bytes[from..], b"//") {
        let slashes = from + slashes;
        let Some(start) = opening(bytes, slashes).filter(|start| *start >= from) else {
            continue;
        };
        let end = slashes + b"//".len();
        if !is_listed(text, end, hosts) {
            found.push(link(start..end));
        }
    }
    for dots in memchr::memmem::find_iter(&bytes[from..], b"www.") {
        let dots = from + dots;
        let begins = dots.checked_sub(1).is_none_or(|at| is_outside(bytes[at]));
        if begins && !is_listed(text, dots, hosts) {
            found.push(link(dots..dots + b"www.".len()));
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

/// Where the address begins whose slashes are at `slashes`; `None` when these are others.
fn opening(bytes: &[u8], slashes: usize) -> Option<usize> {
    let before = &bytes[..slashes];
    let Some(scheme) = before.strip_suffix(b":") else {
        // `//example.org` takes the scheme of the page; code has it as a comment.
        let quoted = matches!(before.last(), Some(b'(' | b'"' | b'\'' | b'=' | b'<'));
        let host = bytes
            .get(slashes + 2)
            .is_some_and(u8::is_ascii_alphanumeric);
        return (quoted && host).then_some(slashes);
    };
    let letters = scheme
        .iter()
        .rev()
        .take(SCHEME)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let count = letters.count();
    (count > 0).then(|| slashes - 1 - count)
}

/// Whether a byte can stand in front of an address.
const fn is_outside(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric() && !matches!(byte, b'.' | b'/' | b'-' | b'@' | b'_')
}

const fn is_authority(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'%' | b':' | b'@')
}

/// Whether the host that begins at `start` is listed and nothing of it is doubtful.
fn is_listed(text: &str, start: usize, hosts: &Hosts) -> bool {
    let rest = &text.as_bytes()[start..];
    let length = rest
        .iter()
        .take(AUTHORITY)
        .take_while(|byte| is_authority(**byte))
        .count();
    // A name and password in front of the host are there to deceive.
    if length == AUTHORITY || !ends(&rest[length..]) || rest[..length].contains(&b'@') {
        return false;
    }
    let authority = text[start..start + length].trim_end_matches(['.', ':']);
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    port.bytes().all(|byte| byte.is_ascii_digit()) && hosts.lists(host)
}

/// Whether an address cannot go on with another host here: a path begins, or the address is over.
fn ends(rest: &[u8]) -> bool {
    let tail = rest
        .iter()
        .take(TAIL)
        .take_while(|byte| is_tail(**byte))
        .count();
    match rest.get(tail) {
        None => true,
        Some(b'/' | b'\\' | b'?' | b'#') => tail == 0,
        Some(byte) => byte.is_ascii_whitespace() || b"\"'<>()[]{}|`".contains(byte),
    }
}

/// Signs that end a sentence or stand around a word; in an address they would go on to an `@`.
const fn is_tail(byte: u8) -> bool {
    matches!(byte, b'*' | b',' | b';' | b'!' | b'~')
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
    if tail == 0 {
        return false;
    }
    let word = &text[..text.len() - tail];
    let letters = word
        .iter()
        .rev()
        .take(AUTHORITY)
        .take_while(|byte| is_authority(**byte));
    let host = word.len() - letters.count();
    word[..host].ends_with(b"//") || word[host..].starts_with(b"www.")
}

/// Where an address begins whose host goes on at the end of the text.
pub(crate) fn open(text: &[u8]) -> Option<usize> {
    let letters = text.iter().rev().take(AUTHORITY);
    let count = letters
        .take_while(|byte| is_authority(**byte) || is_tail(**byte))
        .count();
    let host = text.len() - count;
    match text[..host].strip_suffix(b"//") {
        Some(before) => opening(text, before.len()),
        None => b"www."
            .starts_with(&text[host..text.len().min(host + 4)])
            .then_some(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts::new(&["example.org", "*.example.com"]).unwrap()
    }

    fn found(text: &str) -> Vec<&str> {
        let mut all = Vec::new();
        find(text, 0, &hosts(), &mut all);
        all.into_iter().map(|one| &text[one.span]).collect()
    }

    #[test]
    fn listed_hosts_pass() {
        for text in [
            "see https://example.org",
            "see https://EXAMPLE.org/path?query#part",
            "see https://a.example.com, and https://a.b.example.com!",
            "**https://example.org**",
            "(https://example.org)",
            "[text](https://example.org/a \"title\")",
            "<img src=\"//a.example.com/x.png\">",
            "http://example.org:8080/",
            "at www.example.com.",
            "https://example.org. Then",
            "https://example.org.",
            "// a comment with example.net",
            "a//b and C://",
            "no link: example.net",
        ] {
            let wanted: &[&str] = if text.contains("C://") {
                &["C://"]
            } else {
                &[]
            };
            assert_eq!(found(text), wanted, "{text}");
        }
    }

    #[test]
    fn all_others_are_found_by_their_beginning() {
        for (text, wanted) in [
            ("https://example.net/", "https://"),
            ("![x](https://evil.example/?q=secret)", "https://"),
            ("https://example.org.evil.example/", "https://"),
            ("https://notexample.com/", "https://"),
            ("https://example.com/", "https://"),
            ("https://example.org@evil.example/", "https://"),
            ("https://example.org!@evil.example/", "https://"),
            ("https://example.org,;@evil.example/", "https://"),
            ("https://example.org*****@evil.example", "https://"),
            ("https://example.org$x@evil.example/", "https://"),
            ("https://example.orgé.evil.example", "https://"),
            ("https://example%2eorg/", "https://"),
            ("https://[::1]/", "https://"),
            ("https:///example.org", "https://"),
            ("https://example.org:x@evil.example", "https://"),
            ("ftp://example.net", "ftp://"),
            ("svn+ssh://example.net", "svn+ssh://"),
            ("src=\"//evil.example/x\"", "//"),
            ("](//evil.example)", "//"),
            ("go to www.evil.example now", "www."),
        ] {
            assert_eq!(found(text), [wanted], "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in [
            "",
            "*",
            "*.",
            "https://example.org",
            "a b",
            "é.org",
            "a..b",
            "*.*.a",
        ] {
            assert!(Hosts::new(&[bad]).is_err(), "{bad}");
        }
    }
}
