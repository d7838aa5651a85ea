// SPDX-License-Identifier: Apache-2.0
//! The lower bound: the least that a gateway can do on this machine with the same HTTP library.
//!
//! `pass` forwards bytes. `inspect` also looks the caller's key up by its digest, reads request and
//! answer as JSON, scans their text for twelve patterns (streams per event, with a window carried
//! over), reads the usage and chains one record per call. It is no product: no policy, no quota,
//! nothing durable, nothing masked.

mod scan;

use std::collections::HashSet;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use anyhow::Result;
use bytes::Bytes;
use clap::{Args, ValueEnum};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::{Digest, Sha256};

use super::server::{self, read_body};
use scan::{Prompt, Scanner, StreamScan};

/// How the floor is started.
#[derive(Args, Debug)]
pub(crate) struct Floor {
    #[arg(long)]
    mode: Mode,
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The base URL to forward to.
    #[arg(long)]
    upstream: String,
    /// The key that callers must have, in mode `inspect`.
    #[arg(long, default_value = "sk-test")]
    key: String,
}

/// How much the floor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    Inspect,
    Pass,
}

pub(crate) fn run(floor: Floor) -> Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let proxy = Arc::new(Proxy {
        upstream: floor.upstream,
        client: Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(512)
            .build(connector),
        inspection: (floor.mode == Mode::Inspect).then(|| Inspection {
            keys: HashSet::from([Sha256::digest(floor.key.as_bytes()).into()]),
            scanner: Scanner::new(),
            chain: Mutex::default(),
        }),
    });
    server::run(floor.port, move |request| {
        let proxy = Arc::clone(&proxy);
        async move {
            Ok(proxy
                .respond(request)
                .await
                .unwrap_or_else(|(status, reason)| {
                    let mut refusal = Response::new(whole(Bytes::from_static(reason.as_bytes())));
                    *refusal.status_mut() = status;
                    refusal
                }))
        }
    })
}

type Answer = Response<UnsyncBoxBody<Bytes, hyper::Error>>;
type Refusal = (StatusCode, &'static str);

struct Proxy {
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    inspection: Option<Inspection>,
}

struct Inspection {
    keys: HashSet<[u8; 32]>,
    scanner: Scanner,
    chain: Mutex<Chain>,
}

impl Proxy {
    async fn respond(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, Refusal> {
        let (head, body) = request.into_parts();
        let body = read_body(body)
            .await
            .ok_or((StatusCode::BAD_REQUEST, "broken body"))?;
        let model = match &self.inspection {
            Some(inspection) => Some(inspection.admit(&head.headers, &body)?),
            None => None,
        };
        let (answer, body) = self.forward(head.uri.path(), body).await?.into_parts();
        let kind = answer.headers.get(CONTENT_TYPE);
        let streams = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let body = match (model, streams) {
            (None, _) => body.boxed_unsync(),
            (Some(model), true) => {
                let scan = StreamScan::default();
                Watched {
                    upstream: body,
                    proxy: Arc::clone(&self),
                    scan,
                    model: Some(model),
                }
                .boxed_unsync()
            }
            (Some(model), false) => {
                let body = read_body(body)
                    .await
                    .ok_or((StatusCode::BAD_GATEWAY, "broken answer"))?;
                if let Some(inspection) = &self.inspection {
                    let (hits, tokens) = inspection.scanner.answer(&body);
                    inspection.record(&model, hits, tokens);
                }
                whole(body)
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = answer.status;
        if let Some(kind) = answer.headers.get(CONTENT_TYPE) {
            response.headers_mut().insert(CONTENT_TYPE, kind.clone());
        }
        Ok(response)
    }

    async fn forward(&self, path: &str, body: Bytes) -> Result<Response<Incoming>, Refusal> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.upstream))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(
                AUTHORIZATION,
                HeaderValue::from_static("Bearer sk-upstream"),
            )
            .body(Full::new(body))
            .map_err(|_| (StatusCode::BAD_REQUEST, "bad path"))?;
        self.client
            .request(request)
            .await
            .map_err(|_| (StatusCode::BAD_GATEWAY, "no upstream"))
    }
}

impl Inspection {
    /// The model that is asked for, when the key is known and nothing in the prompt is found.
    fn admit(&self, headers: &HeaderMap, body: &[u8]) -> Result<String, Refusal> {
        let key = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let digest: [u8; 32] = Sha256::digest(key.unwrap_or_default()).into();
        if !self.keys.contains(&digest) {
            return Err((StatusCode::UNAUTHORIZED, "unknown key"));
        }
        let prompt: Prompt<'_> =
            serde_json::from_slice(body).map_err(|_| (StatusCode::BAD_REQUEST, "bad JSON"))?;
        if self.scanner.finds_in(&prompt) {
            self.record(&prompt.model, 1, 0);
            return Err((StatusCode::FORBIDDEN, "found something"));
        }
        Ok(prompt.model.into_owned())
    }

    fn record(&self, model: &str, hits: usize, tokens: u64) {
        self.chain
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .append(model, hits, tokens);
    }
}

/// Records, each with the digest of the one before it; only the last digest is kept.
#[derive(Default)]
struct Chain {
    head: [u8; 32],
    length: u64,
}

impl Chain {
    fn append(&mut self, model: &str, hits: usize, tokens: u64) {
        self.head = Sha256::new()
            .chain_update(self.head)
            .chain_update(self.length.to_le_bytes())
            .chain_update(model)
            .chain_update(hits.to_le_bytes())
            .chain_update(tokens.to_le_bytes())
            .finalize()
            .into();
        self.length += 1;
    }
}

/// A streamed answer that is scanned as it passes and recorded when it ends.
struct Watched {
    upstream: Incoming,
    proxy: Arc<Proxy>,
    scan: StreamScan,
    /// None once the record is written.
    model: Option<String>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.upstream).poll_frame(context);
        let this = &mut *self;
        let Some(inspection) = &this.proxy.inspection else {
            return polled;
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    this.scan.feed(&inspection.scanner, data);
                }
            }
            Poll::Ready(None) => {
                if let Some(model) = this.model.take() {
                    inspection.record(&model, this.scan.hits, this.scan.tokens);
                }
            }
            Poll::Pending | Poll::Ready(Some(Err(_))) => {}
        }
        polled
    }
}

fn whole(bytes: Bytes) -> UnsyncBoxBody<Bytes, hyper::Error> {
    Full::new(bytes)
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}
