// SPDX-License-Identifier: Apache-2.0
//! Tables of the ledger's own file and their statements. Nothing here updates or deletes an entry.

use casemate_store::{Migration, StoreError, Tx};

use crate::Hash;

pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        owner: "ledger",
        number: 1,
        sql: FIRST_TABLES,
    },
    // A commit writes every index it touches: the row number is key enough, and time only grows
    // with it.
    Migration {
        owner: "ledger",
        number: 2,
        sql: "DROP INDEX ledger_group_time;
              ALTER TABLE ledger_group RENAME TO ledger_group_1;
              CREATE TABLE ledger_group (
                  first INTEGER PRIMARY KEY,
                  time BIGINT NOT NULL,
                  count BIGINT NOT NULL,
                  hashes BLOB NOT NULL,
                  entries BLOB NOT NULL);
              INSERT INTO ledger_group SELECT first, time, count, hashes, entries
                  FROM ledger_group_1 ORDER BY first;
              DROP TABLE ledger_group_1;",
    },
    Migration {
        owner: "ledger",
        number: 3,
        sql: "CREATE TABLE ledger_cosignature (
                  witness TEXT NOT NULL,
                  size BIGINT NOT NULL,
                  time BIGINT NOT NULL,
                  lines TEXT NOT NULL,
                  PRIMARY KEY (witness, size));
              CREATE INDEX ledger_cosignature_size ON ledger_cosignature (size);",
    },
];

const FIRST_TABLES: &str = "CREATE TABLE ledger_group (
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
              reader TEXT PRIMARY KEY, size BIGINT NOT NULL, sealed BLOB NOT NULL);";

/// One commit: entries that became durable together.
pub(crate) struct Group {
    pub(crate) first: u64,
    pub(crate) time: i64,
    pub(crate) count: u64,
    pub(crate) hashes: Vec<u8>,
    pub(crate) entries: Vec<u8>,
}

impl Group {
    pub(crate) fn leaf_hashes(&self) -> impl Iterator<Item = Hash> + '_ {
        self.hashes.as_chunks::<32>().0.iter().copied()
    }
}

pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn uint(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Corrupt("a negative count".into()))
}

pub(crate) fn group_insert(tx: &Tx<'_>, group: &Group) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO ledger_group (first, time, count, hashes, entries) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            int(group.first).into(),
            group.time.into(),
            int(group.count).into(),
            (&group.hashes).into(),
            (&group.entries).into(),
        ],
    )?;
    Ok(())
}

fn group_row(row: &casemate_store::Row<'_>) -> Result<Group, StoreError> {
    Ok(Group {
        first: uint(row.int(0)?)?,
        time: row.int(1)?,
        count: uint(row.int(2)?)?,
        hashes: row.blob(3)?,
        entries: row.blob(4)?,
    })
}

/// Groups from the one that holds index `from` on, at most `limit`.
pub(crate) fn group_list(tx: &Tx<'_>, from: u64, limit: u64) -> Result<Vec<Group>, StoreError> {
    tx.query(
        "SELECT first, time, count, hashes, entries FROM ledger_group
         WHERE first >= COALESCE((SELECT MAX(first) FROM ledger_group WHERE first <= ?1), 0)
         ORDER BY first LIMIT ?2",
        &[int(from).into(), int(limit).into()],
        group_row,
    )
}

/// Index of the first group that was written at `time` or later.
pub(crate) fn group_at(tx: &Tx<'_>, time: i64) -> Result<Option<u64>, StoreError> {
    let Some((end, newest)) = group_last(tx)? else {
        return Ok(None);
    };
    if newest < time {
        return Ok(None);
    }
    // INVARIANT: the book's time never goes back, so it can be searched by halves.
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low + (high - low) / 2;
        match group_from(tx, middle)? {
            Some((first, at)) if at < time => low = first + 1,
            _ => high = middle,
        }
    }
    Ok(group_from(tx, low)?.map(|(first, _)| first))
}

/// Index and time of the first group that begins at `from` or later.
fn group_from(tx: &Tx<'_>, from: u64) -> Result<Option<(u64, i64)>, StoreError> {
    tx.query_one(
        "SELECT first, time FROM ledger_group WHERE first >= ?1 ORDER BY first LIMIT 1",
        &[int(from).into()],
        |row| Ok((uint(row.int(0)?)?, row.int(1)?)),
    )
}

/// Leaf hashes from index `from` on, without the entries.
pub(crate) fn hashes_from(tx: &Tx<'_>, from: u64) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
    tx.query(
        "SELECT first, hashes FROM ledger_group
         WHERE first >= COALESCE((SELECT MAX(first) FROM ledger_group WHERE first <= ?1), 0)
         ORDER BY first",
        &[int(from).into()],
        |row| Ok((uint(row.int(0)?)?, row.blob(1)?)),
    )
}

/// The last group's end and time.
pub(crate) fn group_last(tx: &Tx<'_>) -> Result<Option<(u64, i64)>, StoreError> {
    tx.query_one(
        "SELECT first + count, time FROM ledger_group ORDER BY first DESC LIMIT 1",
        &[],
        |row| Ok((uint(row.int(0)?)?, row.int(1)?)),
    )
}

