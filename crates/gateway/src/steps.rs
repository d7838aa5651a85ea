// SPDX-License-Identifier: Apache-2.0
//! The steps of a request as types. Each can only be made from the one before it.

mod permit;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use casemate_access::{AccessError, Permit, Receipt};
use casemate_http::{HttpError, Peer, read_body};
use casemate_inspect::{GuardProfile, Instructions, Surrogates};
use casemate_quota::{Refusal, Reservation};
use casemate_types::{
    Channel, DataClass, GuardAction, Problem, ProblemCode, RecordId, ResourceKind, ResourceRef,
    Role, actions::ModelInvoke, event::Sighting,
};
use http::{HeaderMap, Method, Response, header, request::Parts};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::{
    Guest,
    dialect::{Endpoint, Parsed, StreamUsage, parse_request},
    gateway::{Active, Inner},
    guard::Inspection,
    json::Tape,
    memory::Recall,
    trace::Trace,
    upstream::{Route, Upstream},
};

/// Bytes of a prompt that make a token at least, for reservations before the provider has counted.
const BYTES_PER_TOKEN: usize = 4;
/// Header with which callers declare data classes, comma separated.
const CLASSES_HEADER: &str = "x-casemate-data-classes";
/// Header with which callers say what a request is for.
const PURPOSE_HEADER: &str = "x-casemate-purpose";

/// A request whose head is within limits. Nothing of it was believed yet.
pub struct Received {
    pub(crate) record: RecordId,
    pub(crate) endpoint: Endpoint,
    parts: Parts,
    body: Incoming,
    peer: Peer,
    trace: Option<Arc<Trace>>,
}

impl Received {
    /// Takes a request in.
    pub(crate) const fn new(
        record: RecordId,
        endpoint: Endpoint,
        parts: Parts,
        body: Incoming,
        peer: Peer,
        trace: Option<Arc<Trace>>,
    ) -> Self {
        Self {
            record,
            endpoint,
            parts,
            body,
            peer,
            trace,
        }
    }

    /// The key as the two families of clients send it.
    fn key(&self) -> Option<&str> {
        let text = |name: &str| self.parts.headers.get(name)?.to_str().ok();
        text("authorization")
            .and_then(|value| {
                value
                    .strip_prefix("Bearer ")
                    .or(value.strip_prefix("bearer "))
            })
            .or_else(|| text("x-api-key"))
            .map(str::trim)
    }

    /// Finds out who asks.
    pub(crate) fn authenticate(self, inner: &Inner) -> Result<Authenticated, Problem> {
        let (address, certified) = match self.peer {
            Peer::Tcp { address, certified } => (Some(address.ip()), certified),
            Peer::Unix { .. } => (None, false),
        };
        match inner
            .parts
            .authenticator
            .authenticate(self.key(), address, certified)
        {
            Ok(guest) => Ok(Authenticated {
                received: self,
                guest,
            }),
            Err(problem) => Err(problem),
        }
    }
}

/// A request of somebody who is known.
pub struct Authenticated {
    received: Received,
    guest: Guest,
}

impl Authenticated {
    /// Reads the body, now that it is known for whom. Compressed bodies are refused: what they hold
    /// cannot be bounded.
    ///
    /// # Errors
    /// [`Rejected`] for another method, a compressed body, or one that is too large or too slow.
    pub(crate) async fn read(self, active: &Active) -> Result<Read, (Rejected, Guest)> {
        let limits = active.config.request;
        let patience = Duration::from_millis(limits.body_ms);
        let Received {
            record,
            endpoint,
            parts,
            body,
            trace,
            ..
        } = self.received;
        let refused = if parts.method != Method::POST {
            Some(Problem::new(
                ProblemCode::Invalid,
                "this address takes POST only",
            ))
        } else if parts.headers.contains_key(header::CONTENT_ENCODING) {
            let text = "compressed bodies are not taken";
            Some(Problem::new(ProblemCode::Invalid, text).hint("send the body as it is"))
        } else {
            None
        };
        if let Some(problem) = refused {
            return Err((Rejected::invalid(problem), self.guest));
        }
        let body = match read_body(body, limits.body_bytes, patience).await {
            Ok(body) => body,
            Err(error) => {
                let code = match error {
                    HttpError::BodyTooLarge(_) | HttpError::Timeout(_) => ProblemCode::BodyLimit,
                    _ => ProblemCode::Invalid,
                };
                let problem = Problem::new(code, error.to_string());
                return Err((Rejected::invalid(problem), self.guest));
            }
        };
        Ok(Read {
            record,
            endpoint,
            headers: parts.headers,
            guest: self.guest,
            body,
            trace,
        })
    }
}

/// A request whose bytes are there.
pub struct Read {
    pub(crate) record: RecordId,
    pub(crate) endpoint: Endpoint,
    pub(crate) headers: HeaderMap,
    pub(crate) guest: Guest,
    pub(crate) body: Bytes,
    trace: Option<Arc<Trace>>,
}

