// SPDX-License-Identifier: Apache-2.0
//! Plain text, and what it can be.

use super::{code, config, jinja, xml, yaml};
use crate::{place::Place, scan::Scan};

/// Reads a text as everything that texts are.
pub(crate) fn scan(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if config::scan(scan, bytes, place) || xml::scan(scan, text, place) {
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
    yaml::scan(scan, text, place);
    scan.format(kind(text));
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
