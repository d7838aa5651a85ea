// SPDX-License-Identifier: Apache-2.0
//! Files that a statement lists, each with the digests of its parts.

use std::collections::{BTreeMap, btree_map::Entry};

use crate::signing::{
    Difference, Irregularity, Method, Refusal, Resource, Statement, hashing::Part,
};

/// What is to be there.
pub(super) struct Expected<'a> {
    /// For each file, digests by where the part begins and ends.
    pub(super) files: BTreeMap<&'a str, BTreeMap<(u64, u64), &'a [u8]>>,
    pub(super) duplicates: Vec<Irregularity>,
    method: Method,
}

impl<'a> Expected<'a> {
    /// `single` is the file's name if the model is a single file.
    pub(super) fn of(statement: &'a Statement, single: Option<&'a str>) -> Result<Self, Refusal> {
        let mut expected = Self {
            files: BTreeMap::new(),
            duplicates: Vec::new(),
            method: statement.method,
        };
        for resource in &statement.resources {
            expected.add(resource, single)?;
        }
        expected.duplicates.sort();
        expected.duplicates.dedup();
        Ok(expected)
    }

    fn add(&mut self, resource: &'a Resource, single: Option<&'a str>) -> Result<(), Refusal> {
        let name = match single {
            Some(file) if resource.name == Resource::SELF => file,
            _ => resource.name.as_str(),
        };
        let range = resource.range.as_ref();
        // The size of a whole file is not stated; its part is found by this key alone.
        let key = range.map_or(WHOLE, |range| (range.start, range.end));
        match self.files.entry(name).or_default().entry(key) {
            Entry::Vacant(place) => _ = place.insert(&resource.digest),
            Entry::Occupied(known) if *known.get() == resource.digest => {
                self.duplicates
                    .push(Irregularity::Duplicate(resource.name.clone()));
            }
            Entry::Occupied(_) => {
                let name = name.escape_debug();
                let why = format!("it lists `{name}` twice with different digests");
                return Err(Refusal::malformed("the statement", why));
            }
        }
        Ok(())
    }

    /// Parts to digest with what is expected of them, and files that cannot be as they were
    /// signed because of their size.
    pub(super) fn parts(
        &self,
        sizes: &BTreeMap<&str, u64>,
    ) -> (Vec<Part<'a>>, Vec<&'a [u8]>, Vec<Difference>) {
        let (mut parts, mut digests, mut differences) = (Vec::new(), Vec::new(), Vec::new());
        for (&file, listed) in &self.files {
            let Some(&bytes) = sizes.get(file) else {
                continue;
            };
            if let Method::Shards { bytes: size } = self.method
                && !covers(listed.keys(), bytes, size)
            {
                differences.push(Difference::Changed(file.to_owned()));
                continue;
            }
            for (&key, &digest) in listed {
                let range = match key {
                    WHOLE => 0..bytes,
                    (start, end) => start..end,
                };
                parts.push(Part { file, bytes, range });
                digests.push(digest);
            }
        }
        (parts, digests, differences)
    }
}

/// Whether shards are all there are of a file: each begins where the one before it ends.
fn covers<'a>(shards: impl Iterator<Item = &'a (u64, u64)>, bytes: u64, size: u64) -> bool {
    let mut covered = 0;
    for &(start, end) in shards {
        if start != covered || end != bytes.min(start.saturating_add(size)) {
            return false;
        }
        covered = end;
    }
    covered == bytes
}

/// No shard ends where it begins.
const WHOLE: (u64, u64) = (0, 0);
