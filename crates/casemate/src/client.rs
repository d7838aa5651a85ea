// SPDX-License-Identifier: Apache-2.0
//! Small HTTP clients: to the local socket for commands, to TCP for the demonstration.

use std::path::Path;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

const MAX_ANSWER: usize = 64 << 20;

/// Asks the running installation through its local socket.
pub(crate) async fn ask(
    socket: &Path,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> anyhow::Result<Value> {
    let stream = tokio::net::UnixStream::connect(socket)
        .await
        .with_context(|| {
            format!(
                "Casemate does not run on `{}`; start it with `casemate up`",
                socket.display()
            )
        })?;
    let request = json_request(method, path, body.as_ref(), &[])?;
    let response = send(stream, request).await?;
    let status = response.status();
    let kind = response.headers().get("content-type").cloned();
    let bytes = read(response).await?;
    let is_json = kind.is_some_and(|kind| kind.as_bytes().ends_with(b"json"));
    let value = if is_json {
        serde_json::from_slice(&bytes)?
    } else {
        Value::String(String::from_utf8_lossy(&bytes).into_owned())
    };
    if status.is_success() {
        return Ok(value);
    }
    let detail = value["detail"]
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let text = match value["hint"].as_str() {
        Some(hint) => format!("{detail}\nhint: {hint}"),
        None => detail,
    };
    if status == StatusCode::FORBIDDEN {
        return Err(Denied(text).into());
    }
    bail!(text)
}

/// The door said no: an answer like any other to scripts, told apart by its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Denied(String);

/// A request with a JSON body and headers.
pub(crate) fn json_request(
    method: Method,
    path: &str,
    body: Option<&Value>,
    headers: &[(&str, &str)],
) -> anyhow::Result<Request<Full<Bytes>>> {
    let bytes = body
        .map(|body| Bytes::from(body.to_string()))
        .unwrap_or_default();
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost");
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(request.body(Full::new(bytes))?)
}

/// Sends one request over a new connection.
pub(crate) async fn send<S>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}

/// Reads a whole answer.
pub(crate) async fn read(response: Response<Incoming>) -> anyhow::Result<Bytes> {
    let body = Limited::new(response.into_body(), MAX_ANSWER)
        .collect()
        .await;
    Ok(body
        .map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?
        .to_bytes())
}
