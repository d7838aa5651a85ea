// SPDX-License-Identifier: Apache-2.0
//! Files and directories: each file read once, digested and scanned on the way.

use std::{
    fs::File,
    io::{Read as _, Seek as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::mpsc,
};

use anyhow::Context as _;
use casemate_artifact::{Intake, ScanOutcome, ScanReport, Scanner};
use casemate_crypto::{Sha256, Sha256Stream, sha256};
use indicatif::{ProgressBar, ProgressStyle};

use super::report;
use crate::{
    cli::inspect::files::{Out, shown},
    output::Format,
};

/// Files up to this size are read at once.
const SMALL: u64 = 4 << 20;
/// Bytes that are read at a time of others: they stay in the processor's cache.
const PIECE: usize = 256 << 10;
/// Pieces that are read ahead.
const AHEAD: usize = 8;

/// A file that was scanned.
pub(super) struct Scanned {
    /// Relative to the argument.
    pub(super) path: PathBuf,
    /// None if it could not be read.
    pub(super) digest: Option<Sha256>,
    pub(super) report: ScanReport,
}

/// Something to scan.
struct Item {
    /// Where it is.
    file: PathBuf,
    /// What it is called.
    name: PathBuf,
    kind: Kind,
    bytes: u64,
}

enum Kind {
    File,
    /// A link to a directory, or what is no file.
    Other(&'static str),
    Unreadable(String),
}

/// Scans everything and writes what was found.
pub(super) fn scan(format: Format, paths: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let mut items = Vec::new();
    for path in paths {
        list(path, &mut items)?;
    }
    let scanner = Scanner::default();
    let mut report = report::of(format);
    let mut out = Out::new();
    report.begin(&mut out)?;
    let bar = progress(items.iter().map(|item| item.bytes).sum());
    let mut worst = ScanOutcome::Clean;
    for item in items {
        let scanned = scan_one(&scanner, item, &bar);
        worst = worst.worse(scanned.report.outcome);
        report.file(&mut out, &scanned)?;
        // When nobody reads, whether everything is clean is still to be answered.
        if out.is_closed() && worst != ScanOutcome::Clean {
            break;
        }
    }
    bar.finish_and_clear();
    report.end(&mut out)?;
    out.flush()?;
    Ok(match worst {
        ScanOutcome::Clean => ExitCode::SUCCESS,
        _ => ExitCode::from(3),
    })
}

fn scan_one(scanner: &Scanner, item: Item, bar: &ProgressBar) -> Scanned {
    let result = match &item.kind {
        Kind::File => File::open(&item.file)
            .and_then(|file| read(scanner, file, bar))
            .map_err(|error| format!("{error}")),
        Kind::Other(why) => {
            return Scanned {
                path: item.name,
                digest: None,
                report: scanner.not_followed((*why).to_owned()),
            };
        }
        Kind::Unreadable(why) => Err(why.clone()),
    };
    let (digest, report) = match result {
        Ok((digest, report)) => (Some(digest), report),
        Err(why) => (None, scanner.unread(why)),
    };
    Scanned {
        path: item.name,
        digest,
        report,
    }
}

/// Reads a file once; its digest, and what is to be said of it.
pub(super) fn read(
    scanner: &Scanner,
    file: File,
    bar: &ProgressBar,
) -> std::io::Result<(Sha256, ScanReport)> {
    let length = file.metadata()?.len();
    if length <= SMALL {
        let bytes = whole(file, length)?;
        bar.inc(length);
        return Ok((sha256(&bytes), scanner.scan(&bytes)));
    }
    let mut digest = Sha256Stream::new();
    let mut intake = Intake::new(scanner, length);
    pieces(&file, |piece| {
        digest.update(piece);
        intake.push(piece);
        bar.inc(piece.len() as u64);
    })?;
    match intake.finish() {
        Ok(report) => Ok((digest.finish(), report)),
        // The digest is of the bytes that were scanned, and they may be others by now.
        Err(_) => {
            (&file).rewind()?;
            let bytes = whole(file, length)?;
            Ok((sha256(&bytes), scanner.scan(&bytes)))
        }
    }
}

fn whole(file: File, length: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    // A file that grows while it is read is not read for ever.
    let most = length.saturating_add(SMALL);
    file.take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(std::io::Error::other("it grows while it is read")),
        false => Ok(bytes),
    }
}

/// Reads a file in a thread of its own, so that reading and digesting do not wait for one another.
fn pieces(mut file: &File, mut take: impl FnMut(&[u8])) -> std::io::Result<()> {
    let (full, filled) = mpsc::sync_channel::<std::io::Result<(Vec<u8>, usize)>>(AHEAD);
    let (empty, emptied) = mpsc::channel::<Vec<u8>>();
    for _ in 0..AHEAD {
        let _ = empty.send(vec![0; PIECE]);
    }
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while let Ok(mut buffer) = emptied.recv() {
                let read = file.read(&mut buffer);
                let is_last = !matches!(read, Ok(1..));
                if full.send(read.map(|read| (buffer, read))).is_err() || is_last {
                    return;
                }
            }
        });
        for piece in filled {
            let (buffer, read) = piece?;
            take(buffer.get(..read).unwrap_or_default());
            let _ = empty.send(buffer);
        }
        Ok(())
    })
}

/// Everything below a path, in order. An argument that is not there is the caller's mistake.
fn list(path: &Path, items: &mut Vec<Item>) -> anyhow::Result<()> {
    let metadata =
        std::fs::metadata(path).with_context(|| format!("`{}` cannot be read", shown(path)))?;
    if !metadata.is_dir() {
        anyhow::ensure!(metadata.is_file(), "`{}` is no file", shown(path));
        items.push(Item {
            file: path.to_owned(),
            name: path
                .file_name()
                .map_or_else(|| path.to_owned(), PathBuf::from),
            kind: Kind::File,
            bytes: metadata.len(),
        });
        return Ok(());
    }
    let first = items.len();
    let mut open = vec![path.to_owned()];
    while let Some(directory) = open.pop() {
        let entries =
            std::fs::read_dir(&directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries: Vec<std::fs::DirEntry> = match entries {
            Ok(entries) => entries,
            Err(error) => {
                items.push(item(
                    path,
                    directory,
                    Kind::Unreadable(error.to_string()),
                    0,
                ));
                continue;
            }
        };
        for entry in entries {
            let below = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(below),
                Ok(kind) if kind.is_file() || kind.is_symlink() => {
                    // A link to a file is a file here: caches of downloads are made of them.
                    let (kind, bytes) = match std::fs::metadata(&below) {
                        Ok(metadata) if metadata.is_file() => (Kind::File, metadata.len()),
                        Ok(_) => (Kind::Other("a link to what is no file"), 0),
                        Err(error) => (Kind::Unreadable(error.to_string()), 0),
                    };
                    items.push(item(path, below, kind, bytes));
                }
                Ok(_) => items.push(item(path, below, Kind::Other("no file"), 0)),
                Err(error) => {
                    items.push(item(path, below, Kind::Unreadable(error.to_string()), 0));
                }
            }
        }
    }
    if let Some(below) = items.get_mut(first..) {
        below.sort_by(|one, other| one.name.cmp(&other.name));
    }
    Ok(())
}

fn item(argument: &Path, file: PathBuf, kind: Kind, bytes: u64) -> Item {
    let name = file.strip_prefix(argument).unwrap_or(&file).to_owned();
    Item {
        file,
        name,
        kind,
        bytes,
    }
}

/// A bar on a terminal, nothing elsewhere.
pub(super) fn progress(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    let style = "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}
