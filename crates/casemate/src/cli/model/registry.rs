// SPDX-License-Identifier: Apache-2.0
//! What the verbs of the registry share: how a model is named, and how files get there.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::Context as _;
use casemate_crypto::{Sha256, Sha256Stream};
use casemate_models::{
    registry::{FileName, ModelName, Reference},
    signing::{Entry, EntryKind, LinkTarget, LocalModel, ModelSource as _},
};
use hyper::Method;
use serde_json::{Value, json};

use super::{
    files::progress,
    links::{self, Within},
};
use crate::{
    cli::{Global, admin::segment},
    client::{ask, upload},
    output::hex,
};

/// Digests that are asked about at once.
const BATCH: usize = 5_000;
/// What signatures leave out, and what the Hub's clients keep beside the files of a download.
const LEFT_OUT: [&str; 5] = [".cache", ".git", ".gitattributes", ".github", ".gitignore"];

/// A model as it is typed: `project/model`.
#[derive(Debug, Clone)]
pub(super) struct Named {
    project: String,
    model: ModelName,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (project, model) = text
            .split_once('/')
            .ok_or_else(|| format!("`{text}` is not of the form PROJECT/MODEL"))?;
        let project = segment(project).map_err(|error| error.to_string())?;
        Ok(Self {
            project: project.to_owned(),
            model: model
                .parse()
                .map_err(|error: casemate_models::registry::NameError| error.to_string())?,
        })
    }
}

impl Named {
    /// The model's name.
    pub(super) fn model(&self) -> &str {
        self.model.as_str()
    }

    /// The address of something below the model.
    pub(super) fn path(&self, below: &str) -> String {
        format!("/v1/projects/{}/models/{}{below}", self.project, self.model)
    }
}

/// A version as it is typed: `project/model@version`, the version being a number, an alias or a
/// digest.
#[derive(Debug, Clone)]
pub(super) struct Versioned {
    pub(super) named: Named,
    pub(super) version: String,
}

impl FromStr for Versioned {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (named, version) = text.split_once('@').ok_or_else(|| {
            format!("`{text}` names no version: write PROJECT/MODEL@3 or PROJECT/MODEL@production")
        })?;
        Ok(Self {
            named: named.parse()?,
            version: reference(version)?,
        })
    }
}

impl Versioned {
    pub(super) fn path(&self, below: &str) -> String {
        self.named
            .path(&format!("/versions/{}{below}", self.version))
    }
}

/// A number, an alias or a digest, as it can stand in an address.
pub(super) fn reference(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('@').unwrap_or(text);
    match bare.parse::<Reference>() {
        Ok(_) => Ok(bare.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A file that is to become part of a version.
pub(super) struct LocalFile {
    pub(super) name: FileName,
    /// Without any links, to be opened by [`links::open`].
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    /// The digest it is said to have, or had when it was scanned.
    pub(super) sha256: Option<Sha256>,
}

/// The files of a directory that a signature covers. Links to files are the files they lead to, if those
/// lie within the directory or the cache it is a part of: caches of downloads are made of them.
pub(super) fn local_files(
    directory: &Path,
    signature: Option<&Path>,
) -> anyhow::Result<Vec<LocalFile>> {
    let mut model = LocalModel::open(directory)?;
    let within = Within::of(directory)?;
    if let Some(signature) = signature {
        model = model.with_signature(signature);
    }
    let is_left_out = |name: &str| LEFT_OUT.contains(&name.split('/').next().unwrap_or(name));
    let mut files = Vec::new();
    for Entry { name, kind } in model.entries()? {
        if is_left_out(&name) {
            continue;
        }
        let bytes = match kind {
            EntryKind::File { bytes } | EntryKind::Link(LinkTarget::File { bytes }) => bytes,
            EntryKind::Link(_) => anyhow::bail!("`{name}` is a link to what is no file"),
            EntryKind::Other(kind) => anyhow::bail!("`{name}` is {kind}"),
        };
        let path = match model.is_single_file() {
            true => directory.to_owned(),
            false => directory.join(&name),
        };
        let name = name.parse()?;
        files.push(LocalFile {
            name,
            path: within.resolve(&path)?,
            bytes,
            sha256: None,
        });
    }
    anyhow::ensure!(!files.is_empty(), "`{}` has no files", directory.display());
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

/// Sends the bytes that are not there yet, then registers the version.
pub(super) async fn send(
    global: &Global,
    named: &Named,
    files: &[LocalFile],
    bundle: &[u8],
) -> anyhow::Result<Value> {
    let socket = global.home()?.socket();
    let mut by_digest = BTreeMap::new();
    let mut listed = Vec::with_capacity(files.len());
    for file in files {
        let digest = digest(&file.path)?;
        let as_said = file.sha256.is_none_or(|said| said == digest);
        anyhow::ensure!(
            as_said,
            "`{}` has another digest than it should; it was changed",
            file.name
        );
        let digest = hex(&digest);
        listed.push(json!({"name": file.name.as_str(), "sha256": digest}));
        by_digest.insert(digest, file);
    }
    let missing = missing(&socket, named, by_digest.keys()).await?;
    let missing: Vec<_> = missing
        .iter()
        .filter_map(|digest| by_digest.get_key_value(digest))
        .collect();
    let bar = progress(missing.iter().map(|(_, file)| file.bytes).sum());
    for (digest, file) in missing {
        let open = links::open(&file.path);
        let open = open.with_context(|| format!("`{}` cannot be read", file.path.display()))?;
        let path = named.path(&format!("/blobs/{digest}"));
        let told = bar.clone();
        upload(&socket, &path, open, file.bytes, move |bytes| {
            told.inc(bytes)
        })
        .await
        .with_context(|| format!("`{}` was not stored", file.name))?;
    }
    bar.finish_and_clear();
    let signature = std::str::from_utf8(bundle).context("the signature is no text")?;
    let body = json!({"files": listed, "signature": signature});
    ask(&socket, Method::POST, &named.path("/versions"), Some(body)).await
}

/// Which of these the server does not have.
async fn missing(
    socket: &Path,
    named: &Named,
    digests: impl Iterator<Item = &String>,
) -> anyhow::Result<Vec<String>> {
    let digests: Vec<_> = digests.collect();
    let mut missing = Vec::new();
    for batch in digests.chunks(BATCH) {
        let body = json!({"digests": batch});
        let answer = ask(socket, Method::POST, &named.path("/missing"), Some(body)).await?;
        let list = answer["missing"].as_array().into_iter().flatten();
        missing.extend(list.filter_map(Value::as_str).map(str::to_owned));
    }
    Ok(missing)
}

fn digest(path: &Path) -> anyhow::Result<Sha256> {
    let cannot = || format!("`{}` cannot be read", path.display());
    let mut file = links::open(path).with_context(cannot)?;
    let mut digest = Sha256Stream::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match std::io::Read::read(&mut file, &mut buffer).with_context(cannot)? {
            0 => return Ok(digest.finish()),
            read => digest.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

/// Says which version there is now.
pub(super) fn show_pushed(global: &Global, version: &Value) {
    let row = json!([version]);
    crate::cli::admin::show(global, &row, &["version", "digest", "outcome", "signer"]);
}
