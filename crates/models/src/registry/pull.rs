// SPDX-License-Identifier: Apache-2.0
//! Handing files out: what is allowed and verified now, checked piece by piece as it is read.

use std::{
    ops::Range,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use casemate_access::Receipt;
use casemate_crypto::Sha256;
use casemate_http::{Body, HttpError};
use casemate_store::{BlobFile, Scope, StoreError};
use casemate_types::{Caller, PrincipalId, ProjectId, actions::ModelPull, event::Ending};
use http_body::Frame;
use http_body_util::BodyExt as _;
use tokio::sync::mpsc;

use super::{
    Place, Reference, Registry, RegistryError, VersionInfo,
    alias::not_quarantined,
    entered, finish,
    manifest::{Manifest, ManifestFile},
    standing::Found,
};

/// Pieces of 64 KiB that are read ahead of who takes them.
const AHEAD: usize = 4;

/// What is known of a file before its first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The version's number.
    pub number: i64,
    /// The version's root digest.
    pub root: Sha256,
    /// The file's name.
    pub name: String,
    /// The file's digest.
    pub sha256: Sha256,
    /// The file's length in bytes.
    pub length: u64,
}

/// A file that may be handed out. Its access ends with its body.
#[derive(Debug)]
pub struct OpenFile {
    /// What it is.
    pub file: Pulled,
    registry: Registry,
    project: ProjectId,
    blob: BlobFile,
    receipt: Receipt,
}

/// Which file of a version is wanted.
enum Wanted<'a> {
    Digest(&'a Sha256),
    Name(&'a str),
}

impl Wanted<'_> {
    fn of<'m>(&self, manifest: &'m Manifest) -> Option<&'m ManifestFile> {
        match self {
            Self::Digest(digest) => manifest.files.iter().find(|file| file.sha256 == **digest),
            Self::Name(name) => manifest.file(name),
        }
    }
}

impl Registry {
    /// Everything about a version that the caller may have now.
    ///
    /// # Errors
    /// [`RegistryError::Access`] with why it may not be had.
    pub async fn pull(
        &self,
        caller: &Caller,
        place: &Place,
        reference: &Reference,
    ) -> Result<VersionInfo, RegistryError> {
        let found = self.find(caller, place, reference).await?;
        let receipt = self
            .may_pull(caller, place, reference, &found, "its list of files")
            .await?;
        self.told(receipt, |registry| registry.info(found)).await
    }

    /// The signature's bundle of a version that the caller may have now.
    ///
    /// # Errors
    /// [`RegistryError::Access`] with why it may not be had.
    pub async fn pull_signature(
        &self,
        caller: &Caller,
        place: &Place,
        reference: &Reference,
    ) -> Result<Vec<u8>, RegistryError> {
        let found = self.find(caller, place, reference).await?;
        let receipt = self
            .may_pull(caller, place, reference, &found, "its signature")
            .await?;
        self.told(receipt, move |registry| registry.bundle(&found.row))
            .await
    }

    /// Opens a file of a version by its name.
    ///
    /// # Errors
    /// [`RegistryError::Access`] with why it may not be had, [`RegistryError::Damaged`] when the
    /// stored bytes are not what was stored.
    pub async fn open_file(
        &self,
        caller: &Caller,
        place: &Place,
        reference: &Reference,
        name: &str,
    ) -> Result<OpenFile, RegistryError> {
        self.open_wanted(caller, place, reference, &Wanted::Name(name))
            .await
    }

    /// The same by its digest.
    ///
    /// # Errors
    /// Those of [`Registry::open_file`].
    pub async fn open_digest(
        &self,
        caller: &Caller,
        place: &Place,
        reference: &Reference,
        digest: &Sha256,
    ) -> Result<OpenFile, RegistryError> {
        self.open_wanted(caller, place, reference, &Wanted::Digest(digest))
            .await
    }

