// SPDX-License-Identifier: Apache-2.0
//! Paths that signatures leave out.

use crate::signing::Irregularity;

/// What OMS 1.0 leaves out at the top of a model (6.2).
pub(crate) const DEFAULT: [&str; 4] = [".git", ".gitattributes", ".github", ".gitignore"];

/// Paths that are left out, and everything below them.
pub(crate) struct Ignored<'a>(Vec<&'a str>);

impl<'a> Ignored<'a> {
    /// Those of a statement and [`DEFAULT`]. A path that is none within a model ignores nothing
    /// and is irregular.
    pub(crate) fn of(paths: &'a [String], irregularities: &mut Vec<Irregularity>) -> Self {
        let mut ignored = DEFAULT.to_vec();
        for path in paths {
            let path = path.strip_suffix('/').unwrap_or(path);
            match is_within(path) {
                true => ignored.push(path),
                false => irregularities.push(Irregularity::IgnoredPath(path.to_owned())),
            }
        }
        ignored.sort_unstable();
        ignored.dedup();
        Self(ignored)
    }

    /// Whether a name, or a directory that it is in, is left out.
    pub(crate) fn covers(&self, name: &str) -> bool {
        let ends = name.match_indices('/').map(|(end, _)| end);
        let mut prefixes = ends.chain([name.len()]).filter_map(|end| name.get(..end));
        prefixes.any(|prefix| self.0.binary_search(&prefix).is_ok())
    }
}

/// Whether a path stays within a model and is not all of it.
pub(crate) fn is_within(path: &str) -> bool {
    path.split('/')
        .all(|component| !matches!(component, "" | "." | ".."))
}
