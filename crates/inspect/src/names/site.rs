// SPDX-License-Identifier: Apache-2.0
//! Addresses of whole sites, `https://example.org/`: they often are a person's or a firm's own. What
//! has a path is an address of a page, which is none.

use std::ops::Range;

use memchr::memmem;

/// The places of addresses of sites in a text.
pub(crate) fn sites(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let marks = memmem::find_iter(text.as_bytes(), b"://");
    marks.filter_map(|mark| site(text, mark))
}

/// The address whose `://` stands at `mark`.
fn site(text: &str, mark: usize) -> Option<Range<usize>> {
    const LONGEST: usize = 253;
    let before = &text[..mark];
    let scheme = ["https", "http"]
        .into_iter()
        .find(|scheme| before.ends_with(scheme))?;
    let start = mark - scheme.len();
    let host_start = mark + "://".len();
    let rest = &text.as_bytes()[host_start..];
    let is_host = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let mut length = rest.iter().take(LONGEST).take_while(is_host).count();
    while length > 0 && !rest[length - 1].is_ascii_alphanumeric() {
        length -= 1;
    }
    let top = rest[..length].rsplit(|byte| *byte == b'.').next()?;
    let named = top.len() >= 2 && top.len() < length && top.iter().all(u8::is_ascii_lowercase);
    let slash = usize::from(rest.get(length) == Some(&b'/'));
    let ends = match rest.get(length + slash) {
        None => true,
        // The end of a sentence, not of a label.
        Some(b'.') => slash == 1 || !rest.get(length + 1).is_some_and(u8::is_ascii_alphanumeric),
        Some(next) => !next.is_ascii_alphanumeric() && !b"/_?#:%@-".contains(next),
    };
    (named && ends).then(|| start..host_start + length + slash)
}

#[cfg(test)]
mod tests {
    use super::sites;

    #[test]
    fn addresses_of_sites_and_of_pages() {
        for (text, wanted) in [
            ("see https://example.org/", Some("https://example.org/")),
            (
                "see http://www.example.org.",
                Some("http://www.example.org"),
            ),
            (
                "(https://a-b.example.co.uk)",
                Some("https://a-b.example.co.uk"),
            ),
            ("https://example.org/page", None),
            ("https://example.org:8080", None),
            ("https://example.org?q", None),
            ("https://localhost/", None),
            ("ftp://example.org", None),
            ("https://ada@example.org", None),
            ("https://192.0.2.1/", None),
            ("://", None),
            ("https://", None),
            ("https://é.org", None),
        ] {
            let found: Vec<_> = sites(text).map(|at| &text[at]).collect();
            assert_eq!(found.first().copied(), wanted, "{text}");
        }
    }
}
