// SPDX-License-Identifier: Apache-2.0
//! What the Hub's clients are told: what is allowed and verified now, and why not.

use std::{net::IpAddr, sync::Arc};

use casemate_http::Peer;
use casemate_models::hub::{Hub, HubCaller, HubCallers};
use casemate_types::{Problem, ProblemCode, ProjectId};
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::Value;

use super::house::{House, OTHER, PROJECT, caller, developer, hex, model, place, reference};

/// Keys are names of people here.
struct People;

impl HubCallers for People {
    fn caller(&self, key: Option<&str>, _: Option<IpAddr>, _: bool) -> Result<HubCaller, Problem> {
        let (caller, models) = match key {
            Some("developer") => (developer(), vec![]),
            Some("limited") => (developer(), vec!["gpt-*".to_owned()]),
            Some("limited stranger") => (
                caller(7, "developer", Some(OTHER)),
                vec!["gpt-*".to_owned()],
            ),
            Some("analyst") => (caller(6, "analyst", Some(PROJECT)), vec![]),
            Some("stranger") => (caller(7, "developer", Some(OTHER)), vec![]),
            _ => {
                return Err(Problem::new(
                    ProblemCode::Unauthenticated,
                    "no API key was given",
                ));
            }
        };
        Ok(HubCaller {
            caller,
            models: models.into(),
        })
    }

    fn project(&self, name: &str) -> Option<ProjectId> {
        match name {
            "acme" => Some(PROJECT),
            "rival" => Some(OTHER),
            _ => None,
        }
    }

    fn project_name(&self, id: ProjectId) -> Option<String> {
        (id == PROJECT).then(|| "acme".to_owned())
    }
}

struct Reply {
    status: u16,
    headers: http::HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl House {
    fn ask(&self, key: &str, method: &str, path: &str, range: &str) -> Reply {
        let hub = Hub::new(self.registry.clone(), Arc::new(People));
        let mut request = Request::builder().method(method).uri(path);
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if !range.is_empty() {
            request = request.header("range", range);
        }
        let peer = Peer::Tcp {
            address: "192.0.2.1:4000".parse().unwrap(),
            certified: false,
        };
        self.run(async {
            let response = hub.handle(request.body(()).unwrap(), peer).await;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes().to_vec());
            Reply {
                status: parts.status.as_u16(),
                headers: parts.headers,
                body: body.unwrap_or_default(),
            }
        })
    }

    fn get(&self, path: &str) -> Reply {
        self.ask("developer", "GET", path, "")
    }
}

const FILE: &str = "/acme/fraud/resolve/main/onnx/weights.safetensors";

/// What a developer is told of an address.
pub(super) fn get(house: &House, path: &str) -> (u16, Vec<u8>) {
    let reply = house.get(path);
    (reply.status, reply.body)
}

/// A house with a version in production.
pub(super) fn house() -> House {
    let house = House::new();
    house.push(&model(1));
    house.prepare("1");
    house.promote("1", "production").unwrap();
    house
}

#[test]
fn a_file_comes_with_what_clients_check_it_by() {
    let house = house();
    let bytes = &model(1)[1].1;
    let digest = hex(&casemate_crypto::sha256(bytes));
    let root = hex(&house.show("1").summary.root);
    for (method, body) in [("HEAD", &[][..]), ("GET", bytes)] {
        let reply = house.ask("developer", method, FILE, "");
        assert_eq!(reply.status, 200);
        assert_eq!(reply.body, body);
        assert_eq!(reply.header("etag"), format!("\"{digest}\""));
        assert_eq!(reply.header("x-linked-etag"), format!("\"{digest}\""));
        assert_eq!(reply.header("x-linked-size"), bytes.len().to_string());
        assert_eq!(reply.header("content-length"), bytes.len().to_string());
        assert_eq!(reply.header("x-repo-commit"), &root[..40]);
        assert_eq!(reply.header("accept-ranges"), "bytes");
    }
    for revision in [
        "1",
        "production",
        &root,
        &root[..40],
        &format!("sha256:{root}"),
    ] {
        let reply = house.get(&format!("/acme/fraud/resolve/{revision}/config.json"));
        assert_eq!(reply.body, model(1)[0].1, "{revision}");
    }
}

#[test]
fn ranges_are_given_as_asked_for_and_not_beyond() {
    let house = house();
    let bytes = &model(1)[1].1;
    let length = bytes.len();
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=100-", 100, length),
        ("bytes=65535-65536", 65_535, 65_537),
        ("bytes=-10", length - 10, length),
        ("bytes=5-99999999999999999999999", 5, length),
    ] {
        let reply = house.ask("developer", "GET", FILE, range);
        assert_eq!(reply.status, 206, "{range}");
        assert_eq!(reply.body, &bytes[from..to], "{range}");
        let expected = format!("bytes {from}-{}/{length}", to - 1);
        assert_eq!(reply.header("content-range"), expected);
    }
    for range in [
        format!("bytes={length}-"),
        "bytes=99999999999999999999-".into(),
        "bytes=-0".into(),
    ] {
        let reply = house.ask("developer", "GET", FILE, &range);
        assert_eq!(
            (reply.status, reply.header("content-range")),
            (416, &*format!("bytes */{length}")),
            "{range}"
        );
    }
    // What is no range that is understood is answered with all of it.
    for range in [
        "bytes=5-4",
        "bytes=a-b",
        "bytes=0-1,3-4",
        "pages=1-2",
        "bytes=",
        "bytes=--1",
    ] {
        let reply = house.ask("developer", "GET", FILE, range);
        assert_eq!((reply.status, reply.body.len()), (200, length), "{range}");
    }
}

