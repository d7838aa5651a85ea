// SPDX-License-Identifier: Apache-2.0
//! Encrypted backups: one file that the machine's key or the recovery kit opens.
//!
//! ```text
//! "CMBACKUP" version[1] length[4] key slots (JSON, all wrapped) sealed blob
//! blob: for each file: name length[2] name size[8] bytes
//! ```

use std::{
    fs::File,
    io::{BufReader, BufWriter, Read, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use casemate_crypto::{Keyslots, RecoveryKit, Secret32, SystemEntropy, open_blob, seal_blob};
use casemate_ledger::Reader;
use casemate_store::Database;

use crate::{
    home::{Home, kit_lines, make_private_directory, write_private},
    wire::backup_key,
};

const MAGIC: &[u8; 9] = b"CMBACKUP\x01";
const PLACE: &str = "backup";
const FILES: [&str; 2] = ["state.db", "ledger.db"];

/// A directory that is removed with everything in it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A private directory beside another, on the same disk.
    pub(crate) fn beside(path: &Path) -> anyhow::Result<Self> {
        let mut name = [0; 8];
        casemate_types::Entropy::fill(&SystemEntropy, &mut name);
        let name = format!(".casemate-{:016x}", u64::from_be_bytes(name));
        let path = path.parent().unwrap_or(path).join(name);
        make_private_directory(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Writes a backup while work goes on; gives its size.
pub(crate) fn write(
    home: &Home,
    database: &Database,
    reader: &Reader,
    key: &Secret32,
    target: &Path,
) -> anyhow::Result<u64> {
    let scratch = Scratch::beside(&home.data)?;
    // The ledger first: state that is newer than the book is harmless, the reverse is not.
    reader.copy_to(&scratch.path().join("ledger.db"))?;
    database.copy_to(&scratch.path().join("state.db"))?;
    let bundle = scratch.path().join("bundle");
    write_bundle(scratch.path(), &bundle)?;
    write_private(target, MAGIC)?;
    let file = File::options().append(true).open(target)?;
    let mut out = BufWriter::new(file);
    let slots = home.keyslots()?.to_json();
    out.write_all(&u32::try_from(slots.len())?.to_be_bytes())?;
    out.write_all(slots.as_bytes())?;
    seal_blob(
        key,
        &SystemEntropy,
        PLACE,
        &mut File::open(&bundle)?,
        &mut out,
    )?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(target.metadata()?.len())
}

fn write_bundle(from: &Path, bundle: &Path) -> anyhow::Result<()> {
    write_private(bundle, b"")?;
    let mut out = BufWriter::new(File::options().append(true).open(bundle)?);
    for name in FILES {
        let path = from.join(name);
        let size = path.metadata()?.len();
        out.write_all(&u16::try_from(name.len())?.to_be_bytes())?;
        out.write_all(name.as_bytes())?;
        out.write_all(&size.to_be_bytes())?;
        std::io::copy(&mut File::open(&path)?, &mut out)?;
    }
    Ok(out.flush()?)
}

/// Puts a backup into an empty place, opened by the machine's key or by a kit. With a kit, a new
/// machine key is made.
pub(crate) fn restore(home: &Home, file: &Path, kit: Option<&str>) -> anyhow::Result<()> {
    if home
        .data
        .read_dir()
        .is_ok_and(|mut inside| inside.next().is_some())
    {
        bail!(
            "`{}` is not empty; a restore never overwrites",
            home.data.display()
        );
    }
    let mut input = BufReader::new(
        File::open(file).with_context(|| format!("`{}` cannot be read", file.display()))?,
    );
    let mut slots = read_slots(&mut input)?;
    let generation = slots
        .generations()
        .last()
        .copied()
        .context("the backup has no key slots")?;
    let mut new_key = None;
    let root = match kit {
        Some(page) => {
            let lines = kit_lines(page);
            let kit = RecoveryKit::from_lines(if lines.is_empty() { page } else { &lines })?;
            let root = slots.open_with_kit(generation, &kit)?;
            if home.key_file.exists() {
                bail!(
                    "`{}` exists; name another --key-file",
                    home.key_file.display()
                );
            }
            let key = Secret32::random(&SystemEntropy);
            new_key = Some(key.clone());
            let source = casemate_crypto::MachineSource::File(key);
            slots = Keyslots::create(&root, &source, &kit.public()?, &SystemEntropy)?;
            // A fresh slot file counts from one; the database says which generation it needs.
            slots.renumber(generation);
            root
        }
        None => slots.open(generation, &home.source()?)?,
    };
    make_private_directory(&home.data)?;
    let scratch = Scratch::beside(&home.data)?;
    let bundle = scratch.path().join("bundle");
    write_private(&bundle, b"")?;
    let mut plain = BufWriter::new(File::options().append(true).open(&bundle)?);
    open_blob(&backup_key(&root), PLACE, &mut input, &mut plain)
        .context("the backup does not open")?;
    plain.flush()?;
    read_bundle(&bundle, &home.data)?;
    // Only now, so that a backup that does not open leaves nothing in the way of another try.
    if let Some(key) = new_key {
        let parent = home.key_file.parent();
        make_private_directory(parent.context("the key file has no directory")?)?;
        write_private(&home.key_file, key.expose())?;
    }
    write_private(&home.keyslots_file(), slots.to_json().as_bytes())
}

fn read_slots(input: &mut impl Read) -> anyhow::Result<Keyslots> {
    let mut head = [0; MAGIC.len() + 4];
    input
        .read_exact(&mut head)
        .context("it is no backup of Casemate")?;
    let (magic, length) = head.split_at(MAGIC.len());
    if magic != MAGIC {
        bail!("it is no backup of this version of Casemate");
    }
    let length = u32::from_be_bytes(length.try_into()?);
    if length > 1 << 20 {
        bail!("the backup's key slots are too large");
    }
    let mut text = vec![0; length as usize];
    input.read_exact(&mut text).context("the backup is cut")?;
    Ok(Keyslots::from_json(&String::from_utf8(text)?)?)
}

fn read_bundle(bundle: &Path, to: &Path) -> anyhow::Result<()> {
    let mut input = BufReader::new(File::open(bundle)?);
    for expected in FILES {
        let mut length = [0; 2];
        input.read_exact(&mut length).context("the backup is cut")?;
        let mut name = vec![0; usize::from(u16::from_be_bytes(length))];
        input.read_exact(&mut name)?;
        if name != expected.as_bytes() {
            bail!("the backup holds a file that does not belong there");
        }
        let mut size = [0; 8];
        input.read_exact(&mut size)?;
        let size = u64::from_be_bytes(size);
        let path = to.join(expected);
        write_private(&path, b"")?;
        let mut out = File::options().append(true).open(&path)?;
        let copied = std::io::copy(&mut input.by_ref().take(size), &mut out)?;
        if copied != size {
            bail!("the backup is cut");
        }
        out.sync_all()?;
    }
    Ok(())
}
