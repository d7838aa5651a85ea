// SPDX-License-Identifier: Apache-2.0
//! Names of members, as those who unpack them would understand them.

use crate::{place::Place, rule, scan::Scan};

/// Tells what is wrong with where a member would be written.
pub(super) fn check(scan: &mut Scan<'_>, name: &str, place: &Place) {
    let parts = name.split(['/', '\\']);
    let is_drive = name.as_bytes().get(1) == Some(&b':');
    let why = if name.starts_with(['/', '\\']) || is_drive {
        "an absolute path"
    } else if parts.clone().any(|part| part == "..") {
        "a path that leads upwards"
    } else if name.contains('\0') {
        "a name with a zero byte"
    } else {
        return;
    };
    scan.found(
        &rule::ARCHIVE_PATH,
        place.whole(),
        format!("{why}: `{name}`"),
    );
}

/// A name as a file system would have it, to find two that are the same.
pub(super) fn normal(name: &str) -> String {
    let parts = name.split(['/', '\\']);
    let parts: Vec<_> = parts
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    parts.join("/")
}
