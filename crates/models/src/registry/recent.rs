// SPDX-License-Identifier: Apache-2.0
//! What was worked out last, kept for whoever asks next.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A few values by their keys; the one that was not asked for the longest makes room.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    most: usize,
    values: Mutex<VecDeque<(K, V)>>,
}

impl<K: PartialEq, V: Clone> Recent<K, V> {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            most,
            values: Mutex::new(VecDeque::new()),
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let mut values = self.values();
        let at = values.iter().position(|(known, _)| known == key)?;
        let entry = values.remove(at)?;
        let value = entry.1.clone();
        values.push_front(entry);
        Some(value)
    }

    pub(super) fn put(&self, key: K, value: V) {
        let mut values = self.values();
        values.retain(|(known, _)| *known != key);
        values.push_front((key, value));
        values.truncate(self.most);
    }

    pub(super) fn forget(&self, key: &K) {
        self.values().retain(|(known, _)| known != key);
    }

    fn values(&self) -> MutexGuard<'_, VecDeque<(K, V)>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_nobody_asked_for_makes_room() {
        let recent = Recent::new(2);
        recent.put(1, "a");
        recent.put(2, "b");
        assert_eq!(recent.get(&1), Some("a"));
        recent.put(3, "c");
        assert_eq!(
            [1, 2, 3].map(|key| recent.get(&key)),
            [Some("a"), None, Some("c")]
        );
        recent.put(1, "z");
        recent.forget(&3);
        assert_eq!([1, 3].map(|key| recent.get(&key)), [Some("z"), None]);
    }
}
