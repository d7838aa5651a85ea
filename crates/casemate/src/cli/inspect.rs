// SPDX-License-Identifier: Apache-2.0
//! `casemate inspect`: the guards alone, over files and rows.

pub(super) mod files;
mod places;
mod report;
mod rows;
pub(super) mod sarif;
mod why;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use casemate_inspect::Inspector;
use casemate_types::{Channel, Role};
use clap::Args;

use super::Global;

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A file, a directory, or `-` for standard input
    #[arg(required_unless_present = "jsonl", conflicts_with = "jsonl")]
    path: Option<PathBuf>,
    /// Rows `{"id", "text", "role"?}`, one a line, from a file or `-`; one answer a line comes out
    #[arg(long, value_name = "FILE")]
    jsonl: Option<PathBuf>,
    /// Who speaks in a file or in rows that do not say: user, tool, document, system, assistant
    #[arg(long, default_value = "user")]
    role: String,
    /// Say of every finding why it is one: rule, checks, words near it, parts of the score, window
    #[arg(long, conflicts_with = "jsonl")]
    explain: bool,
}

impl InspectArgs {
    /// Whether SARIF can be asked for: it is about files.
    pub(super) const fn has_sarif(&self) -> bool {
        self.jsonl.is_none()
    }

    pub(crate) fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let inspector = Inspector::new(&[])?;
        let role = segment_role(&self.role)?;
        if let Some(path) = &self.jsonl {
            return rows::batch(inspector, path, role);
        }
        let path = self.path.context("a file, a directory or `-` is needed")?;
        let look = files::Look {
            inspector: &inspector,
            role,
            explain: self.explain,
        };
        files::inspect(&look, global.format, &path)
    }
}

/// Role and channel of a word.
pub(super) fn segment_role(word: &str) -> anyhow::Result<(Role, Channel)> {
    Ok(match word {
        "assistant" => (Role::Assistant, Channel::Content),
        "document" => (Role::User, Channel::ToolResult),
        "system" => (Role::System, Channel::Content),
        "tool" => (Role::Tool, Channel::ToolResult),
        "user" => (Role::User, Channel::Content),
        other => anyhow::bail!(
            "`{other}` is no role; there are user, tool, document, system and assistant"
        ),
    })
}
