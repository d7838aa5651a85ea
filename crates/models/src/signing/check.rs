// SPDX-License-Identifier: Apache-2.0
//! A model against the statement about it.

mod expected;
mod ignored;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Difference, Effort, Entry, EntryKind, Irregularity, LinkTarget, Links, Method, ModelSource,
    Refusal, RootDigest, SignerIdentity, Statement, VerifiedStatement, hashing,
};
use expected::Expected;
pub(super) use ignored::{DEFAULT, Ignored, is_within};

/// A model whose every file is as it was signed, by somebody who is trusted. Only
/// [`VerifiedStatement::check`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedModel {
    statement: Statement,
    signer: SignerIdentity,
    irregularities: Vec<Irregularity>,
    files: usize,
    bytes: u64,
}

impl VerifiedModel {
    /// What was signed, and holds.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The identity of the model.
    #[must_use]
    pub const fn root(&self) -> RootDigest {
        self.statement.root()
    }

    /// Who signed it.
    #[must_use]
    pub const fn signer(&self) -> &SignerIdentity {
        &self.signer
    }

    /// What the specification lets pass and a person should know of, in order.
    #[must_use]
    pub fn irregularities(&self) -> &[Irregularity] {
        &self.irregularities
    }

    /// Files that were signed and are there.
    #[must_use]
    pub const fn files(&self) -> usize {
        self.files
    }

    /// Size of these files together.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Refuses what is irregular.
    ///
    /// # Errors
    /// [`Refusal::Irregular`] with everything that is.
    pub fn strict(self) -> Result<Self, Refusal> {
        match self.irregularities.is_empty() {
            true => Ok(self),
            false => Err(Refusal::Irregular(self.irregularities)),
        }
    }
}

impl VerifiedStatement {
    /// Checks a model: every file that was signed is there and unchanged, and nothing else is but
    /// what the signature ignores.
    ///
    /// # Errors
    /// [`Refusal::Different`], [`Refusal::Malformed`] and [`Refusal::Source`].
    pub fn check(
        self,
        model: &dyn ModelSource,
        effort: &Effort<'_>,
    ) -> Result<VerifiedModel, Refusal> {
        let Self {
            statement,
            signer,
            mut irregularities,
        } = self;
        let entries = model.entries()?;
        let single = model.is_single_file().then(|| entries.first()).flatten();
        let expected = Expected::of(&statement, single.map(|entry| entry.name.as_str()))?;
        irregularities.extend(expected.duplicates.iter().cloned());
        let sizes = look(&statement, &expected, &entries, &mut irregularities)?;
        compare(&statement, &expected, &sizes, model, effort)?;
        irregularities.sort();
        Ok(VerifiedModel {
            files: sizes.len(),
            bytes: sizes.values().sum(),
            statement,
            signer,
            irregularities,
        })
    }
}

/// Sizes of signed files, if they are all there and nothing else is.
fn look<'a>(
    statement: &'a Statement,
    expected: &Expected<'_>,
    entries: &'a [Entry],
    irregularities: &mut Vec<Irregularity>,
) -> Result<BTreeMap<&'a str, u64>, Refusal> {
    let mut look = Look {
        statement,
        ignored: Ignored::of(&statement.ignored, irregularities),
        sizes: BTreeMap::new(),
        irregularities,
        differences: Vec::new(),
    };
    for entry in entries {
        match expected.files.contains_key(entry.name.as_str()) {
            true => look.signed(&entry.name, entry.kind),
            false => look.unsigned(&entry.name, entry.kind),
        }
    }
    look.missing(expected, entries);
    refuse(look.differences)?;
    Ok(look.sizes)
}

/// Reads every signed file.
fn compare(
    statement: &Statement,
    expected: &Expected<'_>,
    sizes: &BTreeMap<&str, u64>,
    model: &dyn ModelSource,
    effort: &Effort<'_>,
) -> Result<(), Refusal> {
    let links = match statement.allows_links {
        true => Links::Follow,
        false => Links::Refuse,
    };
    let (parts, digests, differences) = expected.parts(sizes);
    refuse(differences)?;
    let made = hashing::digests(model, &parts, statement.algorithm, links, effort)?;
    let mut changed: Vec<_> = parts
        .iter()
        .zip(digests)
        .zip(made)
        .filter(|((_, signed), made)| *signed != made.as_slice())
        .map(|((part, _), _)| Difference::Changed(part.file.to_owned()))
        .collect();
    changed.dedup();
    refuse(changed)
}

fn refuse(mut differences: Vec<Difference>) -> Result<(), Refusal> {
    differences.sort();
    match differences.is_empty() {
        true => Ok(()),
        false => Err(Refusal::Different(differences)),
    }
}

/// What was seen of a model so far.
struct Look<'a, 'b> {
    statement: &'a Statement,
    ignored: Ignored<'a>,
    /// Of signed files that are there.
    sizes: BTreeMap<&'a str, u64>,
    irregularities: &'b mut Vec<Irregularity>,
    differences: Vec<Difference>,
}

impl<'a> Look<'a, '_> {
    fn signed(&mut self, name: &'a str, kind: EntryKind) {
        match kind {
            EntryKind::File { bytes } => _ = self.sizes.insert(name, bytes),
            EntryKind::Link(LinkTarget::File { bytes }) if self.statement.allows_links => {
                self.sizes.insert(name, bytes);
                self.irregularities
                    .push(Irregularity::Link(name.to_owned()));
            }
            EntryKind::Link(_) => self.no_file(name, LINK),
            EntryKind::Other(kind) => self.no_file(name, kind),
        }
    }

    fn unsigned(&mut self, name: &'a str, kind: EntryKind) {
        let owned = || name.to_owned();
        let links = self.statement.allows_links;
        let in_shards = matches!(self.statement.method, Method::Shards { .. });
        match kind {
            _ if self.ignored.covers(name) => {
                self.irregularities.push(Irregularity::Ignored(owned()));
            }
            EntryKind::File { bytes: 0 } if in_shards => {
                self.irregularities.push(Irregularity::EmptyFile(owned()));
            }
            EntryKind::Link(LinkTarget::Directory) if links => {
                self.irregularities
                    .push(Irregularity::LinkedDirectory(owned()));
            }
            EntryKind::Link(LinkTarget::File { bytes: 0 }) if links && in_shards => {
                self.irregularities.push(Irregularity::EmptyFile(owned()));
            }
            EntryKind::Link(_) if !links => self.no_file(name, LINK),
            EntryKind::Other(kind) => self.no_file(name, kind),
            EntryKind::File { .. } | EntryKind::Link(_) => {
                self.differences.push(Difference::Unsigned(owned()));
            }
        }
    }

    fn no_file(&mut self, name: &str, kind: &'static str) {
        self.differences
            .push(Difference::NoFile(name.to_owned(), kind));
    }

    fn missing(&mut self, expected: &Expected<'_>, entries: &[Entry]) {
        let found: BTreeSet<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let missing = expected.files.keys().filter(|name| !found.contains(*name));
        let missing = missing.map(|name| Difference::Missing((*name).to_owned()));
        self.differences.extend(missing);
    }
}

const LINK: &str = "a link";
