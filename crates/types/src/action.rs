// SPDX-License-Identifier: Apache-2.0
//! What can be asked for, and of what.
//!
//! Each action is a type, so that a permit for one cannot be handed to the code of another.

use crate::{ProjectId, class::words};

words! {
    /// The sorts of resources, as entity types of the Cedar schema.
    ResourceKind {
        /// An API key.
        Key = "Key",
        /// The book.
        Ledger = "Ledger",
        /// A model, behind a route or in the registry.
        Model = "Model",
        /// One version of a model in the registry.
        ModelVersion = "ModelVersion",
        /// A person.
        Person = "Person",
        /// The policies.
        PolicySet = "PolicySet",
        /// A project.
        Project = "Project",
        /// A service.
        Service = "Service",
        /// The installation itself.
        System = "System",
    }
}

/// A resource by sort, id and project.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceRef {
    /// The sort.
    pub kind: ResourceKind,
    /// The id within its sort, e.g. a model's name.
    pub id: String,
    /// The project it belongs to; `None` for the whole installation.
    pub project: Option<ProjectId>,
}

impl ResourceRef {
    /// A resource of the whole installation.
    #[must_use]
    pub fn system(kind: ResourceKind, id: &str) -> Self {
        Self {
            kind,
            id: id.to_owned(),
            project: None,
        }
    }

    /// A resource of a project.
    #[must_use]
    pub fn of(kind: ResourceKind, id: impl ToString, project: ProjectId) -> Self {
        Self {
            kind,
            id: id.to_string(),
            project: Some(project),
        }
    }
}

/// An action as a type: what a `Permit` is for.
pub trait Action: Send + Sync + 'static {
    /// The action's name in policies and records.
    const NAME: ActionName;
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        words! {
            /// The names of all actions.
            ActionName { $($(#[$doc])* $name = $word,)+ }
        }

        /// One type per action, for permits.
        pub mod actions {
            use super::{Action, ActionName};
            $(
                $(#[$doc])*
                #[derive(Debug)]
                pub struct $name;
                impl Action for $name {
                    const NAME: ActionName = ActionName::$name;
                }
            )+
        }
    };
}

actions! {
    /// Reload the configuration.
    ConfigReload = "config:reload",
    /// Make an API key.
    KeyCreate = "key:create",
    /// See API keys (never their secrets).
    KeyRead = "key:read",
    /// Revoke an API key.
    KeyRevoke = "key:revoke",
    /// Replace an API key, the old one living on for a while.
    KeyRotate = "key:rotate",
    /// Take a verifiable copy of the book.
    LedgerExport = "ledger:export",
    /// Read records.
    LedgerRead = "ledger:read",
    /// Make the texts of a subject unreadable for good.
    LedgerErase = "ledger:erase",
    /// Show a checkpoint to the witnesses and keep their signatures.
    LedgerWitness = "ledger:witness",
    /// Agree, as another person, that an alias may point at a version.
    ModelApprove = "model:approve",
    /// Record an evaluation, a bill of materials or provenance of a version.
    ModelAttest = "model:attest",
    /// Say who may sign a model, raise its version floor, lift a quarantine.
    ModelGovern = "model:govern",
    /// Send content to a model.
    ModelInvoke = "model:invoke",
    /// See which models there are.
    ModelList = "model:list",
    /// Point an alias at a version.
    ModelPromote = "model:promote",
    /// Take the files of a version.
    ModelPull = "model:pull",
    /// Store files and register a version.
    ModelPush = "model:push",
    /// Stop a version from being handed out.
    ModelQuarantine = "model:quarantine",
    /// See what is known of a model and its versions.
    ModelRead = "model:read",
    /// Point an alias back at an earlier version.
    ModelRollback = "model:rollback",
    /// Read stored bytes again and check them.
    ModelVerify = "model:verify",
    /// Make the first administrator.
    PersonBootstrap = "person:bootstrap",
    /// See persons.
    PersonRead = "person:read",
    /// Put a policy set in force.
    PolicyApply = "policy:apply",
    /// Read policies and their history.
    PolicyRead = "policy:read",
    /// Make a project.
    ProjectCreate = "project:create",
    /// See projects and their budgets.
    ProjectRead = "project:read",
    /// Change a project's limits.
    ProjectUpdate = "project:update",
    /// Make a service.
    ServiceCreate = "service:create",
    /// See services.
    ServiceRead = "service:read",
    /// Write an encrypted backup.
    SystemBackup = "system:backup",
    /// Prove that the recovery kit opens the data.
    SystemDrill = "system:drill",
    /// See the state of the installation.
    SystemRead = "system:read",
    /// Replace the root key.
    SystemRotate = "system:rotate",
    /// Seal a credential for the configuration.
    SystemSeal = "system:seal",
}
