// SPDX-License-Identifier: Apache-2.0
//! `casemate model convert`: tensors out of pickles, without running them.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use casemate_artifact::{
    ByteSource, ConvertError, ConvertOptions, Plan, ScanOutcome, Scanner, plan,
};
use clap::Args;
use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use serde_json::json;

use super::{
    files::Scanned,
    report::{self, object, visible},
};
use crate::{
    cli::inspect::files::{Out, shown},
    output::Format,
};

/// Names of what is left out that are told, and findings of a file for review.
const TOLD: usize = 20;
/// Letters of a reason that are told: names of a file's own are as long as they please.
const REASON: usize = 1_000;

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// A torch file (zip or older), or a pickle of tensors or numpy arrays
    input: PathBuf,

    /// The safetensors file to write
    output: PathBuf,

    /// The part to take, by keys that are parted by dots, as in `state_dict` or `ema.model`
    #[arg(long)]
    key: Option<String>,

    /// Write tensors that are the same numbers once, and name the others in the metadata
    #[arg(long)]
    once: bool,

    /// Refuse if anything is no tensor, instead of leaving it out, and if the file is for review
    #[arg(long)]
    strict: bool,

    /// Replace the output if it is there
    #[arg(long)]
    force: bool,
}

/// A file that is read at places.
struct Source {
    file: File,
    length: u64,
}

impl ByteSource for Source {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, at)
    }
}

/// Plans, writes beside the output, and puts it in its place.
pub(super) fn convert(format: Format, args: ConvertArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        args.force || args.output.symlink_metadata().is_err(),
        is_there(&args.output)
    );
    let replaces = args.force;
    let source = open(&args.input)?;
    let scanner = Scanner::default();
    let options = ConvertOptions {
        key: args.key,
        once: args.once,
        strict: args.strict,
    };
    let plan = match plan(&scanner, &source, &options) {
        Ok(plan) => plan,
        Err(ConvertError::Findings(found)) => return refused(format, &args.input, found),
        Err(error) => return Err(told(error, &args.input)),
    };
    warn(&plan, &args.input);
    write(&plan, &source, &args.output, replaces)?;
    tell(format, &plan, &args.output)?;
    Ok(ExitCode::SUCCESS)
}

fn is_there(output: &Path) -> String {
    format!(
        "`{}` is there already\nhint: `--force` replaces it",
        shown(output)
    )
}

fn open(path: &Path) -> anyhow::Result<Source> {
    let cannot = || format!("`{}` cannot be read", shown(path));
    let file = File::open(path).with_context(cannot)?;
    let metadata = file.metadata().with_context(cannot)?;
    anyhow::ensure!(metadata.is_file(), "`{}` is no file", shown(path));
    Ok(Source {
        length: metadata.len(),
        file,
    })
}

/// Says what a scan would have said.
fn refused(
    format: Format,
    input: &Path,
    found: casemate_artifact::ScanReport,
) -> anyhow::Result<ExitCode> {
    let mut out = Out::new();
    let mut report = report::of(format);
    report.begin(&mut out)?;
    let name = input
        .file_name()
        .map_or_else(|| input.to_owned(), PathBuf::from);
    let scanned = Scanned {
        path: name,
        digest: None,
        report: found,
    };
    report.file(&mut out, &scanned)?;
    report.end(&mut out)?;
    out.flush()?;
    eprintln!("nothing was written");
    Ok(ExitCode::from(3))
}

/// Says what a person has to judge in a file whose tensors are taken all the same.
fn warn(plan: &Plan, input: &Path) {
    let report = plan.report();
    if report.outcome == ScanOutcome::Clean {
        return;
    }
    let input = shown(input);
    eprintln!(
        "warning: `{input}` is for {}; what is written holds its numbers and nothing that runs \
         (hint: `--strict` refuses it)",
        report.outcome
    );
    for finding in report.findings.iter().take(TOLD) {
        let (place, why) = (visible(&finding.place), visible(&finding.why));
        eprintln!("warning: {} at `{place}`: {why}", finding.rule.id);
    }
    if let Some(more @ 1..) = report.findings.len().checked_sub(TOLD) {
        eprintln!("warning: {more} more findings");
    }
}

fn told(error: ConvertError, input: &Path) -> anyhow::Error {
    let hint = match &error {
        ConvertError::Key(_) => {
            "\nhint: without `--key` everything is taken, with its keys as names"
        }
        ConvertError::Strict { .. } => {
            "\nhint: without `--strict` it is left out; `--key` takes a part"
        }
        ConvertError::Unsupported(_) => "\nhint: `--key` takes a part of the file",
        _ => "",
    };
    let reason: String = visible(&error.to_string()).chars().take(REASON).collect();
    let why = format!("`{}` cannot be converted: {reason}{hint}", shown(input));
    match error {
        ConvertError::Read(cause) => anyhow::Error::new(cause).context(why),
        _ => anyhow::Error::msg(why),
    }
}

/// A file beside the output that goes away unless it takes its place.
struct Beside {
    path: PathBuf,
    is_done: bool,
}

