// SPDX-License-Identifier: Apache-2.0
//! The forms of requests and answers. Inner types are not serialised as they are: a form is a
//! promise.

pub(crate) mod model;

use casemate_iam::{KeyInfo, PersonInfo, Project, ServiceInfo};
use casemate_ledger::Record;
use casemate_quota::{Account, Limits, Spend};
use casemate_types::{Timestamp, event::Facts};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BootstrapBody {
    pub(crate) token: String,
    pub(crate) name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProjectBody {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) limits: Limits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewServiceBody {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    #[serde(default)]
    pub(crate) limits: Limits,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NewKeyBody {
    pub(crate) label: String,
    pub(crate) models: Vec<String>,
    pub(crate) networks: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) expires_in_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateBody {
    #[serde(default)]
    pub(crate) overlap_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyTextBody {
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackupBody {
    pub(crate) file: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportBody {
    pub(crate) directory: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DrillBody {
    pub(crate) lines: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SealBody {
    pub(crate) secret: String,
    pub(crate) file: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EraseBody {
    pub(crate) subject: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordQuery {
    #[serde(default)]
    pub(crate) from: Option<u64>,
    #[serde(default)]
    pub(crate) limit: Option<usize>,
}

#[derive(Serialize)]
pub(crate) struct ProjectDto {
    id: String,
    name: String,
    limits: Limits,
    created: String,
}

impl From<Project> for ProjectDto {
    fn from(project: Project) -> Self {
        Self {
            id: project.id.to_string(),
            name: project.name,
            limits: project.limits,
            created: project.created.to_rfc3339(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct ServiceDto {
    id: String,
    project: String,
    name: String,
    roles: Vec<String>,
    limits: Limits,
    created: String,
    made_by: Option<String>,
}

impl From<ServiceInfo> for ServiceDto {
    fn from(service: ServiceInfo) -> Self {
        Self {
            id: service.id.to_string(),
            project: service.project.to_string(),
            name: service.name,
            roles: service.roles,
            limits: service.limits,
            created: service.created.to_rfc3339(),
            made_by: service.made_by.map(|maker| maker.to_string()),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct PersonDto {
    id: String,
    name: String,
    roles: Vec<String>,
    created: String,
}

impl From<PersonInfo> for PersonDto {
    fn from(person: PersonInfo) -> Self {
        Self {
            id: person.id.to_string(),
            name: person.name,
            roles: person.roles,
            created: person.created.to_rfc3339(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct KeyDto {
    id: String,
    owner: String,
    label: String,
    models: Vec<String>,
    networks: Vec<String>,
    limits: Limits,
    created: String,
    expires: Option<String>,
    revoked: Option<String>,
    made_by: Option<String>,
    /// Only in the answer that made the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl KeyDto {
    pub(crate) fn new(key: KeyInfo, secret: Option<&str>) -> Self {
        Self {
            id: key.id.to_string(),
            owner: key.owner.to_string(),
            label: key.label,
            models: key.models,
            networks: key.networks,
            limits: key.limits,
            created: key.created.to_rfc3339(),
            expires: key.expires.map(Timestamp::to_rfc3339),
            revoked: key.revoked.map(Timestamp::to_rfc3339),
            made_by: key.made_by.map(|maker| maker.to_string()),
            secret: secret.map(str::to_owned),
        }
    }
}

/// Money of one account, in millionths of the currency unit.
#[derive(Serialize)]
pub(crate) struct SpendDto {
    kind: &'static str,
    name: String,
    account: String,
    micros_today: u64,
    micros_this_month: u64,
    limits: Limits,
}

impl SpendDto {
    pub(crate) fn new(
        kind: &'static str,
        name: String,
        account: Account,
        limits: Limits,
        spend: Spend,
    ) -> Self {
        Self {
            kind,
            name,
            account: account.to_string(),
            micros_today: spend.micros_today,
            micros_this_month: spend.micros_this_month,
            limits,
        }
    }
}

/// A record as people read it: what it says, and OCSF beside it.
#[derive(Serialize)]
pub(crate) struct RecordDto {
    index: u64,
    id: String,
    about: String,
    kind: &'static str,
    time: String,
    project: Option<String>,
    facts: Option<Facts>,
    event: serde_json::Value,
}

impl From<Record> for RecordDto {
    fn from(record: Record) -> Self {
        use casemate_ledger::Kind;
        let entry = record.entry;
        Self {
            index: record.index,
            id: entry.id.to_string(),
            about: entry.about.to_string(),
            kind: match entry.kind {
                Kind::Decision => "decision",
                Kind::Finding => "finding",
                Kind::Notice => "notice",
                Kind::Outcome => "outcome",
            },
            time: entry.time.to_rfc3339(),
            project: entry.project.map(|project| project.to_string()),
            facts: Facts::from_event(&entry.event),
            event: serde_json::from_slice(&entry.event).unwrap_or_default(),
        }
    }
}
