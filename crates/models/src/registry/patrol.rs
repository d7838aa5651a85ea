// SPDX-License-Identifier: Apache-2.0
//! The patrol: a job that reads stored bytes again and again, and stops what is damaged.

use std::time::{Duration, Instant};

use casemate_crypto::Sha256;
use casemate_http::Shutdown;
use casemate_store::StoreError;
use casemate_types::{
    Caller, ProjectId, ResourceKind, ResourceRef, Timestamp,
    actions::ModelVerify,
    event::{Ending, Facts},
};

use super::{ModelName, Place, Reference, Registry, RegistryError, entered, may_know};
use crate::{
    hex,
    store::{self, ModelRow, Stored, VersionRow},
};

/// Bytes that belong to no version are kept this long (in milliseconds), for a push that goes on.
const ORPHAN_LIFE: i64 = 24 * 60 * 60 * 1000;

/// How the patrol goes its rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatrolConfig {
    /// Time from the beginning of a round to that of the next.
    pub every: Duration,
    /// Bytes that are read in a second at most; more bytes take longer rounds.
    pub bytes_per_second: u64,
}

impl Default for PatrolConfig {
    /// A round each 50 seconds, at 512 MiB a second at most.
    fn default() -> Self {
        Self {
            every: Duration::from_secs(50),
            bytes_per_second: 512 << 20,
        }
    }
}

/// What a round saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Blobs that were read.
    pub blobs: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Blobs that were damaged or missing.
    pub damaged: u64,
    /// Blobs that could not be read, for another reason than damage.
    pub unread: u64,
    /// Blobs of no version that were removed.
    pub removed: u64,
}

/// The patrol of a registry. It acts as a job of its own, through the door.
#[derive(Debug, Clone)]
pub struct Patrol {
    registry: Registry,
    config: PatrolConfig,
}

impl Patrol {
    /// A patrol of this registry.
    #[must_use]
    pub const fn new(registry: Registry, config: PatrolConfig) -> Self {
        Self { registry, config }
    }

    /// Goes rounds until shutdown.
    pub async fn run(self, shutdown: Shutdown) {
        loop {
            let next = tokio::time::Instant::now() + self.config.every;
            match self.round(Some(&shutdown)).await {
                Ok(round) if round.unread > 0 => {
                    tracing::error!(files = round.unread, "stored models could not be checked");
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "stored models could not be checked"),
            }
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = shutdown.triggered() => return,
            }
        }
    }

    /// One round: reads everything that belongs to a version that is not quarantined. Without
    /// `pace`, as fast as it goes.
    ///
    /// # Errors
    /// [`RegistryError`] when the door or storage fails; damage is no error.
    pub async fn round(&self, pace: Option<&Shutdown>) -> Result<Round, RegistryError> {
        let listed = self.registry.blocking(|registry| {
            let now = registry.inner.parts.clock.now().as_millis();
            let before = Timestamp::from_millis(now.saturating_sub(ORPHAN_LIFE));
            let lists = registry.tx("models.patrol", |tx| {
                Ok::<_, StoreError>(Lists {
                    blobs: store::blob_list(tx)?,
                    orphans: store::blob_orphans(tx, before)?,
                    pointed_at: store::alias_stopped(tx)?,
                })
            });
            Ok((before, lists?))
        });
        let (before, lists) = listed.await?;
        if lists.is_empty() {
            return Ok(Round::default());
        }
        let caller = Caller::job("patrol");
        let resource = ResourceRef::system(ResourceKind::System, "registry");
        let permit = self
            .registry
            .door()
            .admit::<ModelVerify>(&caller, resource, "")
            .await?;
        let (_, receipt) = entered(permit)?;
        let result = self.go(&caller, lists, before, pace.cloned()).await;
        match &result {
            Ok(round) if round.unread > 0 => {
                receipt.settle(Ending::Failed, |facts| facts.note = round.note());
            }
            Ok(round) => receipt.settle(Ending::Completed, |facts| facts.note = round.note()),
            Err(error) => receipt.settle(Ending::Failed, |facts| facts.note = error.to_string()),
        }
        result
    }

    async fn go(
        &self,
        caller: &Caller,
        lists: Lists,
        before: Timestamp,
        pace: Option<Shutdown>,
    ) -> Result<Round, RegistryError> {
        let registry = &self.registry;
        // First what takes no time: these aliases lead nowhere.
        registry.lead_stopped_away(caller, lists.pointed_at).await;
        let mut round = self.look(lists.blobs, pace).await?;
        round.removed = registry.sweep(lists.orphans, before).await?;
        Ok(round)
    }

    async fn look(
        &self,
        blobs: Vec<Stored>,
        pace: Option<Shutdown>,
    ) -> Result<Round, RegistryError> {
        let total = blobs.iter().map(|blob| blob.length).sum();
        let steps = pace.map(|shutdown| Steps::new(self.config, total, shutdown));
        let mut round = Round::default();
        for blob in blobs {
            let steps = steps.clone();
            let (project, digest) = (blob.project, blob.digest);
            let read = self.registry.blocking(move |registry| {
                let mut done = Ok(());
                let read = registry.read_through(project, &digest, blob.length, |bytes| {
                    done = steps.as_ref().map_or(Ok(()), |steps| steps.took(bytes));
                    done.is_ok()
                });
                done.map(|()| read)
            });
            round.blobs += 1;
            round.bytes += blob.length;
            match read.await? {
                Ok(()) => {}
                Err(error) if error.is_damage() && !self.registry.has_no_files() => {
                    round.damaged += 1;
                    self.registry.damaged(project, &digest, "").await;
                }
                // It may be the disk and not the file; what stands behind it is looked at all the same.
                Err(error) => {
                    round.unread += 1;
                    tracing::error!(%error, sha256 = hex::encode(&digest), "a file cannot be read");
                }
            }
        }
        Ok(round)
    }
}

