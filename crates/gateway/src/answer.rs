// SPDX-License-Identifier: Apache-2.0
//! Answers: guarded, restored, settled.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use casemate_access::Receipt;
use casemate_http::{Body, HttpError, read_body_idle};
use casemate_inspect::Surrogates;
use casemate_quota::Reservation;
use casemate_types::{
    Booking, DataClass, Problem, ProblemCode, Usage,
    event::{Ending, Sighting},
};
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::{
    Gateway,
    dialect::{Dialect, Endpoint, answer_sites, has_tokens, tokens, usage_of},
    gateway::{json_response, settled, transport_problem},
    guard::{Inspection, restore, unmarked},
    json::Tape,
    splice::Splices,
    steps::{Forwarded, Inspected, RouteRef},
    stream::{GuardedStream, StreamParts},
    trace::Trace,
    upstream::Upstream,
};

/// Bytes of an upstream's error that are read.
const MAX_ERROR: usize = 64 * 1024;
/// Longest time for an upstream's error.
const ERROR_PATIENCE: Duration = Duration::from_secs(5);
/// Characters of an upstream's message that are passed on.
const MAX_MESSAGE: usize = 500;
/// Bytes of an answer that make a token, where the upstream does not count.
const BYTES_PER_TOKEN: u64 = 4;

/// Turns what the upstream said into what the caller gets.
pub(crate) async fn answer(
    gateway: &Gateway,
    inspected: Inspected,
    upstream: &Upstream,
    forwarded: Forwarded,
) -> Result<Response<Body>, Problem> {
    let Forwarded {
        receipt,
        reservation,
        surrogates,
        hide_usage,
        deadline,
        response,
    } = forwarded;
    let time = Time {
        idle: upstream.client.timeouts().idle,
        deadline,
    };
    let account = Account {
        receipt,
        reservation,
        trace: inspected.trace().cloned(),
    };
    let response = match response {
        Ok(response) => response,
        Err(error) => return Err(account.fail(transport_problem(&error))),
    };
    let status = response.status();
    if !status.is_success() {
        let (problem, note) =
            upstream_error(gateway, &inspected, response, &surrogates, time).await;
        tracing::warn!(
            upstream = upstream.name,
            status = status.as_u16(),
            "an upstream answered with an error"
        );
        return Err(account.fail_as(problem, note));
    }
    if response.headers().contains_key(header::CONTENT_ENCODING) {
        let text = "the upstream compressed its answer, which cannot be inspected";
        return Err(account.fail(Problem::new(ProblemCode::Upstream, text)));
    }
    let kind = response
        .headers()
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::as_bytes);
    let is_stream = kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"));
    if is_stream != inspected.demand.stream {
        let text = "the upstream answered in another form than was asked for";
        return Err(account.fail(Problem::new(ProblemCode::Upstream, text)));
    }
    if is_stream {
        return Ok(stream(
            gateway, inspected, time, account, surrogates, hide_usage, response,
        ));
    }
    whole(gateway, inspected, time, account, surrogates, response).await
}

/// How long the upstream may take for the rest of its answer.
#[derive(Clone, Copy)]
struct Time {
    idle: Duration,
    deadline: Instant,
}

