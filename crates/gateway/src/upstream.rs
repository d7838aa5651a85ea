// SPDX-License-Identifier: Apache-2.0
//! Servers that models run on, and which model goes where.

use std::{collections::HashMap, sync::Arc};

use casemate_http::{Client, ClientOptions, Origin};
use casemate_types::{Locality, model_fits};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use zeroize::Zeroizing;

use crate::{
    GatewayConfig, GatewayError, RouteConfig, UpstreamConfig, UpstreamKind, dialect::Dialect,
    verified::is_digest,
};

/// Resolves a reference such as `env:NAME` to a secret.
pub type CredentialSource<'a> = &'a dyn Fn(&str) -> Result<Zeroizing<String>, String>;

/// A server, ready to be sent to.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) name: String,
    pub(crate) kind: UpstreamKind,
    pub(crate) locality: Locality,
    pub(crate) region: String,
    /// The version of a model that it says it runs.
    pub(crate) digest: Option<String>,
    pub(crate) stream_usage: bool,
    pub(crate) client: Client,
    headers: HeaderMap,
}

impl Upstream {
    fn new(
        config: &UpstreamConfig,
        credentials: CredentialSource<'_>,
    ) -> Result<Self, GatewayError> {
        let invalid = |why: String| GatewayError::Upstream {
            name: config.name.clone(),
            why,
        };
        let origin = Origin::parse(&config.url).map_err(|error| invalid(error.to_string()))?;
        let local = config.locality == Locality::Local;
        if origin.is_clear() && !origin.names_private() && !config.allow_private {
            return Err(invalid("content would travel in clear: use https".into()));
        }
        let allow_private = config.allow_private || (local && origin.names_private());
        let options = ClientOptions {
            timeouts: config.timeout.into(),
            allow_private,
        };
        let client = Client::new(origin, options).map_err(|error| {
            invalid(format!(
                "{error}; a private address needs `allow_private = true`"
            ))
        })?;
        if let Some(digest) = config.digest.as_deref().filter(|text| !is_digest(text)) {
            return Err(invalid(format!(
                "`{digest}` is no digest: write `sha256:` and 64 small hexadecimal digits, as \
                 `casemate model show` does"
            )));
        }
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::USER_AGENT, HeaderValue::from_static("casemate"));
        // A compressed answer could not be inspected.
        headers.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
        if let Some(reference) = &config.credential {
            let secret = credentials(reference).map_err(invalid)?;
            let (name, text) = match config.kind {
                UpstreamKind::OpenAi => {
                    let text = Zeroizing::new(format!("Bearer {}", secret.trim()));
                    (header::AUTHORIZATION, text)
                }
                UpstreamKind::Anthropic => {
                    let text = Zeroizing::new(secret.trim().to_owned());
                    (HeaderName::from_static("x-api-key"), text)
                }
            };
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| invalid("its credential has characters no header may have".into()))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(Self {
            name: config.name.clone(),
            kind: config.kind,
            locality: config.locality,
            region: config.region.clone(),
            digest: config.digest.clone(),
            stream_usage: config.stream_usage,
            client,
            headers,
        })
    }

    /// Headers of a request; the caller's own never reach the upstream but for the API version.
    pub(crate) fn headers(&self, from: &HeaderMap) -> HeaderMap {
        let mut headers = self.headers.clone();
        if self.kind == UpstreamKind::Anthropic {
            let date = |value: &&HeaderValue| {
                let word = |byte: &u8| byte.is_ascii_digit() || *byte == b'-';
                value.len() == 10 && value.as_bytes().iter().all(word)
            };
            let version = from.get("anthropic-version").filter(date).cloned();
            let version = version.unwrap_or(HeaderValue::from_static("2023-06-01"));
            headers.insert("anthropic-version", version);
        }
        headers
    }
}

/// Where a model goes.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) config: RouteConfig,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) fallback: Option<Arc<Upstream>>,
}

impl Route {
    fn fits(&self, model: &str) -> bool {
        model_fits(&self.config.model, model)
    }

