// SPDX-License-Identifier: Apache-2.0
//! sqlx over SQLite: the statements run on a thread of sqlx's own, the caller awaits each.

use sql_engines::{Cell, Dialect, Engine, Error, Layout, Meter, Records, Sql};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, SqlSafeStr, SqlStr, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{path::PathBuf, time::Instant};
use tokio::runtime::{Builder, Runtime};

/// Database files in `dir`, one per cell.
pub(crate) struct SqlxSqlite {
    pub(crate) dir: PathBuf,
}

struct SqliteCell {
    runtime: Runtime,
    connection: SqliteConnection,
    layout: Layout,
    insert: SqlStr,
    count: SqlStr,
}

impl Engine for SqlxSqlite {
    fn name(&self) -> &'static str {
        "sqlx-sqlite"
    }

    fn layouts(&self) -> &'static [(&'static str, usize)] {
        &[("row", 1), ("group", 1)]
    }

    fn open(&self, layout: &str, index: usize) -> Result<Box<dyn Cell>, Error> {
        let layout = Layout::named(layout);
        let sql = Sql::new(layout, Dialect::Sqlite, index);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let options = SqliteConnectOptions::new()
            .filename(self.dir.join(format!("sqlx-{index}.db")))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        let connection = runtime.block_on(async {
            let mut connection = options.connect().await?;
            let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
                .fetch_one(&mut connection)
                .await?;
            let sync: i64 = sqlx::query_scalar("PRAGMA synchronous")
                .fetch_one(&mut connection)
                .await?;
            if (mode.as_str(), sync) != ("wal", 2) {
                return Err(format!("journal_mode is `{mode}`, synchronous is {sync}").into());
            }
            sqlx::query(AssertSqlSafe(sql.create))
                .execute(&mut connection)
                .await?;
            Ok::<_, Error>(connection)
        })?;
        let insert = AssertSqlSafe(sql.insert).into_sql_str();
        let count = AssertSqlSafe(sql.count).into_sql_str();
        Ok(Box::new(SqliteCell {
            runtime,
            connection,
            layout,
            insert,
            count,
        }))
    }

    fn version(&self) -> Result<String, Error> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let version: String = runtime.block_on(async {
            let mut connection = SqliteConnection::connect("sqlite::memory:").await?;
            sqlx::query_scalar("SELECT sqlite_version()")
                .fetch_one(&mut connection)
                .await
        })?;
        Ok(format!("SQLite {version}"))
    }
}

impl Cell for SqliteCell {
    fn round(&mut self, group: usize, meter: &mut Meter, feed: &mut Records) -> Result<(), Error> {
        let Self {
            runtime,
            connection,
            layout,
            insert,
            ..
        } = self;
        runtime.block_on(async {
            while meter.running() {
                let records = feed.group(group);
                let began = Instant::now();
                let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
                match layout {
                    Layout::Group => {
                        let query = sqlx::query(insert.clone())
                            .bind(records.first)
                            .bind(records.count())
                            .bind(records.packed());
                        query.execute(&mut *tx).await?;
                    }
                    Layout::Row => {
                        for (index, entry) in records.rows() {
                            let query = sqlx::query(insert.clone()).bind(index).bind(entry);
                            query.execute(&mut *tx).await?;
                        }
                    }
                }
                tx.commit().await?;
                meter.committed(began, group);
            }
            Ok(())
        })
    }

    fn stored(&mut self) -> Result<u64, Error> {
        let Self {
            runtime,
            connection,
            count,
            ..
        } = self;
        let query = sqlx::query_scalar(count.clone());
        let count: i64 = runtime.block_on(query.fetch_one(connection))?;
        Ok(count.try_into()?)
    }
}