/// What there is to do in a round.
struct Lists {
    blobs: Vec<Stored>,
    orphans: Vec<Stored>,
    /// Models and versions in quarantine that an alias still points at.
    pointed_at: Vec<(i64, i64)>,
}

impl Lists {
    const fn is_empty(&self) -> bool {
        self.blobs.is_empty() && self.orphans.is_empty() && self.pointed_at.is_empty()
    }
}

impl Round {
    fn note(&self) -> String {
        let Self {
            blobs,
            bytes,
            damaged,
            unread,
            removed,
        } = self;
        let mut note = format!(
            "{blobs} blobs with {bytes} bytes read, {damaged} damaged, {removed} left over"
        );
        if *unread > 0 {
            note += &format!(", {unread} could not be read");
        }
        note
    }
}

/// Keeps a round from taking the disk for itself.
#[derive(Debug, Clone)]
struct Steps {
    began: Instant,
    /// Bytes in a second.
    rate: u64,
    taken: std::sync::Arc<std::sync::atomic::AtomicU64>,
    shutdown: Shutdown,
}

impl Steps {
    /// A rate at which a round takes four fifths of its time, as far as the limit lets it.
    fn new(config: PatrolConfig, total: u64, shutdown: Shutdown) -> Self {
        let seconds = (config.every.as_secs() * 4 / 5).max(1);
        Self {
            began: Instant::now(),
            rate: total
                .div_ceil(seconds)
                .clamp(1, config.bytes_per_second.max(1)),
            taken: std::sync::Arc::default(),
            shutdown,
        }
    }

    /// Waits as long as bytes were read too early. Called on a thread that may block.
    fn took(&self, bytes: usize) -> Result<(), RegistryError> {
        if self.shutdown.is_triggered() {
            return Err(RegistryError::Transfer("shutdown came first".into()));
        }
        let bytes = bytes as u64;
        let taken = self
            .taken
            .fetch_add(bytes, std::sync::atomic::Ordering::Relaxed)
            + bytes;
        let due = Duration::from_micros(taken.saturating_mul(1_000_000) / self.rate);
        if let Some(early) = due.checked_sub(self.began.elapsed()) {
            std::thread::sleep(early.min(Duration::from_secs(1)));
        }
        Ok(())
    }
}

impl Registry {
    /// Stops every version with damaged bytes, and raises an alert for each. What fails of that is
    /// logged: the bytes are not handed out in any case.
    ///
    /// It goes on when whoever came across them has gone.
    pub(super) async fn damaged(&self, project: ProjectId, digest: &Sha256, name: &str) {
        let (registry, digest, name) = (self.clone(), *digest, name.to_owned());
        let stopping =
            tokio::spawn(async move { registry.stop_all_damaged(project, digest, &name).await });
        if let Err(error) = stopping.await {
            tracing::error!(%error, "versions with damaged bytes could not be quarantined");
        }
    }

    /// Whether there is no file at all. Then it is not a file that is gone but the directory, as after
    /// a restore without it, and to stop every version would undo what people decided.
    fn has_no_files(&self) -> bool {
        self.inner.parts.blobs.is_empty().unwrap_or(true)
    }

