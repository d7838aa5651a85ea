// SPDX-License-Identifier: Apache-2.0
//! A transaction happens whole or not at all.

use std::panic::{AssertUnwindSafe, catch_unwind};

use casemate_store::{Database, Migration, Options, StoreError, Value};
use casemate_testkit::TempDir;

const TABLES: &[Migration] = &[Migration {
    owner: "test",
    number: 1,
    sql: "CREATE TABLE item (id BIGINT PRIMARY KEY, text TEXT, bytes BLOB);
          CREATE TABLE child (of BIGINT NOT NULL REFERENCES item (id));",
}];

fn database(dir: &TempDir) -> Database {
    Database::open(&dir.join("state.db"), Options::default(), TABLES).unwrap()
}

fn insert(tx: &casemate_store::Tx<'_>, id: i64) -> Result<usize, StoreError> {
    tx.execute("INSERT INTO item (id) VALUES (?1)", &[id.into()])
}

fn ids(database: &Database) -> Vec<i64> {
    let sql = "SELECT id FROM item ORDER BY id";
    database
        .tx("test.ids", |tx| tx.query(sql, &[], |row| row.int(0)))
        .unwrap()
}

#[test]
fn an_error_rolls_everything_back() {
    let dir = TempDir::new();
    let database = database(&dir);
    database.tx("test.insert", |tx| insert(tx, 1)).unwrap();
    let failed: Result<(), _> = database.tx("test.fail", |tx| {
        insert(tx, 2)?;
        tx.execute("DELETE FROM item WHERE id = 1", &[])?;
        Err(StoreError::Corrupt("on purpose".into()))
    });
    assert!(matches!(failed, Err(StoreError::Corrupt(why)) if why == "on purpose"));
    assert_eq!(ids(&database), [1]);
}

#[test]
fn a_statement_that_fails_rolls_everything_back() {
    let dir = TempDir::new();
    let database = database(&dir);
    let failed = database.tx("test.conflict", |tx| {
        insert(tx, 1)?;
        insert(tx, 2)?;
        insert(tx, 1)
    });
    assert!(matches!(failed, Err(StoreError::Conflict)));
    let failed = database.tx("test.orphan", |tx| {
        tx.execute("INSERT INTO child (of) VALUES (5)", &[])
    });
    assert!(matches!(failed, Err(StoreError::Conflict)));
    let failed = database.tx("test.nonsense", |tx| tx.execute("SELEKT", &[]));
    assert!(matches!(
        failed,
        Err(StoreError::Engine {
            name: "test.nonsense",
            ..
        })
    ));
    assert_eq!(ids(&database), [0; 0]);
}

#[test]
fn a_panic_rolls_everything_back_and_the_next_goes_on() {
    let dir = TempDir::new();
    let database = database(&dir);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        database.tx("test.panic", |tx| -> Result<(), StoreError> {
            insert(tx, 1)?;
            panic!("on purpose")
        })
    }));
    assert!(caught.is_err());
    database.tx("test.insert", |tx| insert(tx, 2)).unwrap();
    assert_eq!(ids(&database), [2]);
}

#[test]
fn values_come_back_as_they_went_in() {
    let dir = TempDir::new();
    let database = database(&dir);
    let text = "naïve ⟦\0⟧ ?1 '; DROP TABLE item;--";
    let rows: [[Value<'_>; 3]; 4] = [
        [i64::MIN.into(), text.into(), (&[0_u8, 255, 0]).into()],
        [i64::MAX.into(), "".into(), (&[0_u8; 0]).into()],
        [true.into(), Value::Null, None::<&[u8]>.into()],
        [7.into(), Some("x").into(), Some(b"y".as_slice()).into()],
    ];
    database
        .tx("test.insert", |tx| {
            for row in &rows {
                tx.execute(
                    "INSERT INTO item (id, text, bytes) VALUES (?1, ?2, ?3)",
                    row,
                )?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
    let read = |id: i64| {
        database
            .tx("test.read", |tx| {
                let sql = "SELECT id, text, bytes FROM item WHERE id = ?1";
                tx.query_one(sql, &[id.into()], |row| {
                    Ok((row.int(0)?, row.text(1).ok(), row.blob_opt(2)?))
                })
            })
            .map_err(|error: StoreError| error.to_string())
            .unwrap()
    };
    assert_eq!(
        read(i64::MIN),
        Some((i64::MIN, Some(text.into()), Some(vec![0, 255, 0])))
    );
    assert_eq!(
        read(i64::MAX),
        Some((i64::MAX, Some(String::new()), Some(vec![])))
    );
    assert_eq!(read(1), Some((1, None, None)));
    assert_eq!(read(7), Some((7, Some("x".into()), Some(b"y".to_vec()))));
    assert_eq!(read(8), None);
}

#[test]
fn a_column_of_another_sort_is_an_error() {
    let dir = TempDir::new();
    let database = database(&dir);
    let wrong = |sql: &'static str,
                 read: fn(&casemate_store::Row<'_>) -> Result<(), StoreError>| {
        let read: Result<_, StoreError> =
            database.tx("test.read", |tx| tx.query_one(sql, &[], read));
        assert!(read.is_err(), "{sql}");
    };
    wrong("SELECT 'x'", |row| row.int(0).map(drop));
    wrong("SELECT NULL", |row| row.int(0).map(drop));
    wrong("SELECT 1", |row| row.text(0).map(drop));
    wrong("SELECT 1", |row| row.blob(0).map(drop));
    wrong("SELECT 1", |row| row.text(1).map(drop));
    wrong("SELECT x'00'", |row| row.id(0).map(drop));
    wrong("SELECT zeroblob(17)", |row| row.id_opt(0).map(drop));
}

#[test]
fn transactions_of_many_threads_queue() {
    let dir = TempDir::new();
    let database = database(&dir);
    database.tx("test.start", |tx| insert(tx, 0)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    database
                        .tx("test.count", |tx| {
                            let sql = "SELECT id FROM item";
                            let now = tx.query_one(sql, &[], |row| row.int(0))?.unwrap();
                            tx.execute("UPDATE item SET id = ?1", &[(now + 1).into()])
                        })
                        .map_err(|error: StoreError| error.to_string())
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(ids(&database), [100]);
}
