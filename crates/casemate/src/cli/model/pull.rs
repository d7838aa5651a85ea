// SPDX-License-Identifier: Apache-2.0
//! `casemate model pull`: a version into a fresh directory, whole or not at all.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use casemate_crypto::{Sha256, Sha256Stream};
use casemate_models::registry::{FileName, Reference};
use clap::Args;
use hyper::Method;
use serde_json::Value;

use super::{
    files::progress,
    key, oci,
    registry::{Versioned, reference},
};
use crate::{
    cli::Global,
    client::{ask, download},
    output::{hex, text},
};

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// PROJECT/MODEL@VERSION
    version: Versioned,
    /// Directory to make, or `oci:DIR` for an OCI layout (CNCF ModelPack)
    out: PathBuf,
    /// File for the signature, to check the copy with later
    #[arg(long, value_name = "SIG")]
    signature: Option<PathBuf>,
}

/// Takes every file of a version, each checked by its digest.
pub(super) async fn pull(global: &Global, args: &PullArgs) -> anyhow::Result<ExitCode> {
    let socket = global.home()?.socket();
    if let Some(signature) = &args.signature {
        key::check_place(signature)?;
    }
    let layout = oci::directory(&args.out);
    let out = layout.as_deref().unwrap_or(&args.out);
    let fresh = std::fs::symlink_metadata(out).is_err();
    anyhow::ensure!(
        fresh,
        "`{}` is there already; name a new directory",
        out.display()
    );
    let version = ask(&socket, Method::GET, &args.version.path(""), None).await?;
    // An alias may be moved meanwhile: from here on everything is of one version.
    let fixed = Versioned {
        version: reference(&text(&version, "digest")).map_err(anyhow::Error::msg)?,
        ..args.version.clone()
    };
    // First what proves that it may be had: nothing is written for a refusal.
    let mut bundle = Vec::new();
    download(&socket, &fixed.path("/signature"), |piece| {
        bundle.extend_from_slice(piece);
        Ok(())
    })
    .await?;
    let partial = Partial::beside(out)?;
    let files = version["files"].as_array().map_or(&[][..], Vec::as_slice);
    let bar = progress(files.iter().filter_map(|file| file["bytes"].as_u64()).sum());
    let mut taken = Vec::with_capacity(files.len());
    for file in files {
        let entry = entry(file)?;
        let path = match &layout {
            Some(_) => oci::blob(&partial.0, &hex(&entry.1)),
            None => partial.0.join(entry.0.as_str()),
        };
        // Two files with the same bytes are one blob of a layout.
        if layout.is_none() || !path.exists() {
            take(&socket, &fixed, &path, &entry, &|bytes| bar.inc(bytes)).await?;
        }
        taken.push(entry);
    }
    if layout.is_some() {
        let number = text(&version, "version");
        oci::finish(
            &partial.0,
            args.version.named.model(),
            &number,
            &taken,
            &bundle,
        )?;
    }
    bar.finish_and_clear();
    std::fs::rename(&partial.0, out)
        .with_context(|| format!("`{}` cannot be made", out.display()))?;
    if let Some(signature) = &args.signature {
        key::store_signature(signature, &bundle)?;
    }
    let number = text(&version, "version");
    eprintln!(
        "version {number}, {} files, in {}",
        files.len(),
        out.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// A file as the server lists it. The server checks names, too; a name is checked by whoever makes
/// a path of it.
fn entry(file: &Value) -> anyhow::Result<Entry> {
    let digest = text(file, "sha256");
    let Ok(Reference::Digest(sha256)) = digest.parse() else {
        anyhow::bail!("the answer has `{digest}` for a digest");
    };
    let length = file["bytes"]
        .as_u64()
        .context("the answer has a file without length")?;
    Ok((text(file, "name").parse()?, sha256, length))
}

type Entry = (FileName, Sha256, u64);

async fn take(
    socket: &Path,
    version: &Versioned,
    to: &Path,
    (name, sha256, _): &Entry,
    progress: &dyn Fn(u64),
) -> anyhow::Result<()> {
    let mut out = create(to, name)?;
    let mut digest = Sha256Stream::new();
    let path = version.path(&format!("/blobs/{}", hex(sha256)));
    let taken = download(socket, &path, |piece| {
        digest.update(piece);
        progress(piece.len() as u64);
        Ok(out.write_all(piece)?)
    });
    let broke_off = || format!("`{name}` was not taken; nothing is kept");
    taken.await.with_context(broke_off)?;
    let same = digest.finish() == *sha256;
    anyhow::ensure!(same, "`{name}` came with another digest; nothing is kept");
    Ok(out.sync_all()?)
}

fn create(path: &Path, name: &FileName) -> anyhow::Result<File> {
    let cannot = || format!("`{name}` cannot be written");
    if let Some(parent) = path.parent() {
        let mut directories = DirBuilder::new();
        let made = directories.recursive(true).mode(0o700).create(parent);
        made.with_context(cannot)?;
    }
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.with_context(cannot)
}

/// A directory that is removed unless it was moved away.
struct Partial(PathBuf);

impl Partial {
    fn beside(out: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("`{}` cannot be made", out.display());
        let mut name = std::ffi::OsString::from(".");
        name.push(out.file_name().with_context(cannot)?);
        name.push(format!(".{}.partial", std::process::id()));
        let partial = out.with_file_name(name);
        DirBuilder::new()
            .mode(0o700)
            .create(&partial)
            .with_context(cannot)?;
        Ok(Self(partial))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
