// SPDX-License-Identifier: Apache-2.0
//! The server of both stand-ins.

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{anthropic, openai};

type Body = UnsyncBoxBody<Bytes, Infallible>;
const MAX_BODY: usize = 64 << 20;
/// Bodies that are kept.
const KEPT: usize = 256;

/// What an address answers.
pub(crate) enum Answer {
    Whole(Vec<u8>),
    Events(Vec<Bytes>),
    Refused(StatusCode, Vec<u8>),
}

/// A running stand-in; it ends when dropped.
#[derive(Debug)]
pub struct StandIn {
    address: SocketAddr,
    received: Received,
    task: JoinHandle<()>,
}

type Received = Arc<Mutex<VecDeque<(String, Bytes)>>>;

impl StandIn {
    /// Starts a stand-in on a free port of loopback.
    ///
    /// # Errors
    /// Those of listening.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let received = Received::default();
        let task = tokio::spawn(accept(listener, received.clone()));
        Ok(Self {
            address,
            received,
            task,
        })
    }

    /// The base URL for an upstream's configuration.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Bodies received since the last call, oldest first, with the path they came to.
    #[must_use]
    pub fn take_received(&self) -> Vec<(String, Bytes)> {
        self.received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
            .collect()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, received: Received) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let received = received.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let received = received.clone();
                async move { Ok::<_, Infallible>(answer(request, &received).await) }
            });
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>, received: &Received) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let body = match Limited::new(request.into_body(), MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return whole(StatusCode::PAYLOAD_TOO_LARGE, Vec::new()),
    };
    let mut kept = received.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() == KEPT {
        kept.pop_front();
    }
    kept.push_back((path.clone(), body.clone()));
    drop(kept);
    let answer = match path.as_str() {
        "/v1/chat/completions" => openai::chat(&body),
        "/v1/embeddings" => openai::embeddings(&body),
        "/v1/messages" => anthropic::messages(&body),
        _ => Answer::Refused(StatusCode::NOT_FOUND, b"{}".to_vec()),
    };
    match answer {
        Answer::Whole(body) => whole(StatusCode::OK, body),
        Answer::Refused(status, body) => whole(status, body),
        Answer::Events(events) => events_response(events),
    }
}

fn whole(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(body)).boxed_unsync());
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, kind);
    response
}

fn events_response(events: Vec<Bytes>) -> Response<Body> {
    // Each event is a frame of its own and the task yields between them, as a model would.
    let frames = stream::unfold(events.into_iter(), |mut events| async move {
        tokio::task::yield_now().await;
        let event = events.next()?;
        Some((Ok::<_, Infallible>(Frame::data(event)), events))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let kind = hyper::header::HeaderValue::from_static("text/event-stream");
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, kind);
    response
}
