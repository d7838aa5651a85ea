// SPDX-License-Identifier: Apache-2.0
//! Small HTTP clients: to the local socket for commands, to TCP for the demonstration.

use std::path::Path;

use anyhow::Context as _;
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
    let request = json_request(method, path, body.as_ref(), &[])?;
    let response = send(connect(socket).await?, request).await?;
    let status = response.status();
    let kind = response.headers().get("content-type").cloned();
    let bytes = read(response).await?;
    let is_json = kind.is_some_and(|kind| kind.as_bytes().ends_with(b"json"));
    let value = if is_json {
        serde_json::from_slice(&bytes)?
    } else {
        Value::String(String::from_utf8_lossy(&bytes).into_owned())
    };
    match status.is_success() {
        true => Ok(value),
        false => Err(refused(status, &value)),
    }
}

/// A problem as people read it.
fn refused(status: StatusCode, value: &Value) -> anyhow::Error {
    let detail = value["detail"]
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let text = match value["hint"].as_str() {
        Some(hint) => format!("{detail}\nhint: {hint}"),
        None => detail,
    };
    if status == StatusCode::FORBIDDEN {
        return Denied(text).into();
    }
    anyhow::anyhow!(text)
}

async fn connect(socket: &Path) -> anyhow::Result<tokio::net::UnixStream> {
    let stream = tokio::net::UnixStream::connect(socket).await;
    stream.with_context(|| {
        format!(
            "Casemate does not run on `{}`; start it with `casemate up`",
            socket.display()
        )
    })
}

/// Sends a file as it is.
pub(crate) async fn upload(
    socket: &Path,
    path: &str,
    file: std::fs::File,
    length: u64,
    progress: impl Fn(u64) + Send + 'static,
) -> anyhow::Result<Value> {
    let (sender, pieces) = tokio::sync::mpsc::channel(4);
    tokio::task::spawn_blocking(move || read_pieces(file, &sender, &progress));
    let request = Request::builder()
        .method(Method::PUT)
        .uri(path)
        .header("host", "localhost")
        .header("content-length", length)
        .body(Pieces(pieces))?;
    let response = send(connect(socket).await?, request).await?;
    let status = response.status();
    let value: Value = serde_json::from_slice(&read(response).await?)?;
    match status.is_success() {
        true => Ok(value),
        false => Err(refused(status, &value)),
    }
}

/// Takes an answer piece by piece.
pub(crate) async fn download(
    socket: &Path,
    path: &str,
    mut take: impl FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let request = json_request(Method::GET, path, None, &[])?;
    let response = send(connect(socket).await?, request).await?;
    let status = response.status();
    if !status.is_success() {
        let value: Value = serde_json::from_slice(&read(response).await?)?;
        return Err(refused(status, &value));
    }
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
        if let Some(piece) = frame.data_ref() {
            take(piece)?;
        }
    }
    Ok(())
}

type Piece = std::io::Result<Bytes>;

fn read_pieces(
    mut file: std::fs::File,
    to: &tokio::sync::mpsc::Sender<Piece>,
    progress: &dyn Fn(u64),
) {
    loop {
        let mut piece = vec![0; 256 << 10];
        let read = std::io::Read::read(&mut file, &mut piece);
        let last = !matches!(read, Ok(1..));
        let piece = read.map(|read| {
            piece.truncate(read);
            progress(read as u64);
            Bytes::from(piece)
        });
        if matches!(&piece, Ok(piece) if piece.is_empty())
            || to.blocking_send(piece).is_err()
            || last
        {
            return;
        }
    }
}

/// A file as a body.
struct Pieces(tokio::sync::mpsc::Receiver<Piece>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<std::io::Result<hyper::body::Frame<Bytes>>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|piece| piece.map(hyper::body::Frame::data)))
    }
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
pub(crate) async fn send<S, B>(stream: S, request: Request<B>) -> anyhow::Result<Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
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
