// SPDX-License-Identifier: Apache-2.0
//! What can be wrong with the gateway's configuration.

use casemate_inspect::{HostError, InspectError};
use casemate_store::StoreError;

/// The gateway cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// A host that links may lead to.
    #[error("link_hosts: {0}")]
    Host(#[from] HostError),
    /// Detectors.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// A route.
    #[error("route `{model}`: {why}")]
    Route {
        /// Its model.
        model: String,
        /// What is wrong.
        why: String,
    },
    /// A word list, table or file of fingerprints.
    #[error("{sort} `{name}`: {why}")]
    Set {
        /// What it is: `dictionary`, `exact` or `fingerprint`.
        sort: &'static str,
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// Keys.
    #[error("a project's keys cannot be opened")]
    Store(#[from] StoreError),
    /// An upstream.
    #[error("upstream `{name}`: {why}")]
    Upstream {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
}
