// SPDX-License-Identifier: Apache-2.0
//! One database file and its named transactions.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior, params_from_iter};

use crate::{StoreError, Value};

/// When a commit is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Before the commit returns; one `fdatasync` a commit.
    Commit,
    /// At the engine's next checkpoint; for data that can be rebuilt.
    Lazy,
}

/// How a file is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// When commits are durable.
    pub durability: Durability,
    /// Whether another process may have the file open too.
    pub exclusive: bool,
    /// Largest size in bytes; more is answered as a full disk. For tests of that case.
    pub max_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Commit,
            exclusive: true,
            max_bytes: None,
        }
    }
}

/// A numbered step of a crate's tables. Never edited once released.
///
/// Whole numbers are `BIGINT`, but for a key that should be the row number itself: `INTEGER PRIMARY
/// KEY`, which is 64 bits wide here.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The owning crate.
    pub owner: &'static str,
    /// Counts from 1 within the owner.
    pub number: i64,
    /// The statements.
    pub sql: &'static str,
}

/// A database file. Cheap to clone; transactions queue.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Mutex<Connection>>,
    path: Arc<PathBuf>,
}

impl Database {
    /// Opens or creates a file and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another process holds it, [`StoreError::Corrupt`] when it is no
    /// database or was written by a newer version.
    pub fn open(
        path: &Path,
        options: Options,
        migrations: &[Migration],
    ) -> Result<Self, StoreError> {
        let in_file = |error| match StoreError::engine("store.open", error) {
            StoreError::Busy { .. } => StoreError::Busy {
                file: path.display().to_string(),
            },
            other => other,
        };
        let mut connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(in_file)?;
        configure(&connection, options).map_err(in_file)?;
        migrate(&mut connection, migrations).map_err(|error| match error {
            StoreError::Busy { .. } => StoreError::Busy {
                file: path.display().to_string(),
            },
            other => other,
        })?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Self {
            inner: Arc::new(Mutex::new(connection)),
            path: Arc::new(path.to_owned()),
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `body` in one transaction. An error rolls everything back.
    ///
    /// Blocks; call it from a blocking thread when many wait.
    ///
    /// # Errors
    /// Those of `body`, and [`StoreError`] of the commit.
    pub fn tx<T, E: From<StoreError>>(
        &self,
        name: &'static str,
        body: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.lock();
        let tx = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| StoreError::engine(name, error))?;
        let tx = Tx { tx, name };
        let value = body(&tx)?;
        tx.tx
            .commit()
            .map_err(|error| StoreError::engine(name, error))?;
        Ok(value)
    }

    /// Moves everything from the write-ahead log into the file and empties the log, so that deleted
    /// bytes are overwritten on disk.
    ///
    /// # Errors
    /// [`StoreError`] of the engine.
    pub fn settle(&self) -> Result<(), StoreError> {
        self.lock()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| StoreError::engine("store.settle", error))
    }

    /// Writes a consistent copy to a new file while work goes on.
    ///
    /// # Errors
    /// [`StoreError`] of the engine.
    pub fn copy_to(&self, target: &Path) -> Result<(), StoreError> {
        let failed = |error| StoreError::engine("store.copy", error);
        let connection = self.lock();
        let mut copy = Connection::open(target).map_err(failed)?;
        let backup = rusqlite::backup::Backup::new(&connection, &mut copy).map_err(failed)?;
        backup
            .run_to_completion(4096, std::time::Duration::ZERO, None)
            .map_err(failed)
    }

    /// Changes the largest size; see [`Options::max_bytes`].
    ///
    /// # Errors
    /// [`StoreError`] of the engine.
    pub fn limit_size(&self, max_bytes: Option<u64>) -> Result<(), StoreError> {
        limit(&self.lock(), max_bytes).map_err(|error| StoreError::engine("store.limit", error))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic in a transaction body rolled it back when its guard was dropped, so the
        // connection is in order.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.path.display())
    }
}

/// An open transaction.
pub struct Tx<'c> {
    tx: rusqlite::Transaction<'c>,
    name: &'static str,
}

impl Tx<'_> {
    /// Runs a statement and tells how many rows it changed.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a key that exists, [`StoreError::Full`] for a full disk.
    pub fn execute(&self, sql: &str, params: &[Value<'_>]) -> Result<usize, StoreError> {
        self.tx
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params_from_iter(params)))
            .map_err(|error| StoreError::engine(self.name, error))
    }

    /// Reads all rows of a query.
    ///
    /// # Errors
    /// [`StoreError`] of the engine, or of `read`.
    pub fn query<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let failed = |error| StoreError::engine(self.name, error);
        let mut statement = self.tx.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(params)).map_err(failed)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            out.push(read(&Row {
                row,
                name: self.name,
            })?);
        }
        Ok(out)
    }

    /// Reads the first row of a query, if any.
    ///
    /// # Errors
    /// [`StoreError`] of the engine, or of `read`.
    pub fn query_one<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.query(sql, params, read)?.into_iter().next())
    }
}

