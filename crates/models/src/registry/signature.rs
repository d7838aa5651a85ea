// SPDX-License-Identifier: Apache-2.0
//! Who may sign a model, and whether a version is signed by one of them.

use std::io;

use casemate_crypto::{EcdsaPublic, Roots, Sha256, certificates_from_pem};
use casemate_store::Scope;
use casemate_types::{ProjectId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{FileName, Registry, RegistryError, manifest::Manifest};
use crate::signing::{
    Bundle, Content, Effort, Entry, EntryKind, Irregularity, Links, ModelSource, Refusal,
    SignerIdentity, SourceError, Trust, VerifiedStatement,
};

/// Somebody who may sign a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedSigner {
    /// What people call them.
    pub name: String,
    /// A public key, or certificates of authorities, in PEM.
    pub pem: String,
    /// For authorities: the mail address, host or URI that the signer's certificate must be for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

impl AllowedSigner {
    /// Checks that it can be used.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] saying what is wrong with it.
    pub(super) fn check(&self) -> Result<(), RegistryError> {
        let wrong = |why: &str| RegistryError::Invalid(format!("signer `{}`: {why}", self.name));
        // The rules for parts of file names keep it fit to be shown.
        if self.name.len() > 64 || self.name.parse::<FileName>().is_err() {
            return Err(RegistryError::invalid(
                "a signer has a name of 1 to 64 letters",
            ));
        }
        match (self.trust().map_err(|why| wrong(&why))?, &self.identity) {
            // Whoever an authority gave a certificate to is more than one means to allow.
            (Trust::Roots(_), None) => Err(wrong("say whom the certificate must be for")),
            (Trust::Key(_), Some(_)) => Err(wrong("a key has no identity beside itself")),
            _ => Ok(()),
        }
    }

    fn trust(&self) -> Result<Trust, String> {
        let pem = self.pem.as_bytes();
        if self.pem.contains("BEGIN CERTIFICATE") {
            let roots = certificates_from_pem(pem).map_err(|error| error.to_string())?;
            return Ok(Trust::Roots(Roots::new(roots)));
        }
        let key = EcdsaPublic::from_pem(pem).map_err(|error| error.to_string())?;
        Ok(Trust::Key(key))
    }

    /// Whether the signer of a statement is this one.
    fn is(&self, signer: &SignerIdentity) -> bool {
        match (signer, &self.identity) {
            (SignerIdentity::Certificate { names, .. }, Some(identity)) => names.contains(identity),
            (SignerIdentity::Key { .. }, None) => true,
            _ => false,
        }
    }
}

/// A statement by somebody who may make it.
#[derive(Debug)]
pub(super) struct Signed {
    statement: VerifiedStatement,
    by: String,
}

impl Signed {
    pub(super) fn root(&self) -> Sha256 {
        *self.statement.statement().root().as_bytes()
    }

    pub(super) fn signer(&self) -> &str {
        &self.by
    }
}

/// Checks that a signature is by one of the signers, now. What it covers is not looked at.
pub(super) fn check(
    bundle: &[u8],
    signers: &[AllowedSigner],
    now: Timestamp,
) -> Result<Signed, RegistryError> {
    let refused = |refusal: Refusal| RegistryError::Signature(refusal.to_string());
    let bundle = Bundle::parse(bundle).map_err(refused)?;
    let mut last = None;
    for signer in signers {
        let Ok(trust) = signer.trust() else { continue };
        match bundle.clone().verify(&trust, now) {
            Ok(statement) if signer.is(statement.signer()) => {
                return Ok(Signed {
                    statement,
                    by: signer.name.clone(),
                });
            }
            Ok(statement) => {
                let why = format!("{} is not among its signers", statement.signer());
                last = Some(RegistryError::Signature(why));
            }
            Err(refusal) => last = last.or(Some(refused(refusal))),
        }
    }
    Err(last.unwrap_or_else(|| RegistryError::Signature("nobody may sign this model".into())))
}

impl Registry {
    /// Checks that a statement covers exactly these files: each of them, as it is stored, and no
    /// others.
    pub(super) fn covers(
        &self,
        project: ProjectId,
        signed: &Signed,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        let stored = Stored {
            registry: self,
            project,
            manifest,
        };
        let effort = Effort {
            threads: 1,
            progress: &|_| {},
        };
        let refused = |refusal: Refusal| RegistryError::Signature(refusal.to_string());
        let model = signed
            .statement
            .clone()
            .check(&stored, &effort)
            .map_err(refused)?;
        // A file that a signature passes over is one that anybody may change.
        let loose = model.irregularities().iter().find(|irregularity| {
            !matches!(
                irregularity,
                Irregularity::LogEntries | Irregularity::NoHint
            )
        });
        match loose {
            Some(irregularity) => Err(RegistryError::Signature(irregularity.to_string())),
            None => Ok(()),
        }
    }
}

/// Stored files as a signature sees them.
struct Stored<'a> {
    registry: &'a Registry,
    project: ProjectId,
    manifest: &'a Manifest,
}

impl ModelSource for Stored<'_> {
    fn name(&self) -> String {
        "model".into()
    }

    fn entries(&self) -> Result<Vec<Entry>, SourceError> {
        let files = self.manifest.files.iter();
        let entry = |file: &super::manifest::ManifestFile| Entry {
            name: file.name.clone(),
            kind: EntryKind::File { bytes: file.length },
        };
        Ok(files.map(entry).collect())
    }

    fn is_single_file(&self) -> bool {
        // A statement about a single file may not say its name.
        self.manifest.files.len() == 1
    }

    fn open(&self, name: &str, _: Links) -> Result<Box<dyn Content>, SourceError> {
        let file = self.manifest.file(name);
        let file = file.ok_or_else(|| SourceError::NoFile(name.to_owned()))?;
        let blobs = &self.registry.inner.parts.blobs;
        let blob = blobs.read(Scope::Project(self.project), &file.sha256);
        let blob = blob.map_err(|error| SourceError::Io {
            name: name.to_owned(),
            source: io::Error::other(error),
        })?;
        Ok(Box::new(StoredFile(std::sync::Mutex::new(blob))))
    }
}

struct StoredFile(std::sync::Mutex<casemate_store::BlobFile>);

impl StoredFile {
    fn file(&self) -> std::sync::MutexGuard<'_, casemate_store::BlobFile> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Content for StoredFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.file().length())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let piece = self.file().read_at(offset).map_err(io::Error::other)?;
        let length = piece.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(piece.iter()) {
            *to = *from;
        }
        Ok(length)
    }
}
