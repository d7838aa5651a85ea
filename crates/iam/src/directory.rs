// SPDX-License-Identifier: Apache-2.0
//! Everything a request needs to know of identities, in memory.

use std::{collections::HashMap, sync::Arc};

use casemate_crypto::Sha256;
use casemate_quota::Limits;
use casemate_types::{KeyId, Principal, PrincipalId, ProjectId, ServiceId};

use crate::{Cidr, KeyInfo, PersonInfo, Project, ServiceInfo};

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
}

impl Directory {
    pub(crate) fn key(&self, id: KeyId) -> Option<&Arc<KnownKey>> {
        self.by_digest.get(self.by_id.get(&id)?)
    }

    pub(crate) fn put_key(&mut self, key: KnownKey) {
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
