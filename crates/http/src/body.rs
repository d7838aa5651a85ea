// SPDX-License-Identifier: Apache-2.0
//! Bodies: one type to answer with, one bounded way to read.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use casemate_types::Problem;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};

use crate::HttpError;

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, HttpError>;

/// A body that is there as a whole.
#[must_use]
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// Reads a body of at most `limit` bytes within `patience`.
///
/// # Errors
/// [`HttpError::BodyTooLarge`], [`HttpError::Timeout`], or [`HttpError::Broken`] when the peer went
/// away. Nothing beyond the limit is kept in memory.
pub async fn read_body<B>(body: B, limit: usize, patience: Duration) -> Result<Bytes, HttpError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    read_body_idle(body, limit, patience, patience).await
}

/// The same with at most `idle` between two parts.
///
/// # Errors
/// Those of [`read_body`].
pub async fn read_body_idle<B>(
    body: B,
    limit: usize,
    patience: Duration,
    idle: Duration,
) -> Result<Bytes, HttpError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let declared = body.size_hint().lower();
    if declared > limit as u64 {
        return Err(HttpError::BodyTooLarge(limit));
    }
    tokio::time::timeout(patience, collect(body, limit, idle))
        .await
        .map_err(|_| HttpError::Timeout("the body"))?
}

async fn collect<B>(mut body: B, limit: usize, idle: Duration) -> Result<Bytes, HttpError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    loop {
        let next = tokio::time::timeout(idle, body.frame()).await;
        let next = next.map_err(|_| HttpError::Timeout("the body"))?;
        let Some(frame) = next else { break };
        let Ok(data) = frame.map_err(HttpError::broken)?.into_data() else {
            continue;
        };
        if first.len() + more.len() + data.len() > limit {
            return Err(HttpError::BodyTooLarge(limit));
        }
        // Most bodies are one frame, which needs no copy.
        if first.is_empty() && more.is_empty() {
            first = data;
        } else {
            if more.is_empty() {
                more.extend_from_slice(&first);
                first = Bytes::new();
            }
            more.extend_from_slice(&data);
        }
    }
    Ok(if more.is_empty() {
        first
    } else {
        more.freeze()
    })
}

/// An `application/problem+json` answer (RFC 9457).
#[must_use]
pub fn problem_response(problem: &Problem) -> Response<Body> {
    let mut response = Response::new(full(problem.to_json().to_string()));
    *response.status_mut() =
        StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/problem+json");
    headers.insert(header::CONTENT_TYPE, kind);
    if let Some(seconds) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
