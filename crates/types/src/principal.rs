// SPDX-License-Identifier: Apache-2.0
//! Who asks.

use std::{net::IpAddr, sync::Arc};

use crate::{KeyId, PrincipalId, ProjectId, Strength, class::words};

words! {
    /// The sorts of principals.
    PrincipalKind {
        /// An AI agent acting for someone.
        Agent = "agent",
        /// A background job of Casemate itself.
        Job = "job",
        /// The operating-system user at the local socket.
        Operator = "operator",
        /// A natural person.
        Person = "person",
        /// A program.
        Service = "service",
    }
}

/// A principal as policies see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The pseudonymous id; the only identity in the clear part of a record.
    pub id: PrincipalId,
    /// The sort.
    pub kind: PrincipalKind,
    /// The project it belongs to; `None` for the whole installation.
    pub project: Option<ProjectId>,
    /// Names of role templates, sorted.
    pub roles: Vec<String>,
    /// The name people gave it; sealed in records.
    pub name: String,
}

/// How the principal proved itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A background job inside the process.
    Internal,
    /// An API key.
    Key(KeyId),
    /// The local socket, by the peer's user id.
    Peer(u32),
}

/// How risky the caller looks, 0 (not at all) to 100.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RiskScore(u8);

impl RiskScore {
    /// A score, cut to 100.
    #[must_use]
    pub const fn new(score: u8) -> Self {
        Self(if score > 100 { 100 } else { score })
    }

    /// The score.
    #[must_use]
    pub const fn value(self) -> u8 {
        self.0
    }
}

/// An authenticated caller. Made by `iam`, carried through the whole request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub principal: Arc<Principal>,
    /// By what.
    pub credential: Credential,
    /// For whom, innermost last; empty when the principal acts for itself.
    pub act_chain: Vec<PrincipalId>,
    /// How sure.
    pub strength: Strength,
    /// How risky.
    pub risk: RiskScore,
    /// From where; `None` for the local socket and jobs.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// A background job of Casemate itself (invariant 9); the id is the same at every start.
    #[must_use]
    pub fn job(name: &str) -> Self {
        let mut id = [0; 16];
        for (slot, byte) in id[6..].iter_mut().zip(name.bytes()) {
            *slot = byte;
        }
        Self::of(
            PrincipalKind::Job,
            PrincipalId::from_bytes(id),
            name,
            Credential::Internal,
        )
    }

    /// Somebody who has not proved anything.
    #[must_use]
    pub fn anonymous(address: Option<IpAddr>) -> Self {
        let nobody = PrincipalId::from_bytes([0; 16]);
        let mut caller = Self::of(
            PrincipalKind::Service,
            nobody,
            "anonymous",
            Credential::Internal,
        );
        caller.strength = Strength::Anonymous;
        caller.address = address;
        caller
    }

    /// The operating-system user at the local socket.
    #[must_use]
    pub fn operator(uid: u32) -> Self {
        let mut id = [0; 16];
        id[12..].copy_from_slice(&uid.to_be_bytes());
        id[11] = 1;
        let id = PrincipalId::from_bytes(id);
        Self::of(
            PrincipalKind::Operator,
            id,
            "operator",
            Credential::Peer(uid),
        )
    }

    fn of(kind: PrincipalKind, id: PrincipalId, name: &str, credential: Credential) -> Self {
        let principal = Principal {
            id,
            kind,
            project: None,
            roles: Vec::new(),
            name: name.to_owned(),
        };
        Self {
            principal: Arc::new(principal),
            credential,
            act_chain: Vec::new(),
            strength: Strength::Local,
            risk: RiskScore::default(),
            address: None,
        }
    }
}
