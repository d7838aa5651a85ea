// SPDX-License-Identifier: Apache-2.0
//! Names to addresses, without those that only an attacker would want.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use hyper_util::client::legacy::connect::dns::Name;

/// Whether an address is not of the public Internet: loopback, private, link-local, metadata,
/// unspecified, documentation, multicast (RFC 6890).
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4.is_documentation()
                || a == 0
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0)
                || (a == 198 && (b == 18 || b == 19))
                || a >= 240
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_private(v4.into()),
            None => {
                let [a, b, ..] = v6.segments();
                v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || (a & 0xfe00) == 0xfc00
                    || (a & 0xffc0) == 0xfe80
                    || (a == 0x2001 && b == 0xdb8)
                    || (a == 0x64 && b == 0xff9b)
            }
        },
    }
}

/// Resolves through the system and drops private addresses unless they are allowed.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    pub(crate) allow_private: bool,
}

impl tower::Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let all: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<_> = all
                .into_iter()
                .filter(|to| allow_private || !is_private(to.ip()))
                .collect();
            if allowed.is_empty() {
                let why = format!("`{name}` leads to private addresses only, which were not named");
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
            }
            Ok(allowed.into_iter())
        })
    }
}
