// SPDX-License-Identifier: Apache-2.0
//! Files of torch before 1.6: five pickles, then storages in the order that the fifth says.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use super::{
    document::Document,
    source::{ByteSource, Origin},
    tensor::{Kind, Storage},
};
use crate::{
    bytes::little,
    limits::Limits,
    pickle::{Kept, View},
};

/// Where such a file is, and how much of it there is.
pub(super) struct Place<'a> {
    pub(super) source: &'a dyn ByteSource,
    pub(super) origin: Origin,
    pub(super) length: u64,
    /// How many pickles it stands in.
    pub(super) depth: usize,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// A pickle breaks; more bytes may help.
    #[error("at byte {0}: {1}")]
    Cut(usize, &'static str),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Odd(String),
}

/// Whether bytes begin as such a file does.
pub(super) fn is_legacy(bytes: &[u8], limits: &Limits) -> bool {
    Kept::read(bytes, 0, limits).is_ok_and(|first| first.is_torch_magic())
}

/// Reads the five pickles at the beginning, and finds the storages behind them.
pub(super) fn document<'a>(
    head: &'a [u8],
    place: Place<'a>,
    limits: &'a Limits,
) -> Result<Document<'a>, Broken> {
    if !is_legacy(head, limits) {
        return Err(Broken::Odd(
            "it does not begin as old torch files do".to_owned(),
        ));
    }
    let mut at = 0;
    let mut model = None;
    let mut keys = Vec::new();
    for number in 0..5 {
        let kept = Kept::read(head, at, limits).map_err(|(at, why)| Broken::Cut(at, why))?;
        at = kept.end;
        match number {
            3 => model = Some(kept),
            4 => keys = texts(&kept)?,
            _ => {}
        }
    }
    let kept = model.ok_or_else(|| Broken::Odd("there is no model".to_owned()))?;
    let mut document = Document {
        storages: HashMap::new(),
        bytes: head,
        origin: place.origin,
        source: place.source,
        limits,
        depth: place.depth,
        inner: RefCell::default(),
        kept,
    };
    let end = storages(&mut document, &keys, at as u64, place.length)?;
    match end == place.length {
        true => Ok(document),
        false => Err(Broken::Odd(format!(
            "{} bytes behind the last storage",
            place.length - end
        ))),
    }
}

/// How many bytes at the beginning the pickles are, once they were read.
pub(super) fn pickles_end(head: &[u8], limits: &Limits) -> Result<usize, Broken> {
    let read = |at, _| Kept::read(head, at, limits).map(|kept| kept.end);
    (0..5)
        .try_fold(0, read)
        .map_err(|(at, why)| Broken::Cut(at, why))
}

/// Names of storages, each of which stands there once.
fn texts(kept: &Kept<'_>) -> Result<Vec<String>, Broken> {
    let mut keys = Vec::new();
    let mut known = HashSet::new();
    for key in kept.items(kept.result()).unwrap_or_default() {
        let Some(key) = kept.label(*key) else {
            return Err(Broken::Odd(
                "names of storages that are no short texts".to_owned(),
            ));
        };
        if !known.insert(key.clone()) {
            return Err(Broken::Odd(format!("storage `{key}` stands there twice")));
        }
        keys.push(key.into_owned());
    }
    Ok(keys)
}

/// Finds the storages from `at` on; where the last of them ends.
fn storages(
    document: &mut Document<'_>,
    keys: &[String],
    mut at: u64,
    length: u64,
) -> Result<u64, Broken> {
    let widths = widths(document)?;
    for key in keys {
        let Some(width) = widths.get(key) else {
            return Err(Broken::Odd(format!("storage `{key}` is of no tensor")));
        };
        let mut count = [0; 8];
        document.origin.read(document.source, at, &mut count)?;
        let start = at + 8;
        let bytes = little(&count).checked_mul(*width);
        let end = bytes
            .and_then(|bytes| start.checked_add(bytes))
            .filter(|end| *end <= length);
        let (Some(bytes), Some(end)) = (bytes, end) else {
            return Err(Broken::Odd(format!(
                "storage `{key}` is longer than the file"
            )));
        };
        let storage = Storage {
            origin: document.origin.behind(start),
            bytes,
            // Numbers are written with their lowest byte first, on every machine.
            is_big: false,
        };
        document.storages.insert(key.clone(), storage);
        at = end;
    }
    Ok(at)
}

/// Bytes of an item of each storage that the model refers to.
fn widths(document: &Document<'_>) -> Result<HashMap<String, u64>, Broken> {
    let mut widths = HashMap::new();
    for items in document.kept.stored() {
        let [kind, class, key, ..] = items else {
            continue;
        };
        if document.kept.label(*kind).as_deref() != Some("storage") {
            continue;
        }
        let (View::Name(class), Some(key)) =
            (document.kept.view(*class), document.kept.label(*key))
        else {
            return Err(Broken::Odd(
                "a storage that is not named as torch does".to_owned(),
            ));
        };
        let width = Kind::storage_bytes(class)
            .ok_or_else(|| Broken::Odd(format!("a storage of `{class}`")))?;
        if *widths.entry(key.into_owned()).or_insert(width) != width {
            return Err(Broken::Odd("a storage of two types".to_owned()));
        }
    }
    Ok(widths)
}
