// SPDX-License-Identifier: Apache-2.0
//! API keys: made, rotated, revoked.

use std::time::Duration;

use casemate_access::Permit;
use casemate_types::{
    Caller, KeyId, PrincipalId, ResourceKind,
    actions::{KeyCreate, KeyRead, KeyRevoke, KeyRotate},
};

use crate::{
    ApiKey, Iam, IamError, KeyInfo, KeySecret, NewKey, directory::KnownKey, iam::may_give, store,
};

impl Iam {
    /// Makes a key for the principal the permit is for. The secret is in the answer and nowhere
    /// else. What is asked for with a key gets its models, networks and end where it says nothing of
    /// them.
    ///
    /// # Errors
    /// [`IamError::NotFound`] for an unknown principal, [`IamError::Invalid`] for a network that is
    /// none or an expiry in the past, [`IamError::Role`] and [`IamError::Reach`] for more than the
    /// caller has.
    pub fn key_create(
        &self,
        permit: Permit<KeyCreate>,
        new: NewKey,
    ) -> Result<(KeyInfo, KeySecret), IamError> {
        let giver = permit.caller().clone();
        self.effect(permit, |resource| {
            let owner = match resource.kind {
                ResourceKind::Service | ResourceKind::Person => owner_id(&resource.id),
                _ => None,
            };
            let owner = owner.ok_or(IamError::NotFound("principal"))?;
            self.may_give_key(&giver, owner)?;
            let new = self.inherited(&giver, new)?;
            self.may_reach(&giver, &new)?;
            self.key_make(owner, new, Some(giver.principal.id))
        })
    }

    /// Makes a successor of a key with the same settings; the old one lives on for `overlap`.
    ///
    /// # Errors
    /// [`IamError::NotFound`] for an unknown or revoked key, [`IamError::Role`] and
    /// [`IamError::Reach`] for one with more than the caller has.
    pub fn key_rotate(
        &self,
        permit: Permit<KeyRotate>,
        overlap: Duration,
    ) -> Result<(KeyInfo, KeySecret), IamError> {
        let giver = permit.caller().clone();
        self.effect(permit, |resource| {
            let id: KeyId = resource.id.parse().map_err(|_| IamError::NotFound("key"))?;
            let old = self
                .directory()
                .key(id)
                .cloned()
                .ok_or(IamError::NotFound("key"))?;
            if old.info.revoked.is_some() {
                return Err(IamError::NotFound("key that is not revoked"));
            }
            self.may_give_key(&giver, old.info.owner)?;
            let settings = NewKey {
                label: old.info.label.clone(),
                models: old.info.models.clone(),
                networks: old.info.networks.clone(),
                limits: old.info.limits,
                expires: old.info.expires,
            };
            // Inheriting would narrow a key that somebody else uses.
            self.may_reach(&giver, &settings)?;
            let maker = Some(giver.principal.id);
            let made = self.key_make(old.info.owner, settings, maker)?;
            let end = self.inner.parts.clock.now().plus(overlap);
            let end = old.info.expires.map_or(end, |expires| expires.min(end));
            self.key_change(
                id,
                |key| key.info.expires = Some(end),
                |tx| store::key_set_expiry(tx, id, end),
            )?;
            Ok(made)
        })
    }

    /// Revokes a key; the next request with it is refused.
    ///
    /// # Errors
    /// [`IamError::NotFound`].
    pub fn key_revoke(&self, permit: Permit<KeyRevoke>) -> Result<KeyInfo, IamError> {
        self.effect(permit, |resource| {
            let id: KeyId = resource.id.parse().map_err(|_| IamError::NotFound("key"))?;
            let now = self.inner.parts.clock.now();
            self.key_change(
                id,
                |key| key.info.revoked = key.info.revoked.or(Some(now)),
                |tx| store::key_set_revoked(tx, id, now),
            )
        })
    }

