// SPDX-License-Identifier: Apache-2.0
//! Measures `rusqlite` and `tokio-postgres`; the sqlx half is the program in `sqlx/`.

mod engine;

use sql_engines::{Args, Engine, Error, Floor, run};

fn main() -> Result<(), Error> {
    let args = Args::from_env()?;
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(Floor {
        dir: args.dir.clone(),
    })];
    #[cfg(feature = "rusqlite")]
    engines.push(Box::new(engine::Rusqlite {
        dir: args.dir.clone(),
    }));
    #[cfg(feature = "tokio-postgres")]
    if let Some(postgres) = &args.postgres {
        engines.push(Box::new(engine::TokioPostgres {
            server: postgres.clone(),
        }));
    }
    run(&args, &engines)
}
