// SPDX-License-Identifier: Apache-2.0
//! `casemate demo`: a real gateway in front of stand-in providers, and what happens.

mod models;
mod scene;
mod stage;

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::table;

/// One row of the table at the end.
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) happened: String,
    pub(crate) why: String,
    pub(crate) expected: bool,
}

pub(crate) async fn run() -> anyhow::Result<ExitCode> {
    println!("A gateway on a temporary directory, in front of stand-in models. Nothing leaves");
    println!("this machine.\n");
    let stage = stage::Stage::build().await?;
    let scenes = scene::all();
    let bar = ProgressBar::new(scenes.len() as u64 + 3);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    let mut rows = Vec::new();
    for scene in scenes {
        bar.set_message(scene.what);
        rows.push(scene.play(&stage).await?);
        bar.inc(1);
    }
    bar.set_message("models");
    rows.extend(stage.models().await?);
    bar.inc(1);
    bar.set_message("the ledger is verified");
    let (ledger, edited) = stage.close_and_tamper(&bar).await?;
    rows.push(ledger);
    rows.push(edited);
    bar.finish_and_clear();
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let mark = if row.expected {
                "✓"
            } else {
                "✗ UNEXPECTED"
            };
            vec![
                mark.into(),
                row.what.into(),
                row.happened.clone(),
                row.why.clone(),
            ]
        })
        .collect();
    println!(
        "{}",
        table(&["", "what was tried", "what happened", "why"], &lines)
    );
    let good = rows.iter().all(|row| row.expected);
    if good {
        println!("\nLook further:");
        println!("  casemate up --try             a gateway of your own, with a key that works");
        println!("  casemate model scan FILE      what a model file would do to whoever loads it");
        println!("  casemate policy show          the policies that decided");
        println!("  casemate explain REQUEST_ID   why a request ended as it did");
        println!("  casemate ledger tail          what was recorded");
        println!("  casemate ledger verify        that nobody changed it");
    }
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}
