// SPDX-License-Identifier: Apache-2.0
//! `casemate guard fingerprint build`: fingerprints of the texts of a directory.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use casemate_inspect::{FingerprintTable, Winnowing};
use clap::Args;
use serde_json::json;

use super::{tell, write};
use crate::output::Format;

/// Bytes of a document.
const MAX_DOCUMENT: u64 = 64 << 20;

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Documents: files in UTF-8, also in directories below; others are named and left out
    directory: PathBuf,
    /// Where to write the fingerprints
    out: PathBuf,
    /// Letters and digits of a stretch, 16 to 64
    #[arg(long, value_name = "N", default_value_t = Winnowing::default().gram)]
    gram: u8,
    /// Neighbouring stretches of which one is kept, 1 to 256
    #[arg(long, value_name = "N", default_value_t = Winnowing::default().window)]
    window: u16,
    /// Fingerprints in a row that make a finding, 1 to 255
    #[arg(long, value_name = "N", default_value_t = Winnowing::default().run)]
    run: u8,
}

impl BuildArgs {
    pub(super) fn run(self, format: Format) -> anyhow::Result<ExitCode> {
        let winnowing = Winnowing {
            gram: self.gram,
            window: self.window,
            run: self.run,
        };
        let mut paths = Vec::new();
        files(&self.directory, &mut paths)?;
        let mut table = FingerprintTable::new(winnowing)?;
        let (mut documents, mut short) = (0, 0);
        for path in &paths {
            let text = match document(path) {
                Ok(text) => text,
                Err(why) => {
                    eprintln!("warning: `{}` is left out: {why}", path.display());
                    continue;
                }
            };
            let long = table
                .add(&self.name(path), &text)
                .with_context(|| format!("`{}` cannot be added", path.display()))?;
            documents += 1;
            short += usize::from(!long);
        }
        anyhow::ensure!(
            documents > 0,
            "there is no text in `{}`",
            self.directory.display()
        );
        anyhow::ensure!(
            short < documents,
            "no text in `{}` has {} letters and digits, so none would ever be found; `--gram`, \
             `--window` and `--run` make that less",
            self.directory.display(),
            winnowing.certain()
        );
        let file = table.finish();
        write(&self.out, &file)?;
        let object = json!({
            "documents": documents,
            "left_out": paths.len() - documents,
            "too_short": short,
            "certain_from": winnowing.certain(),
            "bytes": file.len(),
        });
        let sentence = format!(
            "{documents} documents, {} bytes; {} letters and digits in common are found for certain; \
             {short} documents are too short to be found",
            file.len(),
            winnowing.certain()
        );
        tell(format, &sentence, &object);
        Ok(ExitCode::SUCCESS)
    }

    /// The name of a document: its path in the directory, the end of it if that is long.
    fn name(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.directory).unwrap_or(path);
        let name = path.to_string_lossy();
        let from = name.ceil_char_boundary(name.len().saturating_sub(255));
        name[from..].to_owned()
    }
}

/// Files of a directory and of those below, in the order of their names. Links are not followed.
fn files(directory: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let wrong = || format!("`{}` cannot be read", directory.display());
    let entries = std::fs::read_dir(directory).with_context(wrong)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().with_context(wrong)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().with_context(wrong)?;
        if kind.is_dir() {
            files(&entry.path(), paths)?;
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
    Ok(())
}

fn document(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path)
        .map_err(|why| why.to_string())?
        .len();
    if size > MAX_DOCUMENT {
        return Err(format!("it is larger than {} MiB", MAX_DOCUMENT >> 20));
    }
    let bytes = std::fs::read(path).map_err(|why| why.to_string())?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}
