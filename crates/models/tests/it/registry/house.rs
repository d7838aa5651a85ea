// SPDX-License-Identifier: Apache-2.0
//! A registry with a door and a book, in a directory, and somebody of each sort.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use casemate_access::{AccessError, Door, DoorParts, EntitySource};
use casemate_crypto::{Curve, EcdsaPrivate, Sha256, sha256};
use casemate_ledger::{Ledger, LedgerOptions};
use casemate_models::{
    MIGRATIONS,
    registry::{
        AliasName, AllowedSigner, DocumentKind, FileName, Move, Moved, Place, Reference, Registry,
        RegistryError, RegistryParts, Submission, VersionInfo,
    },
    signing::{
        Content, Effort, Entry, EntryKind, Links, ModelSource, SignOptions, Signer, SourceError,
        sign,
    },
};
use casemate_store::{Blobs, Database, Keyring, Options};
use casemate_testkit::{ManualClock, SeededEntropy, TempDir, root_key};
use casemate_types::{
    Caller, Credential, KeyId, Principal, PrincipalId, PrincipalKind, ProjectId, RiskScore,
    Strength, event::Facts,
};
use http_body_util::{BodyExt as _, Full};
use serde_json::json;

pub(crate) const PROJECT: ProjectId = ProjectId::from_bytes([3; 16]);
pub(crate) const OTHER: ProjectId = ProjectId::from_bytes([4; 16]);
/// A pickle that would run a command that does nothing. It is never loaded.
pub(crate) const HOSTILE: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

struct Still;

impl EntitySource for Still {
    fn epoch(&self) -> u64 {
        1
    }
}

pub(crate) struct House {
    pub(crate) dir: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) door: Door,
    pub(crate) registry: Registry,
    pub(crate) database: Database,
    pub(crate) key: EcdsaPrivate,
    runtime: tokio::runtime::Runtime,
}

pub(crate) fn caller(number: u8, role: &str, project: Option<ProjectId>) -> Caller {
    Caller {
        principal: Arc::new(Principal {
            id: PrincipalId::from_bytes([number; 16]),
            kind: PrincipalKind::Person,
            project,
            roles: vec![role.to_owned()],
            name: "Ada".to_owned(),
        }),
        credential: Credential::Key(KeyId::from_bytes([number; 16])),
        act_chain: Vec::new(),
        strength: Strength::Secret,
        risk: RiskScore::default(),
        address: None,
    }
}

pub(crate) fn developer() -> Caller {
    caller(1, "developer", Some(PROJECT))
}

pub(crate) fn admin() -> Caller {
    caller(2, "admin", None)
}

pub(crate) fn place() -> Place {
    Place {
        project: PROJECT,
        model: "fraud".parse().unwrap(),
    }
}

pub(crate) fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

pub(crate) fn alias(name: &str) -> AliasName {
    name.parse().unwrap()
}

