// SPDX-License-Identifier: Apache-2.0
//! The command line: `--engine NAME` (repeatable), `--seconds S`, `--rounds N`, `--dir DIR`,
//! `--socket-dir DIR`, `--user NAME`.

use crate::Error;
use std::{env, path::PathBuf, time::Duration};

/// What the operator asked for.
pub struct Args {
    /// Seconds per cell, over all rounds.
    pub seconds: f64,
    /// Visits per cell.
    pub rounds: u32,
    /// Where files are written; has to be on the disk to be measured.
    pub dir: PathBuf,
    /// Where PostgreSQL listens; without it its engines are left out.
    pub postgres: Option<Postgres>,
    engines: Vec<String>,
}

/// A PostgreSQL on a local socket.
#[derive(Clone)]
pub struct Postgres {
    /// Directory of the unix socket.
    pub socket_dir: PathBuf,
    /// Role, and name of the database.
    pub user: String,
}

impl Args {
    /// Parses the command line and makes an empty directory of our own.
    pub fn from_env() -> Result<Self, Error> {
        let (mut seconds, mut rounds, mut engines) = (3.0, 3, Vec::new());
        let (mut dir, mut socket_dir, mut user) = (env::temp_dir(), None, "postgres".to_owned());
        let mut words = env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words
                .next()
                .ok_or_else(|| format!("`{word}` needs a value"))?;
            match word.as_str() {
                "--engine" => engines.push(value),
                "--seconds" => seconds = value.parse()?,
                "--rounds" => rounds = value.parse()?,
                "--dir" => dir = value.into(),
                "--socket-dir" => socket_dir = Some(PathBuf::from(value)),
                "--user" => user = value,
                _ => return Err(format!("unknown option `{word}`").into()),
            }
        }
        if !(seconds > 0.0 && rounds > 0) {
            return Err("`--seconds` and `--rounds` have to be above zero".into());
        }
        let dir = dir.join(format!("sql-engines-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let postgres = socket_dir.map(|socket_dir| Postgres { socket_dir, user });
        Ok(Self {
            seconds,
            rounds,
            dir,
            postgres,
            engines,
        })
    }

    /// Says whether `name` was asked for; nothing asked means all.
    pub fn wants(&self, name: &str) -> bool {
        self.engines.is_empty() || self.engines.iter().any(|engine| engine == name)
    }

    /// The length of one visit.
    pub fn round(&self) -> Duration {
        Duration::from_secs_f64(self.seconds / f64::from(self.rounds))
    }
}

impl Drop for Args {
    fn drop(&mut self) {
        // What is left behind costs disk only, and the path says whose it is.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
