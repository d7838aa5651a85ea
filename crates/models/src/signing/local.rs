// SPDX-License-Identifier: Apache-2.0
//! A model on disk.
//!
//! Everything is opened relative to the open root, component by component and without following
//! links, so that nobody can swap a directory for a link between looking and reading. Pipes and
//! devices are never waited for.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{ffi::OsStrExt as _, fs::FileExt as _, fs::MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};

use super::{
    Content, Entry, EntryKind, LinkTarget, Links, ModelSource, SourceError, source::MAX_ENTRIES,
};

/// A directory, or a single file.
#[derive(Debug)]
pub struct LocalModel {
    /// The directory, or the one that holds the file.
    root: OwnedFd,
    /// As it was given, for messages.
    name: String,
    place: PathBuf,
    /// The file's name if it is a single one.
    file: Option<String>,
    signature: Option<String>,
}

impl LocalModel {
    /// Opens the model at a path. A link that the caller names is followed, links within are not.
    ///
    /// # Errors
    /// [`SourceError::Io`] when there is nothing, [`SourceError::NoFile`] for pipes and devices.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let shown = path.display().to_string();
        let refused = |error: io::Error| SourceError::io(&shown, error);
        let place = path.canonicalize().map_err(refused)?;
        let metadata = std::fs::metadata(&place).map_err(refused)?;
        let name = path.file_name().or(place.file_name());
        let name = name.map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into());
        let (directory, file) = if metadata.is_dir() {
            (place.as_path(), None)
        } else if metadata.is_file() {
            let file = place.file_name().and_then(OsStr::to_str);
            let file = file.ok_or_else(|| SourceError::NoFile(shown.clone()))?;
            (place.parent().unwrap_or(&place), Some(file.to_owned()))
        } else {
            return Err(SourceError::NoFile(shown));
        };
        let root = rustix::fs::open(directory, DIRECTORY, Mode::empty());
        Ok(Self {
            root: root.map_err(|error| refused(error.into()))?,
            name,
            place,
            file,
            signature: None,
        })
    }

    /// Leaves the model's own signature out if it lies within the model.
    #[must_use]
    pub fn with_signature(mut self, path: &Path) -> Self {
        let directory = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => return self,
        };
        // The last component is not followed: the entry is what is left out.
        let place = directory.canonicalize().ok().zip(path.file_name());
        let place = place.map(|(directory, name)| directory.join(name));
        let within = place
            .as_deref()
            .and_then(|place| place.strip_prefix(&self.place).ok());
        self.signature = within
            .and_then(Path::to_str)
            .filter(|name| !name.is_empty())
            .map(str::to_owned);
        self
    }

    /// Opens the directory that a name is in, and gives the last component.
    fn parent<'a>(&self, name: &'a str) -> Result<(OwnedFd, &'a str), rustix::io::Errno> {
        let mut directory = rustix::io::fcntl_dupfd_cloexec(&self.root, 0)?;
        let (path, last) = name.rsplit_once('/').unwrap_or(("", name));
        for component in path.split('/').filter(|component| !component.is_empty()) {
            let flags = DIRECTORY | OFlags::NOFOLLOW;
            directory = openat(&directory, component, flags, Mode::empty())?;
        }
        Ok((directory, last))
    }

    fn directory(&self, name: &str, list: &mut Listing) -> Result<(), SourceError> {
        let shown = if name.is_empty() { "." } else { name };
        let refused = |error: rustix::io::Errno| SourceError::io(shown, error);
        let (parent, last) = self.parent(name).map_err(refused)?;
        let last = if last.is_empty() { "." } else { last };
        let flags = DIRECTORY | OFlags::NOFOLLOW;
        let directory = openat(&parent, last, flags, Mode::empty()).map_err(refused)?;
        for entry in Dir::read_from(&directory).map_err(refused)? {
            let entry = entry.map_err(refused)?;
            let below = OsStr::from_bytes(entry.file_name().to_bytes());
            if below == "." || below == ".." {
                continue;
            }
            let kind = kind(&directory, below).map_err(refused)?;
            list.add(name, below, kind)?;
        }
        Ok(())
    }
}

/// What was found, and the directories that are still to be read.
#[derive(Default)]
struct Listing {
    entries: Vec<Entry>,
    open: Vec<String>,
}

