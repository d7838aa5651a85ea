// SPDX-License-Identifier: Apache-2.0
//! A full disk: nothing new leaves the house, everything else goes on in the reserve.

use std::time::Duration;

use casemate_ledger::{Lane, LedgerError, LedgerOptions, Position, Reader, Urgency, Writer};

use crate::fixture::{Book, append, checkpoint, signed_size};

const EVENT: usize = 3_000;

fn limited(book: &Book) -> LedgerOptions {
    LedgerOptions {
        reserve: 256 << 10,
        max_bytes: Some(1 << 20),
        ..book.options()
    }
}

fn egress(book: &Book, writer: &Writer) -> Result<Position, LedgerError> {
    let draft = book.draft(&"x".repeat(EVENT));
    writer
        .append(draft, Lane::Egress, Urgency::Durable)?
        .durable_blocking()
}

/// Writes egress records until the disk is full; gives how many were acknowledged.
fn fill_up(book: &Book, writer: &Writer) -> u64 {
    for count in 0..1000 {
        match egress(book, writer) {
            Ok(position) => assert_eq!(position.index, count),
            Err(error) => {
                assert!(matches!(error, LedgerError::Full), "{error:?}");
                return count;
            }
        }
    }
    panic!("the disk never became full");
}

fn whole(reader: &Reader) {
    let report = reader.verify(&|_, _| ()).unwrap();
    assert!(report.is_whole(), "{report:?}");
}

#[test]
fn egress_is_refused_and_the_rest_goes_on() {
    let book = Book::new();
    let (writer, reader) = book.open_with(limited(&book)).unwrap();
    let reserve = book.dir.join("ledger.reserve");
    assert_eq!(std::fs::metadata(&reserve).unwrap().len(), 256 << 10);
    assert!(!writer.is_pressed());
    let written = fill_up(&book, &writer);
    assert!(written > 50, "{written}");
    assert_eq!(reader.size(), written, "a refused record is not in the log");
    assert!(writer.is_pressed() && reader.is_pressed());
    assert!(!reserve.exists(), "the room was given up");

    for _ in 0..10 {
        // Refused before it even waits.
        let refused = writer.append(book.draft("{}"), Lane::Egress, Urgency::Durable);
        assert!(matches!(refused, Err(LedgerError::Full)));
        append(&writer, book.draft("{\"sign\":\"in\"}")).unwrap();
    }
    let note = checkpoint(&writer, &reader);
    assert_eq!(signed_size(&note), written + 10);
    whole(&reader);
    assert_eq!(reader.list(0, 10_000).unwrap().len() as u64, written + 10);
    let proof = reader.prove(0).unwrap();
    let entry = proof.extra.clone().unwrap();
    proof.verify(&entry, &reader.public_keys()).unwrap();
}

#[test]
fn a_group_of_both_lanes_is_parted_in_order() {
    let book = Book::new();
    let (writer, reader) = book.open_with(limited(&book)).unwrap();
    // Handed in at once, so that the last group that fails holds both.
    let tickets: Vec<_> = (0..600)
        .map(|number| {
            let lane = if number % 2 == 0 {
                Lane::Egress
            } else {
                Lane::Essential
            };
            let draft = book.draft(&"x".repeat(if number % 2 == 0 { EVENT } else { 100 }));
            (lane, draft.id, writer.append(draft, lane, Urgency::Lazy))
        })
        .collect();
    let (mut refused, mut accepted) = (0, Vec::new());
    for (lane, id, ticket) in tickets {
        match ticket.and_then(casemate_ledger::Ticket::durable_blocking) {
            Ok(position) => accepted.push((position.index, id)),
            Err(LedgerError::Full) => {
                assert_eq!(lane, Lane::Egress, "essential records are never refused");
                refused += 1;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(refused > 0, "the disk never became full");
    let stored: Vec<_> = reader
        .list(0, 10_000)
        .unwrap()
        .into_iter()
        .map(|record| (record.index, record.entry.id))
        .collect();
    assert_eq!(stored, accepted);
    whole(&reader);
}

#[test]
fn even_the_reserve_ends_cleanly() {
    let book = Book::new();
    let (writer, reader) = book.open_with(limited(&book)).unwrap();
    fill_up(&book, &writer);
    let mut written = reader.size();
    let refused = loop {
        match append(&writer, book.draft(&"x".repeat(EVENT))) {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 2000, "the limit was not kept");
    };
    assert!(matches!(refused, LedgerError::Full), "{refused:?}");
    assert_eq!(reader.size(), written);
    whole(&reader);
    writer.close();
}

#[test]
fn a_checkpoint_that_finds_the_disk_full_takes_the_reserve() {
    let book = Book::new();
    let (writer, reader) = book.open_with(limited(&book)).unwrap();
    // Small records and many checkpoints: most of the growth is by the latter.
    for _ in 0..400 {
        append(&writer, book.draft("{}")).unwrap();
        let note = checkpoint(&writer, &reader);
        assert_eq!(signed_size(&note), reader.size());
        if writer.is_pressed() {
            whole(&reader);
            return;
        }
    }
    panic!("the disk never became full");
}

#[test]
fn egress_goes_on_when_there_is_room_again() {
    let book = Book::new();
    let (writer, reader) = book.open_with(limited(&book)).unwrap();
    fill_up(&book, &writer);
    append(&writer, book.draft("{}")).unwrap();
    assert!(writer.is_pressed(), "not before it was tried");
    writer.close();
    drop((writer, reader));

    // The operator gives the ledger more room.
    let roomy = LedgerOptions {
        max_bytes: Some(4 << 20),
        ..limited(&book)
    };
    let (writer, reader) = book.open_with(roomy).unwrap();
    assert!(!writer.is_pressed());
    egress(&book, &writer).unwrap();
    whole(&reader);
}

#[test]
fn the_reserve_is_restored_after_a_while_also_when_the_clock_went_back() {
    for back in [false, true] {
        let book = Book::new();
        let (writer, _reader) = book.open_with(limited(&book)).unwrap();
        fill_up(&book, &writer);
        if back {
            book.clock.retreat(Duration::from_secs(86_400));
        } else {
            book.clock.advance(Duration::from_secs(10));
        }
        // The writer looks after each group; the second append waits for the first look.
        append(&writer, book.draft("{}")).unwrap();
        append(&writer, book.draft("{}")).unwrap();
        assert!(!writer.is_pressed(), "back: {back}");
        assert!(book.dir.join("ledger.reserve").exists());
    }
}

#[test]
fn a_start_without_room_for_the_reserve_reads_and_signs_in() {
    let book = Book::of(3);
    // A directory in its place: the reserve cannot be written, as on a full disk.
    std::fs::remove_file(book.dir.join("ledger.reserve")).unwrap();
    std::fs::create_dir(book.dir.join("ledger.reserve")).unwrap();
    let (writer, reader) = book.open_with(limited(&book)).unwrap();
    assert!(writer.is_pressed());
    assert!(matches!(egress(&book, &writer), Err(LedgerError::Full)));
    append(&writer, book.draft("{}")).unwrap();
    checkpoint(&writer, &reader);
    whole(&reader);

    std::fs::remove_dir(book.dir.join("ledger.reserve")).unwrap();
    book.clock.advance(Duration::from_secs(10));
    append(&writer, book.draft("{}")).unwrap();
    append(&writer, book.draft("{}")).unwrap();
    egress(&book, &writer).unwrap();
}
