// SPDX-License-Identifier: Apache-2.0
//! sqlx over PostgreSQL, on a current-thread runtime owned by the writer thread.

use sql_engines::{
    Cell, Dialect, Engine, Error, Layout, Meter, Postgres, Records, Sql, server_cpu,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqlSafeStr, SqlStr,
    postgres::PgConnectOptions,
};
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

/// One connection per cell to `server`.
pub(crate) struct SqlxPostgres {
    pub(crate) server: Postgres,
}

struct PostgresCell {
    runtime: Runtime,
    connection: PgConnection,
    backend: i32,
    layout: Layout,
    insert: SqlStr,
    count: SqlStr,
    drop: SqlStr,
}

impl SqlxPostgres {
    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let server = &self.server;
        let options = PgConnectOptions::new_without_pgpass()
            .socket(&server.socket_dir)
            .username(&server.user);
        options.disable_statement_logging().connect().await
    }
}

impl Engine for SqlxPostgres {
    fn name(&self) -> &'static str {
        "sqlx-postgres"
    }

    fn layouts(&self) -> &'static [(&'static str, usize)] {
        &[("row", 1), ("group", 1)]
    }

    fn open(&self, layout: &str, index: usize) -> Result<Box<dyn Cell>, Error> {
        let layout = Layout::named(layout);
        let sql = Sql::new(layout, Dialect::Postgres, index);
        let drop = AssertSqlSafe(sql.drop).into_sql_str();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (connection, backend) = runtime.block_on(async {
            let mut connection = self.connect().await?;
            sqlx::query(drop.clone()).execute(&mut connection).await?;
            sqlx::query(AssertSqlSafe(sql.create))
                .execute(&mut connection)
                .await?;
            let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
                .fetch_one(&mut connection)
                .await?;
            Ok::<_, Error>((connection, backend))
        })?;
        let insert = AssertSqlSafe(sql.insert).into_sql_str();
        let count = AssertSqlSafe(sql.count).into_sql_str();
        Ok(Box::new(PostgresCell {
            runtime,
            connection,
            backend,
            layout,
            insert,
            count,
            drop,
        }))
    }

    fn version(&self) -> Result<String, Error> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let version: String = runtime.block_on(async {
            let mut connection = self.connect().await?;
            sqlx::query_scalar("SHOW server_version")
                .fetch_one(&mut connection)
                .await
        })?;
        Ok(format!("server_version {version}"))
    }
}

impl Cell for PostgresCell {
    fn round(&mut self, group: usize, meter: &mut Meter, feed: &mut Records) -> Result<(), Error> {
        let Self {
            runtime,
            connection,
            layout,
            insert,
            ..
        } = self;
        let server_before = server_cpu(self.backend);
        runtime.block_on(async {
            while meter.running() {
                let records = feed.group(group);
                let began = Instant::now();
                let mut tx = connection.begin().await?;
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
            Ok::<_, Error>(())
        })?;
        meter.server(server_cpu(self.backend).saturating_sub(server_before));
        Ok(())
    }

    fn stored(&mut self) -> Result<u64, Error> {
        let Self {
            runtime,
            connection,
            count,
            drop,
            ..
        } = self;
        let count: i64 = runtime.block_on(async {
            let count = sqlx::query_scalar(count.clone())
                .fetch_one(&mut *connection)
                .await?;
            sqlx::query(drop.clone()).execute(&mut *connection).await?;
            Ok::<_, Error>(count)
        })?;
        Ok(count.try_into()?)
    }
}
