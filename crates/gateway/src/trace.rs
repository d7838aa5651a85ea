// SPDX-License-Identifier: Apache-2.0
//! One span per request, in the words of OpenTelemetry's GenAI conventions, and never a word of
//! content: <https://opentelemetry.io/docs/specs/semconv/gen-ai/>.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use casemate_types::{Clock, ProblemCode, RecordId, Usage, event::Ending};
use http::HeaderMap;

use crate::{dialect::Endpoint, upstream::Upstream};

/// Takes spans that ended. The binary plugs an exporter in; it must not block.
pub trait SpanSink: Send + Sync {
    /// Takes a span.
    fn take(&self, span: Span);
}

/// A request from its head to the end of its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The caller's trace (W3C Trace Context), or the request's own id.
    pub trace_id: [u8; 16],
    /// The span.
    pub span_id: [u8; 8],
    /// The caller's span.
    pub parent: Option<[u8; 8]>,
    /// Nanoseconds since the epoch.
    pub start: u64,
    /// Nanoseconds since the epoch.
    pub end: u64,
    /// The request's record, for `casemate explain`.
    pub record: RecordId,
    /// `chat` or `embeddings`.
    pub operation: &'static str,
    /// Where it went; nothing when it was refused before.
    pub target: Option<Target>,
    /// Tokens that were settled.
    pub usage: Option<Usage>,
    /// How it ended, when not as intended: a problem's code or an ending.
    pub error: Option<&'static str>,
}

/// The model a request was allowed to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `openai` or `anthropic`.
    pub provider: &'static str,
    /// The upstream's name in the configuration.
    pub upstream: String,
    /// Its host.
    pub host: String,
    /// The model as the caller named it.
    pub model: String,
    /// Whether the answer was streamed.
    pub stream: bool,
}

/// A span that has not ended. It ends when its last holder lets go of it: with the answer's last
/// byte, or when the caller has gone.
pub(crate) struct Trace {
    span: Mutex<Span>,
    started: Instant,
    sink: Arc<dyn SpanSink>,
}

impl Trace {
    /// Begins a span; `None` when the caller's trace is not recorded.
    pub(crate) fn begin(
        sink: Arc<dyn SpanSink>,
        clock: &dyn Clock,
        record: RecordId,
        endpoint: Endpoint,
        headers: &HeaderMap,
    ) -> Option<Arc<Self>> {
        let own = *record.as_bytes();
        let parent = headers
            .get("traceparent")
            .and_then(|value| traceparent(value.as_bytes()));
        let (trace_id, parent) = match parent {
            Some(caller) if !caller.sampled => return None,
            Some(caller) => (caller.trace, Some(caller.span)),
            None => (own, None),
        };
        // The end of a record id is random.
        let mut span_id = [0; 8];
        span_id.copy_from_slice(&own[8..]);
        let start = u64::try_from(clock.now().as_millis()).unwrap_or(0) * 1_000_000;
        let span = Span {
            trace_id,
            span_id,
            parent,
            start,
            end: start,
            record,
            operation: match endpoint {
                Endpoint::ChatCompletions | Endpoint::Messages => "chat",
                Endpoint::Embeddings => "embeddings",
            },
            target: None,
            usage: None,
            // Until it is known how it ended, the caller may still go away.
            error: Some(Ending::Aborted.as_str()),
        };
        Some(Arc::new(Self {
            span: Mutex::new(span),
            started: Instant::now(),
            sink,
        }))
    }

    pub(crate) fn routed(&self, upstream: &Upstream, model: &str, stream: bool) {
        self.edit(|span| {
            span.target = Some(Target {
                provider: upstream.kind.as_str(),
                upstream: upstream.name.clone(),
                host: upstream.client.origin().host().to_owned(),
                model: model.to_owned(),
                stream,
            });
        });
    }

    pub(crate) fn settled(&self, usage: Usage, ending: Ending) {
        self.edit(|span| {
            span.usage = Some(usage);
            span.error = (ending != Ending::Completed).then(|| ending.as_str());
        });
    }

    /// The request was refused or failed; `record` is what its answer names.
    pub(crate) fn failed(&self, code: ProblemCode, record: RecordId) {
        self.edit(|span| {
            span.error = Some(code.as_str());
            span.record = record;
        });
    }

    fn edit(&self, edit: impl FnOnce(&mut Span)) {
        edit(&mut self.span.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let took = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let span = self.span.get_mut().unwrap_or_else(PoisonError::into_inner);
        span.end = span.start.saturating_add(took);
        self.sink.take(span.clone());
    }
}

struct Parent {
    trace: [u8; 16],
    span: [u8; 8],
    sampled: bool,
}

/// Reads `00-<trace>-<span>-<flags>` (W3C Trace Context level 1, section 3.2.2). Versions to come
/// may have more after the flags.
fn traceparent(value: &[u8]) -> Option<Parent> {
    let mut parts = value.split(|byte| *byte == b'-');
    let version: [u8; 1] = hex(parts.next()?)?;
    let trace = hex(parts.next()?)?;
    let span = hex(parts.next()?)?;
    let [flags] = hex(parts.next()?)?;
    let fits = match version {
        [0xFF] => false,
        [0] => parts.next().is_none(),
        _ => true,
    };
    (fits && trace != [0; 16] && span != [0; 8]).then_some(Parent {
        trace,
        span,
        sampled: flags & 1 == 1,
    })
}

fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (slot, pair) in out.iter_mut().zip(text.as_chunks::<2>().0) {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        *slot = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_contexts_are_read_as_the_standard_says() {
        let read = |text: &str| traceparent(text.as_bytes()).map(|parent| parent.sampled);
        let cases = [
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                Some(true),
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
                Some(false),
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
                None,
            ),
            (
                "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
                Some(true),
            ),
            (
                "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                None,
            ),
            (
                "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                None,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                None,
            ),
            (
                "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                None,
            ),
            ("00-4bf9-00f067aa0ba902b7-01", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
