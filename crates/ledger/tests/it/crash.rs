// SPDX-License-Identifier: Apache-2.0
//! `kill -9` under load: what was acknowledged is there, and the log opens and verifies.

use std::{
    collections::HashSet,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use casemate_ledger::{Lane, Urgency};
use casemate_testkit::TempDir;
use casemate_types::RecordId;

use crate::fixture::{Book, append, checkpoint, covering};

const DIRECTORY: &str = "CASEMATE_TEST_CRASH_DIRECTORY";
const ABORT_AFTER: &str = "CASEMATE_TEST_CRASH_AFTER";

/// Not a test of its own: what the process does that [`killed_under_load`] kills.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let after = std::env::var(ABORT_AFTER).ok();
    let after: Option<u32> = after.map(|text| text.parse().unwrap());
    let seed = u64::from(std::process::id());
    let book = Book::inside(TempDir::of_another(directory.into()), seed);
    let (writer, _reader) = book.open();
    let out = std::sync::Mutex::new(std::io::stdout());
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let (book, writer, out) = (&book, &writer, &out);
            scope.spawn(move || {
                for count in 0.. {
                    let lazy = book.draft("{\"lazy\":true}");
                    drop(writer.append(lazy, Lane::Essential, Urgency::Lazy));
                    let draft = book.draft(&"x".repeat(500));
                    let id = draft.id;
                    append(writer, draft).unwrap();
                    let mut out = out.lock().unwrap();
                    writeln!(out, "\nack {id}").unwrap();
                    out.flush().unwrap();
                    if count % 50 == 25 {
                        writer.checkpoint_soon();
                    }
                    if thread == 0 && Some(count) == after {
                        std::process::abort();
                    }
                }
            });
        }
    });
}

/// Runs [`child`] until `acks` were read, kills it, and gives all it acknowledged.
fn killed_under_load(dir: &TempDir, acks: usize, abort_after: Option<u32>) -> Vec<RecordId> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "crash::child", "--nocapture"])
        .env(DIRECTORY, dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(after) = abort_after {
        command.env(ABORT_AFTER, after.to_string());
    }
    let mut child = command.spawn().unwrap();
    let mut acknowledged = Vec::new();
    let mut killed = abort_after.is_some();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // The last line may be cut: that one was not acknowledged to anybody.
        if let Some(id) = line.strip_prefix("ack ").and_then(|id| id.parse().ok()) {
            acknowledged.push(id);
        }
        if acknowledged.len() >= acks && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    let status = child.wait().unwrap();
    assert!(!status.success(), "it ended by itself");
    assert!(acknowledged.len() >= acks, "{} acks", acknowledged.len());
    acknowledged
}

#[test]
fn every_acknowledged_record_survives() {
    let mut dir = TempDir::new();
    let mut acknowledged = HashSet::new();
    // Again and again on the same files: each start begins with what the last death left.
    for (acks, abort_after) in [(1, None), (100, None), (40, Some(40)), (300, None)] {
        acknowledged.extend(killed_under_load(&dir, acks, abort_after));
        let book = Book::inside(dir, u64::try_from(acks).unwrap());
        let (writer, reader) = book.open();
        let report = reader.verify(&|_, _| ()).unwrap();
        assert!(report.is_whole(), "{report:?}");
        let mut stored = HashSet::new();
        reader
            .replay(0, |record| assert!(stored.insert(record.entry.id)))
            .unwrap();
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert!(lost.is_empty(), "{lost:?}");
        assert_eq!(stored.len() as u64, reader.size());

        book.fill(&writer, 3);
        checkpoint(&writer, &reader);
        assert!(reader.verify(&|_, _| ()).unwrap().is_whole());
        writer.close();
        drop((writer, reader));
        dir = book.into_dir();
    }
}

#[test]
fn dropping_everything_without_closing_is_no_different() {
    let book = Book::new();
    let mut size = 0;
    for round in 1..5_u64 {
        let (writer, reader) = book.open();
        assert!(reader.size() >= size, "{round}");
        assert!(reader.verify(&|_, _| ()).unwrap().is_whole());
        for _ in 0..10 {
            append(&writer, book.draft("{}")).unwrap();
        }
        drop(writer.append(book.draft("{}"), Lane::Essential, Urgency::Lazy));
        size = reader.size();
    }
    let (writer, reader) = book.open();
    writer.checkpoint_soon();
    covering(&reader, 40);
    assert!(reader.size() >= 40);
}
