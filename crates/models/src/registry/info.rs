// SPDX-License-Identifier: Apache-2.0
//! What the registry tells about models and versions.

use casemate_crypto::Sha256;
use casemate_types::{PrincipalId, ProjectId, Timestamp};
use serde_json::Value;

use super::DocumentKind;

/// A model.
#[derive(Debug, Clone)]
pub struct ModelInfo {
    /// Its project.
    pub project: ProjectId,
    /// Its name in the project.
    pub name: String,
    /// Since when.
    pub created: Timestamp,
    /// Versions with smaller numbers need an approval to be pointed at.
    pub floor: i64,
    /// Names of those who may sign it.
    pub signers: Vec<String>,
    /// Pointers to versions, by name.
    pub aliases: Vec<AliasInfo>,
    /// Versions, newest first.
    pub versions: Vec<VersionSummary>,
}

/// A pointer to a version.
#[derive(Debug, Clone)]
pub struct AliasInfo {
    /// `production`, …
    pub name: String,
    /// The version's number.
    pub number: i64,
    /// Counts the moves of this alias.
    pub generation: i64,
    /// Since when it points there.
    pub changed: Timestamp,
    /// Who moved it.
    pub author: PrincipalId,
}

/// A version in a list.
#[derive(Debug, Clone)]
pub struct VersionSummary {
    /// Counts from 1 within the model.
    pub number: i64,
    /// The root digest of its signature's statement: what it is.
    pub root: Sha256,
    /// Since when.
    pub created: Timestamp,
    /// Who pushed it.
    pub author: PrincipalId,
    /// Why it is stopped, if it is.
    pub stopped: Option<Stopped>,
}

/// That a version is quarantined.
#[derive(Debug, Clone)]
pub struct Stopped {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub why: String,
}

/// Everything about a version.
#[derive(Debug, Clone)]
pub struct VersionInfo {
    /// Number, digest, who, when.
    pub summary: VersionSummary,
    /// The worst outcome of its files' scans: `clean`, `review`, `unreadable`, `refuse`.
    pub outcome: &'static str,
    /// Who signed it, as the model's list of signers names them, or why its signature does not hold.
    pub signer: Result<String, String>,
    /// Whether its number lies below the model's floor.
    pub below_floor: bool,
    /// Its files, by name.
    pub files: Vec<FileInfo>,
    /// What was said about it, oldest first.
    pub documents: Vec<DocumentInfo>,
    /// Who agreed, for which alias, when.
    pub approvals: Vec<(String, PrincipalId, Timestamp)>,
    /// Names of the pointers to it.
    pub aliases: Vec<String>,
}

/// A file of a version.
#[derive(Debug, Clone)]
pub struct FileInfo {
    /// Its name.
    pub name: String,
    /// Its digest.
    pub sha256: Sha256,
    /// Its length in bytes.
    pub length: u64,
    /// The scan's report: `outcome`, `formats`, `findings`.
    pub report: Value,
}

/// Something that was said about a version.
#[derive(Debug, Clone)]
pub struct DocumentInfo {
    /// What sort of thing.
    pub kind: DocumentKind,
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// When.
    pub created: Timestamp,
    /// By whom.
    pub author: PrincipalId,
    /// What it says.
    pub body: Value,
}
