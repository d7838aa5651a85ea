// SPDX-License-Identifier: Apache-2.0
//! `casemate explain`: why a request ended as it did.

use std::process::ExitCode;

use clap::Args;
use hyper::Method;
use serde_json::Value;

use super::{Global, admin::segment};
use crate::{
    client::ask,
    output::{Format, text},
};

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The request's id, `req_…`, from the answer's `x-request-id`
    request: String,
}

impl ExplainArgs {
    pub(crate) async fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let socket = global.home()?.socket();
        let path = format!("/v1/ledger/records/{}", segment(&self.request)?);
        let records = ask(&socket, Method::GET, &path, None).await?;
        if global.format == Format::Json {
            println!("{records:#}");
            return Ok(ExitCode::SUCCESS);
        }
        for record in records.as_array().into_iter().flatten() {
            println!("{}", lines(record).join("\n"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A record in words.
pub(crate) fn lines(record: &Value) -> Vec<String> {
    let facts = &record["facts"];
    let mut out = vec![format!(
        "{}  {} #{}  {}",
        text(record, "time"),
        text(record, "kind"),
        text(record, "index"),
        text(facts, "resource"),
    )];
    let mut say = |name: &str, value: String| {
        if !value.is_empty() {
            out.push(format!("    {name:<12} {value}"));
        }
    };
    say("decision", text(facts, "decision"));
    for reason in facts["reasons"].as_array().into_iter().flatten() {
        say(
            "because",
            format!("{} ({})", text(reason, "text"), text(reason, "policy")),
        );
    }
    say("obligations", text(facts, "obligations"));
    say("upstream", text(facts, "upstream"));
    say("locality", text(facts, "locality"));
    say("classes", text(facts, "classes"));
    for seen in facts["findings"].as_array().into_iter().flatten() {
        let place = text(seen, "place");
        let (count, kind, action) = (
            text(seen, "count"),
            text(seen, "kind"),
            text(seen, "action"),
        );
        say(
            "found",
            format!(
                "{count} × {kind} in {place}: {action} (rule {})",
                text(seen, "rule")
            ),
        );
    }
    if let Some(booking) = facts.get("booking") {
        let (tokens, micros) = (text(booking, "tokens"), text(booking, "micros"));
        say("booked", format!("{tokens} tokens, {micros} millionths"));
    }
    say("ended", text(facts, "ending"));
    say("note", text(facts, "note"));
    out
}