impl Read {
    /// Understands and inspects the request, and asks the door.
    ///
    /// # Errors
    /// [`Refusal`] with what goes into the record and the request itself.
    pub(crate) fn inspect(self, active: &Arc<Active>) -> Result<Inspected, Box<(Rejected, Self)>> {
        match self.understand(active) {
            Ok((demand, inspection, route, root_end)) => Ok(Inspected {
                read: self,
                demand,
                inspection,
                route,
                root_end,
            }),
            Err(rejected) => Err(Box::new((*rejected, self))),
        }
    }

    fn understand(
        &self,
        active: &Arc<Active>,
    ) -> Result<(Demand, Inspection, RouteRef, usize), Box<Rejected>> {
        let invalid =
            |text: String| Box::new(Rejected::invalid(Problem::new(ProblemCode::Invalid, text)));
        let tape = Tape::parse(&self.body)
            .map_err(|error| invalid(format!("the body is not valid JSON: {error}")))?;
        let parsed = parse_request(self.endpoint, &tape).map_err(|refused| invalid(refused.0))?;
        // A model's name goes where nothing is edited: to the upstream and into records.
        if !active.inspector.inspect_exact(&parsed.model).is_empty() {
            return Err(invalid("`model` is no name of a model".to_owned()));
        }
        let route = self.admit(active, &parsed)?;
        let recall = Recall {
            memory: &active.memory,
            project: self.guest.caller.principal.project,
        };
        let (inspector, profile) = (&active.inspector, &active.config.guard);
        let inspection = Inspection::of_request(inspector, profile, &recall, &parsed.sites);
        let mut classes = inspection.classes();
        let declared = self.declared_classes();
        classes.extend(declared.map_err(|problem| {
            let model = parsed.model.clone();
            Box::new(Rejected {
                model,
                ..Rejected::invalid(problem)
            })
        })?);
        if parsed.opaque {
            classes.push(DataClass::Opaque);
        }
        classes.sort_unstable();
        classes.dedup();
        let max_output = parsed
            .max_output
            .unwrap_or(active.config.request.default_max_tokens);
        let output = max_output.saturating_mul(parsed.choices);
        let input = tokens_at_least(&self.body);
        let demand = Demand {
            model: parsed.model.clone(),
            model_span: parsed.model_span.clone(),
            stream: parsed.stream,
            stream_usage: parsed.stream_usage.clone(),
            tools: parsed.tools,
            untrusted: parsed
                .sites
                .iter()
                .any(|site| site.channel == casemate_types::Channel::ToolResult),
            classes,
            input,
            output,
            instructions: instructions_of(profile, &parsed),
        };
        Ok((demand, inspection, route, tape.root().span().end))
    }

    /// The coarse questions, before any work is done on the content.
    fn admit(
        &self,
        active: &Arc<Active>,
        parsed: &Parsed<'_, '_>,
    ) -> Result<RouteRef, Box<Rejected>> {
        let model = &parsed.model;
        let rejected = |rule, code, text: String, hint: &str| {
            let problem = Problem::new(code, text).hint(hint);
            let model = model.clone();
            Box::new(Rejected {
                rule,
                model,
                problem,
            })
        };
        let dialect = self.endpoint.dialect();
        let index = active.route_index(model, dialect).ok_or_else(|| {
            let text = format!("there is no model `{}` here", shown(model));
            let hint = "`GET /v1/models` lists what this key may use";
            rejected("route.unknown", ProblemCode::NotFound, text, hint)
        })?;
        if !self.guest.allows_model(model) {
            let text = format!("this key may not be used for the model `{}`", shown(model));
            let hint = "`GET /v1/models` lists what this key may use";
            return Err(rejected("key.models", ProblemCode::Denied, text, hint));
        }
        let route = RouteRef {
            active: active.clone(),
            index,
        };
        let allowed = &route.get().config.provider_state;
        if let Some(state) = parsed
            .state
            .iter()
            .find(|state| !allowed.iter().any(|a| a == **state))
        {
            let text = format!("`{state}` lets content pass that nobody here can inspect");
            let hint = "an operator can allow it by name with `provider_state` in the route";
            return Err(rejected("provider.state", ProblemCode::Denied, text, hint));
        }
        Ok(route)
    }

    fn declared_classes(&self) -> Result<Vec<DataClass>, Problem> {
        let Some(value) = self.headers.get(CLASSES_HEADER) else {
            return Ok(Vec::new());
        };
        let text = value.to_str().unwrap_or("?");
        text.split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(|word| {
                DataClass::from_word(word).ok_or_else(|| {
                    let text = format!("`{CLASSES_HEADER}` names a class that is not known");
                    Problem::new(ProblemCode::Invalid, text)
                })
            })
            .collect()
    }

    fn purpose(&self) -> String {
        let purpose = self
            .headers
            .get(PURPOSE_HEADER)
            .and_then(|value| value.to_str().ok());
        purpose.unwrap_or_default().chars().take(128).collect()
    }
}

