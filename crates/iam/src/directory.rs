// SPDX-License-Identifier: Apache-2.0
//! Everything a request needs to know of identities, in memory.

use std::{collections::HashMap, sync::Arc};

use casemate_crypto::Sha256;
use casemate_quota::Limits;
use casemate_types::{KeyId, Principal, PrincipalId, ProjectId, ServiceId};

use crate::{Cidr, KeyInfo, PersonInfo, Project, ServiceInfo, hands::Makers};

/// A principal with the limits over all its keys.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) principal: Arc<Principal>,
    pub(crate) limits: Limits,
}

/// A key with what checking it needs, parsed.
#[derive(Debug, Clone)]
pub(crate) struct KnownKey {
    pub(crate) info: KeyInfo,
    pub(crate) networks: Vec<Cidr>,
    pub(crate) digest: Sha256,
}

/// One state of all identities; replaced as a whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    pub(crate) projects: HashMap<ProjectId, Arc<Project>>,
    pub(crate) principals: HashMap<PrincipalId, Known>,
    pub(crate) services: HashMap<ServiceId, Arc<ServiceInfo>>,
    pub(crate) persons: Vec<PersonInfo>,
    pub(crate) by_digest: HashMap<Sha256, Arc<KnownKey>>,
    pub(crate) by_id: HashMap<KeyId, Sha256>,
    makers: Makers,
}

impl Directory {
    pub(crate) fn key(&self, id: KeyId) -> Option<&Arc<KnownKey>> {
        self.by_digest.get(self.by_id.get(&id)?)
    }

    /// Whether one hand may have led both principals. Users of the local socket are principals of
    /// the operating system: what they make belongs to whom they give it, or nobody whose key was
    /// made there could be a second person.
    pub(crate) fn one_hand(&self, one: PrincipalId, other: PrincipalId) -> bool {
        let counts = |maker| self.principals.contains_key(&maker);
        self.makers.one_hand(one, other, counts)
    }

    pub(crate) fn put_key(&mut self, key: KnownKey) {
        self.makers.put(key.info.owner, key.info.made_by);
        self.by_id.insert(key.info.id, key.digest);
        self.by_digest.insert(key.digest, Arc::new(key));
    }

    pub(crate) fn put_service(&mut self, service: ServiceInfo) {
        let principal = Principal {
            id: service.id.into(),
            kind: casemate_types::PrincipalKind::Service,
            project: Some(service.project),
            roles: service.roles.clone(),
            name: service.name.clone(),
        };
        let known = Known {
            principal: Arc::new(principal),
            limits: service.limits,
        };
        self.makers.put(service.id.into(), service.made_by);
        self.principals.insert(service.id.into(), known);
        self.services.insert(service.id, Arc::new(service));
    }

    pub(crate) fn put_person(&mut self, person: PersonInfo) {
        let principal = Principal {
            id: person.id.into(),
            kind: casemate_types::PrincipalKind::Person,
            project: None,
            roles: person.roles.clone(),
            name: person.name.clone(),
        };
        let known = Known {
            principal: Arc::new(principal),
            limits: Limits::default(),
        };
        self.principals.insert(person.id.into(), known);
        self.persons.push(person);
    }
}
