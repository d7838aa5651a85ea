// SPDX-License-Identifier: Apache-2.0
//! Records are found by id whatever the clock did, listed in order, and snapshots stay in place.

use std::time::Duration;

use casemate_ledger::{Draft, Kind, LedgerError, Record};
use casemate_store::StoreError;
use casemate_types::RecordId;

use crate::fixture::{Book, append, checkpoint};

fn indices(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.index).collect()
}

#[test]
fn pages_and_replay_give_every_record_once() {
    let book = Book::new();
    let (writer, reader) = book.open();
    let mut ids = Vec::new();
    for count in [1, 70, 2, 600] {
        ids.extend(book.fill(&writer, count));
    }
    // More groups than a page of groups has.
    for _ in 0..100 {
        ids.extend(book.fill(&writer, 1));
    }
    for page in [1, 7, 256, 10_000] {
        let (mut from, mut seen) = (0, Vec::new());
        loop {
            let records = reader.list(from, page).unwrap();
            assert!(records.len() <= page);
            let Some(last) = records.last() else { break };
            from = last.index + 1;
            seen.extend(records.into_iter().map(|record| record.entry.id));
        }
        assert_eq!(seen, ids, "pages of {page}");
    }
    let mut seen = Vec::new();
    let end = reader
        .replay(5, |record| seen.push(record.entry.id))
        .unwrap();
    assert_eq!((end, seen.as_slice()), (773, &ids[5..]));
    assert!(reader.list(773, 1).unwrap().is_empty());
    assert!(reader.list(u64::MAX, 1).unwrap().is_empty());
    assert!(reader.list(0, 0).unwrap().is_empty());
    assert_eq!(
        reader.replay(773, |_| panic!("nothing there")).unwrap(),
        773
    );
}

#[test]
fn a_record_is_found_with_those_about_it() {
    let book = Book::new();
    let (writer, reader) = book.open();
    book.fill(&writer, 20);
    let decision = book.draft("{}");
    let id = decision.id;
    append(&writer, decision).unwrap();
    book.clock.advance(Duration::from_secs(60));
    book.fill(&writer, 20);
    let outcome = Draft {
        kind: Kind::Outcome,
        about: id,
        ..book.draft("{}")
    };
    let outcome_id = outcome.id;
    append(&writer, outcome).unwrap();
    assert_eq!(indices(&reader.find(id).unwrap()), [20, 41]);
    assert_eq!(indices(&reader.find(outcome_id).unwrap()), [41]);
    for unknown in [
        book.id(),
        RecordId::from_bytes([0; 16]),
        RecordId::from_bytes([255; 16]),
    ] {
        assert!(matches!(reader.find(unknown), Err(LedgerError::NotFound)));
    }
}

#[test]
fn a_clock_that_goes_back_hides_no_record() {
    let book = Book::new();
    let (writer, reader) = book.open();
    book.fill(&writer, 3);
    // The id is made while the clock is ahead, the record is booked after it was corrected.
    book.clock.advance(Duration::from_secs(3600));
    let early = book.draft("{}");
    let id = early.id;
    book.clock.retreat(Duration::from_secs(3600));
    append(&writer, early).unwrap();
    assert_eq!(indices(&reader.find(id).unwrap()), [3]);
    // Its outcome is booked at the time the id carries: both are found, not only the later one.
    book.clock.advance(Duration::from_secs(3600));
    let outcome = Draft {
        about: id,
        ..book.draft("{}")
    };
    append(&writer, outcome).unwrap();
    assert_eq!(indices(&reader.find(id).unwrap()), [3, 4]);

    // The machine falls back a day: the book's time stands still, and nothing is lost.
    book.clock.retreat(Duration::from_secs(86_400));
    let late = book.draft("{}");
    let id = late.id;
    let position = append(&writer, late).unwrap();
    assert_eq!(position.time, reader.last_time());
    assert_eq!(indices(&reader.find(id).unwrap()), [5]);
    let times: Vec<_> = reader
        .list(0, 100)
        .unwrap()
        .iter()
        .map(|record| record.entry.time)
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    writer.close();
    drop((writer, reader));

    // Also across a restart with the clock still behind.
    let (writer, reader) = book.open();
    let position = append(&writer, book.draft("{}")).unwrap();
    assert_eq!(position.time, times[5]);
    assert!(reader.verify(&|_, _| ()).unwrap().is_whole());
}

#[test]
fn snapshots_come_back_and_the_newest_counts() {
    let book = Book::of(3);
    let (writer, reader) = book.open();
    assert_eq!(reader.snapshot("quota").unwrap(), None);
    writer.snapshot_put("quota", 2, b"two").unwrap();
    writer.snapshot_put("quota", 3, b"three").unwrap();
    writer.snapshot_put("other", 1, b"").unwrap();
    writer.close();
    drop((writer, reader));
    let (_, reader) = book.open();
    let snapshot = reader.snapshot("quota").unwrap().unwrap();
    assert_eq!(
        (snapshot.size, snapshot.bytes.as_slice()),
        (3, b"three".as_slice())
    );
    assert_eq!(reader.snapshot("other").unwrap().unwrap().bytes, b"");
    let bytes = std::fs::read(book.file()).unwrap();
    assert!(!bytes.windows(5).any(|part| part == b"three"), "sealed");
}

#[test]
fn a_snapshot_moved_or_altered_is_refused() {
    for edit in [
        "UPDATE ledger_snapshot SET size = 2 WHERE reader = 'quota'",
        "UPDATE ledger_snapshot SET size = 4 WHERE reader = 'quota'",
        "UPDATE ledger_snapshot SET sealed = (SELECT sealed FROM ledger_snapshot WHERE reader = 'other')
             WHERE reader = 'quota'",
        "UPDATE ledger_snapshot SET sealed = CAST(sealed || x'00' AS BLOB) WHERE reader = 'quota'",
        "UPDATE ledger_snapshot SET sealed = x'' WHERE reader = 'quota'",
    ] {
        let book = Book::of(3);
        let (writer, _) = book.open();
        writer.snapshot_put("quota", 3, b"three").unwrap();
        writer.snapshot_put("other", 3, b"else").unwrap();
        writer.close();
        drop(writer);
        book.edit_sql(edit);
        let (_, reader) = book.open();
        let refused = reader.snapshot("quota");
        assert!(
            matches!(
                refused,
                Err(LedgerError::Store(StoreError::Key(_) | StoreError::Corrupt(_)))
            ),
            "{edit}: {refused:?}"
        );
    }
}

#[test]
fn a_copy_taken_while_work_goes_on_is_a_whole_book() {
    let book = Book::new();
    let (writer, reader) = book.open();
    book.fill(&writer, 300);
    checkpoint(&writer, &reader);
    let copy = book.dir.join("copy.db");
    reader.copy_to(&copy).unwrap();
    book.fill(&writer, 10);
    let mut options = book.options();
    options.file = copy;
    let (_, copied) = book.open_with(options).unwrap();
    assert_eq!((copied.size(), reader.size()), (300, 310));
    assert_eq!(copied.public_keys(), reader.public_keys());
    assert!(copied.verify(&|_, _| ()).unwrap().is_whole());
}
