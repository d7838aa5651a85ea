// SPDX-License-Identifier: Apache-2.0
//! `casemate`: one binary for the server, its administration and the demonstration.

mod backup;
mod cli;
mod client;
mod config;
mod demo;
mod home;
mod output;
mod system;
mod telemetry;
mod up;
mod wire;
mod witness;

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    // Nothing Casemate writes is for other users of the machine.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    end_quietly_when_nobody_reads();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return cli::not_understood(&error),
    };
    // The ledger's writer has a thread of its own; giving it a processor saves more in switches
    // between threads than another worker could serve.
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors.saturating_sub(1).max(1))
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(cli.run()),
        Err(error) => Err(anyhow::Error::from(error).context("no threads can be started")),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<client::Denied>() {
                return std::process::ExitCode::from(3);
            }
            // 1: something the user can change. Faults of ours are bugs and end in a panic (101).
            std::process::ExitCode::from(1)
        }
    }
}

/// `casemate ledger tail | head` ends the pipe early, which is no fault of anybody: `println!`
/// panics then, and a panic's text is the only sign of it.
fn end_quietly_when_nobody_reads() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<String>();
        let Some(why) = text.and_then(|text| text.strip_prefix("failed printing to stdout: "))
        else {
            return usual(info);
        };
        let nobody_reads = why.contains("os error 32");
        if !nobody_reads {
            eprintln!("error: standard output cannot be written: {why}");
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "there is nobody left to unwind for"
        )]
        std::process::exit(i32::from(!nobody_reads));
    }));
}
