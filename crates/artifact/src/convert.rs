// SPDX-License-Identifier: Apache-2.0
//! Pickles of tensors to safetensors, without Python (`docs/adr/014-conversion-without-python.md`).
//!
//! The pickle is followed by the machine that judges it, nothing is called, and what its calls would
//! have made of shapes and storages is worked out here. What is read is a header and some places; the
//! numbers themselves are copied when the result is written.

mod archive;
mod document;
mod legacy;
mod plan;
mod source;
mod tensor;
mod tree;

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, HashSet},
    io,
};

pub use plan::{LeftOut, Plan, Planned};
pub use source::ByteSource;

use crate::{
    outcome::{ScanOutcome, ScanReport},
    pickle::Kept,
    place::Place,
    rule,
    scan::Expect,
    scanner::Scanner,
};
use document::Document;
use source::{Origin, bytes};
use tensor::Tensor;
use tree::{Leaves, Room};

/// Bytes at the beginning of an old file that are read at first.
const HEAD: u64 = 1 << 20;
/// How many times its own size a file may become, because tensors can be many views of few numbers.
const GROWTH: u64 = 16;
/// What a small file may become whatever its size.
const FREE: u64 = 16 << 20;

/// Bytes of a header that safetensors' own readers take at most.
const MOST_HEADER: u64 = 100_000_000;

/// What is to be converted, and how.
#[derive(Debug, Clone, Default)]
pub struct ConvertOptions {
    /// The part to take, by keys that are parted by dots; all of it otherwise.
    pub key: Option<String>,
    /// Whether tensors that are the same view of the same numbers are written once; the other names are
    /// noted in the metadata, as `save_model` of safetensors does.
    pub once: bool,
    /// Whether anything that is no tensor is an error, and a file that a scan calls one for review is
    /// refused.
    pub strict: bool,
}

/// Why nothing can be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The file is hostile or broken, or for review where that does not suffice. The report is what a
    /// scan says of it.
    #[error("the file is not fit to be converted")]
    Findings(ScanReport),
    /// There is no such part.
    #[error("{0}")]
    Key(String),
    /// It cannot be read.
    #[error("cannot read the file")]
    Read(#[source] io::Error),
    /// It holds something else than tensors, which was not to be left out.
    #[error("`{name}` is no tensor but {what}")]
    Strict {
        /// Keys that lead to the first of them.
        name: String,
        /// What it is, for people.
        what: &'static str,
    },
    /// It is harmless, and nothing that can be converted.
    #[error("{0}")]
    Unsupported(String),
}

/// Plans the conversion of a file.
///
/// Reads the whole of a plain pickle, and of torch's own formats what stands in front of the numbers;
/// the numbers of torch archives once, for their checksums.
///
/// # Errors
/// [`ConvertError`]; nothing was written.
pub fn plan(
    scanner: &Scanner,
    source: &dyn ByteSource,
    options: &ConvertOptions,
) -> Result<Plan, ConvertError> {
    let first = bytes(source, 0, source.length().min(8)).map_err(ConvertError::Read)?;
    match first.starts_with(b"PK\x03\x04") {
        true => archive(scanner, source, options),
        false => stream(scanner, source, options),
    }
}

fn archive(
    scanner: &Scanner,
    source: &dyn ByteSource,
    options: &ConvertOptions,
) -> Result<Plan, ConvertError> {
    let Some(skeleton) = archive::read(source).map_err(ConvertError::Read)? else {
        let why = "an archive that is not as torch writes it";
        return Err(whole(scanner, source, options, why));
    };
    let mut scan = scanner.start();
    scan.content(&skeleton.image, &Place::default(), Expect::Anything);
    for name in &skeleton.changed {
        let why = format!("checksum of `{name}`");
        scan.found(
            &rule::ZIP_CHECKSUM,
            Place::default().member(name).whole(),
            why,
        );
    }
    let report = fit(scan.report(), options)?;
    let kept = Kept::read(&skeleton.pickle, 0, scanner.limits()).map_err(broken)?;
    let document = Document {
        kept,
        bytes: &skeleton.pickle,
        origin: Origin::File(skeleton.pickle_at),
        storages: skeleton.storages,
        source,
        limits: scanner.limits(),
        depth: 0,
        inner: RefCell::default(),
    };
    finish(&document, report, source, options)
}