/// A row of a query's answer; columns count from 0.
pub struct Row<'r> {
    row: &'r rusqlite::Row<'r>,
    name: &'static str,
}

impl Row<'_> {
    /// A whole number.
    ///
    /// # Errors
    /// [`StoreError`] when the column is something else.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.row
            .get(column)
            .map_err(|error| StoreError::engine(self.name, error))
    }

    /// A whole number or nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the column is something else.
    pub fn int_opt(&self, column: usize) -> Result<Option<i64>, StoreError> {
        self.row
            .get(column)
            .map_err(|error| StoreError::engine(self.name, error))
    }

    /// Text.
    ///
    /// # Errors
    /// [`StoreError`] when the column is something else.
    pub fn text(&self, column: usize) -> Result<String, StoreError> {
        self.row
            .get(column)
            .map_err(|error| StoreError::engine(self.name, error))
    }

    /// Bytes.
    ///
    /// # Errors
    /// [`StoreError`] when the column is something else.
    pub fn blob(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        self.row
            .get(column)
            .map_err(|error| StoreError::engine(self.name, error))
    }

    /// Bytes or nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the column is something else.
    pub fn blob_opt(&self, column: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.row
            .get(column)
            .map_err(|error| StoreError::engine(self.name, error))
    }

    /// Sixteen bytes of an id.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when there are not sixteen.
    pub fn id(&self, column: usize) -> Result<[u8; 16], StoreError> {
        self.blob(column)?
            .try_into()
            .map_err(|_| StoreError::Corrupt("an id of the wrong length".into()))
    }

    /// Sixteen bytes of an id, or nothing.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when there are not sixteen.
    pub fn id_opt(&self, column: usize) -> Result<Option<[u8; 16]>, StoreError> {
        self.blob_opt(column)?
            .map(|bytes| {
                bytes
                    .try_into()
                    .map_err(|_| StoreError::Corrupt("an id of the wrong length".into()))
            })
            .transpose()
    }
}

fn configure(connection: &Connection, options: Options) -> rusqlite::Result<()> {
    // Exclusive locking keeps a second instance out and spares the shared-memory index.
    let locking = if options.exclusive {
        "EXCLUSIVE"
    } else {
        "NORMAL"
    };
    // Whoever holds an exclusive file holds it for good: waiting longer than for a handle that is
    // just being closed would only delay the message.
    let patience = if options.exclusive { 1 } else { 5 };
    connection.busy_timeout(std::time::Duration::from_secs(patience))?;
    connection.pragma_update(None, "locking_mode", locking)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match options.durability {
        Durability::Commit => "FULL",
        Durability::Lazy => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.pragma_update(None, "cache_size", -4096)?;
    limit(connection, options.max_bytes)
}

fn limit(connection: &Connection, max_bytes: Option<u64>) -> rusqlite::Result<()> {
    const PAGE: u64 = 4096;
    let pages = max_bytes.map_or(0xFFFF_FFFE, |bytes| (bytes / PAGE).max(1));
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
}

fn migrate(connection: &mut Connection, migrations: &[Migration]) -> Result<(), StoreError> {
    let failed = |error| StoreError::engine("store.migrate", error);
    let tx = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS store_migration (
             owner TEXT NOT NULL, number BIGINT NOT NULL, PRIMARY KEY (owner, number))",
    )
    .map_err(failed)?;
    for migration in migrations {
        let highest: i64 = tx
            .query_row(
                "SELECT COALESCE(MAX(number), 0) FROM store_migration WHERE owner = ?1",
                [migration.owner],
                |row| row.get(0),
            )
            .map_err(failed)?;
        let known = migrations
            .iter()
            .filter(|m| m.owner == migration.owner)
            .count();
        if highest > i64::try_from(known).unwrap_or(i64::MAX) {
            return Err(StoreError::Corrupt(format!(
                "tables of `{}` were written by a newer version of Casemate",
                migration.owner
            )));
        }
        if migration.number > highest + 1 {
            // Running it would mark the ones before it as done.
            return Err(StoreError::Corrupt(format!(
                "migration {} of `{}` does not follow {highest}",
                migration.number, migration.owner
            )));
        }
        if migration.number > highest {
            tx.execute_batch(migration.sql).map_err(failed)?;
            tx.execute(
                "INSERT INTO store_migration (owner, number) VALUES (?1, ?2)",
                rusqlite::params![migration.owner, migration.number],
            )
            .map_err(failed)?;
        }
    }
    tx.commit().map_err(failed)
}
