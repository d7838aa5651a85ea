// SPDX-License-Identifier: Apache-2.0
//! Large things by the SHA-256 of what they hold, sealed, in a local directory.
//!
//! The name of a file is a keyed digest of the address, under the key of whom it belongs to: nobody
//! who sees the directory learns what is in it, and the same bytes of two projects are two files.
//! What a caller says never becomes part of a path.

use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use casemate_crypto::{BlobOpener, BlobSealer, CryptoError, Secret32, Sha256, Sha256Stream};
use casemate_types::Entropy;
use rustix::{fs::OFlags, io::Errno};
use zeroize::Zeroizing;

use crate::{Keyring, Scope, StoreError};

/// Where unfinished files stand; emptied at every start.
const UNFINISHED: &str = "unfinished";
/// Bytes of a draft after which it is looked again whether there is room.
const LOOK_EVERY: u64 = 64 << 20;

/// A directory of sealed blobs. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    inner: Arc<Inner>,
}

struct Inner {
    directory: PathBuf,
    keep_free: u64,
    keyring: Keyring,
    entropy: Arc<dyn Entropy>,
    moving: Mutex<()>,
}

impl Blobs {
    /// Opens or makes the directory, and removes what a process that died left unfinished. Nothing
    /// is taken in that would leave less than `keep_free` bytes of its disk: what stands beside it
    /// has to be written, too.
    ///
    /// # Errors
    /// [`StoreError::File`] when it cannot be made or read.
    pub fn open(
        directory: &Path,
        keep_free: u64,
        keyring: Keyring,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, StoreError> {
        let unfinished = directory.join(UNFINISHED);
        private_directory(&unfinished)?;
        for entry in std::fs::read_dir(&unfinished).map_err(StoreError::file)? {
            let path = entry.map_err(StoreError::file)?.path();
            std::fs::remove_file(path).map_err(StoreError::file)?;
        }
        Ok(Self {
            inner: Arc::new(Inner {
                directory: directory.to_owned(),
                keep_free,
                keyring,
                entropy,
                moving: Mutex::new(()),
            }),
        })
    }

    /// Begins a blob of `length` bytes that is to have this address. Dropped unfinished, it leaves
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::File`].
    pub fn create(
        &self,
        scope: Scope,
        address: Sha256,
        length: u64,
    ) -> Result<BlobDraft, StoreError> {
        self.room_for(length)?;
        let (path, key) = self.place(scope, &address)?;
        let mut name = [0; 16];
        self.inner.entropy.fill(&mut name);
        let beside = self.inner.directory.join(UNFINISHED).join(hex(&name));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)
            .map_err(StoreError::file)?;
        let guard = Unfinished(beside);
        let entropy = self.inner.entropy.as_ref();
        let sealer = BlobSealer::new(&key, entropy, &bound_to(&address), BufWriter::new(file))
            .map_err(StoreError::file)?;
        Ok(BlobDraft {
            blobs: self.clone(),
            address,
            key,
            path,
            guard,
            sealer,
            digest: Sha256Stream::new(),
            length: 0,
        })
    }

    /// Whether so many bytes more leave as much of the disk free as is to stay so.
    fn room_for(&self, bytes: u64) -> Result<(), StoreError> {
        if self.inner.keep_free == 0 {
            return Ok(());
        }
        let disk = rustix::fs::statvfs(&self.inner.directory)
            .map_err(|error| StoreError::file(error.into()))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        match free >= bytes.saturating_add(self.inner.keep_free) {
            true => Ok(()),
            false => Err(StoreError::Full),
        }
    }

    /// Opens a blob for reading.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Key`] when it is damaged.
    pub fn read(&self, scope: Scope, address: &Sha256) -> Result<BlobFile, StoreError> {
        let (path, key) = self.place(scope, address)?;
        BlobFile::open(&path, &key, address)
    }

    /// Whether there is nothing at all, as before the first blob, and as where the directory was not
    /// brought back with a backup.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        for entry in std::fs::read_dir(&self.inner.directory).map_err(StoreError::file)? {
            if entry.map_err(StoreError::file)?.file_name() != UNFINISHED {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Removes a blob; that it is not there is no error.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn remove(&self, scope: Scope, address: &Sha256) -> Result<(), StoreError> {
        let (path, _) = self.place(scope, address)?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::file(error)),
            _ => Ok(()),
        }
    }

    /// Keeps blobs from coming and going while a list of them and the directory are changed
    /// together.
    pub fn hold(&self) -> MutexGuard<'_, ()> {
        let moving = &self.inner.moving;
        moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, scope: Scope, address: &Sha256) -> Result<(PathBuf, Secret32), StoreError> {
        let keyring = &self.inner.keyring;
        let name = hex(&keyring.hmac(scope, "blob/name")?.digest(&[address]));
        let (shelf, rest) = name.split_at(2);
        let path = self.inner.directory.join(shelf).join(rest);
        Ok((path, keyring.derive(scope, "blob/key")?))
    }
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blobs({})", self.inner.directory.display())
    }
}