    async fn stop_all_damaged(&self, project: ProjectId, digest: Sha256, name: &str) {
        if self.has_no_files() {
            tracing::error!("the directory of models is empty: bring its files back");
            return;
        }
        let caller = Caller::job("patrol");
        let rows = self.blocking(move |registry| {
            let rows = registry.tx("models.damaged", |tx| {
                let mut rows = Vec::new();
                for id in store::blob_versions(tx, project, &digest)? {
                    let Some(row) = VersionRow::by_id(tx, id)? else {
                        continue;
                    };
                    let model = store::model_by_id(tx, row.model)?;
                    rows.extend(model.map(|model| (model, row)));
                }
                Ok::<_, StoreError>(rows)
            });
            Ok(rows?)
        });
        let rows: Vec<(ModelRow, VersionRow)> = match rows.await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::error!(%error, "versions with damaged bytes could not be found");
                return;
            }
        };
        for (model, row) in rows {
            if row.quarantined.is_some() {
                continue;
            }
            if let Err(error) = self
                .stop_damaged(&caller, &model, &row, &digest, name)
                .await
            {
                tracing::error!(model = %model.name, number = row.number, %error,
                    "a version with damaged bytes could not be quarantined");
            }
        }
    }

    async fn stop_damaged(
        &self,
        caller: &Caller,
        model: &ModelRow,
        row: &VersionRow,
        digest: &Sha256,
        name: &str,
    ) -> Result<(), RegistryError> {
        let place = Place {
            project: model.project,
            model: model.name.parse::<ModelName>()?,
        };
        may_know(caller, place.project)?;
        let what = if name.is_empty() {
            "stored bytes".to_owned()
        } else {
            format!("`{name}`")
        };
        let why = format!("{what} with sha256:{} are damaged", hex::encode(digest));
        tracing::error!(model = %model.name, number = row.number, "stored bytes are damaged");
        let door = self.door();
        let facts = Facts {
            resource: format!(
                "ModelVersion::\"{}@sha256:{}\"",
                model.name,
                hex::encode(&row.root)
            ),
            note: why.clone(),
            ..Facts::default()
        };
        let alert = door
            .recorder()
            .finding(caller, door.new_record(), true, facts);
        let reference = Reference::Digest(row.root);
        // An alert that cannot be written stops nobody from stopping the version.
        self.quarantine(caller, &place, &reference, &why).await?;
        alert?;
        Ok(())
    }

    /// Leads aliases away from versions in quarantine: a process that ended in between, or a move at
    /// the same moment, may have left some.
    async fn lead_stopped_away(&self, caller: &Caller, pointed_at: Vec<(i64, i64)>) {
        for (model, version) in pointed_at {
            if let Err(error) = self.lead_away_from(caller, model, version).await {
                tracing::error!(%error, "aliases of a version in quarantine could not be led away");
            }
        }
    }

    async fn lead_away_from(
        &self,
        caller: &Caller,
        model: i64,
        version: i64,
    ) -> Result<(), RegistryError> {
        let read = self.blocking(move |registry| {
            let read = registry.tx("models.pointed_at", |tx| {
                let model = store::model_by_id(tx, model)?;
                Ok::<_, StoreError>(model.zip(VersionRow::by_id(tx, version)?))
            });
            Ok(read?)
        });
        let Some((model, row)) = read.await? else {
            return Ok(());
        };
        let place = Place {
            project: model.project,
            model: model.name.parse::<ModelName>()?,
        };
        let root = Reference::Digest(row.root);
        let found = self.find(caller, &place, &root).await?;
        if found.is_quarantined() {
            let why = found.why.clone();
            self.lead_aliases_away(caller, &place, &found, &why).await?;
        }
        Ok(())
    }

    /// Removes bytes that were sent and never became part of a version.
    async fn sweep(&self, orphans: Vec<Stored>, before: Timestamp) -> Result<u64, RegistryError> {
        self.blocking(move |registry| {
            registry.tx("models.sent", |tx| store::blob_sent_before(tx, before))?;
            let mut removed = 0;
            for orphan in orphans {
                let (project, digest) = (orphan.project, orphan.digest);
                let blobs = &registry.inner.parts.blobs;
                let _held = blobs.hold();
                let gone = registry.tx("models.blob_delete", |tx| {
                    // Sent again since it was listed, it has a life of its own.
                    let now = store::blob_get(tx, project, &digest)?;
                    match now.is_some_and(|now| now.created < before) {
                        true => store::blob_delete(tx, project, &digest),
                        false => Ok(false),
                    }
                })?;
                if gone {
                    blobs.remove(casemate_store::Scope::Project(project), &digest)?;
                    removed += 1;
                }
            }
            Ok(removed)
        })
        .await
    }
}
