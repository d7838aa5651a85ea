// SPDX-License-Identifier: Apache-2.0
//! An admin plane over a directory of its own, with two projects and somebody of each sort.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body};
use casemate_access::{Door, DoorParts, Permit};
use casemate_api::{AdminApi, ApiParts, SystemOps};
use casemate_crypto::{Curve, EcdsaPrivate};
use casemate_http::Peer;
use casemate_iam::{Iam, IamParts, NewKey, NewProject, NewService};
use casemate_ledger::{Ledger, LedgerOptions};
use casemate_models::{
    registry::{Registry, RegistryParts},
    signing::{Effort, LocalModel, SignOptions, Signer, sign},
};
use casemate_quota::{Account, Limits, Spend};
use casemate_store::{Blobs, Database, Keyring, Options};
use casemate_testkit::{ManualClock, SeededEntropy, TempDir, root_key};
use casemate_types::{
    Action, Caller, Problem, ProjectId, RecordId, ResourceKind, ResourceRef,
    actions::{
        ConfigReload, KeyCreate, LedgerErase, LedgerWitness, PersonBootstrap, ProjectCreate,
        ProjectRead, ServiceCreate, SystemBackup, SystemDrill, SystemRotate, SystemSeal,
    },
    event::Ending,
};
use http::{Method, Request};
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Frame};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The user that "runs" this installation.
pub(crate) const OPERATOR: u32 = 4242;

/// What the binary would do, done at once.
struct Stub;

fn done<A: Action>(permit: Permit<A>) -> Result<String, Problem> {
    let (_, receipt) = permit.enter().unwrap();
    receipt.settle(Ending::Completed, |_| ());
    Ok("done".into())
}

impl SystemOps for Stub {
    fn reload(&self, permit: Permit<ConfigReload>) -> Result<String, Problem> {
        done(permit)
    }

    fn rotate(&self, permit: Permit<SystemRotate>) -> Result<String, Problem> {
        done(permit)
    }

    fn backup(&self, permit: Permit<SystemBackup>, _: &str) -> Result<String, Problem> {
        done(permit)
    }

    fn drill(&self, permit: Permit<SystemDrill>, _: &str) -> Result<String, Problem> {
        done(permit)
    }

    fn erase(&self, permit: Permit<LedgerErase>, _: &str) -> Result<String, Problem> {
        done(permit)
    }

    fn seal(&self, permit: Permit<SystemSeal>, _: &str, _: &str) -> Result<String, Problem> {
        done(permit)
    }

    fn witness(&self, permit: Permit<LedgerWitness>) -> Value {
        done(permit).unwrap();
        Value::Array(Vec::new())
    }

    fn spend(&self, _: Account) -> Spend {
        Spend::default()
    }

    fn metrics(&self) -> String {
        "casemate_stub 1\n".into()
    }

    fn state(&self) -> Value {
        serde_json::json!({"version": "stub"})
    }
}

/// The only file of the first version of a model.
pub(crate) const CONTENT: &str = "{\"model_type\": \"bert\"}";

pub(crate) fn digest(content: &str) -> String {
    let digest = casemate_crypto::sha256(content.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A body that never comes.
struct Never;

impl hyper::body::Body for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    Key(String),
    Nobody,
    Socket(u32),
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) kind: String,
    /// The methods that an address takes, where it says so.
    pub(crate) allow: String,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }
}

pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) iam: Iam,
    pub(crate) door: Door,
    pub(crate) clock: Arc<ManualClock>,
    router: Router,
    runtime: tokio::runtime::Runtime,
    /// An administrator.
    pub(crate) admin: Who,
    /// A service without any administrative role, in project `a`.
    pub(crate) service: Who,
    /// A developer of project `b`.
    pub(crate) stranger: Who,
    /// A developer of project `a`.
    pub(crate) developer: Who,
    pub(crate) project_a: ProjectId,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let mut fixture = Self::young();
        fixture.project_a = fixture.project("a");
        fixture.project("b");
        fixture.admin = fixture.administrator();
        fixture.service = fixture.member("a", "app", &["service"]).1;
        fixture.developer = fixture.member("a", "dev", &["developer"]).1;
        fixture.stranger = fixture.member("b", "dev", &["developer"]).1;
        fixture
    }

    /// Without projects and people.
    pub(crate) fn young() -> Self {
        let dir = TempDir::new();
        let (clock, entropy) = (ManualClock::shared(), SeededEntropy::shared(1));
        let migrations = [
            Keyring::MIGRATIONS,
            casemate_access::MIGRATIONS,
            casemate_iam::MIGRATIONS,
            casemate_models::MIGRATIONS,
        ]
        .concat();
        let database =
            Database::open(&dir.join("state.db"), Options::default(), &migrations).unwrap();
        let root = root_key(1);
        let keyring =
            Keyring::open(database.clone(), &root, 1, entropy.clone(), clock.clone()).unwrap();
        let options = LedgerOptions {
            file: dir.join("ledger.db"),
            reserve: 0,
            max_bytes: None,
            checkpoint_every: Duration::from_millis(1),
        };
        let (writer, reader) =
            Ledger::open(options, keyring.clone(), entropy.clone(), clock.clone()).unwrap();
        let blobs = Blobs::open(&dir.join("models"), 0, keyring.clone(), entropy.clone()).unwrap();
        let iam = Iam::open(IamParts {
            database: database.clone(),
            keyring: keyring.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
        })
        .unwrap();
        let door = Door::open(DoorParts {
            writer,
            reader,
            database: database.clone(),
            entities: Arc::new(iam.clone()),
            clock: clock.clone(),
            entropy,
        })
        .unwrap();
        let registry = Registry::new(RegistryParts {
            door: door.clone(),
            database,
            keyring,
            blobs,
            clock: clock.clone(),
        });
        let router = AdminApi::new(ApiParts {
            door: door.clone(),
            iam: iam.clone(),
            registry,
            system: Arc::new(Stub),
            operator: OPERATOR,
        })
        .router();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        Self {
            dir,
            iam,
            door,
            clock,
            router,
            runtime,
            admin: Who::Nobody,
            service: Who::Nobody,
            stranger: Who::Nobody,
            developer: Who::Nobody,
            project_a: ProjectId::from_bytes([0; 16]),
        }
    }

    /// A permit of the operator.
    pub(crate) fn permit<A: Action>(&self, resource: ResourceRef) -> Permit<A> {
        let caller = Caller::operator(OPERATOR);
        self.runtime
            .block_on(self.door.admit::<A>(&caller, resource, ""))
            .unwrap()
    }

    fn project(&self, name: &str) -> ProjectId {
        let permit =
            self.permit::<ProjectCreate>(ResourceRef::system(ResourceKind::System, "projects"));
        let new = NewProject {
            name: name.into(),
            limits: Limits::default(),
        };
        self.iam.project_create(permit, new).unwrap().id
    }

    fn administrator(&self) -> Who {
        let token = self.iam.bootstrap_token().unwrap();
        let permit =
            self.permit::<PersonBootstrap>(ResourceRef::system(ResourceKind::System, "bootstrap"));
        let (_, _, secret) = self.iam.bootstrap(permit, token.expose(), "Grace").unwrap();
        Who::Key(secret.expose().to_owned())
    }

    /// A service with roles and its key; the key's id too.
    pub(crate) fn member(&self, project: &str, name: &str, roles: &[&str]) -> (String, Who) {
        let project = self.iam.project_named(project).unwrap().id;
        let resource = ResourceRef::of(ResourceKind::Project, project, project);
        let new = NewService {
            name: name.into(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            limits: Limits::default(),
        };
        self.iam
            .service_create(self.permit::<ServiceCreate>(resource), new)
            .unwrap();
        self.key(project, name)
    }

    fn key(&self, project: ProjectId, service: &str) -> (String, Who) {
        let service = self.iam.service_named(Some(project), service).unwrap();
        let resource = ResourceRef::of(ResourceKind::Service, service.id, project);
        let permit = self.permit::<KeyCreate>(resource);
        let (key, secret) = self.iam.key_create(permit, NewKey::default()).unwrap();
        (key.id.to_string(), Who::Key(secret.expose().to_owned()))
    }

    /// A model `m` in project `a` with two versions; `staging` points at the second, having pointed
    /// at the first. Gives what makes the first, as a body.
    pub(crate) fn model(&self) -> String {
        self.model_named("m")
    }

    /// The same under another name.
    pub(crate) fn model_named(&self, name: &str) -> String {
        let key = EcdsaPrivate::generate(Curve::P256).unwrap();
        let signers = json!({"signers": [{"name": "team", "pem": key.public().unwrap().to_pem()}]});
        let signer = Signer::with_key(key).unwrap();
        let at = format!("/v1/projects/a/models/{name}");
        let ok = |method: &str, path: &str, body: &str| {
            let reply = self.call(&self.admin, method, &format!("{at}{path}"), body);
            assert_eq!(reply.status, 200, "{path}: {reply:?}");
        };
        ok("PUT", "/signers", &signers.to_string());
        let mut first = String::new();
        for (number, content) in [(1, CONTENT), (2, "{\"model_type\": \"gpt2\"}")] {
            let path = self.dir.join(format!("{name}-{number}"));
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("config.json"), content).unwrap();
            let model = LocalModel::open(&path).unwrap();
            let signed = sign(&model, &signer, &SignOptions::default(), &Effort::default());
            let digest = digest(content);
            ok("PUT", &format!("/blobs/{digest}"), content);
            let body = json!({
                "files": [{"name": "config.json", "sha256": digest}],
                "signature": String::from_utf8(signed.unwrap().bundle).unwrap(),
            });
            ok("POST", "/versions", &body.to_string());
            ok(
                "PUT",
                "/aliases/staging",
                &json!({"to": number.to_string()}).to_string(),
            );
            if number == 1 {
                first = body.to_string();
            }
        }
        first
    }

    /// The id of a new key in project `a`.
    pub(crate) fn new_key(&self) -> String {
        self.key(self.project_a, "app").0
    }

    /// A record of project `a` that can be proved.
    pub(crate) fn record(&self) -> RecordId {
        let Who::Key(key) = &self.developer else {
            panic!("nobody")
        };
        let caller = self
            .iam
            .authenticate(Some(key), None, false)
            .unwrap()
            .caller;
        let resource = ResourceRef::of(ResourceKind::Project, self.project_a, self.project_a);
        let asked = self.door.admit::<ProjectRead>(&caller, resource, "");
        let permit = self.runtime.block_on(asked).unwrap();
        let record = permit.record();
        done(permit).unwrap();
        self.door.checkpoint_soon();
        let reader = self.door.reader();
        let index = reader.find(record).unwrap()[0].index;
        while reader.prove(index).is_err() {
            std::thread::yield_now();
        }
        record
    }

    pub(crate) fn call(&self, who: &Who, method: &str, path: &str, body: &str) -> Reply {
        let address = "192.0.2.1:4000".parse().unwrap();
        let (peer, key) = match who {
            Who::Key(key) => (
                Peer::Tcp {
                    address,
                    certified: false,
                },
                Some(key),
            ),
            Who::Nobody => (
                Peer::Tcp {
                    address,
                    certified: false,
                },
                None,
            ),
            Who::Socket(uid) => (Peer::Unix { uid: *uid }, None),
        };
        self.send(
            Some(peer),
            key.map(|key| format!("Bearer {key}")).as_deref(),
            method,
            path,
            body,
        )
    }

    /// Tries to push while many others of the project, who may, send bytes that do not come.
    pub(crate) fn push_in_a_crowd(&self, who: &Who, path: &str) -> u16 {
        let request = |who: &Who, body: Body| {
            let Who::Key(key) = who else { panic!("nobody") };
            let request = Request::put(path)
                .header("content-length", 5)
                .header("authorization", format!("Bearer {key}"));
            let mut request = request.body(body).unwrap();
            request.extensions_mut().insert(Peer::Tcp {
                address: "192.0.2.1:4000".parse().unwrap(),
                certified: false,
            });
            self.router.clone().oneshot(request)
        };
        self.runtime.block_on(async {
            for _ in 0..100 {
                tokio::spawn(request(&self.admin, Body::new(Never)));
            }
            // They come first: each has gone as far as it can.
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
            let answered = request(who, Body::from("{\"a\"}"));
            let answered = tokio::time::timeout(Duration::from_secs(20), answered).await;
            answered
                .unwrap_or_else(|_| panic!("it waited for a turn"))
                .unwrap()
                .status()
                .as_u16()
        })
    }

    pub(crate) fn send(
        &self,
        peer: Option<Peer>,
        authorization: Option<&str>,
        method: &str,
        path: &str,
        body: &str,
    ) -> Reply {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path)
            .header("content-type", "application/json")
            .header("content-length", body.len());
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            let header = |name: &str| {
                let value = response.headers().get(name);
                value.map_or("", |value| value.to_str().unwrap()).to_owned()
            };
            let (kind, allow) = (header("content-type"), header("allow"));
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            Reply {
                status,
                kind,
                allow,
                text: String::from_utf8(bytes.to_vec()).unwrap(),
            }
        })
    }
}

/// A path with something real for each of its names.
pub(crate) fn filled(path: &str, key: &str, record: &str) -> String {
    path.replace("{project}", "a")
        .replace("{service}", "app")
        .replace("{key}", key)
        .replace("{record}", record)
        .replace("{model}", "m")
        .replace("{version}", "1")
        .replace("{alias}", "staging")
        .replace("{kind}", "evaluation")
        .replace("{digest}", &digest(CONTENT))
}
