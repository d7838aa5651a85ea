// SPDX-License-Identifier: Apache-2.0
//! A whole gateway with its book, on a port of loopback.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use casemate_access::{Door, DoorParts, EntitySource};
use casemate_gateway::{
    Authenticator, Gateway, GatewayConfig, GatewayParts, Guest, RouteConfig, TimeoutConfig,
    UpstreamConfig, UpstreamKind, VerifiedModels,
};
use casemate_http::{Limits as Listening, Listener, Shutdown, serve};
use casemate_inspect::GuardRule;
use casemate_ledger::{Kind, Ledger, LedgerOptions, Reader, Record};
use casemate_quota::{Account, Limits, Quota};
use casemate_store::{Database, Options};
use casemate_testkit::{ManualClock, SeededEntropy, TempDir, keyring};
use casemate_types::{
    Caller, Credential, GuardAction, KeyId, Locality, Principal, PrincipalId, PrincipalKind,
    Problem, ProblemCode, ProjectId, RecordId, ResourceKind, ResourceRef, RiskScore, Strength,
    actions::PolicyApply, event::Facts,
};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};

use crate::upstream::{Seen, Upstream};

/// What detectors take for a key.
pub(crate) const SECRET: &str = "AKIAQYLPMN5HHHFPZAM2";
/// What detectors take for personal data.
pub(crate) const EMAIL: &str = "ada.lovelace@example.org";
/// The first project's key.
pub(crate) const KEY: &str = "key-one";
/// A key of another project.
pub(crate) const OTHER: &str = "key-two";
/// A key that has a budget.
pub(crate) const POOR: &str = "key-poor";

/// What a test may change before the gateway is opened.
pub(crate) struct Plan {
    pub(crate) config: GatewayConfig,
    pub(crate) listening: Listening,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) limits: Limits,
    pub(crate) models: Option<Arc<dyn VerifiedModels>>,
}

impl Plan {
    pub(crate) fn upstream(&mut self, name: &str) -> &mut UpstreamConfig {
        let found = self.config.upstream.iter_mut();
        found.into_iter().find(|up| up.name == name).unwrap()
    }

    pub(crate) fn route(&mut self, model: &str) -> &mut RouteConfig {
        let found = self.config.route.iter_mut();
        found.into_iter().find(|r| r.model == model).unwrap()
    }
}

/// The gateway and everything around it.
pub(crate) struct House {
    pub(crate) dir: TempDir,
    pub(crate) gateway: Gateway,
    pub(crate) quota: Quota,
    pub(crate) reader: Reader,
    /// The external provider of both wire formats.
    pub(crate) external: Upstream,
    /// One that is called local.
    pub(crate) local: Upstream,
    pub(crate) address: SocketAddr,
    door: Door,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

/// An answer as the caller sees it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    pub(crate) fn id(&self) -> RecordId {
        let id = self.headers["x-request-id"].to_str().unwrap();
        assert_eq!(self.headers["request-id"], id);
        id.parse().unwrap()
    }

    /// Payloads of the events.
    pub(crate) fn events(&self) -> Vec<String> {
        let frames = self.text().split("\n\n").filter(|frame| !frame.is_empty());
        frames
            .map(|frame| {
                let lines: Vec<_> = frame.lines().collect();
                let (data, before) = lines.split_last().unwrap();
                assert!(before.len() <= 1 && before.iter().all(|l| l.starts_with("event: ")));
                data.strip_prefix("data: ").unwrap().to_owned()
            })
            .collect()
    }
}

struct Nothing;

impl EntitySource for Nothing {
    fn epoch(&self) -> u64 {
        1
    }
}

