// SPDX-License-Identifier: Apache-2.0
//! Every endpoint × {nobody, wrong role, wrong project, right}.

use crate::fixture::{CONTENT, Fixture, filled};

/// One endpoint: method, path, body, and the status for each sort of caller.
pub(crate) struct Row {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: &'static str,
    /// Nobody; a service of the project without a fitting role; a developer of another project; an
    /// administrator.
    status: [u16; 4],
}

const fn row(
    method: &'static str,
    path: &'static str,
    body: &'static str,
    status: [u16; 4],
) -> Row {
    Row {
        method,
        path,
        body,
        status,
    }
}

/// Whoever asks.
const OPEN: [u16; 4] = [200; 4];
/// Of the whole installation: another project's developer has no role there either.
const WHOLE: [u16; 4] = [401, 403, 403, 200];
/// Of project `a`: to strangers it does not exist.
const OF_A: [u16; 4] = [401, 403, 404, 200];
/// Of project `a`, for everybody in it: a service may read and take models.
const SEEN_IN_A: [u16; 4] = [401, 200, 404, 200];

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    row("GET",  "/livez", "", OPEN),
    row("GET",  "/readyz", "", OPEN),
    row("GET",  "/openapi.json", "", OPEN),
    row("GET",  "/start", "", OPEN),
    row("GET",  "/start.js", "", OPEN),
    row("GET",  "/v1/ledger/keys", "", OPEN),
    // Anyone may try a token; this one is wrong for all.
    row("POST", "/v1/bootstrap", r#"{"token": "cm_wrong", "name": "Eve"}"#, [404; 4]),
    row("GET",  "/metrics", "", WHOLE),
    row("GET",  "/v1/system", "", WHOLE),
    row("POST", "/v1/system/reload", "", WHOLE),
    row("POST", "/v1/system/rotate", "", WHOLE),
    row("POST", "/v1/system/backup", r#"{"file": "/nowhere"}"#, WHOLE),
    row("POST", "/v1/system/drill", r#"{"lines": "kit"}"#, WHOLE),
    row("POST", "/v1/system/seal", r#"{"secret": "s", "file": "/nowhere"}"#, WHOLE),
    // The list holds what the caller may know.
    row("GET",  "/v1/projects", "", [401, 403, 200, 200]),
    row("POST", "/v1/projects", r#"{"name": "c"}"#, WHOLE),
    row("GET",  "/v1/projects/{project}/spend", "", OF_A),
    row("PUT",  "/v1/projects/{project}/limits", r#"{"concurrency": 5}"#, OF_A),
    row("GET",  "/v1/projects/{project}/services", "", OF_A),
    row("POST", "/v1/projects/{project}/services", r#"{"name": "new"}"#, OF_A),
    row("GET",  "/v1/projects/{project}/keys", "", OF_A),
    row("POST", "/v1/projects/{project}/services/{service}/keys", "{}", OF_A),
    row("POST", "/v1/keys/{key}/revoke", "", OF_A),
    row("POST", "/v1/keys/{key}/rotate", r#"{"overlap_seconds": 60}"#, OF_A),
    row("GET",  "/v1/persons", "", WHOLE),
    row("GET",  "/v1/policies", "", WHOLE),
    row("POST", "/v1/policies", "POLICIES", WHOLE),
    row("GET",  "/v1/ledger/checkpoint", "", WHOLE),
    row("GET",  "/v1/ledger/records", "", WHOLE),
    row("GET",  "/v1/ledger/records/{record}", "", WHOLE),
    row("GET",  "/v1/ledger/records/{record}/proof", "", WHOLE),
    row("POST", "/v1/ledger/verify", "", WHOLE),
    row("POST", "/v1/ledger/export", "EXPORT", WHOLE),
    row("POST", "/v1/ledger/witness", "", WHOLE),
    row("POST", "/v1/ledger/erase", r#"{"subject": "svc_x"}"#, WHOLE),
    row("GET",  "/v1/projects/{project}/models", "", SEEN_IN_A),
    row("GET",  "/v1/projects/{project}/models/{model}", "", SEEN_IN_A),
    row("PUT",  "/v1/projects/{project}/models/{model}/floor", r#"{"floor": 1}"#, OF_A),
    row("POST", "/v1/projects/{project}/models/{model}/missing", r#"{"digests": []}"#, OF_A),
    row("PUT",  "/v1/projects/{project}/models/{model}/blobs/{digest}", CONTENT, OF_A),
    row("POST", "/v1/projects/{project}/models/{model}/versions", "VERSION", OF_A),
    row("GET",  "/v1/projects/{project}/models/{model}/versions/{version}", "", SEEN_IN_A),
    row("GET",  "/v1/projects/{project}/models/{model}/versions/{version}/lineage", "", SEEN_IN_A),
    row("GET",  "/v1/projects/{project}/models/{model}/versions/{version}/signature", "", SEEN_IN_A),
    row("GET",  "/v1/projects/{project}/models/{model}/versions/{version}/blobs/{digest}", "", SEEN_IN_A),
    row("POST", "/v1/projects/{project}/models/{model}/versions/{version}/documents/{kind}", r#"{"name": "e", "metrics": {"auc": 1}}"#, OF_A),
    row("POST", "/v1/projects/{project}/models/{model}/versions/{version}/approve", r#"{"alias": "staging"}"#, OF_A),
    row("GET",  "/v1/projects/{project}/models/{model}/diff?from=1&to=2", "", SEEN_IN_A),
    row("PUT",  "/v1/projects/{project}/models/{model}/aliases/{alias}", r#"{"to": "2"}"#, OF_A),
    row("POST", "/v1/projects/{project}/models/{model}/aliases/{alias}/rollback", "{}", OF_A),
    row("POST", "/v1/projects/{project}/models/{model}/versions/{version}/quarantine", r#"{"why": "a test"}"#, OF_A),
    row("POST", "/v1/projects/{project}/models/{model}/versions/{version}/release", r#"{"why": "a test"}"#, OF_A),
    // Last, for nobody may sign any more.
    row("PUT",  "/v1/projects/{project}/models/{model}/signers", r#"{"signers": []}"#, OF_A),
];

#[test]
fn each_caller_gets_what_is_right_and_nothing_else() {
    let fixture = Fixture::new();
    let callers = [
        ("nobody", &crate::fixture::Who::Nobody),
        ("wrong role", &fixture.service),
        ("wrong project", &fixture.stranger),
        ("right", &fixture.admin),
    ];
    let policies = serde_json::json!({"text": casemate_policy::BASE_POLICIES}).to_string();
    let export = serde_json::json!({"directory": fixture.dir.join("export")}).to_string();
    let record = fixture.record().to_string();
    let version = fixture.model();
    let mut wrong = Vec::new();
    for row in ROWS {
        let path = filled(row.path, &fixture.new_key(), &record);
        let body = match row.body {
            "POLICIES" => &policies,
            "EXPORT" => &export,
            "VERSION" => &version,
            body => body,
        };
        for ((name, who), expected) in callers.iter().zip(row.status) {
            let reply = fixture.call(who, row.method, &path, body);
            if reply.status != expected {
                let got = format!("{} instead of {expected}: {}", reply.status, reply.text);
                wrong.push(format!("{} {} by {name}: {got}", row.method, row.path));
            }
            if reply.status >= 400 {
                assert_eq!(reply.kind, "application/problem+json", "{path}");
                assert_eq!(reply.json()["status"], reply.status);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
