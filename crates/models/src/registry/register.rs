// SPDX-License-Identifier: Apache-2.0
//! New versions, what there is, and how two versions differ.

use std::collections::BTreeMap;

use casemate_crypto::Sha256;
use casemate_store::StoreError;
use casemate_types::{
    Caller, ProjectId, ResourceKind, ResourceRef,
    actions::{ModelList, ModelPush, ModelRead},
};

use super::{
    AliasInfo, FileName, ModelInfo, Place, Reference, Registry, RegistryError, Stopped,
    VersionInfo, VersionSummary, manifest::Manifest, may_know, model_of, signature,
    standing::version_place,
};
use crate::store::{self, ModelRow, NewVersion};

/// Bytes of a signature's bundle.
const MAX_BUNDLE: usize = 16 << 20;

/// A version that is to be registered. Its bytes were sent before.
#[derive(Debug)]
pub struct Submission {
    /// Names and digests of its files.
    pub files: Vec<(FileName, Sha256)>,
    /// The signature: a Sigstore bundle by the OpenSSF Model Signing specification.
    pub bundle: Vec<u8>,
}

/// How two versions differ, file by file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Only in the second.
    pub added: Vec<String>,
    /// In both, with other bytes.
    pub changed: Vec<String>,
    /// Only in the first.
    pub removed: Vec<String>,
}

impl Registry {
    /// Registers a version. Its signature must be by somebody the model allows and cover exactly its
    /// files. The same version once more is the one there was.
    ///
    /// # Errors
    /// [`RegistryError::Signature`] with what does not hold, [`RegistryError::Invalid`] for names
    /// that cannot stand beside one another and for bytes that were not sent.
    pub async fn register(
        &self,
        caller: &Caller,
        place: &Place,
        submission: Submission,
    ) -> Result<VersionInfo, RegistryError> {
        if submission.bundle.len() > MAX_BUNDLE {
            return Err(RegistryError::invalid(
                "the signature is longer than 16 MiB",
            ));
        }
        let note = format!("{} files", submission.files.len());
        let permit = self.admit::<ModelPush>(caller, place, &note).await?;
        let at = place.clone();
        self.blocking(move |registry| {
            let root = registry.effect_by(permit, |resource, caller| {
                registry.add(resource, caller, submission)
            })?;
            let found = registry.look_up(&at, &Reference::Digest(root))?;
            Ok(found.ok_or(RegistryError::NotFound("version"))?.info())
        })
        .await
    }

    fn add(
        &self,
        resource: &ResourceRef,
        caller: &Caller,
        submission: Submission,
    ) -> Result<Sha256, RegistryError> {
        let model = self.tx("models.model_get", |tx| model_of(tx, resource));
        let model = match model {
            Err(RegistryError::NotFound(_)) => return Err(no_signers(&resource.id)),
            other => other?,
        };
        let signers = self.signers(&model)?;
        if signers.is_empty() {
            return Err(no_signers(&resource.id));
        }
        let manifest = self.manifest_of(model.project, submission.files)?;
        let now = self.inner.parts.clock.now();
        let signed = signature::check(&submission.bundle, &signers, now)?;
        self.covers(model.project, &signed, &manifest)?;
        self.insert(
            &model,
            caller,
            &signed.root(),
            &manifest,
            &submission.bundle,
        )?;
        Ok(signed.root())
    }

    fn manifest_of(
        &self,
        project: ProjectId,
        files: Vec<(FileName, Sha256)>,
    ) -> Result<Manifest, RegistryError> {
        let lengths = self.tx("models.lengths", |tx| {
            let find = |(_, digest): &(FileName, Sha256)| store::blob_get(tx, project, digest);
            files
                .iter()
                .map(find)
                .collect::<Result<Vec<_>, StoreError>>()
        })?;
        let mut listed = Vec::with_capacity(files.len());
        for ((name, digest), blob) in files.into_iter().zip(lengths) {
            let sent = blob.ok_or_else(|| {
                RegistryError::Invalid(format!("the bytes of `{name}` were not sent"))
            })?;
            listed.push((name, digest, sent.length));
        }
        Manifest::new(listed)
    }

    fn insert(
        &self,
        model: &ModelRow,
        caller: &Caller,
        root: &Sha256,
        manifest: &Manifest,
        bundle: &[u8],
    ) -> Result<(), RegistryError> {
        let text =
            serde_json::to_vec(manifest).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let sealed = self.seal(
            model.project,
            &version_place(model.id, root, "manifest"),
            &text,
        )?;
        let bundle = self.seal(
            model.project,
            &version_place(model.id, root, "bundle"),
            bundle,
        )?;
        let blobs = manifest.digests();
        let created = self.inner.parts.clock.now();
        let known = self.tx("models.version_insert", |tx| {
            if let Some(known) = store::version_find(tx, model.id, &Reference::Digest(*root))? {
                return Ok(Some(known));
            }
            for blob in &blobs {
                // The sweep may have taken it since it was looked at.
                if store::blob_get(tx, model.project, blob)?.is_none() {
                    let why = "bytes that were sent long ago are gone; push again";
                    return Err(RegistryError::Conflict(why.into()));
                }
            }
            let new = NewVersion {
                model: model.id,
                project: model.project,
                root,
                created,
                author: caller.principal.id,
                manifest: &sealed,
                bundle: &bundle,
                blobs: &blobs,
            };
            store::version_insert(tx, &new)?;
            Ok(None)
        })?;
        // A root digest is of contents in their order: files under other names may have it, too.
        match known {
            Some(known) if self.manifest(&known)?.files != manifest.files => {
                let number = known.number;
                let why = format!("version {number} has the same contents under other names");
                Err(RegistryError::Conflict(why))
            }
            _ => Ok(()),
        }
    }

