// SPDX-License-Identifier: Apache-2.0
//! Reads the operator's own word lists, tables and documents for inspection.

use std::{collections::HashSet, io::Read as _, path::Path};

use casemate_inspect::{
    CustomError, Dictionary, ExactSet, Fingerprints, InspectorSettings, SetName,
};

use crate::{CredentialSource, GatewayConfig, GatewayError};

/// Bytes of a word list.
const MAX_LIST: u64 = 16 << 20;
/// Bytes of a table or of fingerprints.
const MAX_FILE: u64 = 128 << 20;

/// What inspection looks for beside what ships.
pub(crate) fn settings(
    config: &GatewayConfig,
    credentials: CredentialSource<'_>,
) -> Result<InspectorSettings, GatewayError> {
    let mut names = HashSet::new();
    let mut all = InspectorSettings {
        canaries: config.canaries.clone(),
        ..InspectorSettings::default()
    };
    for one in &config.dictionary {
        let set = Source::new("dictionary", &one.name, &mut names)?;
        let list = String::from_utf8(set.file(&one.file, MAX_LIST)?)
            .map_err(|_| set.wrong(&one.file, "the file is not UTF-8"))?;
        let list = Dictionary::read(&list).map_err(|why| set.wrong(&one.file, why))?;
        all.dictionaries.push((set.name, list));
    }
    for one in &config.exact {
        let set = Source::new("exact", &one.name, &mut names)?;
        let salt = credentials(&one.salt).map_err(|why| set.error(format!("its salt: {why}")))?;
        let bytes = set.file(&one.file, MAX_FILE)?;
        let table = ExactSet::read(salt.as_bytes(), &bytes);
        let table = table.map_err(|why| set.wrong(&one.file, why))?;
        all.exact_sets.push((set.name, table));
    }
    for one in &config.fingerprint {
        let set = Source::new("fingerprint", &one.name, &mut names)?;
        let documents = Fingerprints::read(&set.file(&one.file, MAX_FILE)?);
        let documents = documents.map_err(|why| set.wrong(&one.file, why))?;
        all.fingerprints.push((set.name, documents));
    }
    Ok(all)
}

/// A set of the configuration, for what is said when it cannot be used.
struct Source<'a> {
    sort: &'static str,
    called: &'a str,
    name: SetName,
}

impl<'a> Source<'a> {
    fn new(
        sort: &'static str,
        called: &'a str,
        names: &mut HashSet<(&'static str, &'a str)>,
    ) -> Result<Self, GatewayError> {
        let error = |why: String| GatewayError::Set {
            sort,
            name: called.to_owned(),
            why,
        };
        if !names.insert((sort, called)) {
            return Err(error("there are two of this name".to_owned()));
        }
        let name = SetName::new(called).map_err(|why: CustomError| error(why.to_string()))?;
        Ok(Self { sort, called, name })
    }

    fn error(&self, why: String) -> GatewayError {
        GatewayError::Set {
            sort: self.sort,
            name: self.called.to_owned(),
            why,
        }
    }

    fn wrong(&self, file: &Path, why: impl std::fmt::Display) -> GatewayError {
        self.error(format!("`{}`: {why}", file.display()))
    }

    /// A file of at most `most` bytes.
    fn file(&self, path: &Path, most: u64) -> Result<Vec<u8>, GatewayError> {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(|why| self.wrong(path, why))?;
        let read = file.take(most + 1).read_to_end(&mut bytes);
        read.map_err(|why| self.wrong(path, why))?;
        match bytes.len() as u64 > most {
            true => Err(self.wrong(path, format!("it is larger than {} MiB", most >> 20))),
            false => Ok(bytes),
        }
    }
}
