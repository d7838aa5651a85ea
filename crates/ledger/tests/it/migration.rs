// SPDX-License-Identifier: Apache-2.0
//! A book of the first version is the same book after it was brought up to date.

use casemate_ledger::{Kind, Lane, Record, Urgency};
use casemate_store::{Database, Migration, Options, Row, StoreError, Tx};

use crate::fixture::{Book, append, checkpoint};

/// The tables as the first version made them; never edited.
const FIRST: Migration = Migration {
    owner: "ledger",
    number: 1,
    sql: "CREATE TABLE ledger_group (
              first BIGINT PRIMARY KEY,
              time BIGINT NOT NULL,
              count BIGINT NOT NULL,
              hashes BLOB NOT NULL,
              entries BLOB NOT NULL);
          CREATE INDEX ledger_group_time ON ledger_group (time, first);
          CREATE TABLE ledger_tile (
              level BIGINT NOT NULL,
              number BIGINT NOT NULL,
              root BLOB NOT NULL,
              hashes BLOB NOT NULL,
              PRIMARY KEY (level, number));
          CREATE TABLE ledger_checkpoint (
              size BIGINT PRIMARY KEY, time BIGINT NOT NULL, note TEXT NOT NULL);
          CREATE TABLE ledger_meta (name TEXT PRIMARY KEY, value BLOB NOT NULL);
          CREATE TABLE ledger_snapshot (
              reader TEXT PRIMARY KEY, size BIGINT NOT NULL, sealed BLOB NOT NULL);",
};

enum Cell {
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// Copies a table: `i`, `t` and `b` say what its columns hold.
fn copy(
    from: &Tx<'_>,
    to: &Tx<'_>,
    table: &str,
    columns: &[(&str, char)],
) -> Result<usize, StoreError> {
    let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
    let sql = format!("SELECT {} FROM {table}", names.join(", "));
    let read = |row: &Row<'_>| {
        let cells = columns
            .iter()
            .enumerate()
            .map(|(at, (_, kind))| match kind {
                'i' => row.int(at).map(Cell::Int),
                't' => row.text(at).map(Cell::Text),
                _ => row.blob(at).map(Cell::Blob),
            });
        cells.collect::<Result<Vec<_>, _>>()
    };
    let rows = from.query(&sql, &[], read)?;
    let places: Vec<_> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
    let (names, places) = (names.join(", "), places.join(", "));
    let sql = format!("INSERT INTO {table} ({names}) VALUES ({places})");
    for row in &rows {
        let values: Vec<_> = row
            .iter()
            .map(|cell| match cell {
                Cell::Int(number) => (*number).into(),
                Cell::Text(text) => text.as_str().into(),
                Cell::Blob(bytes) => bytes.into(),
            })
            .collect();
        to.execute(&sql, &values)?;
    }
    Ok(rows.len())
}

/// Writes the closed book again as the first version would have.
fn back_to_the_first(book: &Book) {
    let old = book.dir.join("old.db");
    let from = Database::open(&book.file(), Options::default(), &[]).unwrap();
    let to = Database::open(&old, Options::default(), &[FIRST]).unwrap();
    let copied = from.tx("test.from", |from| {
        to.tx("test.to", |to| {
            let group = [
                ("first", 'i'),
                ("time", 'i'),
                ("count", 'i'),
                ("hashes", 'b'),
                ("entries", 'b'),
            ];
            let tile = [
                ("level", 'i'),
                ("number", 'i'),
                ("root", 'b'),
                ("hashes", 'b'),
            ];
            let groups = copy(from, to, "ledger_group", &group)?;
            copy(from, to, "ledger_tile", &tile)?;
            let note = [("size", 'i'), ("time", 'i'), ("note", 't')];
            copy(from, to, "ledger_checkpoint", &note)?;
            copy(from, to, "ledger_meta", &[("name", 't'), ("value", 'b')])?;
            let snapshot = [("reader", 't'), ("size", 'i'), ("sealed", 'b')];
            copy(from, to, "ledger_snapshot", &snapshot)?;
            Ok::<_, StoreError>(groups)
        })
    });
    assert!(copied.unwrap() > 20, "too few groups to say something");
    drop((from, to));
    std::fs::remove_file(book.file()).unwrap();
    std::fs::rename(old, book.file()).unwrap();
}

fn what(records: &[Record]) -> Vec<(u64, casemate_types::RecordId, Kind, i64, Vec<u8>)> {
    let all = records.iter();
    all.map(|record| {
        let entry = &record.entry;
        let time = entry.time.as_millis();
        (
            record.index,
            entry.id,
            entry.kind,
            time,
            entry.event.clone(),
        )
    })
    .collect()
}

#[test]
fn a_book_of_the_first_version_keeps_everything() {
    let book = Book::new();
    let (writer, reader) = book.open();
    for round in 0..30 {
        // Some groups of one instant, some of later ones, small and large.
        if round % 3 == 0 {
            book.clock.advance(std::time::Duration::from_secs(round));
        }
        book.fill(&writer, 1 + round * 2);
        checkpoint(&writer, &reader);
    }
    writer.snapshot_put("test", 7, b"seven").unwrap();
    writer.close();
    let (size, keys) = (reader.size(), reader.public_keys());
    let before = what(&reader.list(0, 10_000).unwrap());
    let note = reader.checkpoint().unwrap();
    let proof = reader.prove(100).unwrap();
    drop((writer, reader));
    back_to_the_first(&book);

    // Twice: the second start finds it done.
    for _ in 0..2 {
        let (writer, reader) = book.open();
        assert_eq!((reader.size(), reader.public_keys()), (size, keys.clone()));
        assert_eq!(what(&reader.list(0, 10_000).unwrap()), before);
        let report = reader.verify(&|_, _| ()).unwrap();
        assert!(report.is_whole(), "{report:?}");
        assert_eq!((report.entries, report.signed), (size, size));
        assert_eq!(reader.checkpoint().unwrap(), note);
        assert_eq!(reader.prove(100).unwrap(), proof);
        assert_eq!(reader.cosigned("witness.example/w").unwrap(), None);
        for (index, id, ..) in &before {
            let found = reader.find(*id).unwrap();
            assert!(found.iter().any(|record| record.index == *index), "{index}");
        }
        drop(writer);
    }
    // It goes on where it ended, and takes what it could not take before.
    let (writer, reader) = book.open();
    assert_eq!(append(&writer, book.draft("{}")).unwrap().index, size);
    let lazy = writer.append(book.draft("{}"), Lane::Egress, Urgency::Lazy);
    assert_eq!(lazy.unwrap().durable_blocking().unwrap().index, size + 1);
    checkpoint(&writer, &reader);
    let line = reader.checkpoint().unwrap().signatures;
    let time = casemate_testkit::ManualClock::START;
    writer
        .cosignature_put("witness.example/w", size + 2, time, &line[..1])
        .unwrap();
    let known = reader.cosigned("witness.example/w").unwrap();
    assert_eq!(known, Some((size + 2, time)));
    assert!(reader.verify(&|_, _| ()).unwrap().is_whole());
}