#[test]
fn what_there_is_is_listed() {
    let house = house();
    let info = house.get("/api/models/acme/fraud/revision/main").json();
    let root = hex(&house.show("1").summary.root);
    assert_eq!(info["id"], "acme/fraud");
    assert_eq!(info["sha"], root[..40]);
    let names: Vec<_> = info["siblings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| &file["rfilename"])
        .collect();
    assert_eq!(names, ["config.json", "onnx/weights.safetensors"]);
    let tree = |path: &str| {
        let tree = house
            .get(&format!("/api/models/acme/fraud/tree/main{path}"))
            .json();
        let entries = tree.as_array().unwrap().iter();
        entries
            .map(|entry| entry["path"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        tree(""),
        ["config.json", "onnx/weights.safetensors", "onnx"]
    );
    assert_eq!(tree("/onnx"), ["onnx/weights.safetensors"]);
    let list = house.get("/api/models").json();
    assert_eq!(list[0]["id"], "acme/fraud");
    assert_eq!(
        house.ask("limited", "GET", "/api/models", "").json(),
        serde_json::json!([])
    );
    assert_eq!(
        house.ask("stranger", "GET", "/api/models", "").json(),
        serde_json::json!([])
    );
}

#[test]
fn everything_else_is_403_with_the_reason() {
    let house = house();
    let info = "/api/models/acme/fraud/revision/main";
    let no_model = "there is no such model, or none that this key may have";
    for (key, path, status, why) in [
        ("", FILE, 401, "no API key"),
        ("analyst", FILE, 403, "no policy allows it"),
        ("analyst", info, 403, "no policy allows it"),
        ("limited", FILE, 403, no_model),
        ("limited", info, 403, no_model),
        // A foreign model and a missing one are the same.
        ("stranger", FILE, 403, no_model),
        ("stranger", info, 403, no_model),
        ("developer", "/other/fraud/resolve/main/x", 403, no_model),
        // So is one that the own project does not have.
        ("developer", "/acme/none/resolve/main/x", 403, no_model),
        ("developer", "/acme/none/resolve/..%2F1/x", 403, no_model),
        ("developer", "/api/models/acme/none", 403, no_model),
        ("developer", "/acme/../resolve/main/x", 403, no_model),
        ("developer", "/api/whoami-v2", 403, "models of its registry"),
        (
            "developer",
            "/api/datasets/acme/fraud",
            403,
            "models of its registry",
        ),
        (
            "developer",
            "/acme/fraud/resolve/main/nothing.bin",
            404,
            "no file",
        ),
        (
            "developer",
            "/acme/fraud/resolve/main/..%2F..%2Fstate.db",
            404,
            "no file",
        ),
        (
            "developer",
            "/acme/fraud/resolve/main/%2Fetc%2Fpasswd",
            404,
            "no file",
        ),
        (
            "developer",
            "/acme/fraud/resolve/77/config.json",
            404,
            "no such version",
        ),
        (
            "developer",
            "/acme/fraud/resolve/..%2F1/config.json",
            404,
            "no version",
        ),
    ] {
        let reply = house.ask(key, "GET", path, "");
        let text = String::from_utf8_lossy(&reply.body);
        assert_eq!(reply.status, status, "{key} {path}: {text}");
        assert!(
            reply.header("x-error-message").contains(why),
            "{key} {path}: {text}"
        );
        assert!(text.contains(why), "{key} {path}: {text}");
    }
    let reply = house.ask(
        "developer",
        "POST",
        "/api/models/acme/fraud/commit/main",
        "",
    );
    assert_eq!(reply.status, 403);
    assert_eq!(
        house
            .get("/acme/fraud/resolve/main/nothing.bin")
            .header("x-error-code"),
        "EntryNotFound"
    );
    assert_eq!(
        house.get("/acme/fraud/resolve/77/x").header("x-error-code"),
        "RevisionNotFound"
    );
}

/// An answer as far as it may say anything.
fn whole(reply: &Reply) -> (u16, String, String) {
    let headers = format!("{:?}", reply.headers);
    let body = String::from_utf8_lossy(&reply.body).into_owned();
    (reply.status, headers, body)
}

#[test]
fn which_projects_there_are_is_not_told() {
    let house = house();
    let forms = [
        "/api/models/NAME/MODEL",
        "/api/models/NAME/MODEL/revision/REV",
        "/api/models/NAME/MODEL/tree/REV",
        "/api/models/NAME/MODEL/tree/REV/onnx",
        "/NAME/MODEL/resolve/REV/config.json",
        "/NAME/MODEL/resolve/REV/..",
        "/NAME/MODEL/resolve/REV/%20",
        "/NAME/MODEL/resolve/REV/a//b",
    ];
    let revisions = [
        "main",
        "1",
        "77",
        "production",
        "%20",
        "..%2F1",
        "sha256:x",
        "MAIN",
    ];
    let models = ["fraud", "gpt-2", "none", "..", "%20", "a--b"];
    let mut asked = 0;
    for (key, foreign) in [
        ("developer", "rival"),
        ("limited", "rival"),
        ("stranger", "acme"),
        ("limited stranger", "acme"),
    ] {
        for (form, method) in forms
            .iter()
            .flat_map(|form| [(form, "GET"), (form, "HEAD")])
        {
            for (revision, model) in revisions
                .iter()
                .flat_map(|revision| models.map(|model| (revision, model)))
            {
                let path = form.replace("REV", revision).replace("MODEL", model);
                let ask = |name: &str| house.ask(key, method, &path.replace("NAME", name), "");
                let absent = ask("nowhere");
                assert_eq!(
                    whole(&ask(foreign)),
                    whole(&absent),
                    "{key} {method} {path}"
                );
                assert_eq!(absent.status, 403, "{key} {method} {path}");
                assert_eq!(absent.header("x-error-code"), "RepoNotFound");
                asked += 1;
            }
        }
    }
    assert!(asked > 1_000);
    // Nor do models of the own project show to a key that is not made for them.
    let there = house.ask("limited", "GET", FILE, "");
    let absent = house.ask("limited", "GET", &FILE.replace("fraud", "none"), "");
    let words = |reply: &Reply| reply.header("x-error-message").to_owned();
    assert_eq!(
        (there.status, words(&there)),
        (absent.status, words(&absent))
    );
}

#[test]
fn a_key_that_is_not_for_the_model_is_in_the_book() {
    let house = house();
    let info = "/api/models/acme/fraud/revision/main";
    for path in [FILE, info, "/api/models/acme/none"] {
        let reply = house.ask("limited", "GET", path, "");
        assert_eq!(reply.status, 403, "{path}");
        assert!(reply.header("x-request-id").starts_with("req_"), "{path}");
    }
    let line = "model:pull deny key.models";
    let lines = house.book();
    let found = lines.iter().filter(|found| found.starts_with(line));
    assert_eq!(found.count(), 3, "{lines:#?}");
}

#[test]
fn refusals_are_those_that_clients_raise_as_what_they_are() {
    let house = house();
    // The client takes any other 403 for a server that is down, and says so instead of the reason.
    for (key, path, status, code) in [
        ("analyst", FILE, 403, "GatedRepo"),
        (
            "developer",
            "/acme/none/resolve/main/x",
            403,
            "RepoNotFound",
        ),
        (
            "developer",
            "/acme/fraud/resolve/77/x",
            404,
            "RevisionNotFound",
        ),
        (
            "developer",
            "/acme/fraud/resolve/main/x",
            404,
            "EntryNotFound",
        ),
    ] {
        let reply = house.ask(key, "HEAD", path, "");
        let told = (reply.status, reply.header("x-error-code"));
        assert_eq!(told, (status, code), "{key} {path}");
    }
}

#[test]
fn what_is_stopped_is_not_given_and_says_why() {
    let house = house();
    let (place, one) = (place(), reference("1"));
    house
        .run(
            house
                .registry
                .quarantine(&developer(), &place, &one, "it l\u{e4}ks data"),
        )
        .unwrap();
    for path in [
        FILE,
        "/api/models/acme/fraud/revision/1",
        "/api/models/acme/fraud/tree/1",
    ] {
        let reply = house.get(path);
        assert_eq!(reply.status, 403, "{path}");
        // Headers hold plain letters; the body holds all of them.
        assert!(
            reply.header("x-error-message").contains("it l?ks data"),
            "{path}"
        );
        assert!(
            reply.json()["error"]
                .as_str()
                .unwrap()
                .contains("it läks data")
        );
        assert!(reply.header("x-request-id").starts_with("req_"));
    }
    assert_eq!(house.get("/api/models").json(), serde_json::json!([]));
}

#[test]
fn damage_breaks_the_download_off_and_is_a_reason_afterwards() {
    let house = house();
    let weights = house.blobs().pop().unwrap();
    let mut bytes = std::fs::read(&weights).unwrap();
    bytes[190_000] ^= 4;
    std::fs::write(&weights, bytes).unwrap();
    let reply = house.get(FILE);
    // The head was out already; what follows is not the file.
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    let reply = house.get(FILE);
    assert_eq!(reply.status, 403);
    assert!(reply.header("x-error-message").contains("damaged"));
}
