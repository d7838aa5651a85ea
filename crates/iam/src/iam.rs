// SPDX-License-Identifier: Apache-2.0
//! The façade: projects, services and persons.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use casemate_access::{EntitySource, Permit, Receipt};
use casemate_crypto::Hmac;
use casemate_quota::Limits;
use casemate_store::{Database, Keyring, Scope, StoreError};
use casemate_types::{
    Action, Caller, Clock, Entropy, PrincipalId, ProjectId, ResourceRef, ServiceId,
    actions::{PersonRead, ProjectCreate, ProjectRead, ProjectUpdate, ServiceCreate, ServiceRead},
    event::Ending,
};

use crate::{
    IamError, KeyInfo, NewProject, NewService, PersonInfo, Project, ServiceInfo,
    directory::{Directory, KnownKey},
    store,
};

/// What iam is made of.
pub struct IamParts {
    /// State.
    pub database: Database,
    /// Keys that seal names.
    pub keyring: Keyring,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// Identities. Cheap to clone.
#[derive(Clone)]
pub struct Iam {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) parts: IamParts,
    pub(crate) pepper: Hmac,
    directory: ArcSwap<Directory>,
    /// One change at a time, so that none overwrites another's.
    changing: Mutex<()>,
    epoch: AtomicU64,
}

impl Iam {
    /// Opens the identities.
    ///
    /// # Errors
    /// [`IamError::Store`] when they cannot be read.
    pub fn open(parts: IamParts) -> Result<Self, IamError> {
        let pepper = parts.keyring.hmac(Scope::System, "iam/api-key")?;
        let directory = load(&parts)?;
        Ok(Self {
            inner: Arc::new(Inner {
                parts,
                pepper,
                directory: ArcSwap::from_pointee(directory),
                changing: Mutex::new(()),
                epoch: AtomicU64::new(1),
            }),
        })
    }

    /// Makes a project.
    ///
    /// # Errors
    /// [`IamError::Conflict`] for a name that exists, [`IamError::Invalid`] for one that is none.
    pub fn project_create(
        &self,
        permit: Permit<ProjectCreate>,
        new: NewProject,
    ) -> Result<Project, IamError> {
        self.effect(permit, |_| {
            let name = valid_name(&new.name)?;
            let now = self.inner.parts.clock.now();
            let project = Project {
                id: ProjectId::from_parts(now, self.inner.parts.entropy.id_bytes()),
                name: name.to_owned(),
                limits: new.limits,
                created: now,
            };
            self.change(|directory| {
                self.inner.parts.database.tx("iam.project_create", |tx| {
                    store::project_insert(tx, &project).map_err(|error| taken(error, name))
                })?;
                directory
                    .projects
                    .insert(project.id, Arc::new(project.clone()));
                Ok(project.clone())
            })
        })
    }

    /// Changes a project's limits, from the next request on.
    ///
    /// # Errors
    /// [`IamError::NotFound`].
    pub fn project_update(
        &self,
        permit: Permit<ProjectUpdate>,
        limits: Limits,
    ) -> Result<Project, IamError> {
        self.effect(permit, |resource| {
            let id = resource.project.ok_or(IamError::NotFound("project"))?;
            self.change(|directory| {
                let known = directory
                    .projects
                    .get(&id)
                    .ok_or(IamError::NotFound("project"))?;
                let project = Project {
                    limits,
                    ..Project::clone(known)
                };
                self.inner.parts.database.tx("iam.project_update", |tx| {
                    store::project_limits(tx, id, &limits)
                })?;
                directory.projects.insert(id, Arc::new(project.clone()));
                Ok(project)
            })
        })
    }

    /// All projects, or the one the permit is for, by name.
    ///
    /// # Errors
    /// [`IamError::Expired`].
    pub fn project_list(&self, permit: Permit<ProjectRead>) -> Result<Vec<Project>, IamError> {
        self.effect(permit, |resource| {
            let mut all: Vec<_> = self
                .directory()
                .projects
                .values()
                .filter(|project| resource.project.is_none_or(|only| project.id == only))
                .map(|project| Project::clone(project))
                .collect();
            all.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(all)
        })
    }

