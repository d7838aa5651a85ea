// SPDX-License-Identifier: Apache-2.0
//! Spans to an OTLP receiver (OTLP 1.x over HTTP, JSON), in batches, off the request path. When the
//! receiver is slow or gone, spans are dropped and counted: the book is what must not lose anything.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use bytes::Bytes;
use casemate_access::Door;
use casemate_gateway::{CredentialSource, Span, SpanSink};
use casemate_http::{Client, Shutdown, read_body};
use casemate_types::{Caller, ResourceKind, ResourceRef, actions::SystemRead, event::Ending};
use hyper::{HeaderMap, Method, header};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::{config::TelemetryConfig, output::hex, wire::outside};

/// Spans that may wait; more are dropped.
const CAPACITY: usize = 4096;
/// Spans in one message.
const BATCH: usize = 512;
/// Longest time a span waits for company.
const LINGER: Duration = Duration::from_secs(2);
const MAX_ANSWER: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// The end that the gateway holds.
struct Sink {
    sender: Sender<Span>,
    dropped: Arc<AtomicU64>,
}

impl SpanSink for Sink {
    fn take(&self, span: Span) {
        if self.sender.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends spans until shutdown.
pub(crate) struct Exporter {
    client: Client,
    headers: HeaderMap,
    receiver: Receiver<Span>,
    dropped: Arc<AtomicU64>,
}

/// The exporter and what the gateway gives spans to; nothing when none is configured.
pub(crate) fn exporter(
    config: &TelemetryConfig,
    credentials: CredentialSource<'_>,
) -> anyhow::Result<Option<(Exporter, Arc<dyn SpanSink>)>> {
    let Some(url) = &config.traces else {
        return Ok(None);
    };
    let place = || format!("the receiver of traces `{url}`");
    let client = outside(url, config.allow_private, PATIENCE).with_context(place)?;
    let mut headers = HeaderMap::new();
    let json = header::HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    if let Some(reference) = &config.credential {
        let secret = credentials(reference).map_err(anyhow::Error::msg);
        let secret = secret.with_context(place)?;
        let mut value = header::HeaderValue::from_str(secret.trim()).with_context(place)?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    let (sender, receiver) = channel(CAPACITY);
    let dropped = Arc::new(AtomicU64::new(0));
    let sink = Arc::new(Sink {
        sender,
        dropped: dropped.clone(),
    });
    let exporter = Exporter {
        client,
        headers,
        receiver,
        dropped,
    };
    Ok(Some((exporter, sink)))
}

impl Exporter {
    /// Sends until shutdown, under one access that stands in the book as long as it lasts.
    pub(crate) async fn run(mut self, door: Door, shutdown: Shutdown) {
        let resource = ResourceRef::system(ResourceKind::System, "casemate");
        let caller = Caller::job("telemetry");
        let permit = match door.admit::<SystemRead>(&caller, resource, "traces").await {
            Ok(permit) => permit,
            Err(error) => {
                tracing::error!(%error, "no traces are sent");
                return;
            }
        };
        let Some((_, receipt)) = permit.enter() else {
            return;
        };
        let mut batch = Vec::with_capacity(BATCH);
        let mut sent = 0;
        while !shutdown.is_triggered() {
            let filled = tokio::select! {
                filled = self.receiver.recv_many(&mut batch, BATCH) => filled,
                () = shutdown.triggered() => 0,
            };
            if filled == 0 {
                break;
            }
            self.gather(&mut batch).await;
            sent += self.send(&batch).await;
            batch.clear();
        }
        self.receiver.close();
        let rest = async {
            while self.receiver.recv_many(&mut batch, BATCH).await > 0 {
                sent += self.send(&batch).await;
                batch.clear();
            }
        };
        // Nobody's shutdown waits for a receiver that does not answer.
        let _ = tokio::time::timeout(PATIENCE, rest).await;
        let dropped = self.dropped.load(Ordering::Relaxed);
        receipt.settle(Ending::Completed, |facts| {
            facts.note = format!("{sent} spans sent, {dropped} dropped");
        });
    }

    /// Lets a message fill up for a moment.
    async fn gather(&mut self, batch: &mut Vec<Span>) {
        let full = async {
            while batch.len() < BATCH {
                let room = BATCH - batch.len();
                if self.receiver.recv_many(batch, room).await == 0 {
                    break;
                }
            }
        };
        // Running out of time is the usual way to end.
        let _ = tokio::time::timeout(LINGER, full).await;
    }

    async fn send(&self, batch: &[Span]) -> usize {
        let body = Bytes::from(message(batch).to_string());
        let answer = self
            .client
            .send(Method::POST, "/v1/traces", self.headers.clone(), body)
            .await;
        let why = match answer {
            Ok(response) if response.status().is_success() => {
                // Read to its end, so that the connection can be used again.
                let _ = read_body(response.into_body(), MAX_ANSWER, PATIENCE).await;
                return batch.len();
            }
            Ok(response) => format!("status {}", response.status().as_u16()),
            Err(error) => error.to_string(),
        };
        let lost = batch.len();
        self.dropped.fetch_add(lost as u64, Ordering::Relaxed);
        tracing::warn!(why, lost, "traces could not be sent");
        0
    }
}

/// An `ExportTraceServiceRequest` in OTLP's JSON form.
fn message(batch: &[Span]) -> Value {
    let spans: Vec<_> = batch.iter().map(span_json).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": [
            attribute("service.name", json!({"stringValue": "casemate"})),
            attribute("service.version", json!({"stringValue": env!("CARGO_PKG_VERSION")})),
        ]},
        "scopeSpans": [{"scope": {"name": "casemate.gateway"}, "spans": spans}],
    }]})
}

fn span_json(span: &Span) -> Value {
    const CLIENT: u8 = 3;
    const ERROR: u8 = 2;
    let text = |text: &str| json!({"stringValue": text});
    let mut attributes = vec![
        attribute("gen_ai.operation.name", text(span.operation)),
        attribute("casemate.request_id", text(&span.record.to_string())),
    ];
    let mut name = span.operation.to_owned();
    if let Some(target) = &span.target {
        name = format!("{} {}", span.operation, target.model);
        attributes.extend([
            attribute("gen_ai.provider.name", text(target.provider)),
            attribute("gen_ai.request.model", text(&target.model)),
            attribute("gen_ai.request.stream", json!({"boolValue": target.stream})),
            attribute("server.address", text(&target.host)),
            attribute("casemate.upstream", text(&target.upstream)),
        ]);
    }
    if let Some(usage) = span.usage {
        // OTLP writes 64-bit numbers as strings.
        let count = |tokens: u64| json!({"intValue": tokens.to_string()});
        attributes.extend([
            attribute("gen_ai.usage.input_tokens", count(usage.input)),
            attribute("gen_ai.usage.output_tokens", count(usage.output)),
        ]);
    }
    let mut out = json!({
        "traceId": hex(&span.trace_id),
        "spanId": hex(&span.span_id),
        "name": name,
        "kind": CLIENT,
        "startTimeUnixNano": span.start.to_string(),
        "endTimeUnixNano": span.end.to_string(),
        "status": {},
    });
    if let Some(parent) = span.parent {
        out["parentSpanId"] = hex(&parent).into();
    }
    if let Some(error) = span.error {
        attributes.push(attribute("error.type", text(error)));
        out["status"] = json!({"code": ERROR});
    }
    out["attributes"] = attributes.into();
    out
}

fn attribute(key: &str, value: Value) -> Value {
    json!({"key": key, "value": value})
}
