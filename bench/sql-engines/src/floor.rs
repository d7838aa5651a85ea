// SPDX-License-Identifier: Apache-2.0
//! The floor: the same bytes to a plain file, one `write` and one `fdatasync` per group.
//!
//! Two of them, because they differ: a file that grows also makes the file system commit its new
//! length, a file that is written over does not. A write-ahead log is of the second kind once it
//! has reached its size.

use crate::{Cell, Engine, Error, Meter, Records};
use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::PathBuf,
    time::Instant,
};

/// Plain files in `dir`.
pub struct Floor {
    /// Where the files go.
    pub dir: PathBuf,
}

struct FloorCell {
    file: File,
    reuse: bool,
    at: u64,
    records: u64,
}

impl Engine for Floor {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn layouts(&self) -> &'static [(&'static str, usize)] {
        &[("append", 1), ("overwrite", 1)]
    }

    fn open(&self, layout: &str, index: usize) -> Result<Box<dyn Cell>, Error> {
        let mut file = File::create_new(self.dir.join(format!("floor-{index}")))?;
        let reuse = layout == "overwrite";
        if reuse {
            file.write_all(&vec![0; REUSED as usize])?;
            file.sync_all()?;
            file.rewind()?;
        }
        Ok(Box::new(FloorCell {
            file,
            reuse,
            at: 0,
            records: 0,
        }))
    }

    fn version(&self) -> Result<String, Error> {
        Ok("write + fdatasync".to_owned())
    }
}

impl Cell for FloorCell {
    fn round(&mut self, group: usize, meter: &mut Meter, feed: &mut Records) -> Result<(), Error> {
        while meter.running() {
            let records = feed.group(group);
            let began = Instant::now();
            let packed = records.packed();
            if self.reuse && self.at + packed.len() as u64 > REUSED {
                self.at = 0;
                self.file.seek(SeekFrom::Start(0))?;
            }
            self.file.write_all(&packed)?;
            self.file.sync_data()?;
            self.at += packed.len() as u64;
            self.records += records.entries.len() as u64;
            meter.committed(began, group);
        }
        Ok(())
    }

    fn stored(&mut self) -> Result<u64, Error> {
        Ok(self.records)
    }
}

/// Size of the file that is written over: that of SQLite's log at its automatic checkpoint.
const REUSED: u64 = 4 << 20;