impl Time {
    fn left(self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// What an answer owes: an outcome, and the end of a reservation.
pub(crate) struct Account {
    pub(crate) receipt: Receipt,
    pub(crate) reservation: Reservation,
    trace: Option<Arc<Trace>>,
}

impl Account {
    /// The upstream produced nothing the caller could use.
    fn fail(self, problem: Problem) -> Problem {
        let note = problem.detail.clone();
        self.fail_as(problem, &note)
    }

    /// The same with another note: what an upstream wrote may be personal, so it goes to the caller
    /// and not into the record.
    fn fail_as(self, problem: Problem, note: &str) -> Problem {
        let nothing = Booking::default();
        self.receipt.settle(Ending::Failed, |facts| {
            facts.booking = Some(nothing);
            facts.status = Some(problem.code.status());
            note.clone_into(&mut facts.note);
        });
        self.reservation.settle(nothing);
        problem
    }

    /// Records how it ended and what it cost.
    pub(crate) fn settle(
        self,
        ending: Ending,
        route: &RouteRef,
        usage: Usage,
        findings: Vec<Sighting>,
        note: &str,
    ) {
        let booking = settled(route.get(), usage.input, usage.output);
        if let Some(trace) = &self.trace {
            trace.settled(usage, ending);
        }
        self.receipt.settle(ending, |facts| {
            facts.booking = Some(booking);
            facts.usage = Some(usage);
            facts.findings = findings;
            note.clone_into(&mut facts.note);
        });
        self.reservation.settle(booking);
    }
}

async fn whole(
    gateway: &Gateway,
    inspected: Inspected,
    time: Time,
    mut account: Account,
    surrogates: Surrogates,
    response: Response<Incoming>,
) -> Result<Response<Body>, Problem> {
    let active = inspected.route().active().clone();
    let limit = active.config.request.answer_bytes;
    let read = read_body_idle(response.into_body(), limit, time.left(), time.idle);
    let body = match read.await {
        Ok(body) => body,
        Err(HttpError::BodyTooLarge(_)) => {
            let text = "the upstream's answer is larger than this gateway takes";
            return Err(account.fail(Problem::new(ProblemCode::Upstream, text)));
        }
        Err(error) => return Err(account.fail(transport_problem(&error))),
    };
    let Some(body) = unmarked(&surrogates, body) else {
        return Err(account.fail(Problem::new(ProblemCode::Upstream, withheld(&[]))));
    };
    let Ok(tape) = Tape::parse(&body) else {
        let text = "the upstream's answer is not valid JSON, so it cannot be inspected";
        return Err(account.fail(Problem::new(ProblemCode::Upstream, text)));
    };
    let usage = usage(
        inspected.endpoint().dialect(),
        &tape,
        &inspected,
        body.len(),
    );
    let sites = answer_sites(&tape);
    let (inspector, profile) = (&active.inspector, &active.config.guard);
    let instructions = inspected.demand.instructions.as_ref();
    let inspection = Inspection::of_answer(inspector, profile, &surrogates, instructions, &sites);
    let sightings = inspection.sightings();
    for seen in &sightings {
        gateway
            .inner()
            .metrics
            .finding(seen.kind, seen.action, seen.count);
    }
    gateway.inner().metrics.tokens(usage.input, usage.output);
    if account.receipt.durable().await.is_err() {
        let text = "the access could not be recorded, so its answer is withheld";
        return Err(account.fail(Problem::new(ProblemCode::Unavailable, text)));
    }
    let is_said = inspected.endpoint() != Endpoint::Embeddings;
    if let Some(what) = is_said.then(|| tokens(tape.root())).flatten() {
        let problem = has_tokens(what);
        let route = inspected.route();
        account.settle(Ending::Cut, route, usage, sightings, &problem.detail);
        return Err(problem);
    }
    let blocked = inspection.blocked();
    let safe = if blocked.is_empty() {
        edited(&body, &inspection, &surrogates, &sites)
    } else {
        None
    };
    let Some(safe) = safe else {
        let note = withheld(&blocked);
        account.settle(Ending::Cut, inspected.route(), usage, sightings, &note);
        return Err(Problem::new(ProblemCode::GuardBlocked, note));
    };
    account.settle(Ending::Completed, inspected.route(), usage, sightings, "");
    Ok(json_response(safe))
}

fn edited(
    body: &Bytes,
    inspection: &Inspection,
    surrogates: &Surrogates,
    sites: &[crate::dialect::AnswerSite<'_, '_>],
) -> Option<Bytes> {
    let mut splices = Splices::default();
    inspection.redact(&mut splices)?;
    restore(surrogates, sites, &mut splices);
    splices.apply(body)
}

/// What the caller is told about an answer that was held back.
pub(crate) fn withheld(classes: &[DataClass]) -> String {
    let names: Vec<_> = classes.iter().map(|class| class.as_str()).collect();
    match names.as_slice() {
        [] => "the answer could not be made safe and was withheld".to_owned(),
        names => format!("the answer contained {} and was withheld", names.join(", ")),
    }
}

fn usage(dialect: Dialect, tape: &Tape<'_>, inspected: &Inspected, bytes: usize) -> Usage {
    match usage_of(dialect, tape) {
        (Some(input), output) => Usage {
            input,
            output: output.unwrap_or(0),
            estimated: false,
        },
        (None, _) => {
            let output = bytes as u64 / BYTES_PER_TOKEN + 1;
            Usage {
                input: inspected.demand.input,
                output,
                estimated: true,
            }
        }
    }
}

fn stream(
    gateway: &Gateway,
    inspected: Inspected,
    time: Time,
    account: Account,
    surrogates: Surrogates,
    hide_usage: bool,
    response: Response<Incoming>,
) -> Response<Body> {
    let parts = StreamParts {
        gateway: gateway.clone(),
        idle: time.idle,
        deadline: time.deadline,
        inspected,
        account,
        surrogates,
        hide_usage,
        upstream: response.into_body(),
    };
    let mut response = Response::new(GuardedStream::new(parts).boxed_unsync());
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// An upstream's error, in words that went through the guards like any other text of it, and in
/// words of our own for the record.
async fn upstream_error(
    gateway: &Gateway,
    inspected: &Inspected,
    response: Response<Incoming>,
    surrogates: &Surrogates,
    time: Time,
) -> (Problem, &'static str) {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let patience = ERROR_PATIENCE.min(time.left());
    let body = read_body_idle(response.into_body(), MAX_ERROR, patience, time.idle)
        .await
        .unwrap_or_default();
    let message = message_of(&body).unwrap_or_default();
    let message = guarded_message(gateway, inspected, &message, surrogates);
    let (code, text) = match status.as_u16() {
        400 | 404 | 413 | 422 => (ProblemCode::Invalid, "the upstream refused the request"),
        // Its quarrel is with our key, which is none of the caller's business.
        401 | 403 => {
            let text = "the upstream does not accept this gateway's credential";
            let problem = Problem::new(ProblemCode::Upstream, text)
                .hint("an operator must check the upstream's credential");
            return (problem, text);
        }
        429 => (ProblemCode::RateLimited, "the upstream is rate limiting"),
        408 | 504 => (ProblemCode::UpstreamTimeout, "the upstream timed out"),
        _ => (ProblemCode::Upstream, "the upstream failed"),
    };
    let message: String = message.chars().take(MAX_MESSAGE).collect();
    let said = if message.is_empty() {
        text.to_owned()
    } else {
        format!("{text}: {message}")
    };
    let mut problem = Problem::new(code, said);
    problem.retry_after = retry_after;
    (problem, text)
}

fn message_of(body: &[u8]) -> Option<String> {
    let tape = Tape::parse(body).ok()?;
    let error = tape.root().get("error")?;
    let message = error.get("message").unwrap_or(error);
    Some(message.text()?.into_owned())
}

/// A message with everything taken out that a guard would take out; empty when one blocks it.
pub(crate) fn guarded_message(
    gateway: &Gateway,
    inspected: &Inspected,
    message: &str,
    surrogates: &Surrogates,
) -> String {
    let active = inspected.route().active();
    let mut guard = casemate_inspect::StreamGuard::new(casemate_inspect::Escape::None);
    let (inspector, profile) = (&active.inspector, &active.config.guard);
    let first = guard.push(inspector, profile, surrogates, message);
    let rest = guard.finish(inspector, profile, surrogates);
    for (finding, action) in first.findings.iter().chain(&rest.findings) {
        gateway.inner().metrics.finding(finding.kind, *action, 1);
    }
    if first.cut || rest.cut {
        String::new()
    } else {
        first.text + &rest.text
    }
}