    /// Models of a project, or of all, with their aliases and versions.
    ///
    /// # Errors
    /// [`RegistryError::Access`].
    pub async fn list(
        &self,
        caller: &Caller,
        project: Option<ProjectId>,
    ) -> Result<Vec<ModelInfo>, RegistryError> {
        // Whoever belongs to a project is asked about that one only.
        let project = project.or(caller.principal.project);
        if let Some(project) = project {
            may_know(caller, project)?;
        }
        let resource = ResourceRef {
            kind: ResourceKind::Model,
            id: "all".into(),
            project,
        };
        let permit = self
            .door()
            .admit::<ModelList>(caller, resource, "registry")
            .await?;
        self.blocking(move |registry| {
            registry.effect(permit, |resource| {
                let models = registry.tx("models.model_list", |tx| {
                    store::model_list(tx, resource.project)
                })?;
                models
                    .into_iter()
                    .map(|model| registry.describe(model))
                    .collect()
            })
        })
        .await
    }

    /// A model with its aliases and versions.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`], [`RegistryError::Access`].
    pub async fn show(&self, caller: &Caller, place: &Place) -> Result<ModelInfo, RegistryError> {
        let permit = self.admit::<ModelRead>(caller, place, "").await?;
        self.blocking(move |registry| {
            registry.effect(permit, |resource| {
                let model = registry.tx("models.model_get", |tx| model_of(tx, resource))?;
                registry.describe(model)
            })
        })
        .await
    }

    /// Everything about a version.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`], [`RegistryError::Access`].
    pub async fn version(
        &self,
        caller: &Caller,
        place: &Place,
        reference: &Reference,
    ) -> Result<VersionInfo, RegistryError> {
        let found = self.find(caller, place, reference).await?;
        let permit = self.admit_version::<ModelRead>(caller, place, &found, "", "", |asked| asked);
        self.effect(permit.await?, |_| Ok(found.info()))
    }

    /// How one version differs from another.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`], [`RegistryError::Access`].
    pub async fn diff(
        &self,
        caller: &Caller,
        place: &Place,
        from: &Reference,
        to: &Reference,
    ) -> Result<Difference, RegistryError> {
        let from = self.version(caller, place, from).await?;
        let to = self.version(caller, place, to).await?;
        let by_name = |version: VersionInfo| -> BTreeMap<String, Sha256> {
            let files = version.files.into_iter();
            files.map(|file| (file.name, file.sha256)).collect()
        };
        let (from, to) = (by_name(from), by_name(to));
        let mut difference = Difference::default();
        for (name, digest) in &from {
            match to.get(name) {
                None => difference.removed.push(name.clone()),
                Some(other) if other != digest => difference.changed.push(name.clone()),
                Some(_) => {}
            }
        }
        let added = to.into_keys().filter(|name| !from.contains_key(name));
        difference.added = added.collect();
        Ok(difference)
    }

    fn describe(&self, model: ModelRow) -> Result<ModelInfo, RegistryError> {
        let (versions, aliases) = self.tx("models.describe", |tx| {
            let versions = store::version_list(tx, model.id)?;
            Ok::<_, StoreError>((versions, store::alias_list(tx, model.id)?))
        })?;
        let number = |id| versions.iter().find(|version| version.id == id);
        let aliases = aliases.into_iter().map(|alias| AliasInfo {
            number: number(alias.version).map_or(0, |version| version.number),
            name: alias.name,
            generation: alias.generation,
            changed: alias.changed,
            author: alias.author,
        });
        let aliases = aliases.collect();
        let signers = self.signers(&model)?;
        let mut summaries = Vec::with_capacity(versions.len());
        for row in versions {
            let why = self.why(&row)?;
            summaries.push(VersionSummary {
                number: row.number,
                root: row.root,
                created: row.created,
                author: row.author,
                stopped: row.quarantined.map(|since| Stopped { since, why }),
            });
        }
        Ok(ModelInfo {
            project: model.project,
            name: model.name,
            created: model.created,
            floor: model.floor,
            signers: signers.into_iter().map(|signer| signer.name).collect(),
            aliases,
            versions: summaries,
        })
    }
}

fn no_signers(model: &str) -> RegistryError {
    RegistryError::Signature(format!(
        "nobody may sign `{model}` yet; say who with `casemate model signers`"
    ))
}
