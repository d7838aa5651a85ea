// SPDX-License-Identifier: Apache-2.0
//! Forms of the registry.

use casemate_models::registry::{
    AliasName, AllowedSigner, ModelInfo, Move, Moved, Reference, VersionInfo, VersionSummary,
};
use casemate_types::ProblemCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ApiError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignersBody {
    signers: Vec<SignerBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignerBody {
    name: String,
    /// A public key, or certificates of authorities.
    pem: String,
    /// Whom the certificate must be for; with authorities only.
    #[serde(default)]
    identity: Option<String>,
}

impl From<SignersBody> for Vec<AllowedSigner> {
    fn from(body: SignersBody) -> Self {
        let one = |signer: SignerBody| AllowedSigner {
            name: signer.name,
            pem: signer.pem,
            identity: signer.identity,
        };
        body.signers.into_iter().map(one).collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FloorBody {
    pub(crate) floor: i64,
    #[serde(default)]
    pub(crate) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DigestsBody {
    pub(crate) digests: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionBody {
    pub(crate) files: Vec<FileBody>,
    /// The bundle's text, byte for byte.
    pub(crate) signature: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileBody {
    pub(crate) name: String,
    pub(crate) sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApproveBody {
    pub(crate) alias: String,
    #[serde(default)]
    pub(crate) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhyBody {
    pub(crate) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiffQuery {
    pub(crate) from: String,
    pub(crate) to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoveBody {
    to: String,
    /// The number that the alias must point at before; 0 for nothing.
    #[serde(default)]
    from: Option<i64>,
    #[serde(default)]
    why: String,
}

impl MoveBody {
    pub(crate) fn into_move(
        self,
        alias: AliasName,
        parse: &dyn Fn(&str) -> Result<Reference, ApiError>,
    ) -> Result<Move, ApiError> {
        Ok(Move {
            alias,
            to: parse(&self.to)?,
            from: self.from,
            why: self.why,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RollbackBody {
    #[serde(default)]
    pub(crate) to: Option<String>,
    #[serde(default)]
    pub(crate) why: String,
}

#[derive(Serialize)]
pub(crate) struct ModelDto {
    name: String,
    project: String,
    created: String,
    floor: i64,
    signers: Vec<String>,
    aliases: Vec<Value>,
    versions: Vec<SummaryDto>,
}

impl From<ModelInfo> for ModelDto {
    fn from(model: ModelInfo) -> Self {
        let aliases = model.aliases.into_iter().map(|alias| {
            json!({
                "name": alias.name,
                "version": alias.number,
                "generation": alias.generation,
                "changed": alias.changed.to_rfc3339(),
                "author": alias.author.to_string(),
            })
        });
        Self {
            name: model.name,
            project: model.project.to_string(),
            created: model.created.to_rfc3339(),
            floor: model.floor,
            signers: model.signers,
            aliases: aliases.collect(),
            versions: model.versions.into_iter().map(Into::into).collect(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct SummaryDto {
    version: i64,
    digest: String,
    created: String,
    author: String,
    /// Since when and why it is stopped.
    quarantined: Option<Value>,
}

impl From<VersionSummary> for SummaryDto {
    fn from(version: VersionSummary) -> Self {
        let stopped = version
            .stopped
            .map(|stopped| json!({"since": stopped.since.to_rfc3339(), "why": stopped.why}));
        Self {
            version: version.number,
            digest: format!("sha256:{}", hex(&version.root)),
            created: version.created.to_rfc3339(),
            author: version.author.to_string(),
            quarantined: stopped,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct VersionDto {
    #[serde(flatten)]
    summary: SummaryDto,
    outcome: &'static str,
    signer: Option<String>,
    /// Why the signature does not hold now.
    unsigned: Option<String>,
    below_floor: bool,
    aliases: Vec<String>,
    files: Vec<Value>,
    documents: Vec<Value>,
    approvals: Vec<Value>,
}

impl From<VersionInfo> for VersionDto {
    fn from(version: VersionInfo) -> Self {
        let files = version.files.into_iter().map(|file| {
            json!({
                "name": file.name,
                "sha256": hex(&file.sha256),
                "bytes": file.length,
                "scan": file.report,
            })
        });
        let documents = version.documents.into_iter().map(|document| {
            json!({
                "kind": document.kind.as_str(),
                "sha256": hex(&document.sha256),
                "created": document.created.to_rfc3339(),
                "author": document.author.to_string(),
            })
        });
        let approvals = version.approvals.into_iter().map(|(alias, author, at)| {
            json!({"alias": alias, "author": author.to_string(), "time": at.to_rfc3339()})
        });
        let (signer, unsigned) = match version.signer {
            Ok(name) => (Some(name), None),
            Err(why) => (None, Some(why)),
        };
        Self {
            summary: version.summary.into(),
            outcome: version.outcome,
            signer,
            unsigned,
            below_floor: version.below_floor,
            aliases: version.aliases,
            files: files.collect(),
            documents: documents.collect(),
            approvals: approvals.collect(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct MovedDto {
    alias: String,
    from: Option<i64>,
    to: i64,
}

impl From<Moved> for MovedDto {
    fn from(moved: Moved) -> Self {
        let Moved { alias, from, to } = moved;
        Self { alias, from, to }
    }
}

/// Bytes in small hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A SHA-256 in 64 small hexadecimal digits.
pub(crate) fn digest(text: &str) -> Result<[u8; 32], ApiError> {
    match text.parse() {
        Ok(Reference::Digest(digest)) if text.len() == 64 => Ok(digest),
        _ => {
            let shown: String = text.chars().take(80).collect();
            let text = format!("`{shown}` is no SHA-256 in small hexadecimal digits");
            Err(ApiError::new(ProblemCode::Invalid, text))
        }
    }
}
