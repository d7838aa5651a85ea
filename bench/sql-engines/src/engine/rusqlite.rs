// SPDX-License-Identifier: Apache-2.0
//! `rusqlite` on the calling thread, as a plain writer thread would use it.

use ::rusqlite::{Connection, TransactionBehavior, params};
use sql_engines::{Cell, Dialect, Engine, Error, Layout, Meter, Records, Sql};
use std::{path::PathBuf, time::Instant};

/// Database files in `dir`, one per cell.
pub(crate) struct Rusqlite {
    pub(crate) dir: PathBuf,
}

struct SqliteCell {
    connection: Connection,
    layout: Layout,
    sql: Sql,
}

impl Engine for Rusqlite {
    fn name(&self) -> &'static str {
        "rusqlite"
    }

    fn layouts(&self) -> &'static [(&'static str, usize)] {
        &[("row", 1), ("group", 1)]
    }

    fn open(&self, layout: &str, index: usize) -> Result<Box<dyn Cell>, Error> {
        let connection = Connection::open(self.dir.join(format!("rusqlite-{index}.db")))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        let sync: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
        if (mode.as_str(), sync) != ("wal", 2) {
            return Err(format!("journal_mode is `{mode}`, synchronous is {sync}").into());
        }
        let layout = Layout::named(layout);
        let sql = Sql::new(layout, Dialect::Sqlite, index);
        connection.execute_batch(&sql.create)?;
        Ok(Box::new(SqliteCell {
            connection,
            layout,
            sql,
        }))
    }

    fn version(&self) -> Result<String, Error> {
        Ok(format!("SQLite {}", ::rusqlite::version()))
    }
}

impl Cell for SqliteCell {
    fn round(&mut self, group: usize, meter: &mut Meter, feed: &mut Records) -> Result<(), Error> {
        while meter.running() {
            let records = feed.group(group);
            let began = Instant::now();
            let tx = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut insert = tx.prepare_cached(&self.sql.insert)?;
            match self.layout {
                Layout::Group => {
                    insert.execute(params![records.first, records.count(), records.packed()])?;
                }
                Layout::Row => {
                    for (index, entry) in records.rows() {
                        insert.execute(params![index, entry])?;
                    }
                }
            }
            drop(insert);
            tx.commit()?;
            meter.committed(began, group);
        }
        Ok(())
    }

    fn stored(&mut self) -> Result<u64, Error> {
        let count: i64 = self
            .connection
            .query_row(&self.sql.count, [], |row| row.get(0))?;
        Ok(count.try_into()?)
    }
}
