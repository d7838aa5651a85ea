// SPDX-License-Identifier: Apache-2.0
//! Tables are brought up to date once, in order, and never by an older version.

use casemate_store::{Database, Migration, Options, StoreError};
use casemate_testkit::TempDir;

const fn step(owner: &'static str, number: i64, sql: &'static str) -> Migration {
    Migration { owner, number, sql }
}

const ONE: Migration = step("a", 1, "CREATE TABLE a_log (line TEXT)");
const TWO: Migration = step("a", 2, "INSERT INTO a_log VALUES ('two')");
const THREE: Migration = step("a", 3, "INSERT INTO a_log VALUES ('three')");
const OTHER: Migration = step("b", 1, "CREATE TABLE b_log (line TEXT)");
const BROKEN: Migration = step(
    "a",
    3,
    "INSERT INTO a_log VALUES ('half'); INSERT INTO nowhere VALUES (1)",
);

fn open(dir: &TempDir, migrations: &[Migration]) -> Result<Database, StoreError> {
    Database::open(&dir.join("state.db"), Options::default(), migrations)
}

fn lines(database: &Database) -> Vec<String> {
    database
        .tx("test.lines", |tx| {
            tx.query("SELECT line FROM a_log ORDER BY rowid", &[], |row| {
                row.text(0)
            })
        })
        .unwrap_or_else(|_: StoreError| vec!["no table".into()])
}

#[test]
fn each_step_runs_once_and_in_order() {
    let dir = TempDir::new();
    for (migrations, expected) in [
        ([ONE].as_slice(), [].as_slice()),
        (&[ONE], &[]),
        (&[ONE, OTHER, TWO, THREE], &["two", "three"]),
        (&[OTHER, ONE, TWO, THREE], &["two", "three"]),
    ] {
        let database = open(&dir, migrations).unwrap();
        assert_eq!(lines(&database), expected);
    }
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let dir = TempDir::new();
    drop(open(&dir, &[ONE, TWO]).unwrap());
    let refused = open(&dir, &[ONE, OTHER]).unwrap_err();
    assert!(matches!(&refused, StoreError::Corrupt(why) if why.contains("newer version")));
    // Not even the other owner's step was kept: it would now fail if its table were there.
    drop(open(&dir, &[ONE, TWO, OTHER]).unwrap());
}

#[test]
fn steps_with_a_gap_or_out_of_order_are_refused() {
    for migrations in [[ONE, THREE].as_slice(), &[TWO, ONE], &[ONE, THREE, TWO]] {
        let dir = TempDir::new();
        let refused = open(&dir, migrations).unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt(_)), "{refused:?}");
    }
}

#[test]
fn a_step_that_fails_leaves_nothing_behind() {
    let dir = TempDir::new();
    assert!(open(&dir, &[ONE, TWO, BROKEN, OTHER]).is_err());
    let database = open(&dir, &[]).unwrap();
    assert_eq!(lines(&database), ["no table"]);
    drop(database);

    drop(open(&dir, &[ONE, TWO]).unwrap());
    assert!(open(&dir, &[ONE, TWO, BROKEN]).is_err());
    assert_eq!(lines(&open(&dir, &[ONE, TWO]).unwrap()), ["two"]);
}
