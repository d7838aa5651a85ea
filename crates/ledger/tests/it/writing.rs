// SPDX-License-Identifier: Apache-2.0
//! The writer keeps order, spoils nobody's record for another's, and signs in time.

use std::{sync::Arc, time::Duration};

use casemate_ledger::{Draft, Lane, LedgerError, Urgency, empty_root};
use casemate_store::StoreError;

use crate::fixture::{Book, append, checkpoint, covering, signed_size};

#[test]
fn an_empty_book_opens_closes_and_signs() {
    let book = Book::new();
    let (writer, reader) = book.open();
    assert_eq!(reader.size(), 0);
    assert!(matches!(reader.checkpoint(), Err(LedgerError::NotFound)));
    assert!(matches!(reader.prove(0), Err(LedgerError::NotFound)));
    assert!(reader.verify(&|_, _| ()).unwrap().is_whole());
    writer.close();
    let signed = reader.checkpoint().unwrap();
    let signed = signed.verify(&reader.public_keys()).unwrap();
    assert_eq!((signed.size, signed.root), (0, empty_root()));
    drop((writer, reader));
    let (writer, reader) = book.open();
    assert!(reader.verify(&|_, _| ()).unwrap().is_whole());
    append(&writer, book.draft("{}")).unwrap();
}

#[test]
fn what_is_accepted_stands_in_the_order_of_acceptance() {
    let book = Book::new();
    let (writer, reader) = book.open();
    let mut tickets = Vec::new();
    for number in 0..1000_u64 {
        let urgency = if number % 7 == 0 {
            Urgency::Durable
        } else {
            Urgency::Lazy
        };
        let lane = if number % 3 == 0 {
            Lane::Egress
        } else {
            Lane::Essential
        };
        let draft = book.draft(&format!("{{\"n\":{number}}}"));
        tickets.push((draft.id, writer.append(draft, lane, urgency).unwrap()));
    }
    let mut expected = Vec::new();
    for (index, (id, ticket)) in (0_u64..).zip(tickets) {
        let position = ticket.durable_blocking().unwrap();
        assert_eq!(position.index, index);
        expected.push(id);
    }
    let stored: Vec<_> = reader
        .list(0, 2000)
        .unwrap()
        .into_iter()
        .map(|record| record.entry.id)
        .collect();
    assert_eq!(stored, expected);
}

#[test]
fn many_threads_write_one_log() {
    let book = Book::new();
    let (writer, reader) = book.open();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let draft = book.draft("{}");
                    let id = draft.id;
                    let position = append(&writer, draft).unwrap();
                    let record = reader.list(position.index, 1).unwrap().remove(0);
                    assert_eq!(record.entry.id, id);
                    assert_eq!(record.entry.time, position.time);
                }
            });
        }
    });
    assert_eq!(reader.size(), 400);
    assert!(reader.verify(&|_, _| ()).unwrap().is_whole());
}

#[test]
fn what_cannot_be_an_entry_is_refused_alone() {
    let book = Book::new();
    let (writer, reader) = book.open();
    let good = writer.append(book.draft("{}"), Lane::Egress, Urgency::Lazy);
    let large = "x".repeat(65_535);
    let bad = writer.append(book.draft(&large), Lane::Egress, Urgency::Lazy);
    assert!(matches!(bad, Err(LedgerError::Malformed { .. })), "{bad:?}");
    let garbled = Draft {
        event: vec![0xFF],
        ..book.draft("")
    };
    let bad = writer.append(garbled, Lane::Essential, Urgency::Durable);
    assert!(matches!(bad, Err(LedgerError::Malformed { .. })), "{bad:?}");
    append(&writer, book.draft("{}")).unwrap();
    assert_eq!(good.unwrap().durable_blocking().unwrap().index, 0);
    assert_eq!(reader.list(0, 10).unwrap().len(), 2);
}

