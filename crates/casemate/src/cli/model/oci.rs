// SPDX-License-Identifier: Apache-2.0
//! OCI layouts on disk, typed as `oci:DIR`.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use casemate_crypto::Sha256;
use casemate_models::oci::{Artefact, LAYOUT, Layer, MAX_DOCUMENT, read, write};

use super::{
    links::{self, Within},
    registry::LocalFile,
};
use crate::output::hex;

/// The directory of `oci:DIR`.
pub(super) fn directory(path: &Path) -> Option<PathBuf> {
    let text = path.to_str()?;
    text.strip_prefix("oci:").map(PathBuf::from)
}

/// Where a blob stands.
pub(super) fn blob(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs").join("sha256").join(digest)
}

/// The files of the one model of a layout, and its signature.
pub(super) fn open(layout: &Path) -> anyhow::Result<(Vec<LocalFile>, Option<Vec<u8>>)> {
    let no_layout = || format!("`{}` is no OCI layout", layout.display());
    // Links in a layout lead nowhere: its blobs are files.
    let within = Within::alone(layout).with_context(no_layout)?;
    let index = document(&within, &layout.join("index.json")).with_context(no_layout)?;
    let Artefact { layers, bundle } = read(&index, &mut |digest| {
        document(&within, &blob(layout, &hex(digest)))
    })?;
    let files = layers.into_iter().map(|layer| {
        let path = within.resolve(&blob(layout, &hex(&layer.sha256)))?;
        let length = links::open(&path).and_then(|open| Ok(open.metadata()?.len()));
        let as_said = length.is_ok_and(|length| length == layer.length);
        anyhow::ensure!(
            as_said,
            "`{}` has another length than the layout says",
            layer.name
        );
        Ok(LocalFile {
            path,
            name: layer.name,
            bytes: layer.length,
            sha256: Some(layer.sha256),
        })
    });
    Ok((files.collect::<anyhow::Result<_>>()?, bundle))
}

fn document(within: &Within, path: &Path) -> std::io::Result<Vec<u8>> {
    let place = within.resolve(path).map_err(std::io::Error::other)?;
    let mut bytes = Vec::new();
    links::open(&place)?
        .take(MAX_DOCUMENT as u64 + 1)
        .read_to_end(&mut bytes)?;
    match bytes.len() > MAX_DOCUMENT {
        true => Err(std::io::Error::other("it is too large for a document")),
        false => Ok(bytes),
    }
}

/// Writes everything of a layout but the files of the model, which stand there already.
pub(super) fn finish(
    layout: &Path,
    name: &str,
    version: &str,
    layers: &[(casemate_models::registry::FileName, Sha256, u64)],
    bundle: &[u8],
) -> anyhow::Result<()> {
    let layers: Vec<_> = layers
        .iter()
        .map(|(name, sha256, length)| Layer {
            name: name.clone(),
            sha256: *sha256,
            length: *length,
        })
        .collect();
    let documents = write(name, version, &layers, bundle);
    for (digest, bytes) in documents.blobs {
        put(&blob(layout, &hex(&digest)), &bytes)?;
    }
    put(&layout.join("oci-layout"), LAYOUT)?;
    put(&layout.join("index.json"), &documents.index)
}

fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let cannot = || format!("`{}` cannot be written", path.display());
    let mut file = File::create(path).with_context(cannot)?;
    file.write_all(bytes).with_context(cannot)?;
    file.sync_all().with_context(cannot)
}
