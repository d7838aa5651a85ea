// SPDX-License-Identifier: Apache-2.0
//! A provider that answers as a test says.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A request as the provider saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    /// Lines of the head, lower case.
    pub(crate) head: String,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The first surrogate of a kind.
    pub(crate) fn surrogate(&self, kind: &str) -> Option<String> {
        let at = self.text().find(kind)?;
        self.text().get(at..at + kind.len() + 14).map(str::to_owned)
    }
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Proper,
    /// The connection is closed.
    Broken,
    /// Nothing more comes.
    Stalled,
}

/// What the provider does.
#[derive(Debug, Clone)]
pub(crate) enum Script {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        pieces: Vec<Bytes>,
        end: End,
    },
    /// Bytes that need not be HTTP, then the end of the connection.
    Raw(Bytes),
    /// No answer at all.
    Silence,
}

impl Script {
    pub(crate) fn json(body: impl Into<Bytes>) -> Self {
        Self::status(200, body)
    }

    pub(crate) fn status(status: u16, body: impl Into<Bytes>) -> Self {
        Self::Answer {
            status,
            headers: vec![("content-type", "application/json".into())],
            pieces: vec![body.into()],
            end: End::Proper,
        }
    }

    /// Server-sent events in pieces of `size` bytes.
    pub(crate) fn events(body: impl Into<Bytes>, size: usize) -> Self {
        let body = body.into();
        let pieces = (0..body.len()).step_by(size.max(1));
        Self::Answer {
            status: 200,
            headers: vec![("content-type", "text/event-stream".into())],
            pieces: pieces
                .map(|at| body.slice(at..body.len().min(at + size.max(1))))
                .collect(),
            end: End::Proper,
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.retain(|(known, _)| *known != name);
            headers.push((name, value.to_owned()));
        }
        self
    }

    pub(crate) fn ending(mut self, how: End) -> Self {
        if let Self::Answer { end, .. } = &mut self {
            *end = how;
        }
        self
    }
}

type Rule = Arc<dyn Fn(&Seen) -> Script + Send + Sync>;

struct Inner {
    rule: Mutex<Rule>,
    seen: Mutex<Vec<Seen>>,
}

/// A running provider; it ends when dropped.
pub(crate) struct Upstream {
    pub(crate) url: String,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let rule: Rule = Arc::new(|_| Script::json("{}"));
        let inner = Arc::new(Inner {
            rule: Mutex::new(rule),
            seen: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, inner.clone()));
        Self { url, inner, task }
    }

    /// What it does from now on.
    pub(crate) fn script(&self, script: Script) {
        self.rule(move |_| script.clone());
    }

    /// What it does from now on, depending on the request.
    pub(crate) fn rule(&self, rule: impl Fn(&Seen) -> Script + Send + Sync + 'static) {
        *self.inner.rule.lock().unwrap() = Arc::new(rule);
    }

    /// Requests since the last call.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.inner.seen.lock().unwrap())
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        tokio::spawn(connection(stream, inner.clone()));
    }
}

async fn connection(mut stream: TcpStream, inner: Arc<Inner>) {
    let mut buffer = Vec::new();
    while let Some(seen) = receive(&mut stream, &mut buffer).await {
        let rule = inner.rule.lock().unwrap().clone();
        inner.seen.lock().unwrap().push(seen.clone());
        if answer(&mut stream, rule(&seen)).await.is_none() {
            return;
        }
    }
}

async fn receive(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let mut head = None;
    loop {
        if head.is_none() {
            head = memchr::memmem::find(buffer, b"\r\n\r\n").map(|at| at + 4);
        }
        if let Some(start) = head {
            let text = String::from_utf8_lossy(&buffer[..start]).into_owned();
            let path = text.split(' ').nth(1)?.to_owned();
            let head = text.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1)?;
            let length: usize = length.split("\r\n").next()?.parse().ok()?;
            if buffer.len() >= start + length {
                let body = Bytes::copy_from_slice(&buffer[start..start + length]);
                buffer.drain(..start + length);
                return Some(Seen { path, head, body });
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// Answers; none when the connection is at its end.
async fn answer(stream: &mut TcpStream, script: Script) -> Option<()> {
    let (status, headers, pieces, end) = match script {
        Script::Answer {
            status,
            headers,
            pieces,
            end,
        } => (status, headers, pieces, end),
        Script::Raw(bytes) => {
            let _ = stream.write_all(&bytes).await;
            return None;
        }
        Script::Silence => return stalled(stream).await,
    };
    let mut head = format!("HTTP/1.1 {status} X\r\ntransfer-encoding: chunked\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut out = head.into_bytes();
    for piece in pieces {
        out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        out.extend_from_slice(&piece);
        out.extend_from_slice(b"\r\n");
    }
    if end == End::Proper {
        out.extend_from_slice(b"0\r\n\r\n");
    }
    stream.write_all(&out).await.ok()?;
    match end {
        End::Proper => Some(()),
        End::Broken => None,
        End::Stalled => stalled(stream).await,
    }
}

/// Waits until the other side has enough.
async fn stalled(stream: &mut TcpStream) -> Option<()> {
    let mut rest = [0; 256];
    while stream.read(&mut rest).await.ok()? > 0 {}
    None
}
