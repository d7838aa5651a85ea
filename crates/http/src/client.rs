// SPDX-License-Identifier: Apache-2.0
//! A client for one origin. It cannot be made to go anywhere else.

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri, uri::Scheme};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::{HttpError, is_private, resolve::Resolver};

/// How long each part of an exchange may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To a connection.
    pub connect: Duration,
    /// From the request to the answer's head.
    pub first_byte: Duration,
    /// Between two parts of the answer.
    pub idle: Duration,
    /// From the request to the answer's end.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(60),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(600),
        }
    }
}

/// Scheme, host and port of a server, and a path in front of all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    base: String,
    host: String,
    secure: bool,
}

impl Origin {
    /// Reads `https://host[:port][/path]`.
    ///
    /// # Errors
    /// [`HttpError::Origin`] for other schemes, user names, queries and fragments.
    pub fn parse(text: &str) -> Result<Self, HttpError> {
        let refused = || HttpError::Origin(text.chars().take(200).collect());
        let uri: Uri = text.trim_end_matches('/').parse().map_err(|_| refused())?;
        let authority = uri.authority().ok_or_else(refused)?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(refused()),
        };
        if uri.query().is_some() || authority.as_str().contains('@') || text.contains('#') {
            return Err(refused());
        }
        let base = text.trim_end_matches('/').to_owned();
        Ok(Self {
            base,
            host: authority.host().to_owned(),
            secure,
        })
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether requests travel in clear.
    #[must_use]
    pub const fn is_clear(&self) -> bool {
        !self.secure
    }

    /// Whether the host is an address or name of this machine or network, written out.
    #[must_use]
    pub fn names_private(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(is_private)
    }

    fn uri(&self, path: &str) -> Result<Uri, HttpError> {
        format!("{}{path}", self.base)
            .parse()
            .map_err(|_| HttpError::Origin(path.to_owned()))
    }
}

/// How a client behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClientOptions {
    /// Timeouts; those of the answer's body are the caller's to keep.
    pub timeouts: Timeouts,
    /// Whether the name may lead to private addresses.
    pub allow_private: bool,
}

/// A pooled HTTP client for one origin. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    origin: Arc<Origin>,
    options: ClientOptions,
    pool: Pool<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
}

impl Client {
    /// A client for `origin` that trusts the machine's certificate authorities.
    ///
    /// # Errors
    /// [`HttpError::Tls`] when the machine has no usable authorities but the origin needs them;
    /// [`HttpError::Origin`] when a private address is written out and none is allowed.
    pub fn new(origin: Origin, options: ClientOptions) -> Result<Self, HttpError> {
        if origin.names_private() && !options.allow_private {
            return Err(HttpError::Origin(origin.base));
        }
        let mut connector = HttpConnector::new_with_resolver(Resolver {
            allow_private: options.allow_private,
        });
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(options.timeouts.connect));
        let tls = crate::tls::client_config(origin.secure)?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(256)
            .build(connector);
        Ok(Self {
            origin: Arc::new(origin),
            options,
            pool,
        })
    }

    /// The origin all requests go to.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The timeouts; the caller keeps `idle` and `total` while it reads the answer.
    #[must_use]
    pub const fn timeouts(&self) -> Timeouts {
        self.options.timeouts
    }

    /// Sends a request to a path of the origin; gives the answer's head and its body to be read.
    ///
    /// # Errors
    /// [`HttpError::Connect`] when nobody is there, [`HttpError::Timeout`] when the head takes too
    /// long, [`HttpError::Broken`] when the connection ends first.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, HttpError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.origin.uri(path)?;
        *request.headers_mut() = headers;
        let times = self.options.timeouts;
        let patience = times.first_byte.min(times.total);
        let answer = tokio::time::timeout(patience, self.pool.request(request));
        match answer.await {
            Err(_) => Err(HttpError::Timeout("the answer's head")),
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_connect() => {
                Err(HttpError::Connect(self.origin.host.clone(), error.into()))
            }
            Ok(Err(error)) => Err(HttpError::broken(error)),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.origin.base)
    }
}
