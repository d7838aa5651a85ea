// SPDX-License-Identifier: Apache-2.0
//! Transport: listeners with limits and TLS, a client that only goes where it was told to.
//!
//! No routes and no knowledge of what is carried. One TLS stack (rustls on aws-lc-rs); a listener
//! beyond loopback without TLS cannot be built.

mod body;
mod client;
mod error;
mod io;
mod resolve;
mod server;
mod tls;

pub use body::{Body, full, problem_response, read_body, read_body_idle};
pub use client::{Client, ClientOptions, Origin, Timeouts};
pub use error::HttpError;
pub use resolve::is_private;
pub use server::{Limits, Listener, Peer, Shutdown, serve};
pub use tls::{ServerTls, generate_authority};
