// SPDX-License-Identifier: Apache-2.0
//! What was found in texts that were inspected before. A chat sends its whole history with every
//! question, so most of what comes in was seen a moment ago.
//!
//! A text is remembered by a keyed digest of itself, its project and its place; the key is made anew
//! with every configuration and never leaves memory. So nobody can make two texts with one digest,
//! no project learns what another one sent, and no text is kept.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use casemate_crypto::{Hmac, Secret32, SystemEntropy};
use casemate_inspect::Segment;
use casemate_types::{Finding, ProjectId};

/// Texts shorter than this are inspected about as fast as they are looked up.
const SHORTEST: usize = 256;
/// Texts with more findings are not remembered, so that memory is bounded.
const MOST_FINDINGS: usize = 64;
/// Locks, so that requests seldom wait for one another.
const SHARDS: usize = 16;
/// Texts of a shard in one generation; there are two.
const GENERATION: usize = 512;

/// What one project may have remembered.
#[derive(Debug)]
pub(crate) struct Recall<'a> {
    pub(crate) memory: &'a Memory,
    /// `None` for callers of no project, who have a memory of their own.
    pub(crate) project: Option<ProjectId>,
}

impl Recall<'_> {
    /// What is in a segment: as it was found before, or as `inspect` finds it now.
    pub(crate) fn of(&self, segment: Segment<'_>, inspect: impl FnOnce() -> Vec<Finding>) -> Found {
        self.memory.recall(self.project, segment, inspect)
    }
}

type Key = [u8; 16];
type Found = Arc<[Finding]>;

/// Findings of texts, by digest.
#[derive(Debug)]
pub(crate) struct Memory {
    digest: Hmac,
    shards: [Mutex<Generations>; SHARDS],
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            digest: Hmac::new(&Secret32::random(&SystemEntropy)),
            shards: std::array::from_fn(|_| Mutex::default()),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    fn recall(
        &self,
        project: Option<ProjectId>,
        segment: Segment<'_>,
        inspect: impl FnOnce() -> Vec<Finding>,
    ) -> Found {
        if segment.text.len() < SHORTEST {
            return inspect().into();
        }
        let key = self.key(project, segment);
        let shard = &self.shards[usize::from(key[0]) % SHARDS];
        // Findings are whole or not there, so a panic elsewhere leaves nothing half done.
        let lock = || shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().get(key) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return found;
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        // The lock is free meanwhile: two requests may inspect the same text, and agree.
        let found: Found = inspect().into();
        if found.len() <= MOST_FINDINGS {
            lock().put(key, found.clone());
        }
        found
    }

    /// How many texts were remembered, and how many were not.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (load(&self.hits), load(&self.misses))
    }

    fn key(&self, project: Option<ProjectId>, segment: Segment<'_>) -> Key {
        let place = [
            segment.role as u8,
            segment.channel as u8,
            segment.trust as u8,
        ];
        // No id is all zeros: its first bytes are an instant.
        let project = project.map_or([0; 16], |project| *project.as_bytes());
        let digest = self
            .digest
            .digest(&[&project, &place, segment.text.as_bytes()]);
        std::array::from_fn(|at| digest[at])
    }
}

/// What was used lately, and what was used before that.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Key, Found, BuildHasherDefault<FirstBytes>>,
    old: HashMap<Key, Found, BuildHasherDefault<FirstBytes>>,
}

impl Generations {
    fn get(&mut self, key: Key) -> Option<Found> {
        if let Some(found) = self.young.get(&key) {
            return Some(found.clone());
        }
        let found = self.old.remove(&key)?;
        self.put(key, found.clone());
        Some(found)
    }

    fn put(&mut self, key: Key, found: Found) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, found);
    }
}

/// Keys are digests: their bytes need no more hashing. The first one chose the shard.
#[derive(Debug, Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        let first = bytes.iter().skip(1).take(8);
        self.0 = first.fold(0, |all, byte| all << 8 | u64::from(*byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use casemate_types::{Channel, FindingKind, Role};

    use super::*;

    fn finding(count: usize) -> Vec<Finding> {
        let one = Finding {
            kind: FindingKind::Email,
            span: 1..2,
            rule: "personal.email",
            score: 1.0,
        };
        vec![one; count]
    }

    /// Whether a text was inspected, and not remembered.
    fn looked(
        memory: &Memory,
        project: Option<ProjectId>,
        segment: Segment<'_>,
        found: usize,
    ) -> bool {
        let looked = Cell::new(false);
        let all = memory.recall(project, segment, || {
            looked.set(true);
            finding(found)
        });
        assert_eq!(all.len(), found);
        looked.get()
    }

    fn user(text: &str) -> Segment<'_> {
        Segment::new(text, Role::User, Channel::Content)
    }

    fn projects() -> [Option<ProjectId>; 2] {
        [1_u8, 2].map(|last| Some(ProjectId::from_bytes([last; 16])))
    }

    #[test]
    fn the_same_text_in_the_same_place_is_inspected_once() {
        let memory = Memory::new();
        let [one, other] = projects();
        let text = "a".repeat(SHORTEST);
        assert!(looked(&memory, one, user(&text), 1));
        assert!(!looked(&memory, one, user(&text), 1));
        assert!(looked(&memory, other, user(&text), 1), "another project");
        let tool = Segment::new(&text, Role::Tool, Channel::ToolResult);
        assert!(looked(&memory, one, tool, 1), "another place");
        let longer = text.clone() + "a";
        assert!(looked(&memory, one, user(&longer), 1), "another text");
        assert_eq!(memory.counts(), (1, 4));
    }

    #[test]
    fn short_texts_and_many_findings_are_not_kept() {
        let memory = Memory::new();
        let [one, _] = projects();
        let short = "a".repeat(SHORTEST - 1);
        let long = "a".repeat(SHORTEST);
        for _ in 0..2 {
            assert!(looked(&memory, one, user(&short), 1));
            assert!(looked(&memory, one, user(&long), MOST_FINDINGS + 1));
        }
    }

    #[test]
    fn what_is_used_stays_and_the_rest_is_bounded() {
        let memory = Memory::new();
        let [one, _] = projects();
        let used = "used".repeat(SHORTEST);
        assert!(looked(&memory, one, user(&used), 0));
        for number in 0..20 * SHARDS * GENERATION {
            let text = format!("{number:0>SHORTEST$}");
            assert!(looked(&memory, one, user(&text), 0));
            if number % 256 == 0 {
                assert!(!looked(&memory, one, user(&used), 0), "{number}");
            }
        }
        let kept: usize = memory
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap())
            .map(|shard| shard.young.len() + shard.old.len())
            .sum();
        assert!(kept <= 2 * SHARDS * GENERATION, "{kept}");
    }
}
