// SPDX-License-Identifier: Apache-2.0
//! The things iam keeps, as the façade speaks of them.

use casemate_quota::Limits;
use casemate_types::{KeyId, PersonId, PrincipalId, ProjectId, ServiceId, Timestamp, key_fits};
use serde::Serialize;

/// A project: the border between tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name, unique in the installation.
    pub name: String,
    /// Limits over everything in it.
    pub limits: Limits,
    /// Since when.
    pub created: Timestamp,
}

/// What a new project is made of.
#[derive(Debug, Clone)]
pub struct NewProject {
    /// Name, 1-64 letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Limits over everything in it.
    pub limits: Limits,
}

/// A service: a program that calls models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceInfo {
    /// Its id.
    pub id: ServiceId,
    /// Its project.
    pub project: ProjectId,
    /// Its name, unique in the project.
    pub name: String,
    /// Role templates.
    pub roles: Vec<String>,
    /// Limits over all its keys.
    pub limits: Limits,
    /// Since when.
    pub created: Timestamp,
    /// By whom; `None` for those of before this was kept.
    pub made_by: Option<PrincipalId>,
}

/// What a new service is made of.
#[derive(Debug, Clone)]
pub struct NewService {
    /// Name, 1-64 letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Role templates; `service` if empty.
    pub roles: Vec<String>,
    /// Limits over all its keys.
    pub limits: Limits,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonInfo {
    /// The id.
    pub id: PersonId,
    /// The name; empty after erasure.
    pub name: String,
    /// Role templates.
    pub roles: Vec<String>,
    /// Since when.
    pub created: Timestamp,
}

/// A key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyInfo {
    /// Its id.
    pub id: KeyId,
    /// Whose.
    pub owner: PrincipalId,
    /// The project; `None` for administrators.
    pub project: Option<ProjectId>,
    /// What people call it.
    pub label: String,
    /// Models it may be used for, `*` at the end for any ending; empty for all.
    pub models: Vec<String>,
    /// Networks it may be used from; empty for all.
    pub networks: Vec<String>,
    /// Limits of this key.
    pub limits: Limits,
    /// Since when.
    pub created: Timestamp,
    /// Until when.
    pub expires: Option<Timestamp>,
    /// Since when it is refused.
    pub revoked: Option<Timestamp>,
    /// By whom it was made, who has seen its secret; `None` for the first administrator's, and for
    /// those of before this was kept.
    pub made_by: Option<PrincipalId>,
}

impl KeyInfo {
    /// Whether the key may be used for a model.
    #[must_use]
    pub fn allows_model(&self, model: &str) -> bool {
        key_fits(&self.models, model)
    }
}

/// What a new key is made of.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// What people call it.
    pub label: String,
    /// Models; empty for all the policies allow.
    pub models: Vec<String>,
    /// Networks; empty for all.
    pub networks: Vec<String>,
    /// Limits.
    pub limits: Limits,
    /// Until when.
    pub expires: Option<Timestamp>,
}
