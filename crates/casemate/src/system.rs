// SPDX-License-Identifier: Apache-2.0
//! What only the binary can do: configuration, root key, backups, drills, erasure.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use casemate_access::{Door, Permit};
use casemate_api::SystemOps;
use casemate_crypto::{RecoveryKit, RootKey, Secret32, SystemEntropy};
use casemate_gateway::Gateway;
use casemate_quota::{Account, Quota, Spend};
use casemate_store::{Database, Keyring, Options, Scope};
use casemate_types::{
    Action, Clock as _, PrincipalId, Problem, ProblemCode, SystemClock,
    actions::{
        ConfigReload, LedgerErase, LedgerWitness, SystemBackup, SystemDrill, SystemRotate,
        SystemSeal,
    },
    event::Ending,
};
use serde_json::json;

use crate::{
    backup,
    config::Config,
    home::{Home, kit_lines, replace_private, write_private},
    up::add_stand_in,
    wire::{backup_key, credential_source, seal_credential},
    witness::{Visit, Witnesses},
};

pub(crate) struct System {
    pub(crate) home: Home,
    pub(crate) config_file: Option<PathBuf>,
    pub(crate) door: Door,
    pub(crate) keyring: Keyring,
    pub(crate) database: Database,
    pub(crate) gateway: Gateway,
    pub(crate) backup_key: Mutex<Secret32>,
    /// The URL of the stand-in that `up --try` added, which no file knows.
    pub(crate) stand_in: OnceLock<String>,
    pub(crate) witnesses: Witnesses,
    pub(crate) quota: Quota,
}

impl System {
    /// Reads the configuration again and swaps it. What listens stays as it is.
    pub(crate) fn reload_config(&self) -> anyhow::Result<String> {
        let (mut config, _) = Config::load(self.config_file.as_deref())
            .map_err(|error| anyhow::anyhow!("{:?}", miette::Report::new(error)))?;
        if let Some(url) = self.stand_in.get() {
            add_stand_in(&mut config.gateway, url);
        }
        self.gateway
            .reload(config.gateway, &credential_source(self.keyring.clone()))?;
        Ok("the configuration was read again; listeners change at the next start".into())
    }

    fn rotate_root(&self) -> anyhow::Result<String> {
        let entropy = SystemEntropy;
        let mut slots = self.home.keyslots()?;
        let generation = self.keyring.generation() + 1;
        let root = RootKey::random(&entropy);
        let public = slots.recovery_public()?;
        // Both keys are wrapped before any row is; a crash in between leaves one that fits.
        slots.add_generation(generation, &root, &self.home.source()?, &public, &entropy)?;
        replace_private(&self.home.keyslots_file(), slots.to_json().as_bytes())?;
        self.keyring.rotate(&root, generation)?;
        slots.retain_generation(generation);
        replace_private(&self.home.keyslots_file(), slots.to_json().as_bytes())?;
        *self
            .backup_key
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = backup_key(&root);
        Ok(format!(
            "root key {generation} is in force; the recovery kit stays valid"
        ))
    }

    fn write_backup(&self, file: &str) -> anyhow::Result<String> {
        let key = self
            .backup_key
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let reader = self.door.reader();
        let bytes = backup::write(&self.home, &self.database, reader, &key, Path::new(file))?;
        Ok(format!("{bytes} bytes were written to `{file}`"))
    }

    /// Opens a copy of the keys with the kit, so that a mistake cannot harm the original.
    fn run_drill(&self, page: &str) -> anyhow::Result<String> {
        let lines = kit_lines(page);
        let kit = RecoveryKit::from_lines(if lines.is_empty() { page } else { &lines })?;
        let generation = self.keyring.generation();
        let root = self.home.keyslots()?.open_with_kit(generation, &kit)?;
        let directory = backup::Scratch::beside(&self.home.data)?;
        let copy = directory.path().join("state.db");
        self.database.copy_to(&copy)?;
        let database = Database::open(&copy, Options::default(), Keyring::MIGRATIONS)?;
        let clock = Arc::new(SystemClock);
        Keyring::open(database, &root, generation, Arc::new(SystemEntropy), clock)?;
        Ok("the recovery kit opens a copy of this data".into())
    }

