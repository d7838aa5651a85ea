// SPDX-License-Identifier: Apache-2.0
//! Where the files of a model come from: a directory, a single file, blobs of a store.

use std::io;

use super::refusal::visible;

/// The files of a model.
///
/// A verifier asks for everything there is and looks names up in the answer; it never opens a name
/// because a statement says so.
pub trait ModelSource: Sync {
    /// What it is called; informative only.
    fn name(&self) -> String;

    /// Everything there is, in any order. Directories are not listed, what is in them is.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be listed, or is too much.
    fn entries(&self) -> Result<Vec<Entry>, SourceError>;

    /// Opens a file that was listed.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be opened or is no regular file (any more).
    fn open(&self, name: &str, links: Links) -> Result<Box<dyn Content>, SourceError>;

    /// Whether the model is one file and no directory. Its file is the only entry.
    fn is_single_file(&self) -> bool {
        false
    }

    /// The path within the model at which its own signature lies; it is not listed.
    fn signature(&self) -> Option<&str> {
        None
    }
}

/// Something in a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the model, with `/` between components.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File {
        /// Its size.
        bytes: u64,
    },
    /// A symbolic link.
    Link(LinkTarget),
    /// Something else, in words: `a pipe`.
    Other(&'static str),
}

/// What a link leads to in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkTarget {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Its size.
        bytes: u64,
    },
    /// Nothing, or neither file nor directory.
    Nothing,
}

/// Whether symbolic links may be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// To files, as the statement says.
    Follow,
    /// Never.
    Refuse,
}

/// An open file.
pub trait Content: Send + Sync {
    /// Its size now.
    ///
    /// # Errors
    /// When the system cannot tell, and when the file was written to since it was opened.
    fn bytes(&self) -> io::Result<u64>;

    /// Reads at a place; 0 at the end.
    ///
    /// # Errors
    /// Those of reading.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// A model cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A file was written to while it was read.
    #[error("`{}` changes while it is read", visible(.0))]
    Changing(String),
    /// The system refuses.
    #[error("`{}`: {source}", visible(.name))]
    Io {
        /// The file.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// It is neither a file nor a directory.
    #[error("`{}` is neither a file nor a directory", visible(.0))]
    NoFile(String),
    /// There are more files than a signature may list.
    #[error("there are more than {0} files")]
    TooMany(usize),
}

impl SourceError {
    pub(super) fn io(name: &str, source: impl Into<io::Error>) -> Self {
        Self::Io {
            name: name.to_owned(),
            source: source.into(),
        }
    }
}

/// Entries of a model at most.
pub(super) const MAX_ENTRIES: usize = 1_000_000;
