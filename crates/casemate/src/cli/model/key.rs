// SPDX-License-Identifier: Apache-2.0
//! Keys, certificates and signatures in files.

use std::{
    fs::{File, OpenOptions, Permissions},
    io::{IsTerminal as _, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use casemate_crypto::{Certificate, CryptoError, EcdsaPrivate, certificates_from_pem};
use casemate_models::signing::Bundle;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::cli::inspect::files::shown;

/// Where the password of an encrypted key is looked for without `--password-file`.
const PASSWORD: &str = "CASEMATE_KEY_PASSWORD";
/// Bytes of a file with keys or certificates at most: trust stores of systems fit.
const MAX_PEM: usize = 8 << 20;

/// Reads a file of bounded size.
pub(super) fn read(path: &Path, most: usize) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let cannot = || format!("`{}` cannot be read", shown(path));
    let file = File::open(path).with_context(cannot)?;
    let length = file.metadata().with_context(cannot)?.len();
    // Room for all of it at once: bytes of a key that grew out of their place would not be wiped.
    let room = usize::try_from(length).unwrap_or(usize::MAX).min(most);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room + 1));
    file.take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(cannot)?;
    anyhow::ensure!(bytes.len() <= most, "`{}` is too large", shown(path));
    Ok(bytes)
}

/// A PEM file.
pub(super) fn pem(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    read(path, MAX_PEM)
}

/// All certificates of a file.
pub(super) fn certificates(path: &Path) -> anyhow::Result<Vec<Certificate>> {
    certificates_from_pem(&pem(path)?).with_context(|| format!("`{}`", shown(path)))
}

/// A private key. An encrypted one is opened by the password in a file, in the environment, or by
/// asking; never by an argument, which everybody on the machine can read.
pub(super) fn private(path: &Path, password: Option<&PathBuf>) -> anyhow::Result<EcdsaPrivate> {
    let text = pem(path)?;
    let place = || format!("`{}`", shown(path));
    match EcdsaPrivate::from_pem(&text, None) {
        Err(CryptoError::PasswordNeeded) => {
            let password = self::password(password, path)?;
            EcdsaPrivate::from_pem(&text, Some(&password)).with_context(place)
        }
        result => result.with_context(place),
    }
}

fn password(file: Option<&PathBuf>, key: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    if let Some(file) = file {
        let text = read(file, 64 << 10)?;
        let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let line = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
        return Ok(Zeroizing::new(line.to_vec()));
    }
    if let Some(value) = std::env::var_os(PASSWORD) {
        return Ok(Zeroizing::new(value.into_encoded_bytes()));
    }
    anyhow::ensure!(
        std::io::stdin().is_terminal(),
        "`{}` is encrypted (hint: give its password by `--password-file` or {PASSWORD})",
        shown(key)
    );
    ask(key).context("no password was given")
}

/// Asks on the terminal, which does not show what is typed.
fn ask(key: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let stdin = std::io::stdin();
    eprint!("password of `{}`: ", shown(key));
    let usual = tcgetattr(&stdin)?;
    let mut quiet = usual.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Now, &quiet)?;
    let mut line = Zeroizing::new(String::new());
    let read = stdin.read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Now, &usual)?;
    eprintln!();
    read?;
    Ok(Zeroizing::new(
        line.trim_end_matches(['\n', '\r']).as_bytes().to_vec(),
    ))
}

/// Writes a file that must not be there yet.
pub(super) fn create(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let cannot = || format!("`{}` cannot be written", shown(path));
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(cannot)?;
    let written = file
        // The process's own mask is stricter than a public file needs.
        .set_permissions(Permissions::from_mode(mode))
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a key is worse than none.
        let _ = std::fs::remove_file(path);
    }
    written.with_context(cannot)
}

/// Puts a signature into its place as a whole. What is there already is only replaced if it is a
/// signature.
pub(super) fn store_signature(path: &Path, bundle: &[u8]) -> anyhow::Result<()> {
    let cannot = || format!("`{}` cannot be written", shown(path));
    let name = path.file_name().with_context(cannot)?;
    let mut partial = std::ffi::OsString::from(".");
    partial.push(name);
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(partial);
    let stored = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&partial)?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.write_all(bundle)?;
        file.sync_all()?;
        std::fs::rename(&partial, path)
    })();
    if stored.is_err() {
        let _ = std::fs::remove_file(&partial);
    }
    stored.with_context(cannot)
}

/// Whether a signature may be stored at a path: nothing is there, or another signature.
pub(super) fn check_place(path: &Path) -> anyhow::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    anyhow::ensure!(parent.is_dir(), "`{}` is no directory", shown(parent));
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("`{}`", shown(path))),
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => anyhow::bail!("`{}` is there already and no file", shown(path)),
    }
    let is_signature = read(path, Bundle::MAX).is_ok_and(|bytes| Bundle::parse(&bytes).is_ok());
    anyhow::ensure!(
        is_signature,
        "`{}` is there already and no signature; it is not overwritten",
        shown(path)
    );
    Ok(())
}
