// SPDX-License-Identifier: Apache-2.0
//! Answers that were given before.
//!
//! The key holds the set, the entity epoch, principal with roles and project, action, resource and
//! the value of every attribute that a candidate policy reads, so a hit is what deciding again would
//! say.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

use casemate_types::ProjectId;

use crate::{Answer, CompiledSet, Question};

const SHARDS: usize = 16;
/// Answers kept in one shard; a full shard starts anew.
const PER_SHARD: usize = 1024;

type Shard = Mutex<HashMap<Box<[u8]>, Arc<Answer>>>;

/// A bounded cache of decisions.
pub struct DecisionCache {
    hasher: RandomState,
    shards: [Shard; SHARDS],
}

impl Default for DecisionCache {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Shard::default()),
        }
    }
}

impl DecisionCache {
    /// The answer of `set`, from memory if the same was asked before.
    ///
    /// `set_id` names the set and `epoch` the state of principals and projects: whoever changes one
    /// of them changes the number.
    #[must_use]
    pub fn decide(
        &self,
        set: &CompiledSet,
        set_id: &[u8; 16],
        epoch: u64,
        question: &Question<'_>,
    ) -> Arc<Answer> {
        let key = key(set, set_id, epoch, question);
        let shard = &self.shards[self.hasher.hash_one(&key) as usize % SHARDS];
        if let Some(answer) = lock(shard).get(key.as_slice()) {
            return answer.clone();
        }
        let answer = Arc::new(set.decide(question));
        let mut shard = lock(shard);
        if shard.len() >= PER_SHARD {
            shard.clear();
        }
        shard.insert(key.into_boxed_slice(), answer.clone());
        answer
    }
}

fn lock(shard: &Shard) -> std::sync::MutexGuard<'_, HashMap<Box<[u8]>, Arc<Answer>>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(set: &CompiledSet, set_id: &[u8; 16], epoch: u64, question: &Question<'_>) -> Vec<u8> {
    let mut key = Vec::with_capacity(160);
    key.extend_from_slice(set_id);
    key.extend_from_slice(&epoch.to_be_bytes());
    key.extend_from_slice(question.principal.id.as_bytes());
    key.push(question.principal.kind as u8);
    // A request that was authenticated before a role was taken away still carries it; without roles
    // in the key, its answer would stand for the next request of the same principal.
    push_project(&mut key, question.principal.project);
    key.extend_from_slice(&(question.principal.roles.len() as u32).to_be_bytes());
    for role in &question.principal.roles {
        push_text(&mut key, role);
    }
    key.push(question.action as u8);
    key.push(question.resource.kind as u8);
    push_text(&mut key, &question.resource.id);
    push_project(&mut key, question.resource.project);
    for read in &set.plan(question.action).reads {
        read.key(question.context, &mut key);
    }
    key
}

fn push_text(key: &mut Vec<u8>, text: &str) {
    key.extend_from_slice(&(text.len() as u32).to_be_bytes());
    key.extend_from_slice(text.as_bytes());
}

fn push_project(key: &mut Vec<u8>, project: Option<ProjectId>) {
    key.push(u8::from(project.is_some()));
    if let Some(project) = project {
        key.extend_from_slice(project.as_bytes());
    }
}
