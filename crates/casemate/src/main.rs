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
    let runtime = tokio::runtime::Builder::new_multi_thread()
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
            // 1: something the user can change. Faults of ours are bugs and end in a panic (101).
            std::process::ExitCode::from(1)
        }
    }
}
