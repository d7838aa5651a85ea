// SPDX-License-Identifier: Apache-2.0
//! The ledger's own file edited behind its back: the verifier names the record, or opening refuses.

use casemate_ledger::{Entry, Fault, LedgerError, Report};

use crate::fixture::{Book, checkpoint, falsify};

/// More than a tile, so that some records stand below a full tile and some in the tail.
const SIZE: u64 = 300;

fn reopened(book: &Book) -> Result<Report, LedgerError> {
    let (_, reader) = book.open_with(book.options())?;
    reader.verify(&|_, _| ())
}

fn first_fault(book: &Book) -> (u64, String) {
    let report = reopened(book).unwrap();
    let fault = report.faults.first();
    let fault = fault.unwrap_or_else(|| panic!("nothing found: {report:?}"));
    (fault.index, fault.what.clone())
}

/// Either the file does not open, or the verifier finds something.
fn noticed(book: &Book, what: &str) {
    match reopened(book) {
        Ok(report) => assert!(!report.is_whole(), "{what}"),
        Err(error) => assert!(
            matches!(
                error,
                LedgerError::Tampered(_) | LedgerError::Malformed { .. } | LedgerError::Store(_)
            ),
            "{what}: {error:?}"
        ),
    }
}

/// A book whose groups are known: `groups` of one record each, then `rest` as the writer likes.
fn grouped(groups: u64, rest: u64) -> Book {
    let book = Book::new();
    let (writer, _) = book.open();
    for _ in 0..groups {
        book.fill(&writer, 1);
    }
    book.fill(&writer, rest);
    writer.close();
    book
}

#[test]
fn an_untouched_file_is_whole() {
    let book = Book::of(SIZE);
    let report = reopened(&book).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.entries, report.signed), (SIZE, SIZE));
}

#[test]
fn an_edited_entry_is_named() {
    for index in [0, 100, 255, 256, 299] {
        let book = Book::of(SIZE);
        let mut record = None;
        book.edit_entry(index, false, |entries, at| {
            record = Entry::peek_id(&entries[at]).map(|id| id.to_string());
            falsify(&mut entries[at]);
        });
        let report = reopened(&book).unwrap();
        assert_eq!(report.faults[0].index, index, "{report:?}");
        assert_eq!(report.faults[0].record, record);
    }
}

#[test]
fn an_edited_entry_is_named_while_the_book_is_open() {
    let book = Book::of(SIZE);
    book.edit_entry(7, false, |entries, at| falsify(&mut entries[at]));
    let (writer, reader) = book.open();
    // Work goes on, and the fault does not go away.
    book.fill(&writer, 300);
    checkpoint(&writer, &reader);
    let report = reader.verify(&|_, _| ()).unwrap();
    assert_eq!(report.faults[0].index, 7, "{report:?}");
}

#[test]
fn an_entry_edited_with_its_hash_is_named_below_a_tile_and_refused_in_the_tail() {
    for index in [0, 100, 255] {
        let book = Book::of(SIZE);
        book.edit_entry(index, true, |entries, at| falsify(&mut entries[at]));
        let report = reopened(&book).unwrap();
        let named = |fault: &Fault| fault.index == index && fault.what.contains("tile 0/0");
        assert!(report.faults.iter().any(named), "{report:?}");
    }
    for index in [256, 299] {
        let book = Book::of(SIZE);
        book.edit_entry(index, true, |entries, at| falsify(&mut entries[at]));
        let refused = reopened(&book);
        assert!(
            matches!(&refused, Err(LedgerError::Tampered(_))),
            "{refused:?}"
        );
    }
}

#[test]
fn many_checkpoints_do_not_crowd_out_the_record() {
    let book = Book::new();
    let (writer, reader) = book.open();
    for _ in 0..30 {
        book.fill(&writer, 10);
        checkpoint(&writer, &reader);
    }
    writer.close();
    drop((writer, reader));
    book.edit_entry(25, true, |entries, at| falsify(&mut entries[at]));
    let report = reopened(&book).unwrap();
    let found: Vec<_> = report.faults.iter().map(|fault| fault.index).collect();
    assert_eq!(
        found,
        [20, 25],
        "the last good checkpoint and the record: {report:?}"
    );
    assert_eq!(report.checkpoints, 30);
}

