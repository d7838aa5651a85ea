// SPDX-License-Identifier: Apache-2.0
//! Stopping versions, and letting them go again.

use casemate_store::{Scope, StoreError};
use casemate_types::{
    Caller, ProjectId, ResourceRef,
    actions::{ModelGovern, ModelQuarantine},
};

use super::{
    AliasName, Moved, Place, Reference, Registry, RegistryError,
    manifest::Manifest,
    standing::{Found, version_place},
    version_of,
};
use crate::store;

/// Letters of the reasons why a version is stopped.
const MOST_REASONS: usize = 4000;

impl Registry {
    /// Stops a version: it is not handed out from the next request on, no alias can be moved to it,
    /// and aliases that point at it are led to the last good version where the policies allow it.
    /// One that is stopped already is stopped for this, too.
    ///
    /// It goes on when whoever asked for it has gone.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`], [`RegistryError::Access`].
    pub async fn quarantine(
        &self,
        caller: &Caller,
        place: &Place,
        reference: &Reference,
        why: &str,
    ) -> Result<Vec<Moved>, RegistryError> {
        let registry = self.clone();
        let (caller, place) = (caller.clone(), place.clone());
        let (reference, why) = (reference.clone(), why.to_owned());
        let stopped =
            tokio::spawn(async move { registry.stop(&caller, &place, &reference, &why).await });
        stopped
            .await
            .unwrap_or_else(|_| Err(RegistryError::Transfer("the work was broken off".into())))
    }

    async fn stop(
        &self,
        caller: &Caller,
        place: &Place,
        reference: &Reference,
        why: &str,
    ) -> Result<Vec<Moved>, RegistryError> {
        let found = self.find(caller, place, reference).await?;
        let permit = self
            .admit_version::<ModelQuarantine>(caller, place, &found, "", why, |asked| asked)
            .await?;
        let text = why.to_owned();
        self.blocking(move |registry| {
            registry.effect(permit, |resource| registry.mark_stopped(resource, &text))
        })
        .await?;
        // Until now, but from now on no more, aliases may have been moved to it.
        let root = Reference::Digest(found.row.root);
        let found = self.find(caller, place, &root).await?;
        self.lead_aliases_away(caller, place, &found, why).await
    }

    fn mark_stopped(&self, resource: &ResourceRef, why: &str) -> Result<(), RegistryError> {
        let read = |tx: &casemate_store::Tx<'_>| version_of(tx, resource);
        let (model, row) = self.tx("models.version_find", read)?;
        let text = both_reasons(why, &self.why(&row)?);
        let place = version_place(model.id, &row.root, "why");
        let sealed = self.seal(model.project, &place, text.as_bytes())?;
        let now = self.inner.parts.clock.now();
        self.tx("models.quarantine", |tx| {
            // Whoever agreed, or pointed an alias at it before, did not know of this.
            store::approval_clear(tx, row.id)?;
            store::step_clear(tx, row.id)?;
            Ok(store::version_quarantine(tx, row.id, now, &sealed)?)
        })
    }

    /// Leads aliases away from a version that is quarantined.
    pub(super) async fn lead_aliases_away(
        &self,
        caller: &Caller,
        place: &Place,
        found: &Found,
        why: &str,
    ) -> Result<Vec<Moved>, RegistryError> {
        let mut moved = Vec::new();
        for alias in &found.aliases {
            let alias: AliasName = alias.parse()?;
            let note = format!("version {} is quarantined: {why}", found.row.number);
            match self.lead_away(caller, place, found, &alias, &note).await {
                Ok(led) => moved.extend(led),
                // It is stopped all the same: what such an alias points at is not handed out.
                Err(error) => {
                    tracing::warn!(%alias, %error, "an alias stays at a version in quarantine");
                }
            }
        }
        Ok(moved)
    }

    /// Lets a version go again, once all of its bytes were read and are what they should be.
    ///
    /// # Errors
    /// [`RegistryError::Damaged`] when they are not.
    pub async fn release(
        &self,
        caller: &Caller,
        place: &Place,
        reference: &Reference,
        why: &str,
    ) -> Result<(), RegistryError> {
        let found = self.find(caller, place, reference).await?;
        // Waiting comes first: a permit is for an effect that begins now.
        let turn = self.inner.turns.to_read().await?;
        let permit = self
            .admit_version::<ModelGovern>(caller, place, &found, "", why, |asked| asked)
            .await?;
        self.blocking(move |registry| {
            let _turn = turn;
            registry.effect(permit, |resource| {
                let manifest = registry.manifest(&found.row)?;
                registry.intact(found.model.project, &manifest)?;
                registry.tx("models.release", |tx| {
                    let (_, row) = version_of(tx, resource)?;
                    match store::version_release(tx, row.id, found.row.quarantined)? {
                        true => Ok(()),
                        false => Err(RegistryError::Conflict(
                            "it was stopped once more meanwhile; look again and repeat".into(),
                        )),
                    }
                })
            })
        })
        .await
    }

    /// Reads all bytes of a version.
    fn intact(&self, project: ProjectId, manifest: &Manifest) -> Result<(), RegistryError> {
        for file in &manifest.files {
            self.read_through(project, &file.sha256, file.length, |_| true)
                .map_err(|error| match error.is_damage() {
                    true => RegistryError::Damaged {
                        file: file.name.clone(),
                    },
                    false => error.into(),
                })?;
        }
        Ok(())
    }

    /// Reads a blob to its end, or until `took` has enough; every piece is checked, and so is the
    /// whole.
    pub(super) fn read_through(
        &self,
        project: ProjectId,
        digest: &casemate_crypto::Sha256,
        length: u64,
        mut took: impl FnMut(usize) -> bool,
    ) -> Result<(), StoreError> {
        let mut file = self
            .inner
            .parts
            .blobs
            .read(Scope::Project(project), digest)?;
        let mut whole = casemate_crypto::Sha256Stream::new();
        let (mut seen, mut enough) = (0, false);
        file.each_piece(|piece| {
            whole.update(piece);
            seen += piece.len() as u64;
            enough = !took(piece.len());
            !enough
        })?;
        match enough || (seen == length && whole.finish() == *digest) {
            true => Ok(()),
            false => Err(StoreError::Corrupt("it has another digest".into())),
        }
    }
}

/// The newer reason in front, and as much of the older ones as there is room for.
fn both_reasons(newer: &str, older: &str) -> String {
    if older.is_empty() || newer == older {
        return newer.to_owned();
    }
    let both = format!("{newer}; before that: {older}");
    both.chars().take(MOST_REASONS).collect()
}