pub(crate) fn tile_insert(
    tx: &Tx<'_>,
    level: u8,
    number: u64,
    root: &Hash,
    hashes: &[Hash],
) -> Result<(), StoreError> {
    let flat = hashes.concat();
    tx.execute(
        "INSERT INTO ledger_tile (level, number, root, hashes) VALUES (?1, ?2, ?3, ?4)",
        &[
            i64::from(level).into(),
            int(number).into(),
            root.into(),
            (&flat).into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn tile_get(
    tx: &Tx<'_>,
    level: u8,
    number: u64,
) -> Result<Option<Vec<Hash>>, StoreError> {
    tx.query_one(
        "SELECT hashes FROM ledger_tile WHERE level = ?1 AND number = ?2",
        &[i64::from(level).into(), int(number).into()],
        |row| Ok(row.blob(0)?.as_chunks::<32>().0.to_vec()),
    )
}

/// The hashes of a full tile and the root that stands beside them.
pub(crate) fn tile_whole(
    tx: &Tx<'_>,
    level: u8,
    number: u64,
) -> Result<Option<(Vec<Hash>, Hash)>, StoreError> {
    tx.query_one(
        "SELECT hashes, root FROM ledger_tile WHERE level = ?1 AND number = ?2",
        &[i64::from(level).into(), int(number).into()],
        |row| {
            let root = row.blob(1)?.try_into().unwrap_or_default();
            Ok((row.blob(0)?.as_chunks::<32>().0.to_vec(), root))
        },
    )
}

/// Roots of the full tiles of a level, from a number on.
pub(crate) fn tile_roots(tx: &Tx<'_>, level: u8, from: u64) -> Result<Vec<Hash>, StoreError> {
    tx.query(
        "SELECT root FROM ledger_tile WHERE level = ?1 AND number >= ?2 ORDER BY number",
        &[i64::from(level).into(), int(from).into()],
        |row| {
            let root = row.blob(0)?;
            root.try_into()
                .map_err(|_| StoreError::Corrupt("a root of the wrong length".into()))
        },
    )
}

pub(crate) fn checkpoint_insert(
    tx: &Tx<'_>,
    size: u64,
    time: i64,
    note: &str,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO ledger_checkpoint (size, time, note) VALUES (?1, ?2, ?3)
         ON CONFLICT (size) DO UPDATE SET time = ?2, note = ?3",
        &[int(size).into(), time.into(), note.into()],
    )?;
    Ok(())
}

/// The newest checkpoint of at most `size`.
pub(crate) fn checkpoint_below(tx: &Tx<'_>, size: u64) -> Result<Option<String>, StoreError> {
    tx.query_one(
        "SELECT note FROM ledger_checkpoint WHERE size <= ?1 ORDER BY size DESC LIMIT 1",
        &[int(size).into()],
        |row| row.text(0),
    )
}

/// Checkpoints larger than `after` with the sizes they stand under, oldest first.
pub(crate) fn checkpoint_list(
    tx: &Tx<'_>,
    after: u64,
    limit: u64,
) -> Result<Vec<(u64, String)>, StoreError> {
    tx.query(
        "SELECT size, note FROM ledger_checkpoint WHERE size > ?1 ORDER BY size LIMIT ?2",
        &[int(after).into(), int(limit).into()],
        |row| Ok((uint(row.int(0)?)?, row.text(1)?)),
    )
}

pub(crate) fn cosignature_insert(
    tx: &Tx<'_>,
    witness: &str,
    size: u64,
    time: i64,
    lines: &str,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO ledger_cosignature (witness, size, time, lines) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (witness, size) DO NOTHING",
        &[witness.into(), int(size).into(), time.into(), lines.into()],
    )?;
    Ok(())
}

/// Size and time of the newest checkpoint a witness signed.
pub(crate) fn cosignature_last(
    tx: &Tx<'_>,
    witness: &str,
) -> Result<Option<(u64, i64)>, StoreError> {
    tx.query_one(
        "SELECT size, time FROM ledger_cosignature WHERE witness = ?1 ORDER BY size DESC LIMIT 1",
        &[witness.into()],
        |row| Ok((uint(row.int(0)?)?, row.int(1)?)),
    )
}

/// Lines of all witnesses that signed the checkpoint of exactly `size`.
pub(crate) fn cosignature_lines(tx: &Tx<'_>, size: u64) -> Result<Vec<String>, StoreError> {
    tx.query(
        "SELECT lines FROM ledger_cosignature WHERE size = ?1 ORDER BY witness",
        &[int(size).into()],
        |row| row.text(0),
    )
}

/// The newest size that any witness signed.
pub(crate) fn cosigned_size(tx: &Tx<'_>) -> Result<Option<u64>, StoreError> {
    let size = tx.query_one("SELECT MAX(size) FROM ledger_cosignature", &[], |row| {
        row.int_opt(0)
    })?;
    size.flatten().map(uint).transpose()
}

pub(crate) fn meta_get(tx: &Tx<'_>, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    tx.query_one(
        "SELECT value FROM ledger_meta WHERE name = ?1",
        &[name.into()],
        |row| row.blob(0),
    )
}

pub(crate) fn meta_set(tx: &Tx<'_>, name: &str, value: &[u8]) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO ledger_meta (name, value) VALUES (?1, ?2)",
        &[name.into(), value.into()],
    )?;
    Ok(())
}

pub(crate) fn snapshot_put(
    tx: &Tx<'_>,
    reader: &str,
    size: u64,
    sealed: &[u8],
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO ledger_snapshot (reader, size, sealed) VALUES (?1, ?2, ?3)
         ON CONFLICT (reader) DO UPDATE SET size = ?2, sealed = ?3",
        &[reader.into(), int(size).into(), sealed.into()],
    )?;
    Ok(())
}

pub(crate) fn snapshot_get(
    tx: &Tx<'_>,
    reader: &str,
) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
    tx.query_one(
        "SELECT size, sealed FROM ledger_snapshot WHERE reader = ?1",
        &[reader.into()],
        |row| Ok((uint(row.int(0)?)?, row.blob(1)?)),
    )
}