#[test]
fn entries_taken_out_put_in_or_swapped_are_found() {
    type Change = fn(&mut Vec<Vec<u8>>, usize);
    let changes: [(&str, Change); 4] = [
        ("taken out", |entries, at| drop(entries.remove(at))),
        ("put in", |entries, at| {
            entries.insert(at, entries[at].clone());
        }),
        ("swapped", |entries, at| entries.swap(at, 0)),
        ("emptied", |entries, _| entries.clear()),
    ];
    for (what, change) in changes {
        for with_hash in [false, true] {
            for index in [SIZE - 1, 254] {
                let book = Book::of(SIZE);
                let mut changed = false;
                book.edit_entry(index, with_hash, |entries, at| {
                    let before = entries.clone();
                    change(entries, at);
                    changed = before != *entries;
                });
                // Swapping the first entry of a group with itself is no change.
                if changed {
                    noticed(&book, &format!("{what} {index} {with_hash}"));
                }
            }
        }
    }
}

#[test]
fn groups_taken_out_moved_or_relabelled_are_found() {
    for edit in [
        "DELETE FROM ledger_group WHERE first = 2",
        "DELETE FROM ledger_group WHERE first = 0",
        "DELETE FROM ledger_group WHERE first >= 2",
        "DELETE FROM ledger_group WHERE first = (SELECT MAX(first) FROM ledger_group)",
        "DELETE FROM ledger_group",
        "UPDATE ledger_group SET first = 1000000 WHERE first = 2",
        "UPDATE ledger_group SET first = -5 WHERE first = 2",
        "UPDATE ledger_group SET first = 9223372036854775807 WHERE first = 2",
        "UPDATE ledger_group SET count = 0 WHERE first = 2",
        "UPDATE ledger_group SET count = 2 WHERE first = 2",
        "UPDATE ledger_group SET count = -1 WHERE first = 2",
        "UPDATE ledger_group SET count = 9223372036854775807 WHERE first = 2",
        "UPDATE ledger_group SET entries = x'' WHERE first = 2",
        "UPDATE ledger_group SET entries = x'FFFF00' WHERE first = 2",
        "UPDATE ledger_group SET hashes = x'' WHERE first = 2",
        "UPDATE ledger_group SET hashes = zeroblob(32) WHERE first = 2",
        "UPDATE ledger_group SET entries = x'', count = 0 WHERE first = (SELECT MAX(first) FROM ledger_group)",
        "UPDATE ledger_group SET entries = x''",
        "UPDATE ledger_group SET entries = (SELECT entries FROM ledger_group WHERE first = 3),
             hashes = (SELECT hashes FROM ledger_group WHERE first = 3) WHERE first = 2",
    ] {
        for rest in [0, 300] {
            let book = grouped(5, rest);
            book.edit_sql(edit);
            noticed(&book, edit);
        }
    }
}

#[test]
fn a_missing_group_is_named() {
    let book = grouped(5, 300);
    book.edit_sql("DELETE FROM ledger_group WHERE first = 2");
    let (index, what) = first_fault(&book);
    assert_eq!(index, 3, "{what}");
    assert!(what.contains("record 2 was expected"), "{what}");
}

#[test]
fn edited_tiles_are_found() {
    let set = |column: &str, value: &str| format!("UPDATE ledger_tile SET {column} = {value}");
    for edit in [
        set("hashes", "zeroblob(8192)"),
        set("hashes", "substr(hashes, 1, 8160)"),
        set("hashes", "CAST(hashes || x'00' || zeroblob(31) AS BLOB)"),
        set("root", "zeroblob(32)"),
        set("root", "x'00'"),
        set("number", "7"),
        set("level", "3"),
        "DELETE FROM ledger_tile".into(),
    ] {
        let book = Book::of(SIZE);
        book.edit_sql(&edit);
        noticed(&book, &edit);
    }
    // One hash of a tile, which nothing but proofs is made of.
    let book = Book::of(SIZE);
    book.edit_sql(
        "UPDATE ledger_tile SET hashes =
             CAST(substr(hashes, 1, 320) || zeroblob(32) || substr(hashes, 353) AS BLOB)",
    );
    let (index, what) = first_fault(&book);
    assert_eq!(index, 10, "{what}");
    assert!(what.contains("tile 0/0"), "{what}");
}

