// SPDX-License-Identifier: Apache-2.0
//! What is the operator's own: word lists, tables and documents.
//!
//! A [`Dictionary`] has words and phrases as they are, an [`ExactSet`] keyed digests of the rows of a
//! table, [`Fingerprints`] digests of stretches of documents. Where none is set, they cost nothing.

mod dictionary;
mod exact;
mod file;
mod fingerprint;
mod keyed;
mod table;

use casemate_types::{Finding, FindingKind};

pub use dictionary::Dictionary;
pub use exact::{ExactFile, ExactSet, ExactTable, Together};
pub use fingerprint::{FingerprintTable, Fingerprints, Match, Winnowing};

/// A list, table or file of fingerprints that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CustomError {
    /// Cut off, or changed since it was written.
    #[error("the file is damaged or cut off")]
    Damaged,
    /// Nothing to look for.
    #[error("there is nothing in it to look for")]
    Empty,
    /// Another kind of file.
    #[error("the file is not of this kind")]
    Kind,
    /// A name that cannot stand in records.
    #[error("a name is 1 to 64 of a-z, 0-9, `-` and `_`")]
    Name,
    /// The salt is not the one that the file was made with, or too short.
    #[error("the salt is not the one of the file, or shorter than 16 bytes")]
    Salt,
    /// More than the format or the memory is for.
    #[error("it is larger than its bounds, which docs/reference/guards/custom.md has")]
    TooMuch,
    /// A file of another version.
    #[error("the file is of version {0}, which this program does not read; build it anew")]
    Version(u8),
}

/// A name that stands in the rules of findings: `dictionary.projects` for `projects`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetName(&'static str);

impl SetName {
    /// A name of 1 to 64 of `a-z`, `0-9`, `-` and `_`.
    ///
    /// # Errors
    /// [`CustomError::Name`] for any other.
    pub fn new(name: &str) -> Result<Self, CustomError> {
        let letter =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        let sound = (1..=64).contains(&name.len()) && name.bytes().all(letter);
        match sound {
            true => Ok(Self(leak(name.to_owned()))),
            false => Err(CustomError::Name),
        }
    }

    fn rule(self, kind: FindingKind) -> &'static str {
        leak(format!("{kind}.{}", self.0))
    }
}

/// Rules of findings are static, since nearly all of them are. Records may name one as long as the
/// program runs, so what a set is called stays: some bytes for each set and reading of the
/// configuration, which only the operator can cause.
fn leak(name: String) -> &'static str {
    Box::leak(name.into_boxed_str())
}

/// What is looked for beside what ships.
#[derive(Debug, Default)]
pub struct InspectorSettings {
    /// Strings that must never appear anywhere, of eight bytes or more each.
    pub canaries: Vec<String>,
    /// Word lists.
    pub dictionaries: Vec<(SetName, Dictionary)>,
    /// Tables.
    pub exact_sets: Vec<(SetName, ExactSet)>,
    /// Documents.
    pub fingerprints: Vec<(SetName, Fingerprints)>,
}

/// All sets, with the rules of their findings.
#[derive(Debug, Default)]
pub(crate) struct Custom {
    dictionaries: Vec<(&'static str, Dictionary)>,
    exact_sets: Vec<(&'static str, ExactSet)>,
    fingerprints: Vec<(&'static str, Fingerprints)>,
}

impl Custom {
    /// None when there is nothing to look for.
    pub(crate) fn new(
        dictionaries: Vec<(SetName, Dictionary)>,
        exact_sets: Vec<(SetName, ExactSet)>,
        fingerprints: Vec<(SetName, Fingerprints)>,
    ) -> Option<Self> {
        let none = dictionaries.is_empty() && exact_sets.is_empty() && fingerprints.is_empty();
        (!none).then(|| Self {
            dictionaries: ruled(dictionaries, FindingKind::Dictionary),
            exact_sets: ruled(exact_sets, FindingKind::Exact),
            fingerprints: ruled(fingerprints, FindingKind::Fingerprint),
        })
    }

    /// What of the sets stands in a text, in no order, some over others.
    pub(crate) fn find(&self, text: &str) -> Vec<Finding> {
        let mut all = Vec::new();
        let finding = |kind, rule, score| {
            move |span| Finding {
                kind,
                span,
                rule,
                score,
            }
        };
        for (rule, words) in &self.dictionaries {
            let spans = words.find(text).into_iter();
            all.extend(spans.map(finding(FindingKind::Dictionary, *rule, 1.0)));
        }
        for (rule, set) in &self.exact_sets {
            let spans = set.find(text).into_iter();
            all.extend(spans.map(finding(FindingKind::Exact, *rule, 0.99)));
        }
        for (rule, documents) in &self.fingerprints {
            let matches = documents.matches(text).into_iter();
            let spans = matches.map(|one| one.span);
            all.extend(spans.map(finding(FindingKind::Fingerprint, *rule, 0.95)));
        }
        all
    }
}

fn ruled<T>(sets: Vec<(SetName, T)>, kind: FindingKind) -> Vec<(&'static str, T)> {
    let ruled = |(name, set): (SetName, T)| (name.rule(kind), set);
    sets.into_iter().map(ruled).collect()
}
