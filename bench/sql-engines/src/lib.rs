// SPDX-License-Identifier: Apache-2.0
//! The harness both programs share: what is written, how it is timed, how it is printed.
//!
//! A *cell* is one engine with one layout and one group size. Every cell is opened and warmed
//! first; then the rounds visit all cells in turn, so that a slow minute of the disk touches all
//! of them and not only one.

mod args;
mod floor;
mod meter;
mod records;
mod report;
mod sql;

pub use args::{Args, Postgres};
pub use floor::Floor;
pub use meter::{Meter, Round, server_cpu};
pub use records::{Group, Records};
pub use sql::{Dialect, Layout, Sql};

/// What any engine may fail with; a measuring program only has to say it.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// One engine with one layout and one group size.
pub trait Cell {
    /// Appends groups of `group` records for as long as the meter runs.
    fn round(&mut self, group: usize, meter: &mut Meter, feed: &mut Records) -> Result<(), Error>;

    /// Counts the records stored, read back from the engine.
    fn stored(&mut self) -> Result<u64, Error>;
}

/// An engine that can open cells.
pub trait Engine {
    /// The name `--engine` takes.
    fn name(&self) -> &'static str;

    /// The layouts measured, by name, with the smallest group that makes sense for each.
    fn layouts(&self) -> &'static [(&'static str, usize)];

    /// Opens an empty table of this layout; `index` keeps cells of one engine apart.
    fn open(&self, layout: &str, index: usize) -> Result<Box<dyn Cell>, Error>;

    /// The release measured.
    fn version(&self) -> Result<String, Error>;
}

/// Records written per cell before anything is measured: enough for SQLite's write-ahead log to
/// reach the size (1,000 pages) at which it is reused instead of grown.
const WARM_RECORDS: u64 = 8_000;
const WARM_GROUP: usize = 256;
const GROUPS: [usize; 4] = [1, 16, 64, 256];

struct Running {
    engine: &'static str,
    layout: &'static str,
    group: usize,
    cell: Box<dyn Cell>,
    feed: Records,
    rounds: Vec<Round>,
}

/// Measures the engines that `args` selects and prints the table to stdout.
pub fn run(args: &Args, engines: &[Box<dyn Engine>]) -> Result<(), Error> {
    let chosen: Vec<_> = engines
        .iter()
        .filter(|engine| args.wants(engine.name()))
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = engines.iter().map(|engine| engine.name()).collect();
        return Err(format!("no such engine here; known: {}", names.join(", ")).into());
    }
    let mut cells = Vec::new();
    for engine in chosen {
        eprintln!("{}: {}", engine.name(), engine.version()?);
        for (layout, smallest) in engine.layouts() {
            for group in GROUPS.into_iter().filter(|group| group >= smallest) {
                let cell = engine.open(layout, cells.len())?;
                cells.push(Running::warmed(engine.name(), layout, group, cell)?);
            }
        }
    }
    for round in 1..=args.rounds {
        eprintln!("round {round} of {}, {} cells", args.rounds, cells.len());
        for running in &mut cells {
            let mut meter = Meter::for_duration(args.round());
            running
                .cell
                .round(running.group, &mut meter, &mut running.feed)?;
            running.rounds.push(meter.finish());
        }
    }
    report::header();
    for mut running in cells {
        let (stored, fed) = (running.cell.stored()?, running.feed.fed());
        if stored != fed {
            return Err(format!("{}: {stored} of {fed} records stored", running.engine).into());
        }
        report::line(
            running.engine,
            running.layout,
            running.group,
            &running.rounds,
        );
    }
    Ok(())
}

impl Running {
    fn warmed(
        engine: &'static str,
        layout: &'static str,
        group: usize,
        mut cell: Box<dyn Cell>,
    ) -> Result<Self, Error> {
        let mut feed = Records::default();
        cell.round(WARM_GROUP, &mut Meter::for_records(WARM_RECORDS), &mut feed)?;
        Ok(Self {
            engine,
            layout,
            group,
            cell,
            feed,
            rounds: Vec::new(),
        })
    }
}
