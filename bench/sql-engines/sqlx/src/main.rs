// SPDX-License-Identifier: Apache-2.0
//! Measures sqlx over SQLite and PostgreSQL; the other half is the program above this folder.

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use sql_engines::{Args, Engine, Error, Floor, run};

fn main() -> Result<(), Error> {
    let args = Args::from_env()?;
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(Floor {
        dir: args.dir.clone(),
    })];
    #[cfg(feature = "sqlite")]
    engines.push(Box::new(sqlite::SqlxSqlite {
        dir: args.dir.clone(),
    }));
    #[cfg(feature = "postgres")]
    if let Some(postgres) = &args.postgres {
        engines.push(Box::new(postgres::SqlxPostgres {
            server: postgres.clone(),
        }));
    }
    run(&args, &engines)
}
