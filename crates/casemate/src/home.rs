// SPDX-License-Identifier: Apache-2.0
//! Where an installation lives: its data, and outside of it the key that opens the data.

use std::{
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use casemate_crypto::{
    Keyslots, MachineSource, RecoveryKit, RootKey, Secret32, SystemEntropy, sha256,
};
use casemate_store::{Database, Keyring};
use zeroize::Zeroizing;

/// Paths of one installation.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    pub(crate) data: PathBuf,
    pub(crate) key_file: PathBuf,
}

impl Home {
    /// The installation whose data are in `data`, or in the user's usual place.
    pub(crate) fn new(data: Option<&Path>, key_file: Option<&Path>) -> anyhow::Result<Self> {
        let user = std::env::var_os("HOME").map(PathBuf::from);
        let base = |variable: &str, below: &str| {
            std::env::var_os(variable)
                .map(PathBuf::from)
                .or_else(|| user.as_ref().map(|user| user.join(below)))
                .context("neither --data nor $HOME is given, so there is no place for the data")
        };
        let data = match data {
            Some(data) => std::path::absolute(data)?,
            None => base("XDG_DATA_HOME", ".local/share")?.join("casemate"),
        };
        let key_file = match key_file {
            Some(file) => std::path::absolute(file)?,
            None => {
                // One key a data directory, told apart by the directory's path.
                let digest = sha256(data.as_os_str().as_encoded_bytes());
                let name = digest[..4]
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>();
                base("XDG_CONFIG_HOME", ".config")?
                    .join("casemate")
                    .join(format!("{name}.key"))
            }
        };
        if key_file.starts_with(&data) {
            bail!(
                "the key file `{}` lies inside the data it opens; keep it elsewhere",
                key_file.display()
            );
        }
        Ok(Self { data, key_file })
    }

    pub(crate) fn state_file(&self) -> PathBuf {
        self.data.join("state.db")
    }

    pub(crate) fn ledger_file(&self) -> PathBuf {
        self.data.join("ledger.db")
    }

    /// Sealed files of models.
    pub(crate) fn models(&self) -> PathBuf {
        self.data.join("models")
    }

    pub(crate) fn keyslots_file(&self) -> PathBuf {
        self.data.join("keyslots.json")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.data.join("casemate.sock")
    }

    /// Where the recovery kit waits to be printed; outside the data.
    pub(crate) fn kit_file(&self) -> PathBuf {
        self.key_file.with_extension("recovery-kit.txt")
    }

    pub(crate) fn exists(&self) -> bool {
        self.keyslots_file().exists()
    }

    /// Makes the data directory, a root key wrapped for machine and kit, and the kit itself.
    pub(crate) fn create(&self, shares: bool) -> anyhow::Result<()> {
        make_private_directory(&self.data)?;
        let entropy = SystemEntropy;
        let source = match source_from_environment()? {
            Some(source) => source,
            None => {
                let parent = self
                    .key_file
                    .parent()
                    .context("the key file has no directory")?;
                make_private_directory(parent)?;
                let key = Secret32::random(&entropy);
                write_private(&self.key_file, key.expose())?;
                MachineSource::File(key)
            }
        };
        let kit = RecoveryKit::generate(&entropy);
        let slots = Keyslots::create(
            &RootKey::random(&entropy),
            &source,
            &kit.public()?,
            &entropy,
        )?;
        write_kit(&self.kit_file(), &kit, shares)?;
        // Last, because its presence says that the installation is complete.
        write_private(&self.keyslots_file(), slots.to_json().as_bytes())
    }

    /// What unwraps the root key on this machine.
    pub(crate) fn source(&self) -> anyhow::Result<MachineSource> {
        if let Some(source) = source_from_environment()? {
            return Ok(source);
        }
        let bytes = Zeroizing::new(std::fs::read(&self.key_file).with_context(|| {
            format!(
                "the root key cannot be opened: `{}` cannot be read; `casemate restore` with the \
                 recovery kit makes a new one",
                self.key_file.display()
            )
        })?);
        let key = Secret32::from_slice(&bytes).context("the key file has not 32 bytes")?;
        Ok(MachineSource::File(key))
    }

