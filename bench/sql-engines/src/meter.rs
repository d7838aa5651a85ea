// SPDX-License-Identifier: Apache-2.0
//! Wall time per commit and CPU time per round.

use nix::sys::resource::{UsageWho, getrusage};
use std::{
    fs,
    time::{Duration, Instant},
};

/// Times the commits of one round.
pub struct Meter {
    until: Until,
    started: Instant,
    cpu_at_start: Duration,
    round: Round,
}

/// What one round came to.
#[derive(Default)]
pub struct Round {
    /// Time of each commit, from `BEGIN` until `COMMIT` has returned.
    pub commits: Vec<Duration>,
    /// Records committed.
    pub records: u64,
    /// Wall time of the round.
    pub elapsed: Duration,
    /// CPU time of this process, user and system.
    pub cpu: Duration,
    /// CPU time of the server process that does the work, where there is one.
    pub server_cpu: Option<Duration>,
}

enum Until {
    Elapsed(Duration),
    Records(u64),
}

impl Meter {
    /// A meter that runs for `duration`.
    pub fn for_duration(duration: Duration) -> Self {
        Self::start(Until::Elapsed(duration))
    }

    /// A meter that runs until `records` are committed.
    pub fn for_records(records: u64) -> Self {
        Self::start(Until::Records(records))
    }

    fn start(until: Until) -> Self {
        let round = Round::default();
        Self {
            until,
            started: Instant::now(),
            cpu_at_start: own_cpu(),
            round,
        }
    }

    /// Says whether another group fits.
    pub fn running(&self) -> bool {
        match self.until {
            Until::Elapsed(duration) => self.started.elapsed() < duration,
            Until::Records(records) => self.round.records < records,
        }
    }

    /// Notes a commit of `records` begun at `began`.
    pub fn committed(&mut self, began: Instant, records: usize) {
        self.round.commits.push(began.elapsed());
        self.round.records += records as u64;
    }

    /// Notes what the server spent on this round.
    pub fn server(&mut self, cpu: Duration) {
        self.round.server_cpu = Some(cpu);
    }

    /// Stops the clocks.
    pub fn finish(mut self) -> Round {
        self.round.elapsed = self.started.elapsed();
        self.round.cpu = own_cpu().saturating_sub(self.cpu_at_start);
        self.round
    }
}

/// CPU time of the server process `pid` since its start, in steps of 10 ms.
pub fn server_cpu(pid: i32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Fields 14 and 15, counted from behind the name, which may hold blanks.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

fn own_cpu() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else {
        return Duration::ZERO;
    };
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    Duration::from_micros((micros(usage.user_time()) + micros(usage.system_time())) as u64)
}