    /// Whether a wire format can be spoken to the route's upstream.
    pub(crate) fn speaks(&self, dialect: Dialect) -> bool {
        matches!(
            (dialect, self.upstream.kind),
            (Dialect::OpenAi, UpstreamKind::OpenAi) | (Dialect::Anthropic, UpstreamKind::Anthropic)
        )
    }

    /// Price of tokens in millionths, rounded up.
    pub(crate) fn price(&self, input: u64, output: u64) -> u64 {
        let cost = |tokens: u64, price: u64| {
            let micros = u128::from(tokens) * u128::from(price);
            u64::try_from(micros.div_ceil(1_000_000)).unwrap_or(u64::MAX)
        };
        cost(input, self.config.input_micros_per_million)
            .saturating_add(cost(output, self.config.output_micros_per_million))
    }
}

/// A route that needs a verified model leads to servers that say which version they run, and to that
/// model there.
fn check_verified(
    route: &RouteConfig,
    upstreams: [Option<&Arc<Upstream>>; 2],
) -> Result<(), GatewayError> {
    if route.verified.is_none() {
        return Ok(());
    }
    let wrong = |why: String| GatewayError::Route {
        model: route.model.clone(),
        why,
    };
    if route.model.ends_with('*') && route.upstream_model.is_none() {
        return Err(wrong(
            "it needs a verified model, and a pattern lets callers choose another one of the \
             server: name the one that was verified in `upstream_model`, or write `model` out"
                .to_owned(),
        ));
    }
    let silent = upstreams
        .into_iter()
        .flatten()
        .find(|one| one.digest.is_none());
    match silent {
        None => Ok(()),
        Some(silent) => Err(wrong(format!(
            "it needs a verified model, and its upstream `{}` has no `digest`",
            silent.name
        ))),
    }
}

/// All routes, in the order of the configuration.
#[derive(Debug)]
pub(crate) struct Routes {
    all: Vec<Route>,
}

impl Routes {
    pub(crate) fn new(
        config: &GatewayConfig,
        credentials: CredentialSource<'_>,
    ) -> Result<Self, GatewayError> {
        let mut upstreams = HashMap::new();
        for upstream in &config.upstream {
            let made = Arc::new(Upstream::new(upstream, credentials)?);
            if upstreams.insert(upstream.name.clone(), made).is_some() {
                let why = "it is there twice".to_owned();
                return Err(GatewayError::Upstream {
                    name: upstream.name.clone(),
                    why,
                });
            }
        }
        let mut all = Vec::new();
        for route in &config.route {
            let find = |name: &String| {
                upstreams
                    .get(name)
                    .cloned()
                    .ok_or_else(|| GatewayError::Route {
                        model: route.model.clone(),
                        why: format!("there is no upstream `{name}`"),
                    })
            };
            let upstream = find(&route.upstream)?;
            let fallback = route.fallback.as_ref().map(find).transpose()?;
            if fallback
                .as_ref()
                .is_some_and(|other| other.kind != upstream.kind)
            {
                let why = "its fallback speaks another wire format".to_owned();
                return Err(GatewayError::Route {
                    model: route.model.clone(),
                    why,
                });
            }
            check_verified(route, [Some(&upstream), fallback.as_ref()])?;
            all.push(Route {
                config: route.clone(),
                upstream,
                fallback,
            });
        }
        Ok(Self { all })
    }

    /// The first route that fits.
    pub(crate) fn find(&self, model: &str, dialect: Dialect) -> Option<usize> {
        self.all
            .iter()
            .position(|route| route.speaks(dialect) && route.fits(model))
    }

    pub(crate) fn get(&self, index: usize) -> &Route {
        &self.all[index]
    }

    /// Models as callers name them, with the routes they take; patterns stand as they are written.
    pub(crate) fn models(&self, dialect: Dialect) -> impl Iterator<Item = &Route> {
        self.all.iter().filter(move |route| route.speaks(dialect))
    }
}
