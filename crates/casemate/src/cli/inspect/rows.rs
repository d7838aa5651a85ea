// SPDX-License-Identifier: Apache-2.0
//! Rows of a data set in, one answer a line out.

use std::{
    io::{BufRead, Write as _},
    num::NonZero,
    path::Path,
    process::ExitCode,
    sync::{Arc, mpsc},
};

use anyhow::Context as _;
use casemate_inspect::{Inspector, Segment};
use casemate_types::{Channel, DataClass, Finding, FindingKind, Role};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::{Value, json};

use super::segment_role;

/// Rows that one thread takes at a time.
const CHUNK: usize = 64;

/// A row to look at.
#[derive(Deserialize)]
struct Row {
    id: Value,
    text: String,
    #[serde(default)]
    role: Option<String>,
}

/// Lines with their numbers.
type Lines = Vec<(usize, Vec<u8>)>;

/// Rows in, answers out, in the order read, on all processors. Threads are not waited for: one may
/// sit in a read that does not end.
pub(super) fn batch(
    inspector: Inspector,
    path: &Path,
    role: (Role, Channel),
) -> anyhow::Result<ExitCode> {
    let (reader, bytes): (Box<dyn BufRead + Send>, u64) = if path == Path::new("-") {
        (Box::new(std::io::BufReader::new(std::io::stdin())), 0)
    } else {
        let file = std::fs::File::open(path)
            .with_context(|| format!("`{}` cannot be read", path.display()))?;
        let bytes = file.metadata().map_or(0, |meta| meta.len());
        (Box::new(std::io::BufReader::new(file)), bytes)
    };
    let bar = progress(bytes);
    let inspector = Arc::new(inspector);
    let threads = std::thread::available_parallelism().map_or(2, NonZero::get);
    // One channel in and out for each thread keeps the order without sorting.
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    for _ in 0..threads {
        let (send, work) = mpsc::sync_channel::<Lines>(4);
        let (done, receive) = mpsc::sync_channel(4);
        let inspector = inspector.clone();
        std::thread::spawn(move || {
            for chunk in work {
                let answers: Vec<anyhow::Result<String>> = chunk
                    .into_iter()
                    .map(|(number, line)| answer_line(&inspector, number, &line, role))
                    .collect();
                if done.send(answers).is_err() {
                    break;
                }
            }
        });
        senders.push(send);
        receivers.push(receive);
    }
    let feeder = std::thread::spawn({
        let bar = bar.clone();
        move || feed(reader, &senders, &bar)
    });
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for receiver in receivers.iter().cycle() {
        let Ok(answers) = receiver.recv() else {
            break;
        };
        for answer in answers {
            let written = match answer {
                Ok(answer) => writeln!(out, "{answer}"),
                Err(error) => {
                    out.flush()?;
                    return Err(error);
                }
            };
            if let Some(end) = given_up(written)? {
                return Ok(end);
            }
        }
    }
    if let Some(end) = given_up(out.flush())? {
        return Ok(end);
    }
    bar.finish_and_clear();
    feeder
        .join()
        .map_err(|_| anyhow::anyhow!("reading the rows broke off"))??;
    Ok(ExitCode::SUCCESS)
}

/// Whoever read the answers has had enough, which is no fault.
fn given_up(written: std::io::Result<()>) -> anyhow::Result<Option<ExitCode>> {
    match written {
        Ok(()) => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Some(ExitCode::SUCCESS)),
        Err(error) => Err(error.into()),
    }
}

/// Hands lines out, a chunk to each thread in turn.
fn feed(
    mut reader: Box<dyn BufRead + Send>,
    lanes: &[mpsc::SyncSender<Lines>],
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let mut number = 0;
    for lane in lanes.iter().cycle() {
        let mut chunk = Vec::with_capacity(CHUNK);
        while chunk.len() < CHUNK {
            let mut line = Vec::new();
            number += 1;
            let read = reader
                .read_until(b'\n', &mut line)
                .with_context(|| format!("line {number} cannot be read"))?;
            if read == 0 {
                break;
            }
            bar.inc(read as u64);
            let first = line.trim_ascii_start().first();
            let broken = first.is_some_and(|first| *first != b'{');
            if !line.trim_ascii().is_empty() {
                chunk.push((number, line));
            }
            if broken {
                // Whoever waits for an answer is told at once.
                break;
            }
        }
        // Whoever takes the answers has stopped after an error of its own.
        if chunk.is_empty() || lane.send(chunk).is_err() {
            break;
        }
    }
    Ok(())
}

fn answer_line(
    inspector: &Inspector,
    number: usize,
    line: &[u8],
    role: (Role, Channel),
) -> anyhow::Result<String> {
    let row: Row = serde_json::from_slice(line)
        .with_context(|| format!("line {number} is no `{{\"id\", \"text\", \"role\"?}}`"))?;
    let role = match &row.role {
        Some(word) => segment_role(word).with_context(|| format!("line {number}"))?,
        None => role,
    };
    Ok(answer(inspector, &row, role).to_string())
}

/// What was seen in one row, in the words of the development data.
fn answer(inspector: &Inspector, row: &Row, (role, channel): (Role, Channel)) -> Value {
    let segment = Segment::new(&row.text, role, channel);
    let (found, injection) = inspector.inspect_scored(segment);
    let places = Characters::new(&row.text);
    let (mut personal, mut secrets) = (Vec::new(), Vec::new());
    for finding in &found {
        let (start, end) = (places.at(finding.span.start), places.at(finding.span.end));
        match finding.kind.class() {
            DataClass::Secret => secrets.push(json!([start, end, finding.rule])),
            DataClass::Payment | DataClass::Person | DataClass::Personal => {
                personal.push(json!([start, end, type_name(finding)]));
            }
            _ => {}
        }
    }
    json!({
        "id": row.id,
        "injection": {"score": injection.score, "flag": u8::from(injection.flag)},
        "personal": personal,
        "secrets": secrets,
    })
}

/// The type as data sets name it.
fn type_name(finding: &Finding) -> &'static str {
    match finding.kind {
        FindingKind::Email => "EMAIL",
        FindingKind::Ip => "IP_ADDRESS",
        _ => finding.rule,
    }
}

/// Character places of byte places.
struct Characters {
    /// Byte places of all characters; empty where every character is one byte.
    starts: Vec<usize>,
}

impl Characters {
    fn new(text: &str) -> Self {
        let starts = match text.is_ascii() {
            true => Vec::new(),
            false => text.char_indices().map(|(at, _)| at).collect(),
        };
        Self { starts }
    }

    fn at(&self, byte: usize) -> usize {
        match self.starts.is_empty() {
            true => byte,
            false => self.starts.partition_point(|start| *start < byte),
        }
    }
}

/// A bar on a terminal, nothing elsewhere.
fn progress(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    let style = "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}