#[test]
fn groups_are_bounded_by_bytes_of_sealed_parts_too() {
    let book = Book::new();
    let (writer, reader) = book.open();
    let part = |id| {
        let scope = casemate_store::Scope::System;
        writer.seal(scope, id, "text", &[7; 60_000]).unwrap()
    };
    let drafts: Vec<_> = (0..200)
        .map(|_| {
            let draft = book.draft("{}");
            let sealed = vec![part(draft.id)];
            Draft { sealed, ..draft }
        })
        .collect();
    let tickets: Vec<_> = drafts
        .into_iter()
        .map(|draft| {
            writer
                .append(draft, Lane::Essential, Urgency::Lazy)
                .unwrap()
        })
        .collect();
    for ticket in tickets {
        ticket.durable_blocking().unwrap();
    }
    assert_eq!(reader.size(), 200);
    writer.close();
    drop((writer, reader));
    let mut largest = 0;
    book.edit(|tx| {
        let sql = "SELECT MAX(length(entries)) FROM ledger_group";
        largest = tx.query_one(sql, &[], |row| row.int(0))?.unwrap();
        Ok(())
    });
    assert!(largest <= 4 << 20, "{largest} bytes in one group");
}

#[test]
fn a_closed_writer_refuses_and_has_signed_everything() {
    let book = Book::new();
    let (writer, reader) = book.open();
    let lazy = writer.append(book.draft("{}"), Lane::Egress, Urgency::Lazy);
    writer.close();
    assert_eq!(lazy.unwrap().durable_blocking().unwrap().index, 0);
    assert_eq!(signed_size(&reader.checkpoint().unwrap()), 1);
    let refused = writer.append(book.draft("{}"), Lane::Essential, Urgency::Durable);
    assert!(matches!(refused, Err(LedgerError::Closed)));
    writer.close();
}

#[test]
fn a_second_instance_is_refused() {
    let book = Book::new();
    let (_writer, _reader) = book.open();
    let refused = book.open_with(book.options());
    assert!(
        matches!(&refused, Err(LedgerError::Store(StoreError::Busy { file })) if file.ends_with("ledger.db")),
        "{refused:?}"
    );
}

#[test]
fn the_log_keeps_its_name_and_keys_over_restarts_and_root_rotation() {
    let book = Book::of(3);
    let keys = book.open().1.public_keys();
    book.keyring
        .rotate(&casemate_testkit::root_key(2), 2)
        .unwrap();
    let (_, reader) = book.open();
    assert_eq!(reader.public_keys(), keys);
    assert_eq!(keys[0].name, keys[1].name);
    let other = Book::with_seed(2);
    assert_ne!(other.open().1.public_keys()[0].name, keys[0].name);
}

#[test]
fn checkpoints_come_by_themselves_also_when_the_clock_goes_back() {
    let book = Book::new();
    let mut options = book.options();
    options.checkpoint_every = Duration::from_millis(5);
    let (writer, reader) = book.open_with(options).unwrap();
    append(&writer, book.draft("{}")).unwrap();
    book.clock.advance(Duration::from_millis(5));
    covering(&reader, 1);
    // The clock is put back a day between a record and its checkpoint, and stands still there.
    append(&writer, book.draft("{}")).unwrap();
    book.clock.retreat(Duration::from_secs(86_400));
    covering(&reader, 2);
    // A record of the time when the clock is behind the book.
    append(&writer, book.draft("{}")).unwrap();
    book.clock.advance(Duration::from_millis(5));
    covering(&reader, 3);
    assert!(reader.verify(&|_, _| ()).unwrap().is_whole());
}

#[test]
fn checkpoints_cover_what_a_crash_left_unsigned() {
    let book = Book::new();
    let (writer, reader) = book.open();
    append(&writer, book.draft("{}")).unwrap();
    checkpoint(&writer, &reader);
    append(&writer, book.draft("{}")).unwrap();
    drop((writer, reader));
    let mut options = book.options();
    options.checkpoint_every = Duration::from_millis(5);
    let (_writer, reader) = book.open_with(options).unwrap();
    book.clock.advance(Duration::from_millis(5));
    covering(&reader, 2);
}

#[test]
fn readers_see_a_whole_log_while_it_grows() {
    let book = Book::new();
    let (writer, reader) = book.open();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    std::thread::scope(|scope| {
        let end = done.clone();
        let (reader, log) = (&reader, &writer);
        scope.spawn(move || {
            while !end.load(std::sync::atomic::Ordering::Relaxed) {
                let report = reader.verify(&|_, _| ()).unwrap();
                assert!(report.is_whole(), "{report:?}");
                log.checkpoint_soon();
            }
        });
        for _ in 0..20 {
            book.fill(&writer, 60);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(reader.size(), 1200);
}
