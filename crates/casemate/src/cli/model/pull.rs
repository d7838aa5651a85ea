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
use casemate_crypto::Sha256Stream;
use casemate_models::registry::FileName;
use clap::Args;
use hyper::Method;
use serde_json::Value;

use super::{files::progress, key, registry::Versioned};
use crate::{
    cli::Global,
    client::{ask, download},
    output::{hex, text},
};

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// PROJECT/MODEL@VERSION
    version: Versioned,
    /// Directory to make
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
    let fresh = std::fs::symlink_metadata(&args.out).is_err();
    anyhow::ensure!(
        fresh,
        "`{}` is there already; name a new directory",
        args.out.display()
    );
    // First what proves that it may be had: nothing is written for a refusal.
    let mut bundle = Vec::new();
    download(&socket, &args.version.path("/signature"), |piece| {
        bundle.extend_from_slice(piece);
        Ok(())
    })
    .await?;
    let version = ask(&socket, Method::GET, &args.version.path(""), None).await?;
    // An alias may be moved meanwhile; the files are all of one version.
    let fixed = Versioned {
        version: text(&version, "digest"),
        ..args.version.clone()
    };
    let partial = Partial::beside(&args.out)?;
    let files = version["files"].as_array().map_or(&[][..], Vec::as_slice);
    let bar = progress(files.iter().filter_map(|file| file["bytes"].as_u64()).sum());
    for file in files {
        take(&socket, &fixed, &partial.0, file, &|bytes| bar.inc(bytes)).await?;
    }
    bar.finish_and_clear();
    std::fs::rename(&partial.0, &args.out)
        .with_context(|| format!("`{}` cannot be made", args.out.display()))?;
    if let Some(signature) = &args.signature {
        key::store_signature(signature, &bundle)?;
    }
    let number = text(&version, "version");
    eprintln!(
        "version {number}, {} files, in {}",
        files.len(),
        args.out.display()
    );
    Ok(ExitCode::SUCCESS)
}

async fn take(
    socket: &Path,
    version: &Versioned,
    below: &Path,
    file: &Value,
    progress: &dyn Fn(u64),
) -> anyhow::Result<()> {
    // The server says so too; a name is checked by whoever makes a path of it.
    let name: FileName = text(file, "name").parse()?;
    let sha256 = text(file, "sha256");
    let mut out = create(below, &name)?;
    let mut digest = Sha256Stream::new();
    let path = version.path(&format!("/blobs/{sha256}"));
    let taken = download(socket, &path, |piece| {
        digest.update(piece);
        progress(piece.len() as u64);
        Ok(out.write_all(piece)?)
    });
    taken
        .await
        .with_context(|| format!("`{name}` was not taken; nothing is kept"))?;
    let same = hex(&digest.finish()) == sha256;
    anyhow::ensure!(same, "`{name}` came with another digest; nothing is kept");
    Ok(out.sync_all()?)
}

fn create(below: &Path, name: &FileName) -> anyhow::Result<File> {
    let path = below.join(name.as_str());
    let cannot = || format!("`{name}` cannot be written");
    if let Some(parent) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .with_context(cannot)?;
    }
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(&path);
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
