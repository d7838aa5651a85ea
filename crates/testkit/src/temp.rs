// SPDX-License-Identifier: Apache-2.0
//! A directory that goes away with its owner.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A new directory, removed with everything in it when dropped.
#[derive(Debug)]
pub struct TempDir {
    path: PathBuf,
    owned: bool,
}

impl TempDir {
    /// Makes one.
    ///
    /// # Panics
    /// When the system's place for temporary files cannot be written.
    #[must_use]
    pub fn new() -> Self {
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("casemate-test-{}-{count}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let made = std::fs::create_dir(&path);
            // One may be left over from a process with the same number that was killed.
            if !path.exists() || made.is_ok() {
                made.expect("a temporary directory can be made");
                return Self { path, owned: true };
            }
        }
    }

    /// A directory that another process made and will remove.
    #[must_use]
    pub const fn of_another(path: PathBuf) -> Self {
        Self { path, owned: false }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path inside.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }
}

impl Default for TempDir {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // A directory that cannot be removed is no reason to fail a test that passed.
        if self.owned {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
