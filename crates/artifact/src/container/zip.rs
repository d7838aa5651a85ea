// SPDX-License-Identifier: Apache-2.0
//! Zip archives, as every reader would read them at once.
//!
//! Some readers follow the directory at the end, some the members one by one, some look for
//! signatures. All of them are right only about an archive in which the directory names every
//! member, members say the same as it does, and no byte belongs to neither. Everything else is a
//! finding, and what can be reached in any of the ways is looked at.

mod layout;
mod member;
mod parse;
pub(crate) mod records;

use std::collections::HashSet;

pub(crate) use parse::has_end;
pub(super) use parse::is_sure;

use super::names;
use crate::{
    place::Place,
    rule,
    scan::{Expect, Scan},
};
use parse::{Directory, Entry};

/// Reads an archive, if bytes have a directory at their end or a member at their beginning.
pub(super) fn scan(scan: &mut Scan<'_>, bytes: &[u8], place: &Place) -> Option<&'static str> {
    let directory = match parse::directory(bytes) {
        Ok(Some(directory)) => directory,
        Ok(None) if parse::is_local(bytes, 0) => {
            scan.format("zip");
            let why = "there is no directory at the end".to_owned();
            scan.found(&rule::ARCHIVE_MALFORMED, place.whole(), why);
            layout::orphans(scan, bytes, 0..bytes.len(), place);
            return Some("zip");
        }
        Ok(None) => return None,
        Err((at, why)) => {
            scan.format("zip");
            if parse::has_several_ends(bytes) {
                let why = "several records of the end of a directory".to_owned();
                scan.found(&rule::ZIP_DISAGREEMENT, place.at(at), why);
            }
            scan.found(&rule::ARCHIVE_MALFORMED, place.at(at), why.to_owned());
            layout::orphans(scan, bytes, 0..bytes.len(), place);
            return Some("zip");
        }
    };
    scan.format("zip");
    let kind = Kind::of(&directory.entries);
    if let Some(name) = kind.name() {
        scan.format(name);
    }
    let model = layout::model_in_front(bytes, &directory).filter(|_| kind == Kind::Other);
    let is_clean = scan.is_clean(|scan| {
        let covered = members(scan, bytes, &directory, kind, place);
        if kind == Kind::Skops && !scan.has_format("json") {
            let why = "`schema.json` cannot be read".to_owned();
            scan.found(&rule::JSON_MALFORMED, place.whole(), why);
        }
        layout::check(scan, bytes, &directory, covered, model.unwrap_or(0), place);
    });
    // Files that come with a model of TensorFlow Lite stand behind it: no second format, if they are
    // clean and nothing else is there.
    match model {
        Some(_) if is_clean => None,
        _ => Some("zip"),
    }
}

/// Looks at every member; the stretches that belong to one.
fn members(
    scan: &mut Scan<'_>,
    bytes: &[u8],
    directory: &Directory,
    kind: Kind,
    place: &Place,
) -> Vec<(usize, usize)> {
    let mut covered = Vec::new();
    let mut seen = HashSet::new();
    for entry in &directory.entries {
        if !scan.spend_member(place) {
            break;
        }
        let inner = place.member(&entry.name);
        names::check(scan, &entry.name, &inner);
        let normal = names::normal(&entry.name);
        if !normal.is_empty() && !seen.insert(normal) {
            let why = format!("`{}` twice", entry.name);
            scan.found(&rule::ARCHIVE_DUPLICATE, inner.whole(), why);
        }
        if entry.is_link() {
            let why = format!("`{}` is a link", entry.name);
            scan.found(&rule::ARCHIVE_LINK, inner.whole(), why);
        }
        let expect = kind.expect(&entry.name);
        let stretch = member::scan(scan, bytes, directory.shift, entry, expect, &inner);
        covered.extend(stretch);
    }
    covered
}

/// What an archive is for, by the names in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Keras,
    Mar,
    Npz,
    Other,
    Skops,
    Torch,
    TorchScript,
}

impl Kind {
    fn of(entries: &[Entry]) -> Self {
        let has = |last: &str| {
            let mut names = entries.iter().map(|entry| entry.name.as_str());
            names.any(|name| name == last || name.ends_with(&format!("/{last}")))
        };
        if has("data.pkl") && has("constants.pkl") {
            return Self::TorchScript;
        }
        if has("data.pkl") && (has("version") || has("byteorder")) {
            return Self::Torch;
        }
        if has("MAR-INF/MANIFEST.json") {
            return Self::Mar;
        }
        if has("model.weights.h5") && has("config.json") {
            return Self::Keras;
        }
        if has("schema.json") {
            return Self::Skops;
        }
        let is_array = |entry: &Entry| entry.name.ends_with(".npy");
        match !entries.is_empty() && entries.iter().all(is_array) {
            true => Self::Npz,
            false => Self::Other,
        }
    }

    const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Keras => "keras",
            Self::Mar => "mar",
            Self::Npz => "npz",
            Self::Other => return None,
            Self::Skops => "skops",
            Self::Torch => "torch",
            Self::TorchScript => "torchscript",
        })
    }

    /// What a member holds if the archive is what it seems to be.
    fn expect(self, name: &str) -> Expect {
        if !matches!(self, Self::Torch | Self::TorchScript) {
            return Expect::Anything;
        }
        let inner = name.split_once('/').map_or(name, |(_, inner)| inner);
        if inner.ends_with(".pkl") || inner.ends_with(".debug_pkl") {
            return match self {
                Self::TorchScript => Expect::TorchScriptPickle,
                _ => Expect::TorchPickle,
            };
        }
        if self == Self::TorchScript && inner.starts_with("code/") {
            return Expect::TorchCode;
        }
        let directories = [
            "data/",
            "constants/",
            "tensors/",
            ".data/",
            "xl_model_weights/",
        ];
        let files = [
            "version",
            "byteorder",
            ".format_version",
            ".storage_alignment",
        ];
        match directories.iter().any(|one| inner.starts_with(one)) || files.contains(&inner) {
            true => Expect::Opaque,
            false => Expect::Anything,
        }
    }
}
