// SPDX-License-Identifier: Apache-2.0
//! The keys below the root: one for the system, one a project, one a subject.
//!
//! Each is random, stands wrapped by the root key in `store_key`, and seals values whose first five
//! bytes name it. Rotating the root rewraps the rows and touches no value; destroying a subject's
//! row makes that subject's texts unreadable for good.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use casemate_crypto::{DataKey, Hmac, Place, RootKey, Secret32, key_id_of};
use casemate_types::{Clock, Entropy, PrincipalId, ProjectId};
use zeroize::Zeroizing;

use crate::{Database, Migration, StoreError, Tx, Value};

/// Tables of this crate.
const MIGRATIONS: &[Migration] = &[Migration {
    owner: "store",
    number: 1,
    sql: "CREATE TABLE store_key (
              id BIGINT PRIMARY KEY,
              scope TEXT NOT NULL,
              of_id BLOB NOT NULL,
              wrapped BLOB NOT NULL,
              created BIGINT NOT NULL);
          CREATE INDEX store_key_scope ON store_key (scope, of_id, id);
          CREATE TABLE store_next_key (id BIGINT PRIMARY KEY);
          INSERT INTO store_next_key (id) VALUES (1);
          CREATE TABLE store_root (generation BIGINT PRIMARY KEY);",
}];

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One project's.
    Project(ProjectId),
    /// One person's or service's.
    Subject(PrincipalId),
    /// The installation's.
    System,
}

impl Scope {
    const fn word(&self) -> &'static str {
        match self {
            Self::Project(_) => "project",
            Self::Subject(_) => "subject",
            Self::System => "system",
        }
    }

    fn of_id(&self) -> [u8; 16] {
        match self {
            Self::Project(id) => *id.as_bytes(),
            Self::Subject(id) => *id.as_bytes(),
            Self::System => [0; 16],
        }
    }
}

/// An opened key: what seals, and what purposes are derived from.
struct Opened {
    sealer: DataKey,
    secret: Secret32,
}

/// The installation's keys, opened on demand and kept. Cheap to clone.
#[derive(Clone)]
pub struct Keyring {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    wrapper: DataKey,
    generation: u32,
    newest: HashMap<Scope, u32>,
    opened: HashMap<u32, Arc<Opened>>,
}

impl Keyring {
    /// The tables that must be in the database's migrations.
    pub const MIGRATIONS: &'static [Migration] = MIGRATIONS;

    /// Which generation of the root key wraps the rows of a database; 0 when there are none yet.
    ///
    /// # Errors
    /// [`StoreError`] of the engine.
    pub fn root_generation(database: &Database) -> Result<u32, StoreError> {
        let generation = database.tx("store.root_generation", |tx| {
            tx.query_one(
                "SELECT COALESCE(MAX(generation), 0) FROM store_root",
                &[],
                |row| row.int(0),
            )
        })?;
        Ok(u32::try_from(generation.unwrap_or(0)).unwrap_or(0))
    }

    /// Opens the ring. With `generation` beyond the stored one on an empty ring, starts it.
    ///
    /// # Errors
    /// [`StoreError::Key`] when the root key is not the one that wrapped the rows.
    pub fn open(
        database: Database,
        root: &RootKey,
        generation: u32,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        if Self::root_generation(&database)? == 0 {
            database.tx("store.root_start", |tx| {
                let sql = "INSERT INTO store_root (generation) VALUES (?1)";
                tx.execute(sql, &[i64::from(generation).into()])
            })?;
        }
        let state = State {
            wrapper: wrapper(root, generation),
            generation,
            newest: HashMap::new(),
            opened: HashMap::new(),
        };
        let ring = Self {
            inner: Arc::new(Inner {
                database,
                entropy,
                clock,
                state: Mutex::new(state),
            }),
        };
        ring.key(Scope::System)?;
        Ok(ring)
    }

    /// Seals a value for its place under the newest key of a scope, made if need be.
    ///
    /// # Errors
    /// [`StoreError`] when a key cannot be made or opened.
    pub fn seal(
        &self,
        scope: Scope,
        place: Place<'_>,
        plain: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let key = self.key(scope)?;
        Ok(key.sealer.seal(self.inner.entropy.as_ref(), place, plain))
    }

