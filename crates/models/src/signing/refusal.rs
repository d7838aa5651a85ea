// SPDX-License-Identifier: Apache-2.0
//! Why a signature or a model is refused, and what is irregular about one that is not.

use std::fmt;

use casemate_crypto::ChainError;

use super::SourceError;

/// Why a model is not verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The signer's certificate is not believed.
    #[error("the signer is not trusted: {0}")]
    Chain(#[from] ChainError),
    /// The model is not what was signed.
    #[error("the model is not what was signed: {}", listed(.0))]
    Different(Vec<Difference>),
    /// Logs do not vouch for a keyless signature: when it was made, or that it is known.
    #[error("no log vouches for the signature: {0}")]
    Log(String),
    /// Somebody else made the keyless signature than was asked for.
    #[error(
        "it was signed by `{found}`, who signed in at `{issuer}`, and not by whom was asked for"
    )]
    OtherIdentity {
        /// Whom the certificate names.
        found: String,
        /// Who said so to the authority.
        issuer: String,
    },
    /// Strictness was asked for, and something is irregular.
    #[error("not strictly as signed: {}", listed(.0))]
    Irregular(Vec<Irregularity>),
    /// The signature names another key than the one it is to be checked with.
    #[error("the signature was made with another key: it names `{0}`")]
    OtherKey(String),
    /// The bundle or its statement breaks the format.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// Which part.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The model cannot be read.
    #[error("the model cannot be read: {0}")]
    Source(#[from] SourceError),
    /// A format or a way of signing that is not supported, and what it is.
    #[error("{0}")]
    Unsupported(String),
    /// The cryptographic signature is wrong for the key.
    #[error("the signature is wrong: other bytes were signed, or by another key")]
    WrongSignature,
}

impl Refusal {
    pub(super) fn malformed(what: &'static str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self::Malformed { what, why }
    }
}

/// How a model differs from what was signed. Names are relative to the model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Difference {
    /// It has other content.
    Changed(String),
    /// It was signed and is not there.
    Missing(String),
    /// It is there, and no file: a link, a pipe, a device.
    NoFile(String, &'static str),
    /// It is there and was not signed.
    Unsigned(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(name) => write!(f, "`{}` was changed", visible(name)),
            Self::Missing(name) => write!(f, "`{}` is missing", visible(name)),
            Self::NoFile(name, kind) => write!(f, "`{}` is {kind}", visible(name)),
            Self::Unsigned(name) => write!(f, "`{}` was not signed", visible(name)),
        }
    }
}

/// What the specification lets pass and a person should know of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Irregularity {
    /// The statement lists a file twice, with the same digest.
    Duplicate(String),
    /// An empty file that signatures over shards do not list.
    EmptyFile(String),
    /// Something is there that the signature leaves out by its path.
    Ignored(String),
    /// The statement ignores a path that is none within a model.
    IgnoredPath(String),
    /// A link that was allowed: what it leads to may change.
    Link(String),
    /// A link to a directory, whose files are not signed.
    LinkedDirectory(String),
    /// Entries of a transparency log that nobody checked.
    LogEntries,
    /// The signature does not say which key made it (before version 1.1 of the reference).
    NoHint,
    /// Timestamps of an authority beside a keyless signature, which nobody checked; the time was
    /// taken from a log.
    Timestamps,
}

impl fmt::Display for Irregularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate(name) => write!(f, "`{}` is listed twice", visible(name)),
            Self::EmptyFile(name) => {
                write!(f, "`{}` is empty and was not signed", visible(name))
            }
            Self::Ignored(name) => write!(f, "`{}` is ignored and not signed", visible(name)),
            Self::IgnoredPath(path) => {
                write!(f, "the ignored path `{}` is none in a model", visible(path))
            }
            Self::Link(name) => write!(f, "`{}` is a link", visible(name)),
            Self::LinkedDirectory(name) => write!(
                f,
                "`{}` is a link to a directory, which is not signed",
                visible(name)
            ),
            Self::LogEntries => f.write_str("entries of a transparency log were not checked"),
            Self::NoHint => f.write_str("the signature does not name its key"),
            Self::Timestamps => f.write_str("timestamps of an authority were not checked"),
        }
    }
}

/// The first few, and how many there are beside.
fn listed<T: fmt::Display>(items: &[T]) -> String {
    let mut out: Vec<_> = items.iter().take(SHOWN).map(T::to_string).collect();
    if items.len() > SHOWN {
        out.push(format!("and {} more", items.len() - SHOWN));
    }
    out.join("; ")
}

/// A name without what would disturb a terminal or turn its text around.
pub(super) fn visible(name: &str) -> String {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut out = String::new();
    for c in name.chars() {
        match odd(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

const SHOWN: usize = 20;
