// SPDX-License-Identifier: Apache-2.0
//! The façade: a request in, an answer out.

mod models;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Instant,
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use casemate_access::{AccessError, Door, Timing};
use casemate_crypto::Hmac;
use casemate_http::{Body, HttpError, Peer, full};
use casemate_inspect::{Hosts, Inspector};
use casemate_quota::{Account, Limits, Quota, Refusal};
use casemate_store::{Keyring, Scope, StoreError};
use casemate_types::{
    AccessContext, Booking, Caller, Clock, GuardAction, Problem, ProblemCode, ProjectId, RecordId,
    actions::ModelInvoke,
    event::{Ending, Facts, Sighting},
    key_fits,
};
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;

use crate::{
    CredentialSource, GatewayConfig, GatewayError, answer,
    dialect::{Dialect, Endpoint, error_body},
    guard::ProjectSurrogates,
    memory::Memory,
    metrics::Metrics,
    sets,
    steps::{Forwarded, Inspected, Received, Rejected, Stop, model_resource},
    trace::{SpanSink, Trace},
    upstream::{Route, Routes},
    verified::{self, VerifiedModels},
};

/// Failed sign-ins recorded in a second at most; more are only counted.
const FAILURES_PER_SECOND: u32 = 20;

/// Finds out who asks. `iam` implements it, in `wire.rs`.
pub trait Authenticator: Send + Sync {
    /// The holder of a key.
    ///
    /// # Errors
    /// [`Problem`] saying why the key is not taken.
    fn authenticate(
        &self,
        key: Option<&str>,
        address: Option<IpAddr>,
        certified: bool,
    ) -> Result<Guest, Problem>;
}

/// A caller with what its key allows.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Who asks.
    pub caller: Caller,
    /// The limits that apply.
    pub accounts: Vec<(Account, Limits)>,
    /// Models the key is for, `*` at the end for any ending; empty for all.
    pub models: Arc<[String]>,
}

impl Guest {
    pub(crate) fn allows_model(&self, model: &str) -> bool {
        key_fits(&self.models, model)
    }
}

/// What a gateway is made of.
pub struct GatewayParts {
    /// The door.
    pub door: Door,
    /// The counters.
    pub quota: Quota,
    /// Who is who.
    pub authenticator: Arc<dyn Authenticator>,
    /// Keys of projects.
    pub keyring: Keyring,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who knows which models are verified, if anybody.
    pub models: Option<Arc<dyn VerifiedModels>>,
    /// Who takes spans, if anybody.
    pub spans: Option<Arc<dyn SpanSink>>,
}

/// One state of the configuration; replaced as a whole.
pub(crate) struct Active {
    pub(crate) config: GatewayConfig,
    pub(crate) inspector: Inspector,
    /// What this inspector found in texts lately.
    pub(crate) memory: Memory,
    routes: Routes,
}

impl Active {
    fn new(config: GatewayConfig, credentials: CredentialSource<'_>) -> Result<Self, GatewayError> {
        let routes = Routes::new(&config, credentials)?;
        let mut inspector = Inspector::with(sets::settings(&config, credentials)?)?;
        if let Some(hosts) = &config.link_hosts {
            inspector = inspector.with_hosts(Hosts::new(hosts)?);
        }
        Ok(Self {
            config,
            inspector,
            memory: Memory::new(),
            routes,
        })
    }

    pub(crate) fn route_index(&self, model: &str, dialect: Dialect) -> Option<usize> {
        self.routes.find(model, dialect)
    }

    pub(crate) fn route(&self, index: usize) -> &Route {
        self.routes.get(index)
    }
}

/// Keys of one project, opened once.
pub(crate) struct ProjectKeys {
    pub(crate) surrogates: ProjectSurrogates,
    digest: Hmac,
}

pub(crate) struct Inner {
    pub(crate) parts: GatewayParts,
    pub(crate) metrics: Metrics,
    active: ArcSwap<Active>,
    keys: Mutex<HashMap<Option<ProjectId>, Arc<ProjectKeys>>>,
    failures: (AtomicI64, AtomicU32),
}

impl Inner {
    pub(crate) fn hour(&self) -> u8 {
        let seconds = self.parts.clock.now().as_secs();
        u8::try_from(seconds.rem_euclid(86_400) / 3_600).unwrap_or(0)
    }