    /// Makes a service in the project the permit is for.
    ///
    /// # Errors
    /// [`IamError::Conflict`] for a name that exists in the project, [`IamError::NotFound`] for a
    /// project that does not exist, [`IamError::Role`] for a role the caller may not hand out.
    pub fn service_create(
        &self,
        permit: Permit<ServiceCreate>,
        new: NewService,
    ) -> Result<ServiceInfo, IamError> {
        let giver = permit.caller().clone();
        self.effect(permit, |resource| {
            let project = resource.project.ok_or(IamError::NotFound("project"))?;
            let name = valid_name(&new.name)?;
            let roles = valid_roles(new.roles.clone())?;
            may_give(&giver, &roles)?;
            let now = self.inner.parts.clock.now();
            let service = ServiceInfo {
                id: ServiceId::from_parts(now, self.inner.parts.entropy.id_bytes()),
                project,
                name: name.to_owned(),
                roles,
                limits: new.limits,
                created: now,
                made_by: Some(giver.principal.id),
            };
            self.change(|directory| {
                if !directory.projects.contains_key(&project) {
                    return Err(IamError::NotFound("project"));
                }
                self.inner.parts.database.tx("iam.service_create", |tx| {
                    store::service_insert(tx, &service).map_err(|error| taken(error, name))
                })?;
                directory.put_service(service.clone());
                Ok(service.clone())
            })
        })
    }

    /// Services of the project the permit is for, or of all.
    ///
    /// # Errors
    /// [`IamError::Expired`].
    pub fn service_list(&self, permit: Permit<ServiceRead>) -> Result<Vec<ServiceInfo>, IamError> {
        self.effect(permit, |resource| {
            let mut all: Vec<_> = self
                .directory()
                .services
                .values()
                .filter(|service| resource.project.is_none_or(|only| service.project == only))
                .map(|service| ServiceInfo::clone(service))
                .collect();
            all.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(all)
        })
    }

    /// All persons.
    ///
    /// # Errors
    /// [`IamError::Expired`].
    pub fn person_list(&self, permit: Permit<PersonRead>) -> Result<Vec<PersonInfo>, IamError> {
        self.effect(permit, |_| Ok(self.directory().persons.clone()))
    }

    /// The present instant, for expiries given as a duration.
    #[must_use]
    pub fn now(&self) -> casemate_types::Timestamp {
        self.inner.parts.clock.now()
    }

    /// A project's name and limits, for readers that hold its id.
    #[must_use]
    pub fn project(&self, id: ProjectId) -> Option<Arc<Project>> {
        self.directory().projects.get(&id).cloned()
    }

    /// A project by name or id.
    #[must_use]
    pub fn project_named(&self, name: &str) -> Option<Arc<Project>> {
        let directory = self.directory();
        let id = name.parse::<ProjectId>().ok();
        directory
            .projects
            .values()
            .find(|project| project.name == name || Some(project.id) == id)
            .cloned()
    }

    /// Services and keys of a project, by name, for readers that were let in to the project.
    #[must_use]
    pub fn members(&self, project: ProjectId) -> (Vec<ServiceInfo>, Vec<KeyInfo>) {
        let directory = self.directory();
        let services = directory.services.values();
        let mut services: Vec<_> = services
            .filter(|service| service.project == project)
            .map(|service| ServiceInfo::clone(service))
            .collect();
        let keys = directory.by_digest.values().map(|key| &key.info);
        let mut keys: Vec<_> = keys
            .filter(|key| key.project == Some(project))
            .cloned()
            .collect();
        services.sort_by(|a, b| a.name.cmp(&b.name));
        keys.sort_by(|a, b| a.label.cmp(&b.label).then(a.id.cmp(&b.id)));
        (services, keys)
    }

    pub(crate) fn directory(&self) -> Arc<Directory> {
        self.inner.directory.load_full()
    }

    pub(crate) fn peek(&self) -> arc_swap::Guard<Arc<Directory>> {
        self.inner.directory.load()
    }

