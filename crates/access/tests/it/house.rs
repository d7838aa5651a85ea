// SPDX-License-Identifier: Apache-2.0
//! A door with everything behind it, in a directory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use casemate_access::{
    AccessError, Decided, Door, DoorParts, EntitySource, Grant, MIGRATIONS, Permit, Timing,
};
use casemate_ledger::{Kind, Ledger, LedgerOptions, Reader};
use casemate_store::{Database, Options};
use casemate_testkit::{ManualClock, SeededEntropy, TempDir, keyring};
use casemate_types::{
    AccessContext, Action, Caller, Credential, KeyId, Locality, Principal, PrincipalId,
    PrincipalKind, ProjectId, ResourceKind, ResourceRef, RiskScore, Strength, actions::ModelInvoke,
    event::Facts,
};

pub(crate) const PROJECT: ProjectId = ProjectId::from_bytes([3; 16]);

/// An epoch that a test sets.
#[derive(Default)]
pub(crate) struct Epoch(AtomicU64);

impl EntitySource for Epoch {
    fn epoch(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

pub(crate) struct House {
    pub(crate) dir: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) entropy: Arc<SeededEntropy>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self {
            dir: TempDir::new(),
            clock: ManualClock::shared(),
            entropy: SeededEntropy::shared(1),
        }
    }

    pub(crate) fn open(&self) -> Door {
        self.open_with(None).unwrap()
    }

    /// Opens the door; `max_bytes` is how large the ledger may get, with a reserve in it.
    pub(crate) fn open_with(&self, max_bytes: Option<u64>) -> Result<Door, AccessError> {
        let keyring = keyring(
            &self.dir.join("keys.db"),
            self.clock.clone(),
            self.entropy.clone(),
        );
        let options = LedgerOptions {
            file: self.dir.join("ledger.db"),
            reserve: if max_bytes.is_some() { 256 << 10 } else { 0 },
            max_bytes,
            checkpoint_every: Duration::from_secs(3600),
        };
        let (writer, reader) =
            Ledger::open(options, keyring, self.entropy.clone(), self.clock.clone())?;
        Door::open(DoorParts {
            writer,
            reader,
            database: self.database(),
            entities: Arc::new(Epoch::default()),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        })
    }

    pub(crate) fn database(&self) -> Database {
        Database::open(&self.dir.join("state.db"), Options::default(), MIGRATIONS).unwrap()
    }

    /// What a crash at this moment would leave on disk, as another house.
    pub(crate) fn after_a_crash(&self) -> Self {
        let other = Self {
            dir: TempDir::new(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        };
        for file in std::fs::read_dir(self.dir.path()).unwrap() {
            let path = file.unwrap().path();
            std::fs::copy(&path, other.dir.join(path.file_name().unwrap())).unwrap();
        }
        other
    }
}

/// Runs a future to its end on this thread.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

/// A service of the project that may call its models.
pub(crate) fn service() -> Caller {
    caller(PrincipalKind::Service, 5, "service")
}

/// Somebody with a role.
pub(crate) fn caller(kind: PrincipalKind, number: u8, role: &str) -> Caller {
    Caller {
        principal: Arc::new(Principal {
            id: PrincipalId::from_bytes([number; 16]),
            kind,
            project: Some(PROJECT),
            roles: vec![role.to_owned()],
            name: "Ada Lovelace".to_owned(),
        }),
        credential: Credential::Key(KeyId::from_bytes([number; 16])),
        act_chain: Vec::new(),
        strength: Strength::Secret,
        risk: RiskScore::default(),
        address: Some("203.0.113.77".parse().unwrap()),
    }
}

pub(crate) fn model() -> ResourceRef {
    ResourceRef::of(ResourceKind::Model, "gpt-x", PROJECT)
}

pub(crate) fn policy_set() -> ResourceRef {
    ResourceRef::system(ResourceKind::PolicySet, "active")
}

/// The context of an ordinary call of an external model.
pub(crate) fn circumstances() -> AccessContext {
    AccessContext {
        dialect: "openai",
        locality: Locality::External,
        ..AccessContext::admin(12, 0, Strength::Secret)
    }
}

pub(crate) fn ask(door: &Door, caller: &Caller) -> Decided<ModelInvoke> {
    door.ask(door.new_record(), caller, model(), &circumstances())
}

pub(crate) fn commit<A: Action>(door: &Door, decided: Decided<A>) -> Grant<A> {
    run(door.commit(decided, Timing::Durable)).unwrap()
}

/// A permit to call the model.
pub(crate) fn permit(door: &Door) -> Permit<ModelInvoke> {
    match commit(door, ask(door, &service())) {
        Grant::Allowed(permit) => permit,
        other => panic!("{other:?}"),
    }
}

/// Everything in the book, as `kind action decision/ending note`, after the door was closed.
pub(crate) fn book(door: &Door) -> Vec<String> {
    door.close();
    lines(door.reader())
}

pub(crate) fn lines(reader: &Reader) -> Vec<String> {
    let line = |record: casemate_ledger::Record| {
        let facts = Facts::from_event(&record.entry.event).unwrap();
        let kind = match record.entry.kind {
            Kind::Decision => "decision",
            Kind::Finding => "finding",
            Kind::Notice => "notice",
            Kind::Outcome => "outcome",
        };
        let mut words = vec![kind.to_owned()];
        words.extend(facts.action.map(|action| action.to_string()));
        words.extend(facts.decision.map(|decision| decision.to_string()));
        words.extend(facts.ending.map(|ending| ending.to_string()));
        words.extend(facts.reasons.iter().map(|why| why.policy.clone()));
        words.extend(
            facts
                .booking
                .map(|b| format!("{}t/{}m", b.tokens, b.micros)),
        );
        words.extend(Some(facts.note).filter(|note| !note.is_empty()));
        words.join(" ")
    };
    reader
        .list(0, usize::MAX)
        .unwrap()
        .into_iter()
        .map(line)
        .collect()
}
