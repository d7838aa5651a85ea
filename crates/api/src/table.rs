// SPDX-License-Identifier: Apache-2.0
//! Every address of the admin plane, in one list without logic.

use casemate_types::ActionName as A;

/// Who may use an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever the policies allow this action.
    Action(A),
    /// Anyone: health, sign-in, public keys, static files. This is the whole list of invariant 8.
    Public,
}

/// One address.
#[derive(Debug, Clone, Copy)]
pub struct RouteDoc {
    /// HTTP method.
    pub method: &'static str,
    /// Path, with `{names}`.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// What it does, for people.
    pub summary: &'static str,
    /// Name of the request body's schema; empty for none.
    pub body: &'static str,
    /// Name of the answer's schema; empty for none.
    pub answer: &'static str,
}

const fn route(
    method: &'static str,
    path: &'static str,
    access: Access,
    summary: &'static str,
    body: &'static str,
    answer: &'static str,
) -> RouteDoc {
    RouteDoc {
        method,
        path,
        access,
        summary,
        body,
        answer,
    }
}

use Access::{Action, Public};

/// All addresses.
#[rustfmt::skip]
pub const ROUTES: &[RouteDoc] = &[
    route("GET",  "/livez", Public, "Whether the process is alive", "", ""),
    route("GET",  "/readyz", Public, "Whether requests are taken", "", ""),
    route("GET",  "/openapi.json", Public, "This document", "", ""),
    route("GET",  "/start", Public, "The page of the first administrator's link", "", ""),
    route("GET",  "/start.js", Public, "Its script", "", ""),
    route("POST", "/v1/bootstrap", Public, "Make the first administrator with the one-time token", "Bootstrap", "BootstrapAnswer"),
    route("GET",  "/v1/ledger/keys", Public, "The ledger's public keys", "", "LedgerKeys"),
    route("GET",  "/metrics", Action(A::SystemRead), "Counters for Prometheus", "", ""),
    route("GET",  "/v1/system", Action(A::SystemRead), "State of the installation", "", "SystemState"),
    route("POST", "/v1/system/reload", Action(A::ConfigReload), "Read the configuration again", "", "Done"),
    route("POST", "/v1/system/rotate", Action(A::SystemRotate), "Replace the root key", "", "Done"),
    route("POST", "/v1/system/backup", Action(A::SystemBackup), "Write an encrypted backup", "Backup", "Done"),
    route("POST", "/v1/system/drill", Action(A::SystemDrill), "Prove that the recovery kit opens the data", "Drill", "Done"),
    route("POST", "/v1/system/seal", Action(A::SystemSeal), "Seal a credential into a file of the server, for `sealed:` references", "Seal", "Done"),
    route("GET",  "/v1/projects", Action(A::ProjectRead), "Projects", "", "Project"),
    route("POST", "/v1/projects", Action(A::ProjectCreate), "Make a project", "NewProject", "Project"),
    route("PUT",  "/v1/projects/{project}/limits", Action(A::ProjectUpdate), "Set a project's limits", "Limits", "Project"),
    route("GET",  "/v1/projects/{project}/services", Action(A::ServiceRead), "Services of a project", "", "Service"),
    route("POST", "/v1/projects/{project}/services", Action(A::ServiceCreate), "Make a service", "NewService", "Service"),
    route("GET",  "/v1/projects/{project}/keys", Action(A::KeyRead), "API keys of a project, without secrets", "", "Key"),
    route("POST", "/v1/projects/{project}/services/{service}/keys", Action(A::KeyCreate), "Make an API key; its secret is in this answer and nowhere else", "NewKey", "KeySecret"),
    route("POST", "/v1/keys/{key}/revoke", Action(A::KeyRevoke), "Revoke a key from the next request on", "", "Key"),
    route("POST", "/v1/keys/{key}/rotate", Action(A::KeyRotate), "Make a key's successor; the old one lives on for a while", "Rotate", "KeySecret"),
    route("GET",  "/v1/projects/{project}/spend", Action(A::ProjectRead), "Money spent and reserved by a project, its services and keys", "", "Spend"),
    route("GET",  "/v1/persons", Action(A::PersonRead), "Persons", "", "Person"),
    route("GET",  "/v1/policies", Action(A::PolicyRead), "Policy sets, newest first; the first is in force", "", "PolicyVersion"),
    route("POST", "/v1/policies", Action(A::PolicyApply), "Put a policy set in force", "PolicyText", "PolicyVersion"),
    route("GET",  "/v1/ledger/checkpoint", Action(A::LedgerRead), "The newest signed checkpoint", "", "Checkpoint"),
    route("GET",  "/v1/ledger/records", Action(A::LedgerRead), "Records, oldest first (`from`, `limit`)", "", "Record"),
    route("GET",  "/v1/ledger/records/{record}", Action(A::LedgerRead), "One request: its decision, outcome and everything about it", "", "Record"),
    route("GET",  "/v1/ledger/records/{record}/proof", Action(A::LedgerRead), "Evidence that a record stands in the signed log", "", "ProofText"),
    route("POST", "/v1/ledger/verify", Action(A::LedgerRead), "Read and check the whole log", "", "Report"),
    route("POST", "/v1/ledger/export", Action(A::LedgerExport), "Write a verifiable copy to a directory of the server", "Export", "Done"),
    route("POST", "/v1/ledger/witness", Action(A::LedgerWitness), "Show the newest checkpoint to the witnesses and keep what they sign", "", "Visit"),
    route("POST", "/v1/ledger/erase", Action(A::LedgerErase), "Destroy a subject's key: its texts are gone, every proof stays", "Erase", "Done"),
    route("GET",  "/v1/projects/{project}/models", Action(A::ModelList), "Models of a project in the registry", "", "Model"),
    route("GET",  "/v1/projects/{project}/models/{model}", Action(A::ModelRead), "A model: its versions, aliases and signers", "", "Model"),
    route("PUT",  "/v1/projects/{project}/models/{model}/signers", Action(A::ModelGovern), "Say who may sign a model; makes it if need be", "Signers", "Done"),
    route("PUT",  "/v1/projects/{project}/models/{model}/floor", Action(A::ModelGovern), "Set the number below which versions need another person's approval", "Floor", "Done"),
    route("POST", "/v1/projects/{project}/models/{model}/missing", Action(A::ModelPush), "Which of these digests have to be sent", "Digests", "Missing"),
    route("PUT",  "/v1/projects/{project}/models/{model}/blobs/{digest}", Action(A::ModelPush), "Send the bytes of a digest; answers with the scan's report", "Bytes", "Scan"),
    route("POST", "/v1/projects/{project}/models/{model}/versions", Action(A::ModelPush), "Register a version of bytes that were sent, with its signature", "NewVersion", "Version"),
    route("GET",  "/v1/projects/{project}/models/{model}/versions/{version}", Action(A::ModelRead), "Everything about a version", "", "Version"),
    route("GET",  "/v1/projects/{project}/models/{model}/versions/{version}/lineage", Action(A::ModelRead), "Signature, scan, bills of materials and provenance of a version, tied to its digest", "", "Lineage"),
    route("GET",  "/v1/projects/{project}/models/{model}/versions/{version}/signature", Action(A::ModelPull), "The signature of a version that may be had now", "", "Signature"),
    route("GET",  "/v1/projects/{project}/models/{model}/versions/{version}/blobs/{digest}", Action(A::ModelPull), "The bytes of a file of a version that may be had now", "", "Bytes"),
    route("POST", "/v1/projects/{project}/models/{model}/versions/{version}/documents/{kind}", Action(A::ModelAttest), "Record a `bom`, an `evaluation` or `provenance` of a version", "Document", "Done"),
    route("POST", "/v1/projects/{project}/models/{model}/versions/{version}/approve", Action(A::ModelApprove), "Agree, as another person, that an alias may point at a version", "Approve", "Done"),
    route("POST", "/v1/projects/{project}/models/{model}/versions/{version}/quarantine", Action(A::ModelQuarantine), "Stop a version; aliases are led to the last good one", "Why", "Moved"),
    route("POST", "/v1/projects/{project}/models/{model}/versions/{version}/release", Action(A::ModelGovern), "Let a version go again, after reading all its bytes", "Why", "Done"),
    route("GET",  "/v1/projects/{project}/models/{model}/diff", Action(A::ModelRead), "How the files of version `from` differ from those of `to`", "", "Difference"),
    route("PUT",  "/v1/projects/{project}/models/{model}/aliases/{alias}", Action(A::ModelPromote), "Point an alias at a version", "Move", "Moved"),
    route("POST", "/v1/projects/{project}/models/{model}/aliases/{alias}/rollback", Action(A::ModelRollback), "Point an alias back at the last good version, or at `to`", "Rollback", "Moved"),
];