    /// Opens a sealed value, whichever key sealed it. `None` when that key was destroyed.
    ///
    /// # Errors
    /// [`StoreError::Key`] when the value was moved or altered.
    pub fn open_value(
        &self,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let id = key_id_of(sealed)
            .ok_or_else(|| StoreError::Corrupt("a sealed value without key id".into()))?;
        match self.key_by_id(id)? {
            Some(key) => Ok(Some(key.sealer.open(place, sealed)?)),
            None => Ok(None),
        }
    }

    /// A key for one purpose, derived from the *first* key of a scope, so that it stays the same
    /// when keys are rotated.
    ///
    /// # Errors
    /// [`StoreError`] when a key cannot be made or opened.
    pub fn derive(&self, scope: Scope, purpose: &str) -> Result<Secret32, StoreError> {
        self.key(scope)?;
        let first = self.inner.database.tx("store.key_first", |tx| {
            tx.query_one(
                "SELECT MIN(id) FROM store_key WHERE scope = ?1 AND of_id = ?2",
                &[scope.word().into(), (&scope.of_id()).into()],
                |row| row.int(0),
            )
        })?;
        let id = first.and_then(|id| u32::try_from(id).ok());
        let key = id.map(|id| self.key_by_id(id)).transpose()?.flatten();
        key.map(|key| key.secret.derive(purpose))
            .ok_or_else(|| StoreError::Corrupt("a key that was just made is gone".into()))
    }

    /// A keyed digest for one purpose.
    ///
    /// # Errors
    /// [`StoreError`] when a key cannot be made or opened.
    pub fn hmac(&self, scope: Scope, purpose: &str) -> Result<Hmac, StoreError> {
        Ok(Hmac::new(&self.derive(scope, purpose)?))
    }

    /// Destroys every key of a scope; what they sealed cannot be read again.
    ///
    /// # Errors
    /// [`StoreError`] of the engine.
    pub fn danger_destroy(&self, scope: Scope) -> Result<usize, StoreError> {
        let mut state = self.state();
        let ids = self.inner.database.tx("store.key_destroy", |tx| {
            let of = scope.of_id();
            let params: [Value<'_>; 2] = [scope.word().into(), (&of).into()];
            let ids = tx.query(
                "SELECT id FROM store_key WHERE scope = ?1 AND of_id = ?2",
                &params,
                |row| row.int(0),
            )?;
            tx.execute(
                "DELETE FROM store_key WHERE scope = ?1 AND of_id = ?2",
                &params,
            )?;
            Ok::<_, StoreError>(ids)
        })?;
        state.newest.remove(&scope);
        for id in &ids {
            state.opened.remove(&u32::try_from(*id).unwrap_or(0));
        }
        drop(state);
        self.inner.database.settle()?;
        Ok(ids.len())
    }

    /// Rewraps every key for a new root and gives system and projects fresh sealing keys. Readers
    /// and writers go on meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub fn rotate(&self, root: &RootKey, generation: u32) -> Result<(), StoreError> {
        let fresh = wrapper(root, generation);
        let mut state = self.state();
        let inner = &self.inner;
        inner.database.tx("store.root_rotate", |tx| {
            let rows = tx.query("SELECT id, wrapped FROM store_key", &[], |row| {
                Ok((row.int(0)?, row.blob(1)?))
            })?;
            for (id, wrapped) in rows {
                let row = id.to_be_bytes();
                let secret = state.wrapper.open(wrap_place(&row), &wrapped)?;
                let wrapped = fresh.seal(inner.entropy.as_ref(), wrap_place(&row), &secret);
                let sql = "UPDATE store_key SET wrapped = ?2 WHERE id = ?1";
                tx.execute(sql, &[id.into(), (&wrapped).into()])?;
            }
            tx.execute("DELETE FROM store_root", &[])?;
            let sql = "INSERT INTO store_root (generation) VALUES (?1)";
            tx.execute(sql, &[i64::from(generation).into()])?;
            let scopes = tx.query(
                "SELECT DISTINCT scope, of_id FROM store_key WHERE scope <> 'subject'",
                &[],
                |row| Ok((row.text(0)?, row.id(1)?)),
            )?;
            for (scope, of) in scopes {
                let scope = match scope.as_str() {
                    "project" => Scope::Project(ProjectId::from_bytes(of)),
                    _ => Scope::System,
                };
                insert_key(tx, scope, &fresh, inner)?;
            }
            Ok::<_, StoreError>(())
        })?;
        state.wrapper = fresh;
        state.generation = generation;
        state.newest.clear();
        Ok(())
    }

