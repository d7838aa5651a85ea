// SPDX-License-Identifier: Apache-2.0
//! Plain text, and what it can be.

use std::borrow::Cow;

use super::{code, config, graphs, jinja, xml, yaml};
use crate::{place::Place, scan::Scan};

/// Reads a text as everything that texts are.
pub(crate) fn scan(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if config::scan(scan, bytes, place) {
        return;
    }
    if xml::scan(scan, text, place) {
        // Templates may look like a page.
        jinja::scan_unsure(scan, text, place);
        return;
    }
    if jinja::is_template(text) {
        jinja::scan(scan, text, place);
    } else if jinja::may_be_template(text) {
        jinja::scan_unsure(scan, text, place);
    }
    if code::is_python(text) {
        code::python(scan, text, place);
    }
    code::script(scan, text, place);
    graphs::scan_text(scan, text, place);
    yaml::scan(scan, text, place);
    scan.format(kind(text));
}

/// A line with the escapes of quoted texts undone, `\x5f` and `\u005f`.
pub(super) fn unescaped(line: &str) -> Cow<'_, str> {
    if !line.contains("\\x") && !line.contains("\\u") {
        return Cow::Borrowed(line);
    }
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let width = match after.chars().next() {
            Some('x') => 2,
            Some('u') => 4,
            _ => 0,
        };
        let digits = after.get(1..1 + width).filter(|_| width > 0);
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match code.and_then(char::from_u32) {
            Some(c) => {
                out.push(c);
                rest = after.get(1 + width..).unwrap_or_default();
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Texts that are models.
fn kind(text: &str) -> &'static str {
    match text.lines().next() {
        Some("tree") if text.contains("\nversion=") => "lightgbm",
        Some(line) if line.starts_with("svm_type ") => "libsvm",
        Some(line) if line.starts_with("version https://git-lfs.github.com/spec/") => {
            "git-lfs-pointer"
        }
        _ => "text",
    }
}