/// A harmless model that differs by its number.
pub(crate) fn model(number: u8) -> Vec<(String, Vec<u8>)> {
    let weights = safetensors(&vec![number; 200_000]);
    vec![
        ("config.json".into(), br#"{"model_type": "bert"}"#.to_vec()),
        ("onnx/weights.safetensors".into(), weights),
    ]
}

pub(crate) fn safetensors(data: &[u8]) -> Vec<u8> {
    let header = format!(
        r#"{{"w":{{"dtype":"U8","shape":[{}],"data_offsets":[0,{}]}}}}"#,
        data.len(),
        data.len()
    );
    let padded = format!("{header:<width$}", width = header.len().next_multiple_of(8));
    [
        &(padded.len() as u64).to_le_bytes()[..],
        padded.as_bytes(),
        data,
    ]
    .concat()
}

impl House {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new();
        let (clock, entropy) = (ManualClock::shared(), SeededEntropy::shared(1));
        let migrations = [Keyring::MIGRATIONS, casemate_access::MIGRATIONS, MIGRATIONS].concat();
        let database =
            Database::open(&dir.join("state.db"), Options::default(), &migrations).unwrap();
        let keyring = Keyring::open(
            database.clone(),
            &root_key(1),
            1,
            entropy.clone(),
            clock.clone(),
        )
        .unwrap();
        let options = LedgerOptions {
            file: dir.join("ledger.db"),
            reserve: 0,
            max_bytes: None,
            checkpoint_every: Duration::from_secs(3600),
        };
        let (writer, reader) =
            Ledger::open(options, keyring.clone(), entropy.clone(), clock.clone()).unwrap();
        let door = Door::open(DoorParts {
            writer,
            reader,
            database: database.clone(),
            entities: Arc::new(Still),
            clock: clock.clone(),
            entropy: entropy.clone(),
        })
        .unwrap();
        let blobs = Blobs::open(&dir.join("models"), 0, keyring.clone(), entropy).unwrap();
        let registry = Registry::new(RegistryParts {
            door: door.clone(),
            database: database.clone(),
            keyring,
            blobs,
            clock: clock.clone(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .unwrap();
        let house = Self {
            dir,
            clock,
            door,
            registry,
            database,
            key: EcdsaPrivate::generate(Curve::P256).unwrap(),
            runtime,
        };
        house.allow(&[&house.key]);
        house
    }

    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.runtime.spawn(future)
    }

    /// Says whose signatures count.
    pub(crate) fn allow(&self, keys: &[&EcdsaPrivate]) {
        self.allow_for(&place(), keys);
    }

    pub(crate) fn allow_for(&self, place: &Place, keys: &[&EcdsaPrivate]) {
        let signers = keys.iter().enumerate().map(|(number, key)| AllowedSigner {
            name: format!("team-{number}"),
            pem: key.public().unwrap().to_pem(),
            identity: None,
        });
        let signers = signers.collect();
        self.run(self.registry.set_signers(&admin(), place, signers))
            .unwrap();
    }

    pub(crate) fn send(&self, caller: &Caller, bytes: &[u8]) -> Result<(), RegistryError> {
        let body = Full::new(Bytes::copy_from_slice(bytes));
        let length = bytes.len() as u64;
        let place = place();
        let sent = self
            .registry
            .receive(caller, &place, sha256(bytes), length, body);
        self.run(sent).map(drop)
    }

    pub(crate) fn bundle(&self, files: &[(String, Vec<u8>)]) -> Vec<u8> {
        bundle(files, copy(&self.key))
    }

    /// Sends files and registers them with a signature.
    pub(crate) fn push_with(
        &self,
        caller: &Caller,
        files: &[(String, Vec<u8>)],
        bundle: Vec<u8>,
    ) -> Result<VersionInfo, RegistryError> {
        for (_, bytes) in files {
            self.send(caller, bytes)?;
        }
        let submission = Submission {
            files: listed(files),
            bundle,
        };
        self.run(self.registry.register(caller, &place(), submission))
    }

    pub(crate) fn push(&self, files: &[(String, Vec<u8>)]) -> VersionInfo {
        self.push_with(&developer(), files, self.bundle(files))
            .unwrap()
    }

    pub(crate) fn promote(&self, to: &str, alias_name: &str) -> Result<Moved, RegistryError> {
        self.promote_by(&developer(), to, alias_name, None)
    }

    pub(crate) fn promote_by(
        &self,
        caller: &Caller,
        to: &str,
        alias_name: &str,
        from: Option<i64>,
    ) -> Result<Moved, RegistryError> {
        let wanted = Move {
            alias: alias(alias_name),
            to: reference(to),
            from,
            why: "tests passed".into(),
        };
        self.run(self.registry.promote(caller, &place(), wanted))
    }

    pub(crate) fn rollback(&self, alias_name: &str) -> Result<Moved, RegistryError> {
        let (place, alias) = (place(), alias(alias_name));
        let registry = &self.registry;
        self.run(registry.rollback(&developer(), &place, &alias, None, "it fails"))
    }

    pub(crate) fn attest(
        &self,
        to: &str,
        kind: DocumentKind,
        body: serde_json::Value,
    ) -> Result<(), RegistryError> {
        let (place, to) = (place(), reference(to));
        self.run(self.registry.attest(&developer(), &place, &to, kind, body))
    }

    pub(crate) fn approve(
        &self,
        who: &Caller,
        to: &str,
        alias_name: &str,
    ) -> Result<(), RegistryError> {
        let (place, to, alias) = (place(), reference(to), alias(alias_name));
        self.run(
            self.registry
                .approve(who, &place, &alias, &to, "read the report"),
        )
    }

    /// Everything that production asks for.
    pub(crate) fn prepare(&self, to: &str) {
        let version = self.show(to);
        self.attest(to, DocumentKind::Bom, bom(&version)).unwrap();
        let evaluation = json!({"name": "holdout", "metrics": {"auc": 0.97}});
        self.attest(to, DocumentKind::Evaluation, evaluation)
            .unwrap();
        self.approve(&admin(), to, "production").unwrap();
    }

    pub(crate) fn show(&self, to: &str) -> VersionInfo {
        self.run(self.registry.version(&admin(), &place(), &reference(to)))
            .unwrap()
    }

    /// The bytes of a range of a file.
    pub(crate) fn pull_range(
        &self,
        caller: &Caller,
        to: &str,
        name: &str,
        range: std::ops::Range<u64>,
    ) -> Result<Vec<u8>, String> {
        let (place, to) = (place(), reference(to));
        self.run(async {
            let opened = self.registry.open_file(caller, &place, &to, name).await;
            let file = opened.map_err(|error| error.to_string())?;
            let end = range.end.min(file.file.length);
            let body = file.body(range.start..end).collect().await;
            body.map(|body| body.to_bytes().to_vec())
                .map_err(|error| error.to_string())
        })
    }

    pub(crate) fn pull(&self, to: &str, name: &str) -> Result<Vec<u8>, String> {
        self.pull_range(&developer(), to, name, 0..u64::MAX)
    }

    /// Every sealed file, the largest last.
    pub(crate) fn blobs(&self) -> Vec<PathBuf> {
        let mut all = files(&self.dir.join("models"));
        all.sort_by_key(|file| std::fs::metadata(file).unwrap().len());
        all
    }

    /// Records as `action decision policies ending note`, alerts as `alert note`.
    pub(crate) fn book(&self) -> Vec<String> {
        // What was written lazily is there once something durable was written behind it.
        let _ = self.run(self.registry.list(&admin(), None));
        let line = |record: casemate_ledger::Record| {
            let facts = Facts::from_event(&record.entry.event).unwrap();
            let mut words = Vec::new();
            if record.entry.kind == casemate_ledger::Kind::Finding {
                words.push("alert".to_owned());
                words.push(facts.resource.clone());
            }
            words.extend(facts.action.map(|action| action.to_string()));
            words.extend(facts.decision.map(|decision| decision.to_string()));
            words.extend(facts.reasons.iter().map(|why| why.policy.clone()));
            words.extend(facts.ending.map(|ending| ending.to_string()));
            words.push(facts.note);
            words.join(" ")
        };
        let all = self.door.reader().list(0, usize::MAX).unwrap();
        all.into_iter().map(line).collect()
    }
}

pub(crate) fn files(below: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

pub(crate) fn listed(files: &[(String, Vec<u8>)]) -> Vec<(FileName, Sha256)> {
    let one = |(name, bytes): &(String, Vec<u8>)| (name.parse().unwrap(), sha256(bytes));
    files.iter().map(one).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn bom(version: &VersionInfo) -> serde_json::Value {
    let components = version.files.iter().map(|file| {
        json!({"name": file.name, "hashes": [{"alg": "SHA-256", "content": hex(&file.sha256)}]})
    });
    json!({"bomFormat": "CycloneDX", "components": components.collect::<Vec<_>>()})
}

/// Why the door said no.
pub(crate) fn gate<T: std::fmt::Debug>(result: Result<T, RegistryError>) -> Vec<String> {
    match result {
        Err(RegistryError::Access(AccessError::Denied(denial))) => denial
            .verdict
            .reasons
            .into_iter()
            .map(|reason| reason.policy)
            .collect(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn copy(key: &EcdsaPrivate) -> EcdsaPrivate {
    EcdsaPrivate::from_pem(key.to_pem().unwrap().as_bytes(), None).unwrap()
}

pub(crate) fn bundle(files: &[(String, Vec<u8>)], key: EcdsaPrivate) -> Vec<u8> {
    bundle_with(files, key, &SignOptions::default())
}

pub(crate) fn bundle_with(
    files: &[(String, Vec<u8>)],
    key: EcdsaPrivate,
    options: &SignOptions,
) -> Vec<u8> {
    let source = Memory(files.to_vec());
    let signer = Signer::with_key(key).unwrap();
    let signed = sign(&source, &signer, options, &Effort::default());
    signed.unwrap().bundle
}

struct Memory(Vec<(String, Vec<u8>)>);

impl ModelSource for Memory {
    fn name(&self) -> String {
        "fraud".into()
    }

    fn entries(&self) -> Result<Vec<Entry>, SourceError> {
        let entry = |(name, bytes): &(String, Vec<u8>)| Entry {
            name: name.clone(),
            kind: EntryKind::File {
                bytes: bytes.len() as u64,
            },
        };
        Ok(self.0.iter().map(entry).collect())
    }

    fn open(&self, name: &str, _: Links) -> Result<Box<dyn Content>, SourceError> {
        let (_, bytes) = self.0.iter().find(|(known, _)| known == name).unwrap();
        Ok(Box::new(InMemory(Mutex::new(bytes.clone()))))
    }
}

struct InMemory(Mutex<Vec<u8>>);

impl Content for InMemory {
    fn bytes(&self) -> std::io::Result<u64> {
        Ok(self.0.lock().unwrap().len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        let bytes = self.0.lock().unwrap();
        let rest = &bytes[usize::try_from(offset).unwrap()..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}
