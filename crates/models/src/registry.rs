// SPDX-License-Identifier: Apache-2.0
//! The registry: versions of models, pointers to them, and who may do what with them.
//!
//! A method takes the caller first and asks the door before it does anything; what it then does
//! takes model and version from the permit. Bytes are addressed by digest, names are data.

mod alias;
mod document;
mod error;
mod govern;
mod info;
mod lineage;
mod manifest;
mod name;
mod patrol;
mod pull;
mod quarantine;
mod receive;
mod recent;
mod register;
mod served;
mod signature;
mod standing;
mod turns;

use std::sync::Arc;

use casemate_access::{Decided, Door, Permit, Receipt};
use casemate_artifact::{Limits, Scanner};
use casemate_store::{Blobs, Database, Keyring, StoreError};
use casemate_types::{
    Action, Caller, Clock, ProjectId, Release, ResourceKind, ResourceRef, actions::ModelRead,
    event::Ending,
};

use crate::{hex, store};

pub use alias::{Move, Moved};
pub use document::DocumentKind;
pub use error::RegistryError;
pub use info::{
    AliasInfo, DocumentInfo, FileInfo, ModelInfo, Stopped, VersionInfo, VersionSummary,
};
pub use name::{AliasName, FileName, ModelName, NameError, Reference};
pub use patrol::{Patrol, PatrolConfig, Round};
pub use pull::{OpenFile, Pulled};
pub use register::{Difference, Submission};
pub use signature::AllowedSigner;

use manifest::Manifest;
use recent::Recent;
use standing::{Found, Judged};
use turns::Turns;

/// Lists of files that are kept in memory: most requests are about a few versions.
const RECENT_MANIFESTS: usize = 16;
/// Signatures whose last check is remembered for a moment.
const RECENT_SIGNATURES: usize = 256;
/// Bytes of a file that the scan keeps in memory; larger ones are read by their header, if their
/// format allows, and are for a person to judge otherwise.
const KEPT: u64 = 1 << 30;

/// A model by its project and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The project.
    pub project: ProjectId,
    /// The name within it.
    pub model: ModelName,
}

/// What the registry is made of.
pub struct RegistryParts {
    /// The door.
    pub door: Door,
    /// State.
    pub database: Database,
    /// Keys that seal what people wrote.
    pub keyring: Keyring,
    /// Bytes.
    pub blobs: Blobs,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// The registry. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    parts: RegistryParts,
    scanner: Scanner,
    turns: Turns,
    /// By the version's row. A version's files never change.
    manifests: Recent<i64, Arc<Manifest>>,
    /// By the version's row.
    signatures: Recent<i64, Judged>,
}

impl Registry {
    /// The registry over its parts.
    #[must_use]
    pub fn new(parts: RegistryParts) -> Self {
        let limits = Limits {
            kept: KEPT,
            ..Limits::default()
        };
        Self {
            inner: Arc::new(Inner {
                parts,
                scanner: Scanner::new(limits),
                turns: Turns::new(),
                manifests: Recent::new(RECENT_MANIFESTS),
                signatures: Recent::new(RECENT_SIGNATURES),
            }),
        }
    }

    pub(crate) fn door(&self) -> &Door {
        &self.inner.parts.door
    }

    /// A transaction.
    fn tx<T, E: From<StoreError>>(
        &self,
        name: &'static str,
        body: impl FnOnce(&casemate_store::Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.inner.parts.database.tx(name, body)
    }

    /// Runs what may block away from the threads that serve.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let registry = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&registry)).await;
        done.unwrap_or_else(|_| Err(RegistryError::Transfer("the work was broken off".into())))
    }

    /// Asks for something about a model as a whole.
    async fn admit<A: Action>(
        &self,
        caller: &Caller,
        place: &Place,
        note: &str,
    ) -> Result<Permit<A>, RegistryError> {
        may_know(caller, place.project)?;
        let resource = ResourceRef::of(ResourceKind::Model, &place.model, place.project);
        Ok(self.door().admit::<A>(caller, resource, note).await?)
    }

