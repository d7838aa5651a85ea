// SPDX-License-Identifier: Apache-2.0
//! Where files may lie that are sent: links of a download lead into its own cache, and nowhere else.
//!
//! A repository is somebody else's, and a link in it can point at anything that its reader may read.

use std::{
    fs::File,
    io,
    path::{Component, Path, PathBuf},
};

use anyhow::Context as _;
use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::cli::inspect::files::shown;

/// Directories below which the files of a model may lie.
#[derive(Debug)]
pub(super) struct Within(Vec<PathBuf>);

impl Within {
    /// What was named, and the blobs of the Hub's cache if it is one of its snapshots.
    ///
    /// A file that is named itself may be a link: whoever named it meant what it leads to.
    pub(super) fn of(named: &Path) -> io::Result<Self> {
        let place = named.canonicalize()?;
        let blobs = blobs(&place);
        Ok(Self([Some(place), blobs].into_iter().flatten().collect()))
    }

    /// Only what was named.
    pub(super) fn alone(named: &Path) -> io::Result<Self> {
        Ok(Self(vec![named.canonicalize()?]))
    }

    /// The path of a file without any links, to be opened by [`open`].
    pub(super) fn resolve(&self, path: &Path) -> anyhow::Result<PathBuf> {
        let cannot = || format!("`{}` cannot be read", shown(path));
        let place = path.canonicalize().with_context(cannot)?;
        let is_within = self.0.iter().any(|root| place.starts_with(root));
        anyhow::ensure!(
            is_within,
            "`{}` is a link that leads out of the directory, to `{}`\n\
             hint: if it belongs to the model, put a copy in its place",
            shown(path),
            shown(&place)
        );
        Ok(place)
    }
}

/// `blobs` beside the `snapshots` that a directory lies in: `models--NAME/snapshots/REVISION`.
fn blobs(place: &Path) -> Option<PathBuf> {
    let is_snapshots = |path: &&Path| path.file_name().is_some_and(|name| name == "snapshots");
    let snapshots = place.ancestors().skip(1).find(is_snapshots)?;
    let blobs = snapshots.with_file_name("blobs");
    // A link in their place would lead elsewhere.
    let is_itself = blobs.canonicalize().is_ok_and(|place| place == blobs);
    (is_itself && blobs.is_dir()).then_some(blobs)
}

/// Opens a path that has no links in it. A link that took the place of one of its parts since is an
/// error, and a pipe is not waited for.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mut parts = path.components().peekable();
    let mut directory = None;
    while let Some(part) = parts.next() {
        let name: &Path = match part {
            Component::RootDir => Path::new("/"),
            Component::Normal(name) => Path::new(name),
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
        let flags = match parts.peek() {
            Some(_) => flags | OFlags::DIRECTORY,
            None => flags | OFlags::NONBLOCK | OFlags::NOCTTY,
        };
        let next = match &directory {
            None => openat(CWD, name, flags, Mode::empty()),
            Some(directory) => openat(directory, name, flags, Mode::empty()),
        };
        directory = Some(next?);
    }
    let file = File::from(directory.ok_or(io::ErrorKind::InvalidInput)?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no file (any more)")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::symlink;

    use casemate_testkit::TempDir;

    use super::*;

    #[test]
    fn what_takes_a_place_afterwards_is_not_opened() {
        let dir = TempDir::new();
        let model = dir.join("model");
        std::fs::create_dir_all(model.join("inner")).unwrap();
        std::fs::create_dir_all(dir.join("outside")).unwrap();
        for path in ["model/inner/file", "outside/file"] {
            std::fs::write(dir.join(path), path).unwrap();
        }
        let within = Within::of(&model).unwrap();
        let checked = within.resolve(&model.join("inner/file")).unwrap();
        let text = || io::read_to_string(open(&checked)?);
        assert_eq!(text().unwrap(), "model/inner/file");
        // The file becomes a link, then the directory does.
        std::fs::remove_file(&checked).unwrap();
        symlink(dir.join("outside/file"), &checked).unwrap();
        assert!(text().is_err());
        std::fs::remove_dir_all(model.join("inner")).unwrap();
        symlink(dir.join("outside"), model.join("inner")).unwrap();
        assert!(text().is_err());
        assert!(within.resolve(&model.join("inner/file")).is_err());
    }

    #[test]
    fn only_a_cache_has_blobs_beside_it() {
        let dir = TempDir::new();
        let root = dir.path().canonicalize().unwrap();
        let snapshot = root.join("models--a--b/snapshots/1234");
        std::fs::create_dir_all(snapshot.join("onnx")).unwrap();
        assert_eq!(blobs(&snapshot), None);
        let beside = root.join("models--a--b/blobs");
        symlink(&root, &beside).unwrap();
        assert_eq!(blobs(&snapshot), None, "a link in their place");
        std::fs::remove_file(&beside).unwrap();
        std::fs::create_dir(&beside).unwrap();
        assert_eq!(blobs(&snapshot), Some(beside.clone()));
        assert_eq!(blobs(&snapshot.join("onnx")), Some(beside));
        assert_eq!(blobs(&root), None);
    }
}
