// SPDX-License-Identifier: Apache-2.0
//! One process a file, and a full disk is said to be one.

use casemate_store::{Database, Durability, Migration, Options, StoreError};
use casemate_testkit::TempDir;

const TABLES: &[Migration] = &[Migration {
    owner: "test",
    number: 1,
    sql: "CREATE TABLE item (bytes BLOB)",
}];

fn open(dir: &TempDir, options: Options) -> Result<Database, StoreError> {
    Database::open(&dir.join("state.db"), options, TABLES)
}

fn fill(database: &Database, bytes: i64) -> Result<usize, StoreError> {
    database.tx("test.fill", |tx| {
        tx.execute("INSERT INTO item VALUES (zeroblob(?1))", &[bytes.into()])
    })
}

fn count(database: &Database) -> i64 {
    let sql = "SELECT COUNT(*) FROM item";
    database
        .tx("test.count", |tx| tx.query_one(sql, &[], |row| row.int(0)))
        .map_err(|error: StoreError| error.to_string())
        .unwrap()
        .unwrap()
}

#[test]
fn a_second_instance_is_told_that_the_file_is_in_use() {
    let dir = TempDir::new();
    let first = open(&dir, Options::default()).unwrap();
    let refused = open(&dir, Options::default()).unwrap_err();
    let StoreError::Busy { file } = &refused else {
        panic!("{refused:?}");
    };
    assert!(file.ends_with("state.db"), "{file}");
    // The first one is not disturbed by the attempt, and leaves the file free behind it.
    fill(&first, 1).unwrap();
    drop(first);
    assert_eq!(count(&open(&dir, Options::default()).unwrap()), 1);
}

#[test]
fn two_may_share_a_file_that_is_not_exclusive() {
    let dir = TempDir::new();
    let shared = Options {
        exclusive: false,
        ..Options::default()
    };
    let (one, two) = (open(&dir, shared).unwrap(), open(&dir, shared).unwrap());
    fill(&one, 1).unwrap();
    fill(&two, 1).unwrap();
    assert_eq!((count(&one), count(&two)), (2, 2));
}

#[test]
fn the_size_limit_is_a_full_disk() {
    let dir = TempDir::new();
    let limited = Options {
        max_bytes: Some(256 * 1024),
        ..Options::default()
    };
    let database = open(&dir, limited).unwrap();
    let mut written = 0;
    let refused = loop {
        match fill(&database, 10_000) {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 100, "the limit was not kept");
    };
    assert!(matches!(refused, StoreError::Full), "{refused:?}");
    // What was written stays, reading goes on, and with more room writing does too.
    assert_eq!(count(&database), written);
    database.limit_size(Some(512 * 1024)).unwrap();
    fill(&database, 10_000).unwrap();
    database.limit_size(None).unwrap();
    fill(&database, 2_000_000).unwrap();
    assert_eq!(count(&database), written + 2);
}

#[test]
fn what_is_no_database_is_refused() {
    for bytes in [b"not a database, by far ".repeat(100), vec![0xFF; 8192]] {
        let dir = TempDir::new();
        std::fs::write(dir.join("state.db"), &bytes).unwrap();
        let refused = open(&dir, Options::default()).unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt(_)), "{refused:?}");
        assert_eq!(std::fs::read(dir.join("state.db")).unwrap(), bytes);
    }
    let dir = TempDir::new();
    let nowhere = dir.join("nowhere/state.db");
    assert!(Database::open(&nowhere, Options::default(), TABLES).is_err());
}

#[test]
fn a_copy_has_what_was_committed() {
    let dir = TempDir::new();
    let database = open(&dir, Options::default()).unwrap();
    fill(&database, 100_000).unwrap();
    let copy = dir.join("copy.db");
    database.copy_to(&copy).unwrap();
    fill(&database, 1).unwrap();
    let copied = Database::open(&copy, Options::default(), TABLES).unwrap();
    assert_eq!((count(&copied), count(&database)), (1, 2));
}

#[test]
fn lazy_commits_are_there_after_closing() {
    let dir = TempDir::new();
    let lazy = Options {
        durability: Durability::Lazy,
        ..Options::default()
    };
    let database = open(&dir, lazy).unwrap();
    fill(&database, 1).unwrap();
    drop(database);
    assert_eq!(count(&open(&dir, lazy).unwrap()), 1);
}