    /// The generation of the root key that wraps the ring now.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.state().generation
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, scope: Scope) -> Result<Arc<Opened>, StoreError> {
        let mut state = self.state();
        if let Some(key) = state.newest.get(&scope).and_then(|id| state.opened.get(id)) {
            return Ok(key.clone());
        }
        let inner = &self.inner;
        let (id, wrapped) = inner.database.tx("store.key_newest", |tx| {
            let found = tx.query_one(
                "SELECT id, wrapped FROM store_key WHERE scope = ?1 AND of_id = ?2
                 ORDER BY id DESC LIMIT 1",
                &[scope.word().into(), (&scope.of_id()).into()],
                |row| Ok((row.int(0)?, row.blob(1)?)),
            )?;
            match found {
                Some(found) => Ok(found),
                None => insert_key(tx, scope, &state.wrapper, inner),
            }
        })?;
        let opened = unwrap(&state.wrapper, id, &wrapped)?;
        let id = opened.sealer.id();
        state.newest.insert(scope, id);
        state.opened.insert(id, opened.clone());
        Ok(opened)
    }

    fn key_by_id(&self, id: u32) -> Result<Option<Arc<Opened>>, StoreError> {
        let mut state = self.state();
        if let Some(key) = state.opened.get(&id) {
            return Ok(Some(key.clone()));
        }
        let wrapped = self.inner.database.tx("store.key_by_id", |tx| {
            let sql = "SELECT wrapped FROM store_key WHERE id = ?1";
            tx.query_one(sql, &[i64::from(id).into()], |row| row.blob(0))
        })?;
        let Some(wrapped) = wrapped else {
            return Ok(None);
        };
        let opened = unwrap(&state.wrapper, i64::from(id), &wrapped)?;
        state.opened.insert(id, opened.clone());
        Ok(Some(opened))
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(…)")
    }
}

fn wrapper(root: &RootKey, generation: u32) -> DataKey {
    DataKey::new(generation, &root.derive("key-wrap"))
}

const fn wrap_place(row: &[u8; 8]) -> Place<'_> {
    Place {
        table: "store_key",
        row,
        column: "wrapped",
    }
}

fn insert_key(
    tx: &Tx<'_>,
    scope: Scope,
    wrapper: &DataKey,
    inner: &Inner,
) -> Result<(i64, Vec<u8>), StoreError> {
    // INVARIANT: an id never comes back after its key was destroyed.
    let id = tx
        .query_one("SELECT id FROM store_next_key", &[], |row| row.int(0))?
        .ok_or_else(|| StoreError::Corrupt("the key counter is gone".into()))?;
    tx.execute("UPDATE store_next_key SET id = ?1", &[(id + 1).into()])?;
    let secret = Secret32::random(inner.entropy.as_ref());
    let row = id.to_be_bytes();
    let wrapped = wrapper.seal(inner.entropy.as_ref(), wrap_place(&row), secret.expose());
    tx.execute(
        "INSERT INTO store_key (id, scope, of_id, wrapped, created) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            id.into(),
            scope.word().into(),
            (&scope.of_id()).into(),
            (&wrapped).into(),
            inner.clock.now().as_millis().into(),
        ],
    )?;
    Ok((id, wrapped))
}

fn unwrap(wrapper: &DataKey, id: i64, wrapped: &[u8]) -> Result<Arc<Opened>, StoreError> {
    let row = id.to_be_bytes();
    let secret = wrapper.open(wrap_place(&row), wrapped)?;
    let secret = Secret32::from_slice(&secret)
        .ok_or_else(|| StoreError::Corrupt("a data key of the wrong length".into()))?;
    let id = u32::try_from(id).map_err(|_| StoreError::Corrupt("a key id too large".into()))?;
    Ok(Arc::new(Opened {
        sealer: DataKey::new(id, &secret),
        secret,
    }))
}