#[test]
fn edited_checkpoints_are_found_and_never_loop() {
    for edit in [
        "UPDATE ledger_checkpoint SET note = replace(note, char(10) || '300' || char(10), char(10) || '299' || char(10))",
        "UPDATE ledger_checkpoint SET note = replace(note, char(10) || '300' || char(10), char(10) || '0' || char(10))",
        "UPDATE ledger_checkpoint SET note = ''",
        "UPDATE ledger_checkpoint SET note = 'x' || note",
        "UPDATE ledger_checkpoint SET note = x'00'",
        "UPDATE ledger_meta SET value = zeroblob(65) WHERE name = 'seed'",
        "UPDATE ledger_meta SET value = CAST('another/log' AS BLOB) WHERE name = 'origin'",
    ] {
        let book = Book::of(SIZE);
        book.edit_sql(edit);
        noticed(&book, edit);
    }
}

#[test]
fn a_bad_checkpoint_among_good_ones_is_reported() {
    let book = Book::new();
    let (writer, reader) = book.open();
    for _ in 0..3 {
        book.fill(&writer, 10);
        checkpoint(&writer, &reader);
    }
    writer.close();
    drop((writer, reader));
    for (edit, words) in [
        // An old one: opening only looks at the newest, the verifier at all.
        (
            "UPDATE ledger_checkpoint SET note = replace(note, '— casemate', '— cosemate') WHERE size = 10",
            "missing",
        ),
        (
            "UPDATE ledger_checkpoint SET note = 'garbage' WHERE size = 10",
            "malformed",
        ),
    ] {
        book.edit_sql(edit);
        let report = reopened(&book).unwrap();
        assert_eq!(report.faults.len(), 1, "{report:?}");
        assert!(report.faults[0].what.contains(words), "{report:?}");
        assert_eq!(report.checkpoints, 2);
    }
    // A checkpoint under another size is held against the tree by what it signs, and named.
    book.edit_sql("UPDATE ledger_checkpoint SET size = 5 WHERE size = 20");
    let report = reopened(&book).unwrap();
    let words = "the checkpoint of size 5 signs 20 instead";
    assert!(
        report.faults.iter().any(|fault| fault.what == words),
        "{report:?}"
    );
    // The newest replaced by an honest older one: it opens, and the verifier comes to an end.
    book.edit_sql(
        "UPDATE ledger_checkpoint SET note = (SELECT note FROM ledger_checkpoint WHERE size = 5)
         WHERE size = 30",
    );
    let report = reopened(&book).unwrap();
    let words = "the checkpoint of size 30 signs 20 instead";
    assert!(
        report.faults.iter().any(|fault| fault.what == words),
        "{report:?}"
    );
}

#[test]
fn an_old_file_shows_against_what_was_signed_since() {
    let book = Book::of(SIZE);
    let old = std::fs::read(book.file()).unwrap();
    let (writer, reader) = book.open();
    book.fill(&writer, 10);
    let newest = checkpoint(&writer, &reader);
    writer.close();
    drop((writer, reader));
    std::fs::write(book.file(), &old).unwrap();
    // The file alone cannot know; the newer checkpoint in somebody else's hands does.
    assert!(reopened(&book).unwrap().is_whole());
    let (_, reader) = book.open();
    let target = book.dir.join("export");
    casemate_ledger::export(&reader, &target, &|_, _| ()).unwrap();
    let keys = reader.public_keys();
    let report = casemate_ledger::verify_export(&target, &keys, Some(&newest), &|_, _| ()).unwrap();
    assert!(report.faults[0].what.contains("old copy"), "{report:?}");
}

#[test]
fn another_root_key_does_not_open_the_book() {
    let book = Book::of(3);
    let stranger = Book::with_seed(2);
    let mut options = stranger.options();
    options.file = book.file();
    assert!(stranger.open_with(options).is_err());
}
