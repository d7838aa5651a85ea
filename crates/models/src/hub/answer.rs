// SPDX-License-Identifier: Apache-2.0
//! Answers in the Hub's form.

use std::collections::BTreeSet;

use casemate_http::{Body, full};
use casemate_types::{Problem, ProblemCode};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    hex,
    registry::{Pulled, VersionInfo},
};

const COMMIT: HeaderName = HeaderName::from_static("x-repo-commit");
const LINKED_ETAG: HeaderName = HeaderName::from_static("x-linked-etag");
const LINKED_SIZE: HeaderName = HeaderName::from_static("x-linked-size");
const ERROR_CODE: HeaderName = HeaderName::from_static("x-error-code");
const ERROR_MESSAGE: HeaderName = HeaderName::from_static("x-error-message");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The Hub's clients take 40 digits for a commit: the first 20 bytes of the root digest.
fn commit(version: &[u8; 32]) -> String {
    hex::encode(version.get(..20).unwrap_or_default())
}

/// A model as `GET /api/models/…` tells it.
pub(super) fn model(id: &str, version: &VersionInfo) -> Value {
    let siblings = version.files.iter().map(|file| {
        let sha256 = hex::encode(&file.sha256);
        json!({
            "rfilename": file.name,
            "size": file.length,
            "blobId": sha256,
            "lfs": {"sha256": sha256, "size": file.length, "pointerSize": 0},
        })
    });
    let root = hex::encode(&version.summary.root);
    json!({
        "_id": root.get(..24),
        "id": id,
        "modelId": id,
        "sha": commit(&version.summary.root),
        "private": true,
        "gated": false,
        "disabled": false,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "createdAt": version.summary.created.to_rfc3339(),
        "lastModified": version.summary.created.to_rfc3339(),
        "siblings": siblings.collect::<Vec<_>>(),
        "casemate": {
            "version": version.summary.number,
            "digest": format!("sha256:{root}"),
            "signer": version.signer.as_ref().ok(),
        },
    })
}

/// Files and directories below one, as `GET /api/models/…/tree/…` tells them: all of them, whether
/// that was asked for or not.
pub(super) fn tree(version: &VersionInfo, below: &str) -> Value {
    let inside = |name: &str| {
        let rest = name.strip_prefix(below);
        below.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
    };
    let mut directories = BTreeSet::new();
    let mut entries = Vec::new();
    for file in version.files.iter().filter(|file| inside(&file.name)) {
        let above = file
            .name
            .match_indices('/')
            .filter_map(|(at, _)| file.name.get(..at));
        directories.extend(above.filter(|directory| inside(directory)));
        let sha256 = hex::encode(&file.sha256);
        entries.push(json!({
            "type": "file",
            "path": file.name,
            "size": file.length,
            "oid": sha256,
            "lfs": {"oid": sha256, "size": file.length, "pointerSize": 0},
        }));
    }
    let directories = directories.into_iter().map(|directory| {
        let oid = hex::encode(&casemate_crypto::sha256(directory.as_bytes()));
        json!({"type": "directory", "path": directory, "size": 0, "oid": oid})
    });
    entries.extend(directories);
    Value::Array(entries)
}

pub(super) fn json(value: &Value) -> Response<Body> {
    let mut response = Response::new(full(value.to_string()));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// The part of a file that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u64,
    pub(super) end: u64,
    partial: bool,
}

impl Range {
    /// One range of bytes (RFC 9110, section 14). Of several, and of other units, all is given.
    pub(super) fn of(headers: &HeaderMap, file: &Pulled) -> Result<Self, Refused> {
        let whole = Self {
            start: 0,
            end: file.length,
            partial: false,
        };
        let range = headers
            .get(header::RANGE)
            .and_then(|value| value.to_str().ok());
        let Some(range) = range.and_then(|range| range.strip_prefix("bytes=")) else {
            return Ok(whole);
        };
        // A range is of the bytes that the client has the beginning of, or of none.
        let same = |value: &HeaderValue| value.as_bytes() == etag(file).as_bytes();
        if headers
            .get(header::IF_RANGE)
            .is_some_and(|value| !same(value))
        {
            return Ok(whole);
        }
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().unwrap_or(u64::MAX))
        };
        let (start, end) = match range.split_once('-') {
            Some(("", last)) => match number(last) {
                Some(last) => (file.length.saturating_sub(last), file.length),
                None => return Ok(whole),
            },
            Some((first, "")) => match number(first) {
                Some(first) => (first, file.length),
                None => return Ok(whole),
            },
            Some((first, last)) => match (number(first), number(last)) {
                (Some(first), Some(last)) if first <= last => {
                    (first, last.saturating_add(1).min(file.length))
                }
                _ => return Ok(whole),
            },
            None => return Ok(whole),
        };
        if start >= file.length || start >= end {
            return Err(Refused::beyond(file.length));
        }
        Ok(Self {
            start,
            end,
            partial: true,
        })
    }
}