/// A blob that is being written.
#[derive(Debug)]
pub struct BlobDraft {
    blobs: Blobs,
    address: Sha256,
    key: Secret32,
    path: PathBuf,
    guard: Unfinished,
    sealer: BlobSealer<BufWriter<File>>,
    digest: Sha256Stream,
    length: u64,
}

impl BlobDraft {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::File`].
    pub fn push(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        let before = self.length / LOOK_EVERY;
        self.digest.update(piece);
        self.length += piece.len() as u64;
        if self.length / LOOK_EVERY > before {
            self.blobs.room_for(0)?;
        }
        self.sealer.push(piece).map_err(StoreError::file)
    }

    /// How many bytes came.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Makes the blob durable under its address. What is there already is replaced: it holds the
    /// same bytes, or it is damaged.
    ///
    /// # Errors
    /// [`StoreError::Address`] when the bytes are others; nothing is kept then.
    pub fn finish(self) -> Result<FinishedBlob, StoreError> {
        if self.digest.finish() != self.address {
            return Err(StoreError::Address);
        }
        let mut out = self.sealer.finish().map_err(StoreError::file)?;
        out.flush().map_err(StoreError::file)?;
        out.get_ref().sync_all().map_err(StoreError::file)?;
        Ok(FinishedBlob {
            blobs: self.blobs,
            address: self.address,
            key: self.key,
            path: self.path,
            guard: self.guard,
        })
    }
}

/// A blob whose bytes are on disk under a name of its own.
#[derive(Debug)]
pub struct FinishedBlob {
    blobs: Blobs,
    address: Sha256,
    key: Secret32,
    path: PathBuf,
    guard: Unfinished,
}

impl FinishedBlob {
    /// Opens it for reading, before anybody else can.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn read(&self) -> Result<BlobFile, StoreError> {
        BlobFile::open(&self.guard.0, &self.key, &self.address)
    }

    /// Runs `list` and moves the blob to its address, while no other comes or goes. A process that
    /// dies in between leaves a listed blob without a file, which is missing and can be sent again;
    /// a file that nobody lists is never left.
    ///
    /// # Errors
    /// [`StoreError::File`], and those of `list`.
    pub fn settle<T, E: From<StoreError>>(
        self,
        list: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let _held = self.blobs.hold();
        let shelf = self.path.parent().unwrap_or(&self.path);
        private_directory(shelf)?;
        let listed = list()?;
        std::fs::rename(&self.guard.0, &self.path).map_err(StoreError::file)?;
        File::open(shelf)
            .and_then(|directory| directory.sync_all())
            .map_err(StoreError::file)?;
        Ok(listed)
    }
}

/// Removes the file of a draft, unless it was moved away.
#[derive(Debug)]
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A blob that is read. Every piece is checked before it is given.
#[derive(Debug)]
pub struct BlobFile {
    opener: BlobOpener<File>,
}

impl BlobFile {
    /// Anything but a regular file is damage: a link leads elsewhere, a pipe never ends.
    fn open(path: &Path, key: &Secret32, address: &Sha256) -> Result<Self, StoreError> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(path)
            .map_err(|error| match Errno::from_io_error(&error) {
                Some(Errno::LOOP) => no_file(),
                _ => StoreError::file(error),
            })?;
        let metadata = file.metadata().map_err(StoreError::file)?;
        if !metadata.is_file() {
            return Err(no_file());
        }
        let opener = BlobOpener::new(key, &bound_to(address), file, metadata.len())?;
        Ok(Self { opener })
    }

    /// How many bytes it has, as far as the file's size tells; compare it with what is known.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.opener.length()
    }

    /// A piece from `offset` on, of 64 KiB at most; an empty one at the end.
    ///
    /// # Errors
    /// [`StoreError::Key`] when the bytes are not those that were stored.
    pub fn read_at(&mut self, offset: u64) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        Ok(self.opener.read_at(offset)?)
    }

    /// Gives one piece after the other to `take`, until that has enough and says false.
    ///
    /// # Errors
    /// Those of [`BlobFile::read_at`].
    pub fn each_piece(&mut self, mut take: impl FnMut(&[u8]) -> bool) -> Result<(), StoreError> {
        let mut offset = 0;
        loop {
            let piece = self.read_at(offset)?;
            if piece.is_empty() || !take(&piece) {
                return Ok(());
            }
            offset += piece.len() as u64;
        }
    }
}

impl StoreError {
    /// Whether stored bytes are gone or are not what was stored.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Missing
                | Self::Corrupt(_)
                | Self::Key(CryptoError::NotAuthentic | CryptoError::Malformed { .. })
        )
    }

    fn file(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::Missing,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::File(error),
        }
    }
}

fn no_file() -> StoreError {
    StoreError::Corrupt("it is no regular file".into())
}

fn bound_to(address: &Sha256) -> String {
    format!("blob/{}", hex(address))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn private_directory(path: &Path) -> Result<(), StoreError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(StoreError::file)
}