/// Pickles that stand alone: old torch files, and plain ones.
fn stream(
    scanner: &Scanner,
    source: &dyn ByteSource,
    options: &ConvertOptions,
) -> Result<Plan, ConvertError> {
    let mut length = HEAD.min(source.length());
    let limits = scanner.limits();
    loop {
        let head = bytes(source, 0, length).map_err(ConvertError::Read)?;
        if !legacy::is_legacy(&head, limits) {
            return plain(scanner, source, options);
        }
        let Ok(end) = legacy::pickles_end(&head, limits) else {
            // More of it may be needed, unless this is all of it.
            if length < source.length() && length < limits.kept {
                length = length.saturating_mul(4).min(source.length());
                continue;
            }
            return Err(refused(
                scanner.scan(&head),
                options,
                "an old torch file that breaks",
            ));
        };
        let pickles = head.get(..end).unwrap_or_default();
        let report = fit(scanner.scan(pickles), options)?;
        let place = legacy::Place {
            source,
            origin: Origin::File(0),
            length: source.length(),
            depth: 0,
        };
        let document = legacy::document(pickles, place, limits).map_err(|why| match why {
            legacy::Broken::Io(error) => ConvertError::Read(error),
            other => {
                ConvertError::Findings(scanner.only(&rule::PICKLE_MALFORMED, other.to_string()))
            }
        })?;
        return finish(&document, report, source, options);
    }
}

/// A plain pickle, which has to be read whole: its numbers are constants.
fn plain(
    scanner: &Scanner,
    source: &dyn ByteSource,
    options: &ConvertOptions,
) -> Result<Plan, ConvertError> {
    let all = read_whole(scanner, source)?;
    let report = fit(scanner.scan(&all), options)?;
    let is_pickle = report.formats.first() == Some(&"pickle");
    if !is_pickle {
        let why = "it is no pickle and no torch file".to_owned();
        return Err(ConvertError::Unsupported(why));
    }
    let kept = Kept::read(&all, 0, scanner.limits()).map_err(broken)?;
    let document = Document {
        kept,
        bytes: &all,
        origin: Origin::File(0),
        storages: HashMap::new(),
        source,
        limits: scanner.limits(),
        depth: 0,
        inner: RefCell::default(),
    };
    finish(&document, report, source, options)
}

/// From a document to what is written.
fn finish(
    document: &Document<'_>,
    report: ScanReport,
    source: &dyn ByteSource,
    options: &ConvertOptions,
) -> Result<Plan, ConvertError> {
    let key = options.key.as_deref().unwrap_or_default();
    let value = tree::find(document, key).map_err(ConvertError::Key)?;
    let mut leaves = Leaves::new(Room::of(document));
    leaves
        .take(document, value, None, 0)
        .map_err(ConvertError::Unsupported)?;
    if let (Some((name, what)), true) = (leaves.others.first(), options.strict) {
        let (name, what) = (name.clone(), *what);
        return Err(ConvertError::Strict { name, what });
    }
    let mut metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    let (tensors, shared) = same(leaves.tensors, options.once, &mut metadata)?;
    let plan = Plan {
        tensors: sorted(tensors),
        metadata,
        shared,
        report,
        left_out: leaves
            .others
            .into_iter()
            .map(|(name, what)| LeftOut { name, what })
            .collect(),
    };
    bounded(plan, source.length())
}

/// A plan whose result is one that can be read, and no more than the file allows.
fn bounded(plan: Plan, source: u64) -> Result<Plan, ConvertError> {
    if plan.tensors.is_empty() {
        let why = "there is no tensor in it".to_owned();
        return Err(ConvertError::Unsupported(why));
    }
    let length = plan.length();
    if plan.header_length() > MOST_HEADER {
        return Err(long_header());
    }
    let most = source.saturating_mul(GROWTH).saturating_add(FREE);
    if length > most {
        let why = format!("it would become {length} bytes, from {source}");
        return Err(ConvertError::Unsupported(why));
    }
    Ok(plan)
}