    pub(crate) fn project_keys(
        &self,
        project: Option<ProjectId>,
    ) -> Result<Arc<ProjectKeys>, StoreError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = keys.get(&project) {
            return Ok(found.clone());
        }
        let scope = project.map_or(Scope::System, Scope::Project);
        let made = Arc::new(ProjectKeys {
            surrogates: ProjectSurrogates(self.parts.keyring.hmac(scope, "gateway/surrogates")?),
            digest: self.parts.keyring.hmac(scope, "gateway/digest")?,
        });
        keys.insert(project, made.clone());
        Ok(made)
    }

    /// A keyed digest of a request, hex: the same content can be recognised, not guessed.
    pub(crate) fn digest(&self, project: Option<ProjectId>, body: &Bytes) -> String {
        let Ok(keys) = self.project_keys(project) else {
            return String::new();
        };
        let digest = keys.digest.digest(&[body]);
        let mut out = String::with_capacity(32);
        for byte in &digest[..16] {
            out.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            out.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        out
    }

    fn count(&self, sightings: &[Sighting]) {
        for seen in sightings {
            self.metrics.finding(seen.kind, seen.action, seen.count);
        }
    }

    /// Whether one more failed sign-in of this second may be recorded.
    fn may_record_failure(&self) -> bool {
        let second = self.parts.clock.now().as_secs();
        if self.failures.0.swap(second, Ordering::Relaxed) != second {
            self.failures.1.store(0, Ordering::Relaxed);
        }
        self.failures.1.fetch_add(1, Ordering::Relaxed) < FAILURES_PER_SECOND
    }
}

/// The gateway. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

impl Gateway {
    /// Sets the gateway up.
    ///
    /// # Errors
    /// [`GatewayError`] naming the upstream, route, canary or file that cannot be used.
    pub fn open(
        config: GatewayConfig,
        credentials: CredentialSource<'_>,
        parts: GatewayParts,
    ) -> Result<Self, GatewayError> {
        let active = ArcSwap::from_pointee(Active::new(config, credentials)?);
        Ok(Self {
            inner: Arc::new(Inner {
                parts,
                metrics: Metrics::default(),
                active,
                keys: Mutex::default(),
                failures: (AtomicI64::new(0), AtomicU32::new(0)),
            }),
        })
    }

    /// Swaps the configuration; requests that run go on with the one they began with.
    ///
    /// # Errors
    /// [`GatewayError`]; the old configuration stays in force then.
    pub fn reload(
        &self,
        config: GatewayConfig,
        credentials: CredentialSource<'_>,
    ) -> Result<(), GatewayError> {
        self.inner
            .active
            .store(Arc::new(Active::new(config, credentials)?));
        Ok(())
    }