    /// Changes the directory: storage first, then memory, so that nobody sees what is not stored.
    pub(crate) fn change<T>(
        &self,
        body: impl FnOnce(&mut Directory) -> Result<T, IamError>,
    ) -> Result<T, IamError> {
        let _one = self
            .inner
            .changing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut next = Directory::clone(&self.directory());
        let value = body(&mut next)?;
        self.inner.directory.store(Arc::new(next));
        self.inner.epoch.fetch_add(1, Ordering::Release);
        Ok(value)
    }

    /// Runs an effect with the resource of its permit and records how it ended.
    pub(crate) fn effect<A: Action, T>(
        &self,
        permit: Permit<A>,
        body: impl FnOnce(&ResourceRef) -> Result<T, IamError>,
    ) -> Result<T, IamError> {
        let (resource, receipt) = permit.enter().ok_or(IamError::Expired)?;
        let result = body(&resource);
        finish(receipt, &result);
        result
    }
}

fn finish<T>(receipt: Receipt, result: &Result<T, IamError>) {
    match result {
        Ok(_) => receipt.settle(Ending::Completed, |_| ()),
        Err(error) => receipt.settle(Ending::Failed, |facts| facts.note = error.to_string()),
    }
}

impl EntitySource for Iam {
    fn epoch(&self) -> u64 {
        self.inner.epoch.load(Ordering::Acquire)
    }

    fn one_hand(&self, one: PrincipalId, other: PrincipalId) -> bool {
        self.peek().one_hand(one, other)
    }
}

impl std::fmt::Debug for Iam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Iam(epoch {})", self.epoch())
    }
}

fn load(parts: &IamParts) -> Result<Directory, IamError> {
    let mut directory = Directory::default();
    let (projects, services, persons, keys) = parts.database.tx("iam.load", |tx| {
        Ok::<_, StoreError>((
            store::project_list(tx)?,
            store::service_list(tx)?,
            store::person_list(tx)?,
            store::key_list(tx)?,
        ))
    })?;
    for project in projects {
        directory.projects.insert(project.id, Arc::new(project));
    }
    for service in services {
        directory.put_service(service);
    }
    for (mut person, sealed) in persons {
        person.name = store::open_name(&parts.keyring, &person.id, &sealed)?;
        directory.put_person(person);
    }
    for (info, digest) in keys {
        let networks = info
            .networks
            .iter()
            .map(|network| network.parse().map_err(IamError::Invalid))
            .collect::<Result<_, _>>()?;
        directory.put_key(KnownKey {
            info,
            networks,
            digest,
        });
    }
    Ok(directory)
}

pub(crate) fn valid_name(name: &str) -> Result<&str, IamError> {
    let letters = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if (1..=64).contains(&name.len()) && letters {
        return Ok(name);
    }
    let shown: String = name.chars().take(64).collect();
    Err(IamError::Invalid(format!(
        "`{shown}` is no name: use 1 to 64 letters, digits, `-`, `_` and `.`"
    )))
}

fn valid_roles(mut roles: Vec<String>) -> Result<Vec<String>, IamError> {
    if roles.is_empty() {
        roles.push("service".into());
    }
    roles.sort();
    roles.dedup();
    roles
        .iter()
        .try_for_each(|role| valid_name(role).map(drop))?;
    Ok(roles)
}

/// A caller of one project hands out no more than it has: making a service, or a key for one, would
/// otherwise be a way to any role.
pub(crate) fn may_give(giver: &Caller, roles: &[String]) -> Result<(), IamError> {
    let giver = &giver.principal;
    let own = |role: &String| role == "service" || giver.roles.contains(role);
    match roles.iter().find(|role| !own(role)) {
        Some(role) if giver.project.is_some() => Err(IamError::Role(role.clone())),
        _ => Ok(()),
    }
}

fn taken(error: StoreError, name: &str) -> IamError {
    match error {
        StoreError::Conflict => IamError::Conflict(name.to_owned()),
        other => other.into(),
    }
}
