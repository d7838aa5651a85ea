// SPDX-License-Identifier: Apache-2.0
//! What can go wrong in transport, by what the caller can do about it.

/// Transport failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// Which address.
        address: String,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// More bytes than allowed.
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// The peer broke off or sent what is not HTTP.
    #[error("the connection broke off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody answers there.
    #[error("cannot connect to `{0}`")]
    Connect(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// A listener beyond loopback needs TLS.
    #[error("{0} is reachable from other machines and has no TLS")]
    NeedsTls(std::net::SocketAddr),
    /// A name or address that was not allowed.
    #[error("`{0}` is not an origin of the form `https://host[:port]`")]
    Origin(String),
    /// Certificates or keys cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// Too slow.
    #[error("timed out waiting for {0}")]
    Timeout(&'static str),
}

impl HttpError {
    pub(crate) fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Broken(error.into())
    }
}