fn long_header() -> ConvertError {
    ConvertError::Unsupported(format!(
        "names and shapes of its tensors make a header of more than {MOST_HEADER} bytes, which \
         safetensors does not read"
    ))
}

type Named = Vec<(String, Tensor)>;

/// Finds tensors that are the same view of the same numbers; leaves one of them, if that is wanted.
fn same(
    tensors: Named,
    once: bool,
    metadata: &mut BTreeMap<String, String>,
) -> Result<(Named, usize), ConvertError> {
    let mut names = HashSet::new();
    if let Some((name, _)) = tensors
        .iter()
        .find(|(name, _)| !names.insert(name.as_str()))
    {
        let why = format!("two tensors would have the name `{name}`");
        return Err(ConvertError::Unsupported(why));
    }
    if names.contains("__metadata__") {
        let why = "a tensor has the name `__metadata__`, which safetensors keeps for itself";
        return Err(ConvertError::Unsupported(why.to_owned()));
    }
    let mut tensors = tensors;
    tensors.sort_by(|one, other| one.0.cmp(&other.0));
    let mut first: HashMap<_, String> = HashMap::new();
    let mut kept = Vec::new();
    let mut shared = 0;
    let mut noted = 0;
    for (name, tensor) in tensors {
        let known = tensor.identity().and_then(|identity| first.get(&identity));
        if let Some(known) = known {
            shared += 1;
            if once {
                noted += (name.len() + known.len()) as u64;
                if noted > MOST_HEADER {
                    return Err(long_header());
                }
                metadata.insert(name, known.clone());
                continue;
            }
        } else if let Some(identity) = tensor.identity() {
            first.insert(identity, name.clone());
        }
        kept.push((name, tensor));
    }
    Ok((kept, shared))
}

/// In the order of safetensors' own writer: wide items first, then by name.
fn sorted(mut tensors: Named) -> Named {
    tensors.sort_by(|(one, left), (other, right)| {
        left.kind.cmp(&right.kind).then_with(|| one.cmp(other))
    });
    tensors
}

/// Only what a scan does not refuse is converted. What is for review is not run either, and is numbers
/// afterwards; whoever asks for strictness does without.
fn fit(report: ScanReport, options: &ConvertOptions) -> Result<ScanReport, ConvertError> {
    match report.outcome {
        ScanOutcome::Clean => Ok(report),
        ScanOutcome::Review if !options.strict => Ok(report),
        ScanOutcome::Refuse | ScanOutcome::Review | ScanOutcome::Unreadable => {
            Err(ConvertError::Findings(report))
        }
    }
}

/// What is to be said of a file that is read whole because nothing else suffices.
fn whole(
    scanner: &Scanner,
    source: &dyn ByteSource,
    options: &ConvertOptions,
    why: &str,
) -> ConvertError {
    match read_whole(scanner, source) {
        Ok(all) => refused(scanner.scan(&all), options, why),
        Err(error) => error,
    }
}

fn refused(report: ScanReport, options: &ConvertOptions, why: &str) -> ConvertError {
    match fit(report, options) {
        Err(error) => error,
        Ok(_) => ConvertError::Unsupported(format!("it is {why}")),
    }
}

fn read_whole(scanner: &Scanner, source: &dyn ByteSource) -> Result<Vec<u8>, ConvertError> {
    let length = source.length();
    if length > scanner.limits().kept {
        let why = format!("{length} bytes are more than are read at once");
        return Err(ConvertError::Unsupported(why));
    }
    bytes(source, 0, length).map_err(ConvertError::Read)
}

fn broken((at, why): (usize, &'static str)) -> ConvertError {
    ConvertError::Unsupported(format!("at byte {at} of its pickle: {why}"))
}

#[cfg(test)]
mod tests;
