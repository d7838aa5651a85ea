// SPDX-License-Identifier: Apache-2.0
//! New versions, what there is, and how two versions differ.

use std::collections::BTreeMap;

use casemate_crypto::Sha256;
use casemate_store::StoreError;
use casemate_types::{
    Caller, PrincipalId, ProjectId, ResourceKind, ResourceRef,
    actions::{ModelList, ModelPush, ModelRead},
};

use super::{
    AliasInfo, FileName, ModelInfo, Place, Reference, Registry, RegistryError, Stopped,
    VersionInfo, VersionSummary, entered, finish,
    manifest::Manifest,
    may_know, model_of,
    signature::{self, Signed},
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

/// A submission of which everything holds but what its bytes are.
struct Checked {
    model: ModelRow,
    manifest: Manifest,
    signed: Signed,
    bundle: Vec<u8>,
    /// Whether there is nothing left to do.
    is_known: bool,
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
        let (resource, receipt) = entered(permit)?;
        let author = receipt.caller().principal.id;
        let added = self.add(resource, author, submission).await;
        finish(receipt, &added);
        let (at, root) = (place.clone(), added?);
        self.blocking(move |registry| {
            let found = registry.look_up(&at, &Reference::Digest(root))?;
            registry.info(found.ok_or(RegistryError::NotFound("version"))?)
        })
        .await
    }

    async fn add(
        &self,
        resource: ResourceRef,
        author: PrincipalId,
        submission: Submission,
    ) -> Result<Sha256, RegistryError> {
        let checked = self.blocking(move |registry| registry.checked(&resource, submission));
        let new = checked.await?;
        let root = new.signed.root();
        if new.is_known {
            return Ok(root);
        }
        let turn = self.inner.turns.to_read().await?;
        self.blocking(move |registry| {
            let _turn = turn;
            registry.covers(new.model.project, &new.signed, &new.manifest)?;
            registry.insert(&new, author)?;
            Ok(root)
        })
        .await
    }

    /// Checks everything but the bytes themselves.
    fn checked(
        &self,
        resource: &ResourceRef,
        submission: Submission,
    ) -> Result<Checked, RegistryError> {
        let model = self.tx("models.model_get", |tx| model_of(tx, resource));
        let model = match model {
            Err(RegistryError::NotFound(_)) => return Err(no_signers(&resource.id)),
            other => other?,
        };
        let signers = self.signers(&model)?;
        if signers.is_empty() {
            return Err(no_signers(&resource.id));
        }
        let manifest = self.manifest_of(&model, submission.files)?;
        let now = self.inner.parts.clock.now();
        let signed = signature::check(&submission.bundle, &signers, now)?;
        let is_known = self.is_known(&model, &signed.root(), &manifest)?;
        Ok(Checked {
            model,
            manifest,
            signed,
            bundle: submission.bundle,
            is_known,
        })
    }

    fn manifest_of(
        &self,
        model: &ModelRow,
        files: Vec<(FileName, Sha256)>,
    ) -> Result<Manifest, RegistryError> {
        let lengths = self.tx("models.lengths", |tx| {
            let find = |(_, digest): &(FileName, Sha256)| {
                // What was sent for another model only is not for whoever knows its digest.
                match store::blob_is_of(tx, model.project, &model.name, digest)? {
                    true => store::blob_get(tx, model.project, digest),
                    false => Ok(None),
                }
            };
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

    /// Whether there is a version of these contents under these names with a signature that holds.
    /// One whose signature does not is signed anew.
    ///
    /// # Errors
    /// [`RegistryError::Conflict`] when there is one of the same contents under other names, or one
    /// of the same files that was stopped: another signature makes it no other version.
    fn is_known(
        &self,
        model: &ModelRow,
        root: &Sha256,
        manifest: &Manifest,
    ) -> Result<bool, RegistryError> {
        let first = manifest.files.first().map(|file| file.sha256);
        let (known, stopped) = self.tx("models.known", |tx| {
            let known = store::version_find(tx, model.id, &Reference::Digest(*root))?;
            let stopped =
                store::version_stopped_with(tx, model.id, model.floor, &first.unwrap_or_default())?;
            Ok::<_, StoreError>((known, stopped))
        })?;
        if let Some(known) = known {
            // A root digest is of contents in their order: files under other names may have it, too.
            return match self.manifest(&known)?.files == manifest.files {
                true => Ok(self.signer(model, &known).is_ok()),
                false => Err(RegistryError::Conflict(format!(
                    "version {} has the same contents under other names",
                    known.number
                ))),
            };
        }
        for row in stopped {
            if self.manifest(&row)?.files == manifest.files {
                let why = format!(
                    "version {} has the same files and is quarantined or below the floor",
                    row.number
                );
                return Err(RegistryError::Conflict(why));
            }
        }
        Ok(false)
    }

    fn insert(&self, new: &Checked, author: PrincipalId) -> Result<(), RegistryError> {
        let (model, root) = (&new.model, new.signed.root());
        let text = serde_json::to_vec(&new.manifest)
            .map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let place = |column| version_place(model.id, &root, column);
        let manifest = self.seal(model.project, &place("manifest"), &text)?;
        let bundle = self.seal(model.project, &place("bundle"), &new.bundle)?;
        let blobs = new.manifest.digests();
        let created = self.inner.parts.clock.now();
        let signed_anew = self.tx("models.version_insert", |tx| {
            if let Some(known) = store::version_find(tx, model.id, &Reference::Digest(root))? {
                store::version_bundle_set(tx, known.id, &bundle)?;
                return Ok(Some(known.id));
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
                root: &root,
                created,
                author,
                manifest: &manifest,
                bundle: &bundle,
                blobs: &blobs,
            };
            store::version_insert(tx, &new)?;
            Ok(None)
        })?;
        if let Some(version) = signed_anew {
            self.inner.signatures.forget(&version);
        }
        Ok(())
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
        let permit = permit.await?;
        self.blocking(move |registry| registry.effect(permit, |_| registry.info(found)))
            .await
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