    /// Asks for something about a version, in the circumstances that policies read. Who may not know
    /// the model does not learn whether it has the version.
    async fn admit_version<A: Action>(
        &self,
        caller: &Caller,
        place: &Place,
        found: &Found,
        alias: &str,
        note: &str,
        stricter: impl FnOnce(Decided<A>) -> Decided<A>,
    ) -> Result<Permit<A>, RegistryError> {
        let mut context = self.door().admin_context(caller);
        context.release = Release {
            alias: alias.to_owned(),
            standing: found.standing(self.door(), caller, alias),
        };
        let resource = found.resource(place);
        let door = self.door();
        Ok(door
            .admit_in::<A>(caller, resource, &context, note, stricter)
            .await?)
    }

    /// Refuses an access to a model that the caller's key is not made for; the refusal stands in the
    /// book.
    pub async fn refuse_key<A: Action>(&self, caller: &Caller, place: &Place) -> RegistryError {
        let resource = ResourceRef::of(ResourceKind::Model, &place.model, place.project);
        let context = self.door().admin_context(caller);
        let asked = self
            .door()
            .admit_in::<A>(caller, resource, &context, "", |asked| {
                asked.overrule("key.models", "the API key is not for this model")
            });
        match asked.await {
            Err(error) => error.into(),
            // What is overruled is never allowed.
            Ok(_) => RegistryError::NotFound("model"),
        }
    }

    /// The version that a reference leads to. That there is none learns only who may read the model.
    async fn find(
        &self,
        caller: &Caller,
        place: &Place,
        reference: &Reference,
    ) -> Result<Found, RegistryError> {
        may_know(caller, place.project)?;
        let (at, wanted) = (place.clone(), reference.clone());
        let found = self.blocking(move |registry| registry.look_up(&at, &wanted));
        match found.await? {
            Some(found) => Ok(found),
            None => {
                let permit = self.admit::<ModelRead>(caller, place, "no such version");
                self.effect(permit.await?, |resource| {
                    self.tx("models.model_get", |tx| model_of(tx, resource))?;
                    Err(RegistryError::NotFound("version"))
                })
            }
        }
    }

    /// Runs an effect with the resource of its permit and records how it ended.
    fn effect<A: Action, T>(
        &self,
        permit: Permit<A>,
        body: impl FnOnce(&ResourceRef) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        self.effect_by(permit, |resource, _| body(resource))
    }

    /// The same for effects that note who they were for.
    fn effect_by<A: Action, T>(
        &self,
        permit: Permit<A>,
        body: impl FnOnce(&ResourceRef, &Caller) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let (resource, receipt) = entered(permit)?;
        let result = body(&resource, &receipt.caller().clone());
        finish(receipt, &result);
        result
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registry({:?})", self.inner.parts.blobs)
    }
}

/// Begins what a permit is for.
fn entered<A: Action>(permit: Permit<A>) -> Result<(ResourceRef, Receipt), RegistryError> {
    let expired = || RegistryError::Conflict("the permit has expired; ask again".into());
    permit.enter().ok_or_else(expired)
}

fn finish<T>(receipt: Receipt, result: &Result<T, RegistryError>) {
    match result {
        Ok(_) => receipt.settle(Ending::Completed, |_| ()),
        Err(error) => receipt.settle(Ending::Failed, |facts| facts.note = error.to_string()),
    }
}

/// To a caller of one project, everything of another one is missing.
pub(crate) fn may_know(caller: &Caller, project: ProjectId) -> Result<(), RegistryError> {
    let own = caller.principal.project;
    match own.is_none_or(|own| own == project) {
        true => Ok(()),
        false => Err(RegistryError::NotFound("model")),
    }
}

/// The model that a permit is for.
fn model_of(
    tx: &casemate_store::Tx<'_>,
    resource: &ResourceRef,
) -> Result<store::ModelRow, RegistryError> {
    let project = resource.project.ok_or(RegistryError::NotFound("model"))?;
    let name = resource.id.split('@').next().unwrap_or_default();
    store::model_get(tx, project, name)?.ok_or(RegistryError::NotFound("model"))
}

/// The version that a permit is for, and its model.
fn version_of(
    tx: &casemate_store::Tx<'_>,
    resource: &ResourceRef,
) -> Result<(store::ModelRow, store::VersionRow), RegistryError> {
    let model = model_of(tx, resource)?;
    let missing = || RegistryError::NotFound("version");
    let (_, digest) = resource.id.split_once("@sha256:").ok_or_else(missing)?;
    let root = hex::decode(digest).ok_or_else(missing)?;
    let version = store::version_find(tx, model.id, &Reference::Digest(root))?;
    Ok((model, version.ok_or_else(missing)?))
}