    /// Counters in the Prometheus text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.inner
            .metrics
            .text(self.inner.active.load().memory.counts())
    }

    /// Answers one request of the data plane.
    pub async fn handle(self, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let path = request.uri().path();
        if let Some(endpoint) = Endpoint::of_path(path) {
            self.inner.metrics.begin();
            let response = self.content(endpoint, request, peer).await;
            self.inner.metrics.end();
            return response;
        }
        match path {
            "/v1/models" => self.models(request, peer).await,
            "/livez" => plain(StatusCode::OK, "ok"),
            "/readyz" if self.inner.parts.door.is_pressed() => {
                plain(StatusCode::SERVICE_UNAVAILABLE, "the ledger's disk is full")
            }
            "/readyz" => plain(StatusCode::OK, "ok"),
            _ => {
                let text = "there is nothing at this address";
                let problem = Problem::new(ProblemCode::NotFound, text).hint(
                    "there are /v1/chat/completions, /v1/embeddings, /v1/messages and /v1/models",
                );
                self.refusal(dialect_of(&request), problem)
            }
        }
    }

    /// An error that belongs to no content endpoint, with an id to ask about.
    fn refusal(&self, dialect: Dialect, mut problem: Problem) -> Response<Body> {
        let new = || self.inner.parts.door.new_record();
        let id = *problem.request_id.get_or_insert_with(new);
        let mut response = error_response(dialect, &problem);
        name_request(&mut response, id);
        response
    }

    async fn content(
        &self,
        endpoint: Endpoint,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Response<Body> {
        let parts = &self.inner.parts;
        let record = parts.door.new_record();
        let trace = parts.spans.as_ref().and_then(|sink| {
            let clock = parts.clock.as_ref();
            Trace::begin(sink.clone(), clock, record, endpoint, request.headers())
        });
        let result = self
            .pipeline(record, endpoint, request, peer, trace.clone())
            .await;
        let mut id = record;
        let mut response = match result {
            Ok(response) => {
                self.inner.metrics.request(endpoint, None);
                response
            }
            Err(mut problem) => {
                // A refused key has a record of its own.
                id = *problem.request_id.get_or_insert(record);
                if let Some(trace) = trace {
                    trace.failed(problem.code, id);
                }
                self.inner.metrics.request(endpoint, Some(problem.code));
                error_response(endpoint.dialect(), &problem)
            }
        };
        name_request(&mut response, id);
        response
    }

    async fn pipeline(
        &self,
        record: RecordId,
        endpoint: Endpoint,
        request: Request<Incoming>,
        peer: Peer,
        trace: Option<Arc<Trace>>,
    ) -> Result<Response<Body>, Problem> {
        let inner = &self.inner;
        let active = inner.active.load_full();
        let (parts, body) = request.into_parts();
        let received = Received::new(record, endpoint, parts, body, peer, trace);
        let authenticated = received
            .authenticate(inner)
            .map_err(|problem| self.unauthenticated(peer, problem))?;
        let read = match authenticated.read(&active).await {
            Ok(read) => read,
            Err((rejected, guest)) => {
                return Err(self.reject(rejected, record, endpoint, &guest).await);
            }
        };
        let inspected = match read.inspect(&active) {
            Ok(inspected) => inspected,
            Err(turned_away) => {
                let (rejected, read) = *turned_away;
                return Err(self.reject(rejected, record, endpoint, &read.guest).await);
            }
        };
        self.answer(inspected).await
    }

    /// Asks the door, forwards, and answers; with a second upstream if the first cannot answer.
    async fn answer(&self, mut inspected: Inspected) -> Result<Response<Body>, Problem> {
        let inner = &self.inner;
        inner.count(&inspected.sightings());
        let models = inner.parts.models.as_deref();
        let (upstreams, unverified) =
            match verified::upstreams(inspected.route().get(), models).await {
                Ok(upstreams) => (upstreams, None),
                Err((upstream, why)) => (vec![upstream], Some(why)),
            };
        let more = upstreams.len() > 1;
        let mut last = Problem::new(ProblemCode::Upstream, "no upstream could answer");
        for (attempt, upstream) in (0..).zip(upstreams) {
            let permitted = inspected
                .permit(inner, &upstream, attempt, unverified.as_deref())
                .await
                .map_err(|stop| {
                    self.record_attack(&inspected);
                    stop_problem(stop, inspected.record())
                })?;
            if let Some(trace) = inspected.trace() {
                let demand = &inspected.demand;
                trace.routed(&upstream, &demand.model, demand.stream);
            }
            let started = Instant::now();
            let forwarded = permitted
                .forward(inspected.endpoint(), &upstream, inspected.headers())
                .await
                .map_err(|error| error.problem())?;
            inner.metrics.first_byte(started.elapsed());
            match retry_reason(&forwarded) {
                Some(reason) if attempt == 0 && more => {
                    last = reason.clone();
                    give_up(forwarded, &reason);
                }
                _ => return answer::answer(self, inspected, &upstream, forwarded).await,
            }
        }
        Err(last)
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// Records a refusal of a caller whose key was not taken.
    fn unauthenticated(&self, peer: Peer, mut problem: Problem) -> Problem {
        let address = match peer {
            Peer::Tcp { address, .. } => Some(address.ip()),
            Peer::Unix { .. } => None,
        };
        if self.inner.may_record_failure() {
            let caller = Caller::anonymous(address);
            let recorder = self.inner.parts.door.recorder();
            match recorder.authentication(&caller, false, &problem.detail) {
                Ok(record) => problem.request_id = Some(record),
                Err(error) => tracing::error!(%error, "a failed sign-in could not be recorded"),
            }
        }
        problem
    }

    /// Records a request that never came to the door's question, as the refusal it is.
    async fn reject(
        &self,
        rejected: Rejected,
        record: RecordId,
        endpoint: Endpoint,
        guest: &Guest,
    ) -> Problem {
        let door = &self.inner.parts.door;
        let caller = &guest.caller;
        let model: String = rejected.model.chars().take(64).collect();
        let resource = model_resource(&model, caller.principal.project);
        let context = AccessContext::admin(self.inner.hour(), 0, caller.strength);
        let mut decided = door
            .ask::<ModelInvoke>(record, caller, resource, &context)
            .overrule(rejected.rule, &rejected.problem.detail);
        decided.operation(endpoint.operation());
        decided.describe(|facts| {
            facts.dialect = endpoint.dialect().as_str().to_owned();
            facts.status = Some(rejected.problem.code.status());
        });
        match door.commit(decided, Timing::Overlapped).await {
            Ok(_) => rejected.problem,
            Err(error) => error.problem(),
        }
    }

    /// Records an attack that was kept out, for detection.
    fn record_attack(&self, inspected: &Inspected) {
        let blocked: Vec<_> = inspected
            .sightings()
            .into_iter()
            .filter(|seen| seen.action == GuardAction::Block)
            .collect();
        if blocked.is_empty() {
            return;
        }
        let attack = blocked.iter().any(|seen| {
            matches!(
                seen.kind.class(),
                casemate_types::DataClass::Attack | casemate_types::DataClass::Canary
            )
        });
        let facts = Facts {
            findings: blocked,
            ..Facts::default()
        };
        let caller = &inspected.guest().caller;
        let recorder = self.inner.parts.door.recorder();
        if let Err(error) = recorder.finding(caller, inspected.record(), attack, facts) {
            tracing::error!(%error, "a finding could not be recorded");
        }
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gateway")
    }
}

/// Why another upstream should be asked; only before a byte of the answer was given out.
fn retry_reason(forwarded: &Forwarded) -> Option<Problem> {
    match &forwarded.response {
        Err(error) => Some(transport_problem(error)),
        Ok(response) if response.status().is_server_error() || response.status() == 429 => {
            let text = format!("the upstream answered {}", response.status().as_u16());
            Some(Problem::new(ProblemCode::Upstream, text))
        }
        Ok(_) => None,
    }
}

/// Ends an attempt that produced nothing.
fn give_up(forwarded: Forwarded, reason: &Problem) {
    let Forwarded {
        receipt,
        reservation,
        ..
    } = forwarded;
    let nothing = Booking::default();
    receipt.settle(Ending::Failed, |facts| {
        facts.booking = Some(nothing);
        facts.note.clone_from(&reason.detail);
    });
    reservation.settle(nothing);
}

pub(crate) fn transport_problem(error: &HttpError) -> Problem {
    match error {
        HttpError::Timeout(_) => Problem::new(
            ProblemCode::UpstreamTimeout,
            "the upstream did not answer in time",
        ),
        HttpError::Connect(..) => {
            Problem::new(ProblemCode::Upstream, "the upstream cannot be reached")
        }
        _ => Problem::new(
            ProblemCode::Upstream,
            "the connection to the upstream broke off",
        ),
    }
}

fn stop_problem(stop: Stop, record: RecordId) -> Problem {
    match stop {
        Stop::Access(AccessError::Denied(mut denial)) => {
            denial.record = record;
            denial.problem()
        }
        Stop::Access(error) => error.problem(),
        Stop::Quota(refusal) => quota_problem(&refusal),
        Stop::Stuck => Problem::new(ProblemCode::Internal, "the request could not be made safe"),
    }
}

fn quota_problem(refusal: &Refusal) -> Problem {
    let code = if refusal.limit.is_money() || refusal.retry_after.is_none() {
        ProblemCode::BudgetSpent
    } else {
        ProblemCode::RateLimited
    };
    let mut problem = Problem::new(code, refusal.to_string());
    problem.retry_after = refusal.retry_after;
    problem.hint(match refusal.retry_after {
        Some(seconds) => format!("try again in {seconds} s, or ask for a higher limit"),
        None => "this one request exceeds the limit; ask for less, or for a higher limit".into(),
    })
}

fn dialect_of(request: &Request<Incoming>) -> Dialect {
    if request.headers().contains_key("anthropic-version") {
        Dialect::Anthropic
    } else {
        Dialect::OpenAi
    }
}

/// Names the request under both names by which the two families of clients look for it.
fn name_request(response: &mut Response<Body>, id: RecordId) {
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert("x-request-id", id.clone());
        response.headers_mut().insert("request-id", id);
    }
}

/// An error in the shape its client understands.
pub(crate) fn error_response(dialect: Dialect, problem: &Problem) -> Response<Body> {
    let mut response = json_response(error_body(dialect, problem));
    *response.status_mut() =
        StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(seconds) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if matches!(
        problem.code,
        ProblemCode::BudgetSpent | ProblemCode::BodyLimit
    ) {
        // Both official clients honour it: trying again at once cannot help.
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
    response
}

pub(crate) fn json_response(body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(body));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(full(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}

/// What an answer settles: tokens and their price.
pub(crate) fn settled(route: &Route, input: u64, output: u64) -> Booking {
    Booking {
        tokens: input.saturating_add(output),
        micros: route.price(input, output),
    }
}
