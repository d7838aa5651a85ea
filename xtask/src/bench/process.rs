// SPDX-License-Identifier: Apache-2.0
//! Processes that are measured: started, watched through `/proc`, ended.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};

/// A child process that we talk to line by line and that ends when this value goes.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    /// Starts `command` with both of its ends in our hand; errors go where ours go.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let stdin = child.stdin.take();
        let stdout = child
            .stdout
            .take()
            .context("the child has no standard output")?;
        Ok(Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that the process prints.
    ///
    /// # Errors
    /// When it ends before it has printed one.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            bail!(
                "process {} ended before it said what was expected",
                self.pid()
            );
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    /// Sends a line to the process.
    pub(crate) fn say(&mut self, line: &str) -> Result<()> {
        let stdin = self
            .stdin
            .as_mut()
            .context("the child has no standard input")?;
        writeln!(stdin, "{line}").context("the process no longer listens")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about either error.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time used so far by a process and its descendants.
#[derive(Clone, Debug, Default)]
pub(crate) struct CpuTime {
    /// Nanoseconds per living thread, from the scheduler.
    threads: HashMap<(u32, u32), u64>,
    /// Nanoseconds, coarse, which include threads that have ended.
    coarse: u64,
}

impl CpuTime {
    pub(crate) fn of(pid: u32) -> Self {
        let mut time = Self::default();
        for pid in family(pid) {
            for tid in numbers(&format!("/proc/{pid}/task")) {
                let path = format!("/proc/{pid}/task/{tid}/schedstat");
                let Ok(text) = fs::read_to_string(path) else {
                    continue;
                };
                let spent = text
                    .split(' ')
                    .next()
                    .and_then(|number| number.parse().ok());
                time.threads.insert((pid, tid), spent.unwrap_or(0));
            }
            time.coarse += stat_fields(pid).map_or(0, |fields| {
                // utime and stime, counted from the state, which is the first field here.
                let ticks = |index: usize| fields.get(index).and_then(|field| field.parse().ok());
                (ticks(11).unwrap_or(0) + ticks(12).unwrap_or(0)) * TICK_NS
            });
        }
        time
    }

    /// Nanoseconds between `earlier` and this reading.
    pub(crate) fn since(&self, earlier: &Self) -> u64 {
        let of_thread = |(thread, now): (&(u32, u32), &u64)| {
            now.saturating_sub(earlier.threads.get(thread).copied().unwrap_or(0))
        };
        let fine: u64 = self.threads.iter().map(of_thread).sum();
        // A thread that ended in between took its fine reading along: the coarse one still has it.
        let all_there = earlier
            .threads
            .keys()
            .all(|thread| self.threads.contains_key(thread));
        match all_there {
            true => fine,
            false => fine.max(self.coarse.saturating_sub(earlier.coarse)),
        }
    }
}

/// Resident memory of a process and its descendants, in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    let of_one = |pid: u32| -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    family(pid).into_iter().filter_map(of_one).sum()
}

/// The process and all that descend from it.
fn family(pid: u32) -> BTreeSet<u32> {
    let parents: Vec<(u32, u32)> = numbers("/proc")
        .into_iter()
        .filter_map(|pid| Some((pid, stat_fields(pid)?.get(1)?.parse().ok()?)))
        .collect();
    let mut family = BTreeSet::from([pid]);
    loop {
        let before = family.len();
        for (child, parent) in &parents {
            if family.contains(parent) {
                family.insert(*child);
            }
        }
        if family.len() == before {
            return family;
        }
    }
}

/// The fields of `/proc/PID/stat` after the name, which may itself hold blanks and brackets.
fn stat_fields(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

/// The entries of a folder whose names are numbers.
fn numbers(folder: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// `/proc` counts in hundredths of a second on every Linux that we know.
const TICK_NS: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::process::Command;

    use super::{CpuTime, Process, resident_kib};

    #[test]
    fn work_is_seen_and_so_is_memory() {
        let pid = std::process::id();
        let before = CpuTime::of(pid);
        black_box((0..20_000_000_u64).fold(0, |sum, number| black_box(sum ^ number)));
        assert!(CpuTime::of(pid).since(&before) > 1_000_000);
        assert!(resident_kib(pid) > 500);
    }

    #[test]
    fn threads_that_come_and_go_are_counted() {
        fn check(before: &[(u32, u64)], after: &[(u32, u64)], coarse: u64, expected: u64) {
            let time = |threads: &[(u32, u64)], coarse| {
                let threads = threads.iter().map(|(tid, ns)| ((1, *tid), *ns)).collect();
                CpuTime { threads, coarse }
            };
            assert_eq!(time(after, coarse).since(&time(before, 0)), expected);
        }
        check(&[(1, 100)], &[(1, 130)], 1_000, 30);
        check(&[(1, 100)], &[(1, 130), (2, 5)], 1_000, 35);
        check(&[(1, 100), (2, 50)], &[(1, 130)], 1_000, 1_000);
        check(&[(1, 100), (2, 50)], &[(1, 130)], 0, 30);
    }

    #[test]
    fn processes_are_spoken_to() {
        let mut echo = Process::start(&mut Command::new("cat")).unwrap();
        echo.say("go").unwrap();
        assert_eq!(echo.line().unwrap(), "go");
    }
}
