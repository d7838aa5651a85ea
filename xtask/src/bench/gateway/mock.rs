// SPDX-License-Identifier: Apache-2.0
//! The upstream: always the same answer, as cheap as hyper makes it.

use std::convert::Infallible;

use anyhow::Result;
use bytes::Bytes;
use clap::Args;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};

use super::server::{self, read_body};
use super::wire;

/// How the upstream is started.
#[derive(Args, Debug)]
pub(crate) struct Mock {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

pub(crate) fn run(mock: &Mock) -> Result<()> {
    let answers = Answers {
        plain: wire::plain_answer(),
        stream: wire::stream_answer().leak(),
    };
    server::run(mock.port, move |request| respond(answers.clone(), request))
}

#[derive(Clone)]
struct Answers {
    plain: Bytes,
    /// Lives as long as the process.
    stream: &'static [Bytes],
}

async fn respond(
    answers: Answers,
    request: Request<Incoming>,
) -> Result<Response<UnsyncBoxBody<Bytes, Infallible>>, Infallible> {
    let Some(body) = read_body(request.into_body()).await else {
        let mut response = Response::new(Full::new(Bytes::new()).boxed_unsync());
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(response);
    };
    let streams = memchr::memmem::find(&body, br#""stream":true"#).is_some();
    let (kind, body) = match streams {
        true => ("text/event-stream", in_frames(answers.stream)),
        false => ("application/json", Full::new(answers.plain).boxed_unsync()),
    };
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// Each frame in a write of its own: between two of them everyone else has a turn.
fn in_frames(frames: &'static [Bytes]) -> UnsyncBoxBody<Bytes, Infallible> {
    let stream = stream::unfold(frames.iter(), |mut rest| async move {
        tokio::task::yield_now().await;
        let frame = rest.next()?.clone();
        Some((Ok(Frame::data(frame)), rest))
    });
    StreamBody::new(stream).boxed_unsync()
}