    pub(crate) fn keyslots(&self) -> anyhow::Result<Keyslots> {
        let text = std::fs::read_to_string(self.keyslots_file())
            .with_context(|| format!("`{}` cannot be read", self.keyslots_file().display()))?;
        Ok(Keyslots::from_json(&text)?)
    }

    /// Opens the root key of the generation that a database needs.
    pub(crate) fn open_root(&self, database: &Database) -> anyhow::Result<(RootKey, u32)> {
        let mut slots = self.keyslots()?;
        let stored = Keyring::root_generation(database)?;
        let generation = if stored == 0 {
            slots
                .generations()
                .last()
                .copied()
                .context("the key-slot file has no slots")?
        } else {
            stored
        };
        let root = slots.open(generation, &self.source()?)?;
        // A rotation that was broken off leaves the wraps of two keys; the database has decided.
        if slots.generations().len() > 1 {
            slots.retain_generation(generation);
            replace_private(&self.keyslots_file(), slots.to_json().as_bytes())?;
        }
        Ok((root, generation))
    }
}

/// A systemd credential or a passphrase, where the operator gives one.
fn source_from_environment() -> anyhow::Result<Option<MachineSource>> {
    if let Some(directory) = std::env::var_os("CREDENTIALS_DIRECTORY") {
        let file = PathBuf::from(directory).join("casemate-root");
        if file.exists() {
            let bytes = Zeroizing::new(std::fs::read(&file)?);
            // Any length: what systemd holds may be text as well.
            return Ok(Some(MachineSource::Credential(Secret32::from_bytes(
                sha256(&bytes),
            ))));
        }
    }
    if let Some(file) = std::env::var_os("CASEMATE_PASSPHRASE_FILE") {
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("`{}` cannot be read", PathBuf::from(file).display()))?;
        let phrase = Zeroizing::new(text.trim_end_matches('\n').to_owned());
        if phrase.chars().count() < 12 {
            bail!("the passphrase has fewer than 12 characters");
        }
        return Ok(Some(MachineSource::Passphrase(phrase)));
    }
    Ok(None)
}

fn write_kit(path: &Path, kit: &RecoveryKit, shares: bool) -> anyhow::Result<()> {
    let mut page = Zeroizing::new(String::from(
        "CASEMATE RECOVERY KIT\n\nPrint this page, keep it in a safe, and delete the file.\n\
         Whoever has it can read everything; without it a lost machine key loses the data.\n\n",
    ));
    if shares {
        page.push_str(
            "Any two of these three lines are enough. Keep them in different places.\n\n",
        );
        for line in kit.to_share_lines(&SystemEntropy) {
            page.push_str(&line);
            page.push_str("\n\n");
        }
    } else {
        page.push_str(&kit.to_line());
        page.push('\n');
    }
    page.push_str("\nProve that it works:  casemate recovery drill --kit FILE\n");
    if let Some(parent) = path.parent() {
        make_private_directory(parent)?;
    }
    write_private(path, page.as_bytes())
}

/// The lines of a kit's page that carry the kit.
pub(crate) fn kit_lines(page: &str) -> String {
    let is_kit = |line: &&str| line.len() > 40 && line.contains('-') && !line.contains(' ');
    page.lines()
        .map(str::trim)
        .filter(is_kit)
        .collect::<Vec<_>>()
        .join("\n")
}

pub(crate) fn make_private_directory(path: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("the directory `{}` cannot be made", path.display()))
}

pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("`{}` cannot be made", path.display()))?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}

/// Replaces a file in one step, so that a crash leaves the old or the new one.
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let beside = path.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    write_private(&beside, bytes)?;
    std::fs::rename(&beside, path)?;
    if let Some(parent) = path.parent() {
        std::fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// Whether others than the owner may do anything with a file.
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
}
