// SPDX-License-Identifier: Apache-2.0
//! Findings in files, one file after the other, each written as soon as it was looked at.

use std::{
    fmt::Write as _,
    io::{Read as _, StdoutLock, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use casemate_inspect::{Explainer, Explanation, Inspector, Segment};
use casemate_types::{Channel, Finding, Role};

use super::{
    places::{Place, Places, Region},
    report,
};
use crate::output::Format;

/// Bytes of a file that are read at most.
const MAX_FILE: u64 = 256 << 20;

/// How files are looked at.
pub(super) struct Look<'a> {
    pub(super) inspector: &'a Inspector,
    pub(super) role: (Role, Channel),
    pub(super) explain: bool,
}

/// A finding in its file.
pub(super) struct Seen<'a> {
    pub(super) file: &'a Path,
    pub(super) finding: &'a Finding,
    pub(super) places: &'a Places<'a>,
    pub(super) explainer: &'a Explainer<'a>,
    /// Why it is one, if that was asked for.
    pub(super) why: Option<Explanation>,
}

impl Seen<'_> {
    pub(super) fn start(&self) -> Place {
        self.places.at(self.finding.span.start)
    }

    pub(super) fn end(&self) -> Place {
        self.places.at(self.finding.span.end)
    }

    pub(super) fn region(&self) -> Region {
        self.places.region(&self.finding.span)
    }

    /// File, line and column for people.
    pub(super) fn place(&self) -> String {
        let start = self.start();
        format!("{}:{}:{}", shown(self.file), start.line(), start.column())
    }
}

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) found: usize,
    /// What could not be looked at, or not whole.
    pub(super) troubles: Vec<Trouble>,
}

/// Something that could not be looked at.
pub(super) struct Trouble {
    pub(super) file: PathBuf,
    pub(super) text: String,
    /// Whether a part of it was looked at.
    pub(super) partly: bool,
}

impl Outcome {
    /// Tells at once, and remembers it.
    fn trouble(&mut self, file: &Path, text: String, partly: bool) {
        let word = if partly { "warning" } else { "error" };
        eprintln!("{word}: {text}");
        self.troubles.push(Trouble {
            file: file.to_owned(),
            text,
            partly,
        });
    }

    /// Whether everything was looked at as it should be.
    pub(super) fn is_whole(&self) -> bool {
        self.troubles.iter().all(|trouble| trouble.partly)
    }
}

/// Looks at everything below a path and writes what is found.
pub(super) fn inspect(look: &Look<'_>, format: Format, path: &Path) -> anyhow::Result<ExitCode> {
    let explainer = Explainer::new(look.inspector);
    let mut report = report::of(format, path);
    let mut out = Out::new();
    let mut outcome = Outcome::default();
    report.begin(&mut out)?;
    for file in list(path, &mut outcome) {
        let bytes = match read(&file) {
            Ok(bytes) => bytes,
            Err(error) => {
                outcome.trouble(&file, format!("{error:#}"), false);
                continue;
            }
        };
        let bytes = match bytes.get(..MAX_FILE as usize) {
            Some(head) if bytes.len() > head.len() => {
                let text = format!("only the first 256 MiB of `{}` were read", shown(&file));
                outcome.trouble(&file, text, true);
                head
            }
            _ => &bytes,
        };
        let text = String::from_utf8_lossy(bytes);
        let segment = Segment::new(&text, look.role.0, look.role.1);
        let found = look.inspector.inspect(segment);
        if found.is_empty() {
            continue;
        }
        let places = Places::new(bytes);
        for finding in &found {
            outcome.found += 1;
            let seen = Seen {
                file: &file,
                finding,
                places: &places,
                explainer: &explainer,
                why: look.explain.then(|| explainer.explain(segment, finding)),
            };
            report.finding(&mut out, &seen)?;
        }
        out.flush()?;
        // When nobody reads, whether there is anything to find is still to be answered.
        if out.is_closed() {
            break;
        }
    }
    report.end(&mut out, &outcome)?;
    out.flush()?;
    Ok(match (outcome.is_whole(), outcome.found) {
        (false, _) => ExitCode::from(1),
        (true, 0) => ExitCode::SUCCESS,
        (true, _) => ExitCode::from(3),
    })
}

/// Standard output. Whoever reads it may have had enough, which is no fault.
pub(in crate::cli) struct Out {
    inner: std::io::BufWriter<StdoutLock<'static>>,
    closed: bool,
}

impl Out {
    pub(in crate::cli) fn new() -> Self {
        Self {
            inner: std::io::BufWriter::new(std::io::stdout().lock()),
            closed: false,
        }
    }

    pub(in crate::cli) const fn is_closed(&self) -> bool {
        self.closed
    }

    pub(in crate::cli) fn text(&mut self, text: &str) -> anyhow::Result<()> {
        if self.closed {
            return Ok(());
        }
        let written = self.inner.write_all(text.as_bytes());
        self.unless_closed(written)
    }

    pub(in crate::cli) fn line(&mut self, text: &str) -> anyhow::Result<()> {
        self.text(text)?;
        self.text("\n")
    }

    pub(in crate::cli) fn flush(&mut self) -> anyhow::Result<()> {
        if self.closed {
            return Ok(());
        }
        let written = self.inner.flush();
        self.unless_closed(written)
    }

    fn unless_closed(&mut self, written: std::io::Result<()>) -> anyhow::Result<()> {
        match written {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => self.closed = true,
            other => other.context("standard output cannot be written")?,
        }
        Ok(())
    }
}

/// A path for a line of text: a name may hold what ends a line or moves a cursor.
pub(in crate::cli) fn shown(path: &Path) -> String {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut out = String::new();
    for c in path.display().to_string().chars() {
        match odd(c) {
            true => _ = write!(out, "{}", c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

/// Files below a path, in order; what is not a file or directory is left out.
fn list(path: &Path, outcome: &mut Outcome) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(directory) = open.pop() {
        if let Err(error) = list_one(&directory, &mut open, &mut found) {
            outcome.trouble(&directory, format!("{error:#}"), false);
        }
    }
    found.sort();
    found
}

/// What stands in one directory.
fn list_one(
    directory: &Path,
    open: &mut Vec<PathBuf>,
    found: &mut Vec<PathBuf>,
) -> anyhow::Result<()> {
    let failed = || format!("`{}` cannot be read", shown(directory));
    for entry in std::fs::read_dir(directory).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        let kind = entry.file_type().with_context(failed)?;
        if kind.is_dir() {
            open.push(entry.path());
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let failed = || format!("`{}` cannot be read", shown(path));
    if path == Path::new("-") {
        let mut input = std::io::stdin().take(MAX_FILE + 1);
        input.read_to_end(&mut bytes).with_context(failed)?;
    } else {
        let file = std::fs::File::open(path).with_context(failed)?;
        file.take(MAX_FILE + 1)
            .read_to_end(&mut bytes)
            .with_context(failed)?;
    }
    Ok(bytes)
}
