// SPDX-License-Identifier: Apache-2.0
//! `tokio-postgres` on a current-thread runtime owned by the writer thread.

use ::tokio_postgres::{Client, Config, NoTls, Statement};
use futures_util::future::try_join_all;
use sql_engines::{
    Cell, Dialect, Engine, Error, Layout, Meter, Postgres, Records, Sql, server_cpu,
};
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

/// One connection per cell to `server`.
pub(crate) struct TokioPostgres {
    pub(crate) server: Postgres,
}

struct PostgresCell {
    runtime: Runtime,
    client: Client,
    insert: Statement,
    backend: i32,
    layout: Layout,
    pipelined: bool,
    sql: Sql,
}

impl TokioPostgres {
    async fn connect(&self) -> Result<Client, Error> {
        let mut config = Config::new();
        config
            .host_path(&self.server.socket_dir)
            .user(&self.server.user);
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("connection: {error}");
            }
        });
        Ok(client)
    }
}

impl Engine for TokioPostgres {
    fn name(&self) -> &'static str {
        "tokio-postgres"
    }

    fn layouts(&self) -> &'static [(&'static str, usize)] {
        &[("row", 1), ("row, pipelined", 16), ("group", 1)]
    }

    fn open(&self, layout: &str, index: usize) -> Result<Box<dyn Cell>, Error> {
        let pipelined = layout.ends_with("pipelined");
        let layout = Layout::named(layout);
        let sql = Sql::new(layout, Dialect::Postgres, index);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (client, insert, backend) = runtime.block_on(async {
            let client = self.connect().await?;
            client
                .batch_execute(&format!("{}; {}", sql.drop, sql.create))
                .await?;
            let insert = client.prepare(&sql.insert).await?;
            let row = client.query_one("SELECT pg_backend_pid()", &[]).await?;
            Ok::<_, Error>((client, insert, row.try_get(0)?))
        })?;
        Ok(Box::new(PostgresCell {
            runtime,
            client,
            insert,
            backend,
            layout,
            pipelined,
            sql,
        }))
    }

    fn version(&self) -> Result<String, Error> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = self.connect().await?;
            let mut told = Vec::new();
            for name in [
                "server_version",
                "fsync",
                "synchronous_commit",
                "wal_sync_method",
            ] {
                let row = client.query_one(&format!("SHOW {name}"), &[]).await?;
                told.push(format!("{name} {}", row.try_get::<_, String>(0)?));
            }
            Ok(told.join(", "))
        })
    }
}

impl Cell for PostgresCell {
    fn round(&mut self, group: usize, meter: &mut Meter, feed: &mut Records) -> Result<(), Error> {
        let Self {
            runtime,
            client,
            insert,
            layout,
            pipelined,
            ..
        } = self;
        let insert = &*insert;
        let server_before = server_cpu(self.backend);
        runtime.block_on(async {
            while meter.running() {
                let records = feed.group(group);
                let began = Instant::now();
                let transaction = client.transaction().await?;
                let tx = &transaction;
                match layout {
                    Layout::Group => {
                        let (first, count) = (records.first, records.count());
                        tx.execute(insert, &[&first, &count, &records.packed()])
                            .await?;
                    }
                    Layout::Row if *pipelined => {
                        let sent = records.rows().map(|(index, entry)| async move {
                            tx.execute(insert, &[&index, &entry]).await
                        });
                        try_join_all(sent).await?;
                    }
                    Layout::Row => {
                        for (index, entry) in records.rows() {
                            tx.execute(insert, &[&index, &entry]).await?;
                        }
                    }
                }
                transaction.commit().await?;
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
            client,
            sql,
            ..
        } = self;
        let count: i64 = runtime.block_on(async {
            let row = client.query_one(&sql.count, &[]).await?;
            let count = row.try_get(0)?;
            client.batch_execute(&sql.drop).await?;
            Ok::<_, Error>(count)
        })?;
        Ok(count.try_into()?)
    }
}
