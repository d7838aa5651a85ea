// SPDX-License-Identifier: Apache-2.0
//! `casemate guard exact build`: keyed digests of a table.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use casemate_inspect::{ExactTable, Together};
use clap::Args;
use serde_json::json;

use super::{csv::Rows, tell, write};
use crate::output::Format;

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Columns that count, by their headings, with commas between; at least as many as `--cells`
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
    columns: Vec<String>,
    /// The table: CSV in UTF-8, its first line the headings
    csv: PathBuf,
    /// File with the salt: a secret of 16 characters or more that the gateway is given too
    #[arg(long, value_name = "FILE")]
    salt_file: PathBuf,
    /// Where to write the digests
    out: PathBuf,
    /// What stands between two cells of the table
    #[arg(long, value_name = "SIGN", default_value_t = ',')]
    separator: char,
    /// Cells of one row that must stand near each other
    #[arg(long, value_name = "N", default_value_t = Together::default().cells)]
    cells: u8,
    /// Bytes within which they must
    #[arg(long, value_name = "BYTES", default_value_t = Together::default().within)]
    within: u16,
}

impl BuildArgs {
    pub(super) fn run(self, format: Format) -> anyhow::Result<ExitCode> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path)
                .with_context(|| format!("`{}` cannot be read", path.display()))
        };
        anyhow::ensure!(
            self.columns.len() >= usize::from(self.cells),
            "{} columns cannot have {} cells near each other; name more columns or ask for fewer cells",
            self.columns.len(),
            self.cells
        );
        let salt = zeroize::Zeroizing::new(read(&self.salt_file)?);
        let together = Together {
            cells: self.cells,
            within: self.within,
        };
        let mut table = ExactTable::new(salt.trim().as_bytes(), together)
            .context("`openssl rand -hex 32` makes a salt; there are 2 to 16 cells")?;
        let text = read(&self.csv)?;
        let mut rows = Rows::new(&text, self.separator);
        let headings = rows.next().transpose()?.map(|row| row.cells);
        let chosen = self.chosen(headings.unwrap_or_default())?;
        let mut count = 0_u64;
        for row in rows {
            let row = row.with_context(|| format!("`{}` cannot be read", self.csv.display()))?;
            let cells = chosen.iter().filter_map(|at| row.cells.get(*at));
            table
                .add(cells.map(String::as_str))
                .with_context(|| format!("line {}", row.line))?;
            count += 1;
        }
        let file = table
            .finish()
            .context("no cell has three letters and digits and stands in few rows")?;
        write(&self.out, &file.bytes)?;
        let (bytes, never_found) = (file.bytes.len(), file.never_found);
        let object = json!({"rows": count, "never_found": never_found, "bytes": bytes});
        let sentence = format!(
            "{count} rows, {bytes} bytes; {never_found} rows have too few cells that stand in few \
             rows, and are never found"
        );
        tell(format, &sentence, &object);
        Ok(ExitCode::SUCCESS)
    }

    /// Where the columns stand.
    fn chosen(&self, headings: Vec<String>) -> anyhow::Result<Vec<usize>> {
        let place = |name: &String| {
            let wanted = name.trim();
            let at = headings.iter().position(|heading| heading.trim() == wanted);
            at.with_context(|| {
                let known: Vec<_> = headings.iter().map(|one| format!("`{one}`")).collect();
                format!(
                    "there is no column `{wanted}`; there is {}",
                    known.join(", ")
                )
            })
        };
        self.columns.iter().map(place).collect()
    }
}
