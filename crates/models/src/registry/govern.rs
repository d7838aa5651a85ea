// SPDX-License-Identifier: Apache-2.0
//! What is settled about a model: who may sign it, and how far back its aliases may go.

use casemate_types::{Caller, actions::ModelGovern};

use super::{AllowedSigner, Place, Registry, RegistryError, model_of, standing::signers_place};
use crate::store;

/// Signers of one model.
const MOST_SIGNERS: usize = 32;

impl Registry {
    /// Says who may sign a model; a model that is not there yet begins with that. Versions that
    /// somebody signed who is struck off are handed out no more.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] for a signer that cannot be used.
    pub async fn set_signers(
        &self,
        caller: &Caller,
        place: &Place,
        signers: Vec<AllowedSigner>,
    ) -> Result<(), RegistryError> {
        if signers.len() > MOST_SIGNERS {
            let why = format!("a model has {MOST_SIGNERS} signers at most");
            return Err(RegistryError::Invalid(why));
        }
        signers.iter().try_for_each(AllowedSigner::check)?;
        let names: Vec<_> = signers.iter().map(|signer| signer.name.as_str()).collect();
        let note = match names.is_empty() {
            true => "nobody may sign".to_owned(),
            false => format!("may sign: {}", names.join(", ")),
        };
        let permit = self.admit::<ModelGovern>(caller, place, &note).await?;
        self.blocking(move |registry| {
            registry.effect(permit, |resource| {
                let project = resource.project.ok_or(RegistryError::NotFound("project"))?;
                let now = registry.inner.parts.clock.now();
                let model = registry.tx("models.model_insert", |tx| {
                    store::model_insert(tx, project, &resource.id, now)?;
                    model_of(tx, resource)
                })?;
                let text = serde_json::to_vec(&signers)
                    .map_err(|_| RegistryError::invalid("these signers cannot be stored"))?;
                let sealed = registry.seal(project, &signers_place(&model), &text)?;
                Ok(registry.tx("models.signers", |tx| {
                    store::model_signers(tx, model.id, &sealed)
                })?)
            })
        })
        .await
    }

    /// Sets the number below which versions need the approval of another person.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`], [`RegistryError::Access`].
    pub async fn set_floor(
        &self,
        caller: &Caller,
        place: &Place,
        floor: i64,
        why: &str,
    ) -> Result<(), RegistryError> {
        let note = format!("floor {floor}: {why}");
        let permit = self.admit::<ModelGovern>(caller, place, &note).await?;
        self.blocking(move |registry| {
            registry.effect(permit, |resource| {
                registry.tx("models.floor", |tx| {
                    let model = model_of(tx, resource)?;
                    Ok(store::model_floor(tx, model.id, floor.max(0))?)
                })
            })
        })
        .await
    }
}