struct Keys(HashMap<&'static str, Guest>);

impl Authenticator for Keys {
    fn authenticate(
        &self,
        key: Option<&str>,
        address: Option<IpAddr>,
        _certified: bool,
    ) -> Result<Guest, Problem> {
        let refused = || Problem::new(ProblemCode::Unauthenticated, "no valid key");
        let mut guest = self.0.get(key.unwrap_or_default()).cloned();
        if let Some(guest) = &mut guest {
            guest.caller.address = address;
        }
        guest.ok_or_else(refused)
    }
}

fn guest(number: u8, project: u8, limits: Limits) -> Guest {
    let key = KeyId::from_bytes([number; 16]);
    let project = ProjectId::from_bytes([project; 16]);
    let principal = Principal {
        id: PrincipalId::from_bytes([number + 100; 16]),
        kind: PrincipalKind::Service,
        project: Some(project),
        roles: vec!["service".into()],
        name: format!("service {number}"),
    };
    Guest {
        caller: Caller {
            principal: Arc::new(principal),
            credential: Credential::Key(key),
            act_chain: Vec::new(),
            strength: Strength::Secret,
            risk: RiskScore::new(0),
            address: None,
        },
        accounts: vec![
            (Account::Key(key), limits),
            (Account::Project(project), Limits::default()),
        ],
        models: Arc::new([]),
    }
}

pub(crate) fn upstream(name: &str, kind: UpstreamKind, url: &str, at: Locality) -> UpstreamConfig {
    UpstreamConfig {
        name: name.into(),
        kind,
        url: url.into(),
        credential: None,
        locality: at,
        region: String::new(),
        digest: None,
        allow_private: true,
        stream_usage: true,
        timeout: TimeoutConfig::default(),
    }
}

pub(crate) fn route(model: &str, upstream: &str, fallback: Option<&str>) -> RouteConfig {
    RouteConfig {
        model: model.into(),
        upstream: upstream.into(),
        fallback: fallback.map(str::to_owned),
        verified: None,
        upstream_model: None,
        input_micros_per_million: 0,
        output_micros_per_million: 1_000_000,
        provider_state: Vec::new(),
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// With models `gpt` and `claude` at the external provider, `gpt-local` at the local one, and
    /// `gpt-fall` at the local one with the external one as fallback.
    pub(crate) async fn with(change: impl FnOnce(&mut Plan)) -> Self {
        let (external, local) = (Upstream::start().await, Upstream::start().await);
        let mut config = GatewayConfig::default();
        config.upstream = vec![
            upstream(
                "out",
                UpstreamKind::OpenAi,
                &external.url,
                Locality::External,
            ),
            upstream(
                "out-a",
                UpstreamKind::Anthropic,
                &external.url,
                Locality::External,
            ),
            upstream("in", UpstreamKind::OpenAi, &local.url, Locality::Local),
        ];
        config.route = vec![
            route("gpt", "out", None),
            route("claude", "out-a", None),
            route("gpt-local", "in", None),
            route("gpt-fall", "in", Some("out")),
        ];
        // Personal data is replaced wherever it stands.
        config.guard.personal = GuardRule {
            output: GuardAction::Flag,
            ..GuardRule::everywhere(GuardAction::Pseudonymise)
        };
        let mut plan = Plan {
            config,
            listening: Listening::default(),
            max_bytes: None,
            limits: Limits::default(),
            models: None,
        };
        change(&mut plan);
        Self::open(plan, external, local).await
    }

    async fn open(plan: Plan, external: Upstream, local: Upstream) -> Self {
        let dir = TempDir::new();
        let (clock, entropy) = (ManualClock::shared(), SeededEntropy::shared(7));
        let keyring = keyring(&dir.join("keys.db"), clock.clone(), entropy.clone());
        let options = LedgerOptions {
            file: dir.join("ledger.db"),
            reserve: if plan.max_bytes.is_some() {
                256 << 10
            } else {
                0
            },
            max_bytes: plan.max_bytes,
            checkpoint_every: Duration::from_secs(60),
        };
        let (writer, reader) =
            Ledger::open(options, keyring.clone(), entropy.clone(), clock.clone()).unwrap();
        let database = Database::open(
            &dir.join("state.db"),
            Options::default(),
            casemate_access::MIGRATIONS,
        );
        let door = Door::open(DoorParts {
            writer,
            reader: reader.clone(),
            database: database.unwrap(),
            entities: Arc::new(Nothing),
            clock: clock.clone(),
            entropy,
        })
        .unwrap();
        let quota = Quota::default();
        let keys = HashMap::from([
            (KEY, guest(1, 1, Limits::default())),
            (OTHER, guest(2, 2, Limits::default())),
            (POOR, guest(3, 1, plan.limits)),
        ]);
        let parts = GatewayParts {
            door: door.clone(),
            quota: quota.clone(),
            authenticator: Arc::new(Keys(keys)),
            keyring,
            clock,
            models: plan.models,
            spans: None,
        };
        let none = |_: &str| Err("there are no credentials here".to_owned());
        let gateway = Gateway::open(plan.config, &none, parts).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::tcp(any, None, plan.listening).await.unwrap();
        let address = listener.address().unwrap();
        let shutdown = Shutdown::default();
        let served = gateway.clone();
        let handler = move |request, peer| served.clone().handle(request, peer);
        let grace = Duration::from_secs(5);
        let task = tokio::spawn(serve(listener, handler, shutdown.clone(), grace));
        Self {
            dir,
            gateway,
            quota,
            reader,
            external,
            local,
            address,
            door,
            shutdown,
            task,
        }
    }

    /// Puts another policy set in force.
    pub(crate) async fn policies(&self, text: &str) {
        let operator = Caller::operator(0);
        let set = ResourceRef::system(ResourceKind::PolicySet, "active");
        let admitted = self.door.admit::<PolicyApply>(&operator, set, "").await;
        self.door.policy_apply(admitted.unwrap(), text, "").unwrap();
    }

    /// Sends a body with a key.
    pub(crate) async fn post(&self, key: &str, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send(self.request(key, path, body)).await
    }

    pub(crate) fn request(
        &self,
        key: &str,
        path: &str,
        body: impl Into<Bytes>,
    ) -> http::Request<Full<Bytes>> {
        http::Request::post(path)
            .header("host", "gateway")
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .body(Full::new(body.into()))
            .unwrap()
    }

    pub(crate) async fn send(&self, request: http::Request<Full<Bytes>>) -> Answer {
        let response = self.begin(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    /// Sends a request and gives the answer's head; the connection closes with the body.
    pub(crate) async fn begin(
        &self,
        request: http::Request<Full<Bytes>>,
    ) -> http::Response<hyper::body::Incoming> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let io = TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    }

    /// Sends bytes as they are and gives everything that comes back until the connection ends.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut out = Vec::new();
        // A peer that closes while bytes of ours wait may reset the connection.
        let _ = stream.read_to_end(&mut out).await;
        String::from_utf8_lossy(&out).into_owned()
    }

    pub(crate) fn take_sent(&self) -> Vec<Seen> {
        let mut all = self.external.take();
        all.extend(self.local.take());
        all
    }

    pub(crate) fn is_pressed(&self) -> bool {
        self.door.is_pressed()
    }

    /// Ends the gateway; gives the whole book.
    pub(crate) async fn end(self) -> Book {
        self.shutdown.trigger();
        self.task.await.unwrap();
        self.door.close();
        let records = self.reader.list(0, usize::MAX).unwrap();
        Book {
            records,
            metrics: self.gateway.metrics(),
            dir: self.dir,
        }
    }
}

/// The book at the end.
pub(crate) struct Book {
    pub(crate) records: Vec<Record>,
    pub(crate) metrics: String,
    pub(crate) dir: TempDir,
}

impl Book {
    /// Facts of all records of a kind about a request, its further attempts included.
    pub(crate) fn of(&self, id: RecordId, kind: Kind) -> Vec<Facts> {
        let attempts: Vec<_> = self
            .records
            .iter()
            .filter(|record| record.entry.kind == Kind::Decision && record.entry.about == id)
            .map(|record| record.entry.id)
            .collect();
        self.records
            .iter()
            .filter(|record| record.entry.kind == kind)
            .filter(|record| record.entry.about == id || attempts.contains(&record.entry.about))
            .map(|record| Facts::from_event(&record.entry.event).unwrap())
            .collect()
    }

    pub(crate) fn decision(&self, id: RecordId) -> Facts {
        self.one(id, Kind::Decision)
    }

    pub(crate) fn outcome(&self, id: RecordId) -> Facts {
        self.one(id, Kind::Outcome)
    }

    fn one(&self, id: RecordId, kind: Kind) -> Facts {
        let mut all = self.of(id, kind);
        assert_eq!(all.len(), 1, "{kind:?} of {id}: {all:#?}");
        all.remove(0)
    }

    /// Whether bytes stand anywhere in the files that were written.
    pub(crate) fn holds(&self, needle: &str) -> bool {
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        files.into_iter().any(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            memchr::memmem::find(&bytes, needle.as_bytes()).is_some()
        })
    }
}

/// Everything that is logged on this thread until it is dropped.
pub(crate) struct Log {
    lines: Arc<Mutex<Vec<u8>>>,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Log {
    pub(crate) fn new() -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let writer = Writer(lines.clone());
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        Self {
            lines,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.lines.lock().unwrap().clone()).unwrap()
    }
}

#[derive(Clone)]
struct Writer(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
