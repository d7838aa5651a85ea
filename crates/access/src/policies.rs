// SPDX-License-Identifier: Apache-2.0
//! Policy sets: checked, numbered, in force.

use std::sync::Arc;

use casemate_policy::{BASE_POLICIES, CompiledSet, PolicyError};
use casemate_types::{
    PolicySetId, Timestamp,
    actions::{PolicyApply, PolicyRead},
    event::Ending,
};

use crate::{AccessError, Door, DoorParts, Permit, door::ActiveSet, store};

/// A policy set that is or was in force.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PolicyVersion {
    /// Counts from 1.
    pub number: i64,
    /// Its id, which records carry.
    pub id: PolicySetId,
    /// Since when.
    pub time: Timestamp,
    /// Who put it in force; a pseudonymous id.
    pub author: String,
    /// Why.
    pub note: String,
    /// The policies.
    pub text: String,
}

pub(crate) fn load(parts: &DoorParts) -> Result<ActiveSet, AccessError> {
    let found = parts
        .database
        .tx("access.policy_newest", store::policy_newest)?;
    let version = match found {
        Some(version) => version,
        None => {
            let now = parts.clock.now();
            let version = PolicyVersion {
                number: 1,
                id: PolicySetId::from_parts(now, parts.entropy.id_bytes()),
                time: now,
                author: "casemate".into(),
                note: "the base policies".into(),
                text: BASE_POLICIES.into(),
            };
            parts.database.tx("access.policy_base", |tx| {
                store::policy_insert(tx, &version)
            })?;
            version
        }
    };
    Ok(ActiveSet {
        number: version.number,
        id: version.id,
        set: CompiledSet::parse(&version.text)?,
    })
}

impl Door {
    /// Puts a policy set in force from the next question on. An invalid text changes nothing.
    ///
    /// # Errors
    /// [`AccessError::Policy`] with every fault of the text.
    pub fn policy_apply(
        &self,
        permit: Permit<PolicyApply>,
        text: &str,
        note: &str,
    ) -> Result<PolicyVersion, AccessError> {
        let compiled = CompiledSet::parse(text).and_then(|set| {
            if set.keeps_operator() {
                Ok(set)
            } else {
                Err(PolicyError::LockOut)
            }
        });
        let set = match compiled {
            Ok(set) => set,
            Err(error) => {
                if let Some((_, receipt)) = permit.enter() {
                    receipt.settle(Ending::Failed, |facts| facts.note = error.to_string());
                }
                return Err(error.into());
            }
        };
        let (_, receipt) = permit.enter().ok_or_else(expired)?;
        let parts = &self.inner.parts;
        let now = self.now();
        let version = parts.database.tx("access.policy_apply", |tx| {
            let version = PolicyVersion {
                number: store::policy_newest(tx)?.map_or(0, |newest| newest.number) + 1,
                id: PolicySetId::from_parts(now, parts.entropy.id_bytes()),
                time: now,
                author: receipt.caller().principal.id.to_string(),
                note: note.to_owned(),
                text: text.to_owned(),
            };
            store::policy_insert(tx, &version)?;
            Ok::<_, AccessError>(version)
        })?;
        let new = Arc::new(ActiveSet {
            number: version.number,
            id: version.id,
            set,
        });
        // Of two that are applied at the same time the newer stays in force, as after a restart.
        self.inner.active.rcu(|now| {
            if now.number < new.number {
                new.clone()
            } else {
                now.clone()
            }
        });
        receipt.settle(Ending::Completed, |facts| {
            facts.policy_set = version.id.to_string();
        });
        Ok(version)
    }

    /// All versions, newest first.
    ///
    /// # Errors
    /// [`AccessError::Store`] of the engine.
    pub fn policy_history(
        &self,
        permit: Permit<PolicyRead>,
    ) -> Result<Vec<PolicyVersion>, AccessError> {
        let (_, receipt) = permit.enter().ok_or_else(expired)?;
        let list = self
            .inner
            .parts
            .database
            .tx("access.policy_list", store::policy_list)?;
        receipt.settle(Ending::Completed, |_| ());
        Ok(list)
    }
}

pub(crate) fn expired() -> AccessError {
    AccessError::Undischarged("the permit has expired".into())
}
