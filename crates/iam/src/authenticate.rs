// SPDX-License-Identifier: Apache-2.0
//! From a key in a request to a caller.

use std::{net::IpAddr, sync::Arc};

use casemate_quota::{Account, Limits};
use casemate_types::{Caller, Credential, KeyId, Problem, ProblemCode, RiskScore, Strength};

use crate::{ApiKey, Iam, KeyInfo, directory::KnownKey};

/// A caller with what its key allows.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Who asks.
    pub caller: Caller,
    /// The limits that apply: of the key, its owner, its project.
    pub accounts: Vec<(Account, Limits)>,
    key: Arc<KnownKey>,
}

impl Authenticated {
    /// The key that was shown.
    #[must_use]
    pub fn key(&self) -> &KeyInfo {
        &self.key.info
    }
}

/// Why a key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The key's time is over.
    #[error("the API key has expired")]
    Expired(KeyId),
    /// No key was given.
    #[error("no API key was given")]
    Missing,
    /// It is mistyped, cut off, or no key of Casemate.
    #[error("the API key is mistyped or not one of Casemate's")]
    Malformed,
    /// The key may not be used from there.
    #[error("the API key may not be used from this address")]
    Network(KeyId),
    /// The key was revoked.
    #[error("the API key was revoked")]
    Revoked(KeyId),
    /// The form is right, but nobody has it.
    #[error("the API key is not known here")]
    Unknown,
}

impl Rejection {
    /// What the caller is told.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let hint = match self {
            Self::Missing => "send it as `Authorization: Bearer cm_…` or `x-api-key: cm_…`",
            Self::Malformed => "copy it again: keys begin with `cm_` and have 41 characters",
            Self::Network(_) => {
                "use it from a network it was made for, or have its networks changed"
            }
            Self::Expired(_) | Self::Revoked(_) | Self::Unknown => {
                "ask for a new one: `casemate key create`"
            }
        };
        Problem::new(ProblemCode::Unauthenticated, self.to_string()).hint(hint)
    }
}

impl Iam {
    /// Finds out who holds a key. `certified` says that the client also showed a certificate.
    ///
    /// # Errors
    /// [`Rejection`] saying why not.
    pub fn authenticate(
        &self,
        key: Option<&str>,
        address: Option<IpAddr>,
        certified: bool,
    ) -> Result<Authenticated, Rejection> {
        let key = ApiKey::parse(key.ok_or(Rejection::Missing)?).ok_or(Rejection::Malformed)?;
        let directory = self.peek();
        let digest = key.digest(&self.inner.pepper);
        let key = directory.by_digest.get(&digest).ok_or(Rejection::Unknown)?;
        let info = &key.info;
        if info.revoked.is_some() {
            return Err(Rejection::Revoked(info.id));
        }
        if info
            .expires
            .is_some_and(|expires| self.inner.parts.clock.now() >= expires)
        {
            return Err(Rejection::Expired(info.id));
        }
        let inside = |address: IpAddr| key.networks.iter().any(|network| network.contains(address));
        if !key.networks.is_empty() && !address.is_some_and(inside) {
            return Err(Rejection::Network(info.id));
        }
        let known = directory
            .principals
            .get(&info.owner)
            .ok_or(Rejection::Unknown)?;
        let mut accounts = vec![
            (Account::Key(info.id), info.limits),
            (Account::Principal(info.owner), known.limits),
        ];
        if let Some(project) = info.project.and_then(|id| directory.projects.get(&id)) {
            accounts.push((Account::Project(project.id), project.limits));
        }
        let caller = Caller {
            principal: known.principal.clone(),
            credential: Credential::Key(info.id),
            act_chain: Vec::new(),
            strength: if certified {
                Strength::Bound
            } else {
                Strength::Secret
            },
            risk: RiskScore::default(),
            address,
        };
        Ok(Authenticated {
            caller,
            accounts,
            key: key.clone(),
        })
    }

    /// Whether the key that a caller showed is made for a model. Who shows none, at the local socket
    /// or as a job, is held back by policies only.
    #[must_use]
    pub fn key_allows(&self, caller: &Caller, model: &str) -> bool {
        match caller.credential {
            Credential::Key(id) => {
                let directory = self.peek();
                directory
                    .key(id)
                    .is_some_and(|key| key.info.allows_model(model))
            }
            Credential::Internal | Credential::Peer(_) => true,
        }
    }
}