fn etag(file: &Pulled) -> String {
    format!("\"{}\"", hex::encode(&file.sha256))
}

/// The head of an answer with a file.
pub(super) fn head(file: &Pulled, range: &Range) -> Response<Body> {
    let mut response = Response::new(full(bytes::Bytes::new()));
    let etag = etag(file);
    let mut said = vec![
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (
            header::CONTENT_LENGTH,
            (range.end - range.start).to_string(),
        ),
        (header::ETAG, etag.clone()),
        (LINKED_ETAG, etag),
        (LINKED_SIZE, file.length.to_string()),
        (COMMIT, commit(&file.root)),
        // What may be had now may be stopped the next moment.
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    if range.partial {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let last = range.end.saturating_sub(1);
        let text = format!("bytes {}-{last}/{}", range.start, file.length);
        said.push((header::CONTENT_RANGE, text));
    }
    put(response.headers_mut(), said);
    response
}

fn put(headers: &mut HeaderMap, said: Vec<(HeaderName, String)>) {
    for (name, value) in said {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

/// No, in the Hub's form: a status, a code that its clients know, and why.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    code: &'static str,
    why: String,
    request: Option<String>,
    /// Of a file that is shorter than was thought.
    length: Option<u64>,
}

impl Refused {
    fn new(status: StatusCode, code: &'static str, why: impl Into<String>) -> Self {
        Self {
            status,
            code,
            why: why.into(),
            request: None,
            length: None,
        }
    }

    pub(super) fn denied(why: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", why)
    }

    /// Also of what may not be known: clients say that it is not there, or not for this key.
    pub(super) fn no_model() -> Self {
        let why = "there is no such model, or none that this key may have";
        Self::new(StatusCode::FORBIDDEN, "RepoNotFound", why)
    }

    /// The same with the record that says more.
    pub(super) fn recorded(mut self, problem: &Problem) -> Self {
        self.request = problem.request_id.map(|id| id.to_string());
        self
    }

    pub(super) fn no_version(revision: &str) -> Self {
        let why = match revision {
            "" => "the model has no such version; `main` is what `production` points at".to_owned(),
            other => format!("`{}` is no version", other.escape_debug()),
        };
        Self::new(StatusCode::NOT_FOUND, "RevisionNotFound", why)
    }

    pub(super) fn no_file(name: &str) -> Self {
        let why = format!("the version has no file `{}`", name.escape_debug());
        Self::new(StatusCode::NOT_FOUND, "EntryNotFound", why)
    }

    fn beyond(length: u64) -> Self {
        let why = format!("the file has {length} bytes");
        let mut refused = Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", why);
        refused.length = Some(length);
        refused
    }

    pub(super) fn of(problem: Problem) -> Self {
        let (status, code) = match problem.code {
            ProblemCode::Unauthenticated => (StatusCode::UNAUTHORIZED, "Forbidden"),
            ProblemCode::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Forbidden"),
            ProblemCode::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Forbidden"),
            // Of any other 403 clients say that there is no connection, and nothing of the reason.
            _ => (StatusCode::FORBIDDEN, "GatedRepo"),
        };
        Self::new(status, code, problem.detail.clone()).recorded(&problem)
    }

    pub(super) fn response(self) -> Response<Body> {
        let body = json!({"error": self.why, "request_id": self.request});
        let mut response = json(&body);
        *response.status_mut() = self.status;
        // A header holds visible ASCII only.
        let plain = |letter: char| match letter.is_ascii_graphic() || letter == ' ' {
            true => letter,
            false => '?',
        };
        let why: String = self.why.chars().take(500).map(plain).collect();
        let mut said = vec![(ERROR_CODE, self.code.to_owned()), (ERROR_MESSAGE, why)];
        said.extend(self.request.map(|id| (REQUEST_ID, id)));
        let range = self.length.map(|length| format!("bytes */{length}"));
        said.extend(range.map(|range| (header::CONTENT_RANGE, range)));
        put(response.headers_mut(), said);
        response
    }
}
