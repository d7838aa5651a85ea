// SPDX-License-Identifier: Apache-2.0
//! Identities in a directory, a door in front of them, and a clock set by hand.

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use casemate_access::{Door, DoorParts, Permit};
use casemate_iam::{
    Authenticated, Iam, IamError, IamParts, KeyInfo, KeySecret, NewKey, NewProject, NewService,
    Project, Rejection, ServiceInfo,
};
use casemate_ledger::{Ledger, LedgerOptions};
use casemate_quota::Limits;
use casemate_store::{Database, Keyring, Options};
use casemate_testkit::{ManualClock, SeededEntropy, TempDir, root_key};
use casemate_types::{
    Action, Caller, KeyId, ResourceKind, ResourceRef,
    actions::{
        KeyCreate, KeyRead, KeyRevoke, KeyRotate, PersonBootstrap, PersonRead, ProjectCreate,
        ProjectRead, ServiceCreate, ServiceRead,
    },
};

pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    entropy: Arc<SeededEntropy>,
    pub(crate) iam: Iam,
    pub(crate) door: Door,
    database: Database,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::inside(
            TempDir::new(),
            ManualClock::shared(),
            SeededEntropy::shared(1),
        )
    }

    pub(crate) fn inside(
        dir: TempDir,
        clock: Arc<ManualClock>,
        entropy: Arc<SeededEntropy>,
    ) -> Self {
        let migrations = [
            Keyring::MIGRATIONS,
            casemate_access::MIGRATIONS,
            casemate_iam::MIGRATIONS,
        ]
        .concat();
        let database =
            Database::open(&dir.join("state.db"), Options::default(), &migrations).unwrap();
        let root = root_key(1);
        let keyring =
            Keyring::open(database.clone(), &root, 1, entropy.clone(), clock.clone()).unwrap();
        let options = LedgerOptions {
            file: dir.join("ledger.db"),
            reserve: 0,
            max_bytes: None,
            checkpoint_every: Duration::from_secs(3600),
        };
        let (writer, reader) =
            Ledger::open(options, keyring.clone(), entropy.clone(), clock.clone()).unwrap();
        let iam = Iam::open(IamParts {
            database: database.clone(),
            keyring,
            clock: clock.clone(),
            entropy: entropy.clone(),
        })
        .unwrap();
        let door = Door::open(DoorParts {
            writer,
            reader,
            database: database.clone(),
            entities: Arc::new(iam.clone()),
            clock: clock.clone(),
            entropy: entropy.clone(),
        })
        .unwrap();
        Self {
            dir,
            clock,
            entropy,
            iam,
            door,
            database,
        }
    }

    /// Ends everything and opens it again from its files.
    pub(crate) fn reopen(self) -> Self {
        let Self {
            dir,
            clock,
            entropy,
            iam,
            door,
            database,
        } = self;
        door.close();
        drop((iam, door, database));
        Self::inside(dir, clock, entropy)
    }

    pub(crate) fn permit_of<A: Action>(&self, caller: &Caller, resource: ResourceRef) -> Permit<A> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime
            .block_on(self.door.admit::<A>(caller, resource, ""))
            .unwrap()
    }

    pub(crate) fn permit<A: Action>(&self, resource: ResourceRef) -> Permit<A> {
        self.permit_of(&Caller::operator(0), resource)
    }

    pub(crate) fn system<A: Action>(&self) -> Permit<A> {
        self.permit(ResourceRef::system(ResourceKind::System, "casemate"))
    }

    pub(crate) fn project(&self, name: &str) -> Result<Project, IamError> {
        let new = NewProject {
            name: name.into(),
            limits: Limits::default(),
        };
        self.iam.project_create(self.system::<ProjectCreate>(), new)
    }

    pub(crate) fn service(&self, project: &Project, name: &str) -> Result<ServiceInfo, IamError> {
        let resource = ResourceRef::of(ResourceKind::Project, project.id, project.id);
        let new = NewService {
            name: name.into(),
            roles: Vec::new(),
            limits: Limits::default(),
        };
        self.iam
            .service_create(self.permit::<ServiceCreate>(resource), new)
    }

    /// A service `app` in a project `team`.
    pub(crate) fn app(&self) -> ServiceInfo {
        let project = self.project("team").unwrap();
        self.service(&project, "app").unwrap()
    }

    pub(crate) fn key(
        &self,
        service: &ServiceInfo,
        new: NewKey,
    ) -> Result<(KeyInfo, KeySecret), IamError> {
        let resource = ResourceRef::of(ResourceKind::Service, service.id, service.project);
        self.iam.key_create(self.permit::<KeyCreate>(resource), new)
    }

    pub(crate) fn revoke(&self, id: KeyId) -> Result<KeyInfo, IamError> {
        let resource = ResourceRef::system(ResourceKind::Key, &id.to_string());
        self.iam.key_revoke(self.permit::<KeyRevoke>(resource))
    }

    pub(crate) fn rotate(
        &self,
        id: KeyId,
        overlap: Duration,
    ) -> Result<(KeyInfo, KeySecret), IamError> {
        let resource = ResourceRef::system(ResourceKind::Key, &id.to_string());
        self.iam
            .key_rotate(self.permit::<KeyRotate>(resource), overlap)
    }

    pub(crate) fn bootstrap(
        &self,
        token: &str,
        name: &str,
    ) -> Result<(casemate_iam::PersonInfo, KeyInfo, KeySecret), IamError> {
        self.iam
            .bootstrap(self.system::<PersonBootstrap>(), token, name)
    }

    pub(crate) fn shows(&self, key: &str) -> Result<Authenticated, Rejection> {
        self.shows_from(key, None)
    }

    pub(crate) fn shows_from(
        &self,
        key: &str,
        from: Option<&str>,
    ) -> Result<Authenticated, Rejection> {
        let address = from.map(|text| text.parse::<IpAddr>().unwrap());
        self.iam.authenticate(Some(key), address, false)
    }

    /// Everything there is, as text.
    pub(crate) fn everything(&self) -> String {
        format!(
            "{:#?}\n{:#?}\n{:#?}\n{:#?}",
            self.iam.project_list(self.system::<ProjectRead>()).unwrap(),
            self.iam.service_list(self.system::<ServiceRead>()).unwrap(),
            self.iam.person_list(self.system::<PersonRead>()).unwrap(),
            self.iam.key_list(self.system::<KeyRead>()).unwrap(),
        )
    }

    /// Files of the directory with their bytes, after a moment in which everything is written.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        self.database.settle().unwrap();
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect()
    }
}