    fn erase_subject(&self, subject: &str) -> anyhow::Result<String> {
        let id = subject
            .parse::<casemate_types::PersonId>()
            .map(PrincipalId::from)
            .or_else(|_| {
                subject
                    .parse::<casemate_types::ServiceId>()
                    .map(PrincipalId::from)
            })
            .or_else(|_| subject.parse::<PrincipalId>())?;
        match self.keyring.danger_destroy(Scope::Subject(id))? {
            0 => anyhow::bail!("`{subject}` has no texts in the book"),
            keys => Ok(format!(
                "{keys} key(s) destroyed; the texts of `{subject}` are gone"
            )),
        }
    }
}

/// Runs an effect under its permit and records how it ended.
fn effect<A: Action>(
    permit: Permit<A>,
    body: impl FnOnce() -> anyhow::Result<String>,
) -> Result<String, Problem> {
    let expired = || Problem::new(ProblemCode::Denied, "the permit has expired; ask again");
    let (_, receipt) = permit.enter().ok_or_else(expired)?;
    match body() {
        Ok(text) => {
            receipt.settle(Ending::Completed, |facts| facts.note.clone_from(&text));
            Ok(text)
        }
        Err(error) => {
            let text = format!("{error:#}");
            receipt.settle(Ending::Failed, |facts| facts.note.clone_from(&text));
            Err(Problem::new(ProblemCode::Invalid, text))
        }
    }
}

impl SystemOps for System {
    fn reload(&self, permit: Permit<ConfigReload>) -> Result<String, Problem> {
        effect(permit, || self.reload_config())
    }

    fn rotate(&self, permit: Permit<SystemRotate>) -> Result<String, Problem> {
        effect(permit, || self.rotate_root())
    }

    fn backup(&self, permit: Permit<SystemBackup>, file: &str) -> Result<String, Problem> {
        effect(permit, || self.write_backup(file))
    }

    fn drill(&self, permit: Permit<SystemDrill>, lines: &str) -> Result<String, Problem> {
        effect(permit, || self.run_drill(lines))
    }

    fn erase(&self, permit: Permit<LedgerErase>, subject: &str) -> Result<String, Problem> {
        effect(permit, || self.erase_subject(subject))
    }

    fn seal(
        &self,
        permit: Permit<SystemSeal>,
        secret: &str,
        file: &str,
    ) -> Result<String, Problem> {
        effect(permit, || {
            let sealed = seal_credential(&self.keyring, secret.as_bytes())?;
            write_private(Path::new(file), &sealed)?;
            Ok(format!(
                "sealed into `{file}`; refer to it as `sealed:{file}`"
            ))
        })
    }

    fn witness(&self, permit: Permit<LedgerWitness>) -> serde_json::Value {
        // Called on a thread that may block.
        let visits = tokio::runtime::Handle::current().block_on(self.witnesses.visit(permit));
        visits.iter().map(Visit::json).collect()
    }

    fn spend(&self, account: Account) -> Spend {
        self.quota.spend(account).as_of(SystemClock.now())
    }

    fn metrics(&self) -> String {
        let reader = self.door.reader();
        let mut text = self.gateway.metrics();
        text.push_str(&format!(
            "# HELP casemate_ledger_records Durable records\n# TYPE casemate_ledger_records gauge\n\
             casemate_ledger_records {}\n\
             # HELP casemate_ledger_pressed Whether the ledger's disk is full\n\
             # TYPE casemate_ledger_pressed gauge\ncasemate_ledger_pressed {}\n",
            reader.size(),
            u8::from(reader.is_pressed()),
        ));
        text
    }

    fn state(&self) -> serde_json::Value {
        let reader = self.door.reader();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "records": reader.size(),
            "policy_set": self.door.policy_set().to_string(),
            "root_key_generation": self.keyring.generation(),
            "disk_full": reader.is_pressed(),
        })
    }
}