    /// Keys of the project the permit is for, or all, without secrets.
    ///
    /// # Errors
    /// [`IamError::Expired`].
    pub fn key_list(&self, permit: Permit<KeyRead>) -> Result<Vec<KeyInfo>, IamError> {
        self.effect(permit, |resource| {
            let mut all: Vec<_> = self
                .directory()
                .by_digest
                .values()
                .map(|key| key.info.clone())
                .filter(|key| resource.project.is_none() || key.project == resource.project)
                .collect();
            all.sort_by_key(|key| key.id);
            Ok(all)
        })
    }

    /// A key by id, for the resource of a permit.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<KeyInfo> {
        self.directory().key(id).map(|key| key.info.clone())
    }

    /// A service by id or, within a project, by name, for the resource of a permit.
    #[must_use]
    pub fn service_named(
        &self,
        project: Option<casemate_types::ProjectId>,
        name: &str,
    ) -> Option<crate::ServiceInfo> {
        let id = name.parse::<casemate_types::ServiceId>().ok();
        self.directory()
            .services
            .values()
            .filter(|service| project.is_none_or(|only| service.project == only))
            .find(|service| service.name == name || Some(service.id) == id)
            .map(|service| crate::ServiceInfo::clone(service))
    }

    /// Whether `giver` may hold a secret of `owner`.
    fn may_give_key(&self, giver: &Caller, owner: PrincipalId) -> Result<(), IamError> {
        let directory = self.directory();
        let known = directory
            .principals
            .get(&owner)
            .ok_or(IamError::NotFound("principal"))?;
        may_give(giver, &known.principal.roles)
    }

    pub(crate) fn key_make(
        &self,
        owner: PrincipalId,
        new: NewKey,
        made_by: Option<PrincipalId>,
    ) -> Result<(KeyInfo, KeySecret), IamError> {
        let parts = &self.inner.parts;
        let now = parts.clock.now();
        if new.expires.is_some_and(|expires| expires <= now) {
            return Err(IamError::Invalid("the expiry lies in the past".into()));
        }
        if new.models.iter().any(|model| model.trim().is_empty()) {
            let why = "a model of a key has no name; leave it out for all models";
            return Err(IamError::Invalid(why.into()));
        }
        let networks = new
            .networks
            .iter()
            .map(|network| network.parse().map_err(IamError::Invalid))
            .collect::<Result<Vec<_>, _>>()?;
        let secret = ApiKey::generate(parts.entropy.as_ref());
        let digest = ApiKey::parse(secret.expose())
            .map(|key| key.digest(&self.inner.pepper))
            .ok_or_else(|| IamError::Invalid("the new key has the wrong form".into()))?;
        self.change(|directory| {
            let known = directory
                .principals
                .get(&owner)
                .ok_or(IamError::NotFound("principal"))?;
            let info = KeyInfo {
                id: KeyId::from_parts(now, parts.entropy.id_bytes()),
                owner,
                project: known.principal.project,
                label: new.label,
                models: new.models,
                networks: new.networks,
                limits: new.limits,
                created: now,
                expires: new.expires,
                revoked: None,
                made_by,
            };
            parts
                .database
                .tx("iam.key_create", |tx| store::key_insert(tx, &info, &digest))?;
            directory.put_key(KnownKey {
                info: info.clone(),
                networks,
                digest,
            });
            Ok((info, secret))
        })
    }

    fn key_change(
        &self,
        id: KeyId,
        edit: impl FnOnce(&mut KnownKey),
        write: impl FnOnce(&casemate_store::Tx<'_>) -> Result<(), casemate_store::StoreError>,
    ) -> Result<KeyInfo, IamError> {
        self.change(|directory| {
            let mut key = KnownKey::clone(directory.key(id).ok_or(IamError::NotFound("key"))?);
            edit(&mut key);
            self.inner.parts.database.tx("iam.key_change", write)?;
            let info = key.info.clone();
            directory.put_key(key);
            Ok(info)
        })
    }
}

fn owner_id(text: &str) -> Option<PrincipalId> {
    let service = text
        .parse::<casemate_types::ServiceId>()
        .ok()
        .map(PrincipalId::from);
    service.or_else(|| {
        text.parse::<casemate_types::PersonId>()
            .ok()
            .map(PrincipalId::from)
    })
}