impl Listing {
    /// `kind` is none for a directory.
    fn add(
        &mut self,
        above: &str,
        name: &OsStr,
        kind: Option<EntryKind>,
    ) -> Result<(), SourceError> {
        if self.entries.len() + self.open.len() >= MAX_ENTRIES {
            return Err(SourceError::TooMany(MAX_ENTRIES));
        }
        let (name, kind) = match name.to_str() {
            Some(name) => (name.into(), kind),
            // No statement can name it, and what is in it.
            None => (name.to_string_lossy(), Some(EntryKind::Other(NOT_UTF8))),
        };
        let name = match above {
            "" => name.into_owned(),
            _ => format!("{above}/{name}"),
        };
        match kind {
            Some(kind) => self.entries.push(Entry { name, kind }),
            None => self.open.push(name),
        }
        Ok(())
    }
}

impl ModelSource for LocalModel {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn entries(&self) -> Result<Vec<Entry>, SourceError> {
        let mut list = Listing::default();
        if let Some(file) = &self.file {
            let kind = kind(&self.root, OsStr::new(file));
            let kind = kind.map_err(|error| SourceError::io(file, error))?;
            list.add("", OsStr::new(file), kind)?;
            return Ok(list.entries);
        }
        list.open.push(String::new());
        while let Some(directory) = list.open.pop() {
            self.directory(&directory, &mut list)?;
        }
        list.entries
            .retain(|entry| self.signature.as_ref() != Some(&entry.name));
        Ok(list.entries)
    }

    fn open(&self, name: &str, links: Links) -> Result<Box<dyn Content>, SourceError> {
        let refused = |error: rustix::io::Errno| SourceError::io(name, error);
        let (parent, last) = self.parent(name).map_err(refused)?;
        // A pipe that took the file's place is not waited for.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let flags = match links {
            Links::Follow => flags,
            Links::Refuse => flags | OFlags::NOFOLLOW,
        };
        let file = File::from(openat(&parent, last, flags, Mode::empty()).map_err(refused)?);
        let state = State::of(&file).map_err(|error| SourceError::io(name, error))?;
        match state {
            Some(state) => Ok(Box::new(LocalFile { file, state })),
            None => Err(SourceError::NoFile(name.to_owned())),
        }
    }

    fn is_single_file(&self) -> bool {
        self.file.is_some()
    }

    fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }
}

struct LocalFile {
    file: File,
    /// When it was opened.
    state: State,
}

/// What changes when a file is written to.
#[derive(PartialEq, Eq)]
struct State {
    bytes: u64,
    modified: (i64, i64),
}

impl State {
    /// None if it is no regular file.
    fn of(file: &File) -> io::Result<Option<Self>> {
        let metadata = file.metadata()?;
        Ok(metadata.is_file().then(|| Self {
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }))
    }
}

impl Content for LocalFile {
    fn bytes(&self) -> io::Result<u64> {
        match State::of(&self.file)? {
            Some(state) if state == self.state => Ok(state.bytes),
            _ => Err(io::Error::other("it was written to while it was read")),
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}

/// What stands at a name; none for a directory.
fn kind(directory: impl AsFd, name: &OsStr) -> rustix::io::Result<Option<EntryKind>> {
    let stat = statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(Some(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => return Ok(None),
        FileType::RegularFile => EntryKind::File {
            bytes: u64::try_from(stat.st_size).unwrap_or_default(),
        },
        FileType::Symlink => EntryKind::Link(target(directory, name)),
        FileType::Fifo => EntryKind::Other("a pipe"),
        FileType::Socket => EntryKind::Other("a socket"),
        FileType::BlockDevice | FileType::CharacterDevice => EntryKind::Other("a device"),
        FileType::Unknown => EntryKind::Other("no file"),
    }))
}

fn target(directory: impl AsFd, name: &OsStr) -> LinkTarget {
    let Ok(stat) = statat(directory, name, AtFlags::empty()) else {
        return LinkTarget::Nothing;
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => LinkTarget::Directory,
        FileType::RegularFile => LinkTarget::File {
            bytes: u64::try_from(stat.st_size).unwrap_or_default(),
        },
        _ => LinkTarget::Nothing,
    }
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
const NOT_UTF8: &str = "something whose name is not UTF-8";
