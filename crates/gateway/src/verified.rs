// SPDX-License-Identifier: Apache-2.0
//! Routes that need a verified model: a server of one's own says which version it runs, and is asked
//! only while that is the version a registry stands behind.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::upstream::{Route, Upstream};

/// Why not, in words.
pub type Unverified = String;

/// Whoever knows which models are verified: a registry.
pub trait VerifiedModels: Send + Sync {
    /// The digest (`sha256:…`) of the version that `reference` (`project/model@alias`) leads to, if
    /// it may be served at this moment.
    ///
    /// # Errors
    /// Why it may not.
    fn served<'a>(
        &'a self,
        reference: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<String, Unverified>> + Send + 'a>>;
}

/// The upstreams of a route that may be asked, in order. If there are none, its first and why not.
pub(crate) async fn upstreams(
    route: &Route,
    models: Option<&dyn VerifiedModels>,
) -> Result<Vec<Arc<Upstream>>, (Arc<Upstream>, Unverified)> {
    let all = [Some(&route.upstream), route.fallback.as_ref()];
    let all = all.into_iter().flatten().cloned();
    let Some(reference) = &route.config.verified else {
        return Ok(all.collect());
    };
    let served = match models {
        Some(models) => models.served(reference).await,
        None => Err("there is no registry of models here".to_owned()),
    };
    let why = match served {
        Ok(served) => {
            let fits = |one: &Arc<Upstream>| one.digest.as_deref() == Some(served.as_str());
            let fit: Vec<_> = all.filter(fits).collect();
            if !fit.is_empty() {
                return Ok(fit);
            }
            format!("no server of this route says that it runs {served} (`{reference}`)")
        }
        Err(why) => format!("`{reference}` may not be served: {why}"),
    };
    Err((route.upstream.clone(), why))
}

/// Whether a digest is written as registries write it.
pub(crate) fn is_digest(text: &str) -> bool {
    let small = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.strip_prefix("sha256:")
        .is_some_and(|digits| digits.len() == 64 && digits.bytes().all(small))
}
