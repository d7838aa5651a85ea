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
use casemate_artifact::{ByteSource, ConvertError, ConvertOptions, Plan, Scanner, plan};
use clap::Args;
use serde_json::json;

use super::{files::Scanned, report};
use crate::{
    cli::inspect::files::{Out, shown},
    output::Format,
};

/// Names of what is left out that are told.
const TOLD: usize = 20;

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

    /// Refuse if anything is no tensor, instead of leaving it out
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
        args.force || !args.output.exists(),
        "`{}` is there already\nhint: `--force` replaces it",
        shown(&args.output)
    );
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
    write(&plan, &source, &args.output)?;
    tell(format, &plan, &args.output)?;
    Ok(ExitCode::SUCCESS)
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
    let why = format!("`{}` cannot be converted: {error}{hint}", shown(input));
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

    fn take_place(mut self, output: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, output)?;
        self.is_done = true;
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.is_done {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn write(plan: &Plan, source: &Source, output: &Path) -> anyhow::Result<()> {
    let cannot = || format!("`{}` cannot be written", shown(output));
    let (beside, file) = Beside::new(output)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    plan.write(source, &mut out).with_context(cannot)?;
    out.flush().with_context(cannot)?;
    out.get_ref().sync_all().with_context(cannot)?;
    beside.take_place(output).with_context(cannot)
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
            let line = json!({
                "path": output.display().to_string(), "tensors": tensors,
                "bytes": plan.length(), "shared": plan.shared(), "left_out": left,
            });
            out.line(&line.to_string())?;
        }
        Format::Plain => {
            for left in plan.left_out() {
                out.line(&format!(
                    "left out\t{}\t{}",
                    printable(&left.name),
                    left.what
                ))?;
            }
            out.line(&format!("written\t{tensors}\t{}", plan.length()))?;
        }
        Format::Human => {
            for left in plan.left_out().iter().take(TOLD) {
                out.line(&format!(
                    "left out: `{}`, {}",
                    printable(&left.name),
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

/// A name of a file's own without what a terminal would obey.
fn printable(name: &str) -> String {
    shown(Path::new(name))
}