impl Beside {
    fn new(output: &Path) -> anyhow::Result<(Self, File)> {
        let name = output
            .file_name()
            .with_context(|| format!("`{}` is no file", shown(output)))?;
        let mut beside = std::ffi::OsString::from(".");
        beside.push(name);
        beside.push(format!(".{}.part", std::process::id()));
        let path = output.with_file_name(beside);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.with_context(|| format!("`{}` cannot be written", shown(output)))?;
        Ok((
            Self {
                path,
                is_done: false,
            },
            file,
        ))
    }

    /// Puts it in its place. What is there by now is kept, unless it was to be replaced.
    fn take_place(mut self, output: &Path, replaces: bool) -> io::Result<()> {
        match replaces {
            true => std::fs::rename(&self.path, output)?,
            false => keep_or_rename(&self.path, output)?,
        }
        self.is_done = true;
        Ok(())
    }
}

/// Renames a file, and never replaces one.
fn keep_or_rename(path: &Path, output: &Path) -> io::Result<()> {
    match renameat_with(CWD, path, CWD, output, RenameFlags::NOREPLACE) {
        // Not every file system knows how.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => claim_and_rename(path, output),
        renamed => Ok(renamed?),
    }
}

/// The same where there is no such call: an empty file of ours holds the place, and is replaced.
fn claim_and_rename(path: &Path, output: &Path) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(output)?;
    let renamed = std::fs::rename(path, output);
    if renamed.is_err() {
        let _ = std::fs::remove_file(output);
    }
    renamed
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.is_done {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn write(plan: &Plan, source: &Source, output: &Path, replaces: bool) -> anyhow::Result<()> {
    let cannot = || format!("`{}` cannot be written", shown(output));
    let (beside, file) = Beside::new(output)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    plan.write(source, &mut out).with_context(cannot)?;
    out.flush().with_context(cannot)?;
    out.get_ref().sync_all().with_context(cannot)?;
    match beside.take_place(output, replaces) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(anyhow::Error::msg(is_there(output)))
        }
        placed => placed.with_context(cannot),
    }
}

/// What was written and what was not.
fn tell(format: Format, plan: &Plan, output: &Path) -> anyhow::Result<()> {
    let mut out = Out::new();
    let tensors = plan.tensors().count();
    match format {
        // The last two are for scans, and never come here.
        Format::Json | Format::Sarif | Format::Cyclonedx => {
            let left = plan.left_out().iter();
            let left: Vec<_> = left
                .map(|left| json!({"name": left.name, "what": left.what}))
                .collect();
            let findings: Vec<_> = plan.report().findings.iter().map(object).collect();
            let line = json!({
                "path": output.display().to_string(), "tensors": tensors,
                "bytes": plan.length(), "shared": plan.shared(), "left_out": left,
                "outcome": plan.report().outcome.as_str(), "findings": findings,
            });
            out.line(&line.to_string())?;
        }
        Format::Plain => {
            for left in plan.left_out() {
                out.line(&format!("left out\t{}\t{}", visible(&left.name), left.what))?;
            }
            out.line(&format!("written\t{tensors}\t{}", plan.length()))?;
        }
        Format::Human => {
            for left in plan.left_out().iter().take(TOLD) {
                out.line(&format!(
                    "left out: `{}`, {}",
                    visible(&left.name),
                    left.what
                ))?;
            }
            if let Some(more) = plan
                .left_out()
                .len()
                .checked_sub(TOLD)
                .filter(|more| *more > 0)
            {
                out.line(&format!("left out: {more} more"))?;
            }
            if plan.shared() > 0 {
                out.line(&format!(
                    "{} tensors are other names of one that is written as well; `--once` writes it once",
                    plan.shared()
                ))?;
            }
            out.line(&format!(
                "{tensors} tensors, {} bytes: {}",
                plan.length(),
                shown(output)
            ))?;
        }
    }
    out.flush()?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use casemate_testkit::TempDir;

    use super::*;

    #[test]
    fn what_is_made_meanwhile_is_not_replaced() {
        let ways: [fn(&Path, &Path) -> io::Result<()>; 2] = [keep_or_rename, claim_and_rename];
        for place in ways {
            let dir = TempDir::new();
            let (ours, output) = (dir.join("ours"), dir.join("out"));
            std::fs::write(&ours, "ours").unwrap();
            std::fs::write(&output, "theirs").unwrap();
            let error = place(&ours, &output).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(std::fs::read(&output).unwrap(), b"theirs");
            std::fs::remove_file(&output).unwrap();
            place(&ours, &output).unwrap();
            assert_eq!(std::fs::read(&output).unwrap(), b"ours");
            assert!(!ours.exists());
        }
    }

    #[test]
    fn nothing_is_left_of_what_could_not_take_its_place() {
        let dir = TempDir::new();
        let output = dir.join("out");
        let (beside, file) = Beside::new(&output).unwrap();
        drop(file);
        std::fs::write(&output, "theirs").unwrap();
        beside.take_place(&output, false).unwrap_err();
        let (beside, _) = Beside::new(&output).unwrap();
        assert_eq!(std::fs::read(&output).unwrap(), b"theirs");
        beside.take_place(&output, true).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
