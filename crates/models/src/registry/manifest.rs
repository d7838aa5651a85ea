// SPDX-License-Identifier: Apache-2.0
//! The files of a version.

use std::collections::{BTreeMap, BTreeSet};

use casemate_crypto::Sha256;
use serde::{Deserialize, Serialize};

use super::{FileName, RegistryError};
use crate::hex;

/// Files of one version.
const MOST_FILES: usize = 10_000;

/// What a version consists of, as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// By name.
    pub(crate) files: Vec<ManifestFile>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ManifestFile {
    pub(crate) name: String,
    #[serde(with = "digest")]
    pub(crate) sha256: Sha256,
    pub(crate) length: u64,
}

impl Manifest {
    /// Checks that files can stand beside one another wherever they are written.
    pub(crate) fn new(
        files: impl IntoIterator<Item = (FileName, Sha256, u64)>,
    ) -> Result<Self, RegistryError> {
        let mut by_name = BTreeMap::new();
        let mut folded = BTreeSet::new();
        for (name, sha256, length) in files {
            // Disks that do not tell capital from small letters would write one over the other.
            if !folded.insert(name.as_str().to_lowercase()) {
                let why = format!("two files are called `{name}`, but for capital letters");
                return Err(RegistryError::Invalid(why));
            }
            by_name.insert(name, (sha256, length));
        }
        if by_name.is_empty() || by_name.len() > MOST_FILES {
            let why = format!("a version has 1 to {MOST_FILES} files");
            return Err(RegistryError::Invalid(why));
        }
        for name in &folded {
            let above = name.match_indices('/').filter_map(|(at, _)| name.get(..at));
            if let Some(both) = above.into_iter().find(|above| folded.contains(*above)) {
                let why = format!("`{both}` is a file and a directory at once");
                return Err(RegistryError::Invalid(why));
            }
        }
        let files = by_name
            .into_iter()
            .map(|(name, (sha256, length))| ManifestFile {
                name: name.as_str().to_owned(),
                sha256,
                length,
            });
        Ok(Self {
            files: files.collect(),
        })
    }

    /// A file by its name.
    pub(crate) fn file(&self, name: &str) -> Option<&ManifestFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Digests, each once.
    pub(crate) fn digests(&self) -> Vec<Sha256> {
        let all: BTreeSet<_> = self.files.iter().map(|file| file.sha256).collect();
        all.into_iter().collect()
    }
}

mod digest {
    use super::{Sha256, hex};

    pub(super) fn serialize<S: serde::Serializer>(
        digest: &Sha256,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex::encode(digest))
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Sha256, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(d)?;
        hex::decode(&text).ok_or_else(|| serde::de::Error::custom("no digest"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(names: &[&str]) -> Result<Manifest, RegistryError> {
        Manifest::new(names.iter().map(|name| (name.parse().unwrap(), [0; 32], 1)))
    }

    #[test]
    fn files_that_cannot_stand_beside_one_another_are_refused() {
        assert!(manifest(&["b", "a/b", "a/c"]).is_ok());
        for bad in [&["A", "a"][..], &["a", "a/b"], &["x/Y/z", "X/y"], &[]] {
            assert!(manifest(bad).is_err(), "{bad:?}");
        }
    }
}