    async fn open_wanted(
        &self,
        caller: &Caller,
        place: &Place,
        reference: &Reference,
        wanted: &Wanted<'_>,
    ) -> Result<OpenFile, RegistryError> {
        let found = self.find(caller, place, reference).await?;
        let row = found.row.clone();
        let manifest = self
            .blocking(move |registry| registry.manifest(&row))
            .await?;
        let note = match wanted.of(&manifest) {
            Some(file) => format!("`{}`", file.name),
            None => "a file it does not have".into(),
        };
        let receipt = self
            .may_pull(caller, place, reference, &found, &note)
            .await?;
        let Some(file) = wanted.of(&manifest) else {
            receipt.settle(Ending::Failed, |facts| facts.status = Some(404));
            return Err(RegistryError::NotFound("file"));
        };
        let (project, digest, length) = (place.project, file.sha256, file.length);
        let opened = self
            .blocking(move |registry| Ok(registry.first_piece(project, &digest, length)))
            .await?;
        match opened {
            Ok(blob) => Ok(OpenFile {
                file: Pulled {
                    number: found.row.number,
                    root: found.row.root,
                    name: file.name.clone(),
                    sha256: file.sha256,
                    length: file.length,
                },
                registry: self.clone(),
                project,
                blob,
                receipt,
            }),
            Err(error) if error.is_damage() => {
                receipt.settle(Ending::Failed, |facts| {
                    "damaged".clone_into(&mut facts.note)
                });
                self.damaged(project, &digest, &file.name).await;
                Err(RegistryError::Damaged {
                    file: file.name.clone(),
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what may be told, and ends the access.
    async fn told<T: Send + 'static>(
        &self,
        receipt: Receipt,
        read: impl FnOnce(&Self) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let told = self.blocking(read).await;
        finish(receipt, &told);
        told
    }

    async fn may_pull(
        &self,
        caller: &Caller,
        place: &Place,
        reference: &Reference,
        found: &Found,
        note: &str,
    ) -> Result<Receipt, RegistryError> {
        let alias = match reference {
            Reference::Alias(alias) => alias.as_str(),
            _ => "",
        };
        let permit = self
            .admit_version::<ModelPull>(caller, place, found, alias, note, |asked| {
                not_quarantined(asked, found)
            })
            .await?;
        let (_, receipt) = entered(permit)?;
        Ok(receipt)
    }

    /// Opens a blob and proves its first piece, so that most damage is told before anything is.
    fn first_piece(
        &self,
        project: ProjectId,
        digest: &Sha256,
        length: u64,
    ) -> Result<BlobFile, StoreError> {
        let mut blob = self
            .inner
            .parts
            .blobs
            .read(Scope::Project(project), digest)?;
        blob.read_at(0)?;
        match blob.length() == length {
            true => Ok(blob),
            false => Err(StoreError::Corrupt("it has another length".into())),
        }
    }
}

impl OpenFile {
    /// Who asked for it.
    #[must_use]
    pub fn caller(&self) -> PrincipalId {
        self.receipt.caller().principal.id
    }

    /// Ends the access without any bytes: only what it is was told.
    pub fn told(self) {
        self.receipt
            .settle(Ending::Completed, |facts| facts.status = Some(200));
    }

    /// The bytes of a range, which must lie within the file. Each piece is checked before it goes
    /// out; a body that finds damage breaks off, and the version is quarantined.
    #[must_use]
    pub fn body(self, range: Range<u64>) -> Body {
        let (sender, pieces) = mpsc::channel(AHEAD);
        tokio::spawn(self.give(range, sender));
        Pieces(pieces).boxed_unsync()
    }

    /// A thread is only held while something is read: who takes the bytes may be slow.
    async fn give(mut self, range: Range<u64>, to: mpsc::Sender<Result<Bytes, HttpError>>) {
        let mut offset = range.start;
        while offset < range.end {
            let read = tokio::task::spawn_blocking(move || {
                let piece = self.blob.read_at(offset);
                (self, piece)
            });
            // Then the process ends, and the receipt says so.
            let Ok((back, piece)) = read.await else {
                return;
            };
            self = back;
            let piece = match piece {
                Ok(piece) if !piece.is_empty() => piece,
                other => return self.broke_off(other.err(), &to).await,
            };
            let left = usize::try_from(range.end - offset).unwrap_or(usize::MAX);
            let wanted = piece.get(..left.min(piece.len())).unwrap_or_default();
            offset += wanted.len() as u64;
            if to.send(Ok(Bytes::copy_from_slice(wanted))).await.is_err() {
                // The receipt writes that the caller went away.
                return;
            }
        }
        self.receipt
            .settle(Ending::Completed, |facts| facts.status = Some(200));
    }

    async fn broke_off(
        self,
        error: Option<StoreError>,
        to: &mpsc::Sender<Result<Bytes, HttpError>>,
    ) {
        let damaged = error.as_ref().is_none_or(StoreError::is_damage);
        self.receipt.settle(Ending::Cut, |facts| {
            "the stored bytes are damaged or cannot be read".clone_into(&mut facts.note);
        });
        // First the quarantine, then the end of the body: whoever asks again is told why.
        if damaged {
            let (registry, file) = (&self.registry, &self.file);
            registry
                .damaged(self.project, &file.sha256, &file.name)
                .await;
        }
        let why = error.map_or_else(|| "the blob is too short".into(), Into::into);
        let _ = to.send(Err(HttpError::Broken(why))).await;
    }
}

/// Pieces as the body of an answer.
struct Pieces(mpsc::Receiver<Result<Bytes, HttpError>>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.0
            .poll_recv(context)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