fn tokens_at_least(body: &Bytes) -> u64 {
    (body.len() / BYTES_PER_TOKEN) as u64 + 1
}

/// The system prompt, unless a profile lets it be said back.
fn instructions_of(profile: &GuardProfile, parsed: &Parsed<'_, '_>) -> Option<Instructions> {
    if profile.leak.output == GuardAction::Allow {
        return None;
    }
    let sites = parsed.sites.iter();
    let own = sites.filter(|site| site.role == Role::System && site.channel == Channel::Content);
    let texts: Vec<_> = own.filter_map(|site| site.value.text()).collect();
    Instructions::new(texts.iter().map(AsRef::as_ref))
}

/// A request that was turned away before the door was asked about its content.
pub(crate) struct Rejected {
    /// The built-in rule.
    pub(crate) rule: &'static str,
    /// The model it named, if it was understood that far.
    pub(crate) model: String,
    pub(crate) problem: Problem,
}

impl Rejected {
    /// A request that cannot be understood.
    const fn invalid(problem: Problem) -> Self {
        Self {
            rule: "request.invalid",
            model: String::new(),
            problem,
        }
    }
}

/// A route kept alive with the configuration it is part of.
pub(crate) struct RouteRef {
    active: Arc<Active>,
    index: usize,
}

impl RouteRef {
    pub(crate) fn get(&self) -> &Route {
        self.active.route(self.index)
    }

    pub(crate) const fn active(&self) -> &Arc<Active> {
        &self.active
    }
}

/// What a request needs, without its bytes.
pub(crate) struct Demand {
    pub(crate) model: String,
    model_span: std::ops::Range<usize>,
    pub(crate) stream: bool,
    stream_usage: StreamUsage,
    tools: bool,
    untrusted: bool,
    classes: Vec<DataClass>,
    pub(crate) input: u64,
    pub(crate) output: u64,
    /// The system prompt, as far as it must not be said back.
    pub(crate) instructions: Option<Instructions>,
}

/// A request whose every text was looked at.
pub struct Inspected {
    read: Read,
    pub(crate) demand: Demand,
    inspection: Inspection,
    route: RouteRef,
    root_end: usize,
}

/// A request that may go to one upstream, with its body as that upstream may see it.
pub(crate) struct Permitted {
    pub(crate) permit: Permit<ModelInvoke>,
    pub(crate) reservation: Reservation,
    pub(crate) body: Bytes,
    pub(crate) surrogates: Surrogates,
    pub(crate) hide_usage: bool,
}

/// Why a request does not go to an upstream.
pub(crate) enum Stop {
    /// The door or a guard says no.
    Access(AccessError),
    /// No budget.
    Quota(Refusal),
    /// A guard cannot do what it must.
    Stuck,
}

impl Inspected {
    pub(crate) const fn route(&self) -> &RouteRef {
        &self.route
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.read.endpoint
    }

    pub(crate) fn record(&self) -> RecordId {
        self.read.record
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.read.headers
    }

    pub(crate) fn guest(&self) -> &Guest {
        &self.read.guest
    }

    pub(crate) fn trace(&self) -> Option<&Arc<Trace>> {
        self.read.trace.as_ref()
    }

    pub(crate) fn sightings(&self) -> Vec<Sighting> {
        self.inspection.sightings()
    }
}

pub(crate) fn model_resource(
    model: &str,
    project: Option<casemate_types::ProjectId>,
) -> ResourceRef {
    ResourceRef {
        kind: ResourceKind::Model,
        id: model.to_owned(),
        project,
    }
}

/// A request on its way: the permit was used up.
pub(crate) struct Forwarded {
    pub(crate) receipt: Receipt,
    pub(crate) reservation: Reservation,
    pub(crate) surrogates: Surrogates,
    pub(crate) hide_usage: bool,
    /// When the answer must have ended.
    pub(crate) deadline: Instant,
    pub(crate) response: Result<Response<Incoming>, HttpError>,
}

impl Permitted {
    /// Sends the body to the upstream. The one place where content leaves the house, and it cannot
    /// be called without a permit for exactly that.
    pub(crate) async fn forward(
        self,
        endpoint: Endpoint,
        upstream: &Upstream,
        headers: &HeaderMap,
    ) -> Result<Forwarded, AccessError> {
        let (_, receipt) = self.permit.enter().ok_or_else(|| {
            AccessError::Undischarged("the permit expired before the request was sent".into())
        })?;
        let headers = upstream.headers(headers);
        let deadline = Instant::now() + upstream.client.timeouts().total;
        let response = upstream
            .client
            .send(Method::POST, endpoint.path(), headers, self.body)
            .await;
        Ok(Forwarded {
            receipt,
            reservation: self.reservation,
            surrogates: self.surrogates,
            hide_usage: self.hide_usage,
            deadline,
            response,
        })
    }
}

fn shown(model: &str) -> String {
    model.chars().take(64).collect()
}
