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
mod up;
mod wire;

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    let cli = cli::Cli::parse();
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
