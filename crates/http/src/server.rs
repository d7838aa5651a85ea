// SPDX-License-Identifier: Apache-2.0
//! Listening, with limits on everything a peer can make us hold.

use std::{convert::Infallible, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{Semaphore, watch},
};
use tokio_rustls::TlsAcceptor;

use crate::{Body, HttpError, ServerTls, io::Patient};

/// What a listener allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at the same time; more wait in the system's queue.
    pub connections: usize,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Header fields of a request.
    pub header_fields: usize,
    /// Time for a request's head, and for a TLS handshake.
    pub head_time: Duration,
    /// Time a write may make no progress.
    pub write_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            head_bytes: 32 * 1024,
            header_fields: 64,
            head_time: Duration::from_secs(10),
            write_time: Duration::from_secs(30),
        }
    }
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A TCP peer; `certified` when it showed a certificate of the client authority.
    Tcp {
        /// Its address.
        address: SocketAddr,
        /// Whether it showed a valid client certificate.
        certified: bool,
    },
    /// A process on this machine, by its user id.
    Unix {
        /// The peer's user id, from the kernel.
        uid: u32,
    },
}

/// Tells tasks to end. Cloned into all of them.
#[derive(Debug, Clone)]
pub struct Shutdown {
    sender: Arc<watch::Sender<bool>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            sender: Arc::new(watch::Sender::new(false)),
        }
    }
}

impl Shutdown {
    /// Tells everybody to end.
    pub fn trigger(&self) {
        self.sender.send_replace(true);
    }

    /// Waits until told to end.
    pub async fn triggered(&self) {
        let mut receiver = self.sender.subscribe();
        // The sender lives as long as `self`.
        let _ = receiver.wait_for(|stop| *stop).await;
    }

    /// Whether it was told already.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        *self.sender.borrow()
    }
}

enum Socket {
    Tcp(TcpListener, Option<TlsAcceptor>),
    Unix(UnixListener),
}

/// A socket that is listened on.
pub struct Listener {
    socket: Socket,
    limits: Limits,
}

impl Listener {
    /// Listens on a TCP address. Beyond loopback only with TLS.
    ///
    /// # Errors
    /// [`HttpError::NeedsTls`], or [`HttpError::Bind`] when the address is taken or not ours.
    pub async fn tcp(
        address: SocketAddr,
        tls: Option<ServerTls>,
        limits: Limits,
    ) -> Result<Self, HttpError> {
        if tls.is_none() && !address.ip().is_loopback() {
            return Err(HttpError::NeedsTls(address));
        }
        let socket = TcpListener::bind(address)
            .await
            .map_err(|source| HttpError::Bind {
                address: address.to_string(),
                source,
            })?;
        let tls = tls.map(|tls| TlsAcceptor::from(tls.config));
        Ok(Self {
            socket: Socket::Tcp(socket, tls),
            limits,
        })
    }

    /// Listens on a unix socket that only this user may open. An old socket file is replaced.
    ///
    /// # Errors
    /// [`HttpError::Bind`] when the file cannot be made.
    pub fn unix(path: &std::path::Path, limits: Limits) -> Result<Self, HttpError> {
        use std::os::unix::fs::PermissionsExt as _;
        let failed = |source| HttpError::Bind {
            address: path.display().to_string(),
            source,
        };
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
        let socket = UnixListener::bind(path).map_err(failed)?;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(path, mode).map_err(failed)?;
        Ok(Self {
            socket: Socket::Unix(socket),
            limits,
        })
    }

    /// The address, for a port that the system chose.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(socket, _) => socket.local_addr().ok(),
            Socket::Unix(_) => None,
        }
    }
}

/// Serves until shutdown, then lets running requests end for at most `grace`.
pub async fn serve<H, F>(listener: Listener, handler: H, shutdown: Shutdown, grace: Duration)
where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(listener.limits.connections));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            break;
        };
        let limits = listener.limits;
        tokio::select! {
            () = shutdown.triggered() => break,
            accepted = accept(&listener.socket) => {
                let Some(accepted) = accepted else { continue };
                let (handler, shutdown) = (handler.clone(), shutdown.clone());
                tokio::spawn(async move {
                    connection(accepted, limits, handler, shutdown).await;
                    drop(permit);
                });
            }
        }
    }
    let all = u32::try_from(listener.limits.connections).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(grace, permits.acquire_many(all)).await;
}

enum Accepted {
    Tcp(tokio::net::TcpStream, SocketAddr, Option<TlsAcceptor>),
    Unix(tokio::net::UnixStream, u32),
}

async fn accept(socket: &Socket) -> Option<Accepted> {
    let failed = |error: std::io::Error| {
        // Out of descriptors or a peer gone before we looked: neither ends the listener.
        tracing::warn!(%error, "a connection could not be accepted");
    };
    match socket {
        Socket::Tcp(socket, tls) => {
            let (stream, address) = socket.accept().await.map_err(failed).ok()?;
            let _ = stream.set_nodelay(true);
            Some(Accepted::Tcp(stream, address, tls.clone()))
        }
        Socket::Unix(socket) => {
            let (stream, _) = socket.accept().await.map_err(failed).ok()?;
            let uid = stream.peer_cred().map_err(failed).ok()?.uid();
            Some(Accepted::Unix(stream, uid))
        }
    }
}

async fn connection<H, F>(accepted: Accepted, limits: Limits, handler: H, shutdown: Shutdown)
where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    match accepted {
        Accepted::Unix(stream, uid) => {
            speak(stream, Peer::Unix { uid }, limits, handler, shutdown).await;
        }
        Accepted::Tcp(stream, address, None) => {
            let peer = Peer::Tcp {
                address,
                certified: false,
            };
            speak(stream, peer, limits, handler, shutdown).await;
        }
        Accepted::Tcp(stream, address, Some(tls)) => {
            let Ok(Ok(stream)) = tokio::time::timeout(limits.head_time, tls.accept(stream)).await
            else {
                return;
            };
            let certified = stream.get_ref().1.peer_certificates().is_some();
            let peer = Peer::Tcp { address, certified };
            speak(stream, peer, limits, handler, shutdown).await;
        }
    }
}

async fn speak<S, H, F>(stream: S, peer: Peer, limits: Limits, handler: H, shutdown: Shutdown)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let answer = handler(request, peer);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head_bytes.max(8192))
        .max_headers(limits.header_fields)
        .serve_connection(
            TokioIo::new(Patient::new(stream, limits.write_time)),
            service,
        );
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = shutdown.triggered() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
